use std::time::Duration;

use super::*;

const START: Timestamp = Timestamp::constant(1_800_000_000, 0);

struct Bench {
    clock: Clock,
    stopping: CancellationToken,
    readiness: Readiness,
}

fn bench() -> Bench {
    let (clock, stopping) = (Clock::manual(START), CancellationToken::new());
    Bench { readiness: Readiness::new(clock.clone(), stopping.clone()), clock, stopping }
}

impl Bench {
    fn first(&self) -> PartReport {
        self.readiness.report().parts[0].clone()
    }
}

#[test]
fn a_part_is_not_well_before_it_says_so() {
    let bench = bench();
    let part = bench.readiness.part("watch", true);
    assert!(!bench.readiness.report().ready);
    assert_eq!(bench.first().detail.as_deref(), Some("starting"));
    part.set_ok();
    assert!(bench.readiness.report().ready);
    assert_eq!(bench.first().detail, None);
}

#[test]
fn one_required_part_that_fails_makes_the_process_unready_and_an_optional_one_does_not() {
    let bench = bench();
    let (nats, redis) = (bench.readiness.part("nats", true), bench.readiness.part("redis", false));
    nats.set_ok();
    assert!(bench.readiness.report().ready);
    redis.set_failed("connection refused");
    assert!(bench.readiness.report().ready);
    nats.set_failed("disconnected");
    assert!(!bench.readiness.report().ready);
}

#[test]
fn since_tells_when_a_part_changed_and_not_when_it_last_reported() {
    let bench = bench();
    let part = bench.readiness.part("nats", true);
    bench.clock.advance(Duration::from_secs(10));
    part.set_ok();
    let well_since = bench.first().since;
    assert_eq!(well_since, bench.clock.now());

    bench.clock.advance(Duration::from_secs(10));
    part.set_ok();
    assert_eq!(bench.first().since, well_since);

    part.set_failed("disconnected");
    let failed_since = bench.first().since;
    assert_eq!(failed_since, bench.clock.now());

    bench.clock.advance(Duration::from_secs(10));
    part.set_failed("still disconnected");
    assert_eq!(bench.first().since, failed_since);
    assert_eq!(bench.first().detail.as_deref(), Some("still disconnected"));
}

#[test]
fn a_process_about_to_end_is_not_ready() {
    let bench = bench();
    bench.readiness.part("nats", true).set_ok();
    bench.stopping.cancel();
    let report = bench.readiness.report();
    assert!(report.draining && !report.ready && report.parts[0].ok);
}

#[test]
fn clones_of_a_part_are_the_same_part() {
    let bench = bench();
    let part = bench.readiness.part("nats", true);
    part.clone().set_ok();
    assert!(bench.first().ok);
    assert_eq!(bench.readiness.report().parts.len(), 1);
}

#[test]
fn parts_of_one_kind_are_one_series_that_tells_whether_all_are_well() {
    let bench = bench();
    let metrics = crate::metrics::Metrics::new("test", "0").unwrap();
    let shown = ReadinessMetrics::new(&metrics).unwrap();
    let (shop, other) = (bench.readiness.part("namespace shop", true), bench.readiness.part("namespace other", true));
    let _redis = bench.readiness.part("redis", false);
    shop.set_ok();
    shown.show(&bench.readiness.report());
    let text = || metrics.encode().unwrap();
    assert!(text().contains("sluice_part_up{part=\"namespace\"} 0\n"), "{}", text());
    assert!(text().contains("sluice_ready 0\n"));
    other.set_ok();
    shown.show(&bench.readiness.report());
    assert!(text().contains("sluice_part_up{part=\"namespace\"} 1\n"), "{}", text());
    assert!(text().contains("sluice_part_up{part=\"redis\"} 0\n") && text().contains("sluice_ready 1\n"));
}
