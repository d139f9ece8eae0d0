use super::*;

crate::label! {
    enum Outcome as "outcome" {
        Taken = "taken",
        SoldOut = "sold-out",
    }
}

crate::label! {
    enum Route as "route" {
        Claim = "claim",
        Read = "read",
        Cancel = "cancel",
    }
}

fn metrics() -> Metrics {
    Metrics::new("sluice-test", "1.2.3").unwrap()
}

#[test]
fn every_process_says_what_runs_and_what_it_uses() {
    let text = metrics().encode().unwrap();
    let commit = crate::release::commit();
    let line = format!("sluice_build_info{{commit=\"{commit}\",component=\"sluice-test\",version=\"1.2.3\"}} 1");
    assert!(text.contains(&line), "{text}");
    assert!(!cfg!(target_os = "linux") || text.contains("process_resident_memory_bytes"), "{text}");
}

#[test]
fn what_is_counted_is_shown() {
    let metrics = metrics();
    metrics.counter("sluice_claims_total", "Claims.").unwrap().inc_by(3);
    metrics.gauge("sluice_lanes", "Lanes.").unwrap().set(-2);
    metrics.float_gauge("sluice_lag_seconds", "Lag.").unwrap().set(0.25);
    metrics.histogram("sluice_commit_seconds", "Commits.", SECONDS).unwrap().observe(0.003);
    let text = metrics.encode().unwrap();
    for line in [
        "# HELP sluice_claims_total Claims.",
        "sluice_claims_total 3",
        "sluice_lanes -2",
        "sluice_lag_seconds 0.25",
        "sluice_commit_seconds_bucket{le=\"0.0025\"} 0",
        "sluice_commit_seconds_bucket{le=\"0.005\"} 1",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
}

#[test]
fn every_series_of_a_label_is_there_from_the_start() {
    let metrics = metrics();
    let claims = metrics.counter_by::<Outcome>("sluice_claims_total", "Claims.").unwrap();
    claims[Outcome::SoldOut].inc();
    let text = metrics.encode().unwrap();
    assert!(text.contains("sluice_claims_total{outcome=\"taken\"} 0"), "{text}");
    assert!(text.contains("sluice_claims_total{outcome=\"sold-out\"} 1"), "{text}");
}

#[test]
fn a_pair_of_labels_has_a_series_for_every_combination() {
    let metrics = metrics();
    let answers = metrics.counter_by::<(Route, Outcome)>("sluice_answers_total", "Answers.").unwrap();
    for (count, labels) in (1..).zip(<(Route, Outcome)>::all()) {
        answers[labels].inc_by(count);
    }
    let text = metrics.encode().unwrap();
    for (count, (route, outcome)) in (1..).zip(<(Route, Outcome)>::all()) {
        let (outcome, route) = (outcome.text(), route.text());
        let line = format!("sluice_answers_total{{outcome=\"{outcome}\",route=\"{route}\"}} {count}\n");
        assert!(text.contains(&line), "{line} is not in {text}");
    }
    assert_eq!(text.matches("sluice_answers_total{").count(), 6);
}

#[test]
fn distributions_and_gauges_have_labels_too() {
    let metrics = metrics();
    metrics.histogram_by::<Route>("sluice_http_seconds", "Requests.", SECONDS).unwrap()[Route::Read].observe(0.2);
    metrics.gauge_by::<Route>("sluice_open", "Open.").unwrap()[Route::Claim].set(4);
    metrics.float_gauge_by::<Route>("sluice_oldest_seconds", "Oldest.").unwrap()[Route::Cancel].set(1.5);
    let text = metrics.encode().unwrap();
    assert!(text.contains("sluice_http_seconds_count{route=\"read\"} 1"), "{text}");
    assert!(text.contains("sluice_open{route=\"claim\"} 4"), "{text}");
    assert!(text.contains("sluice_oldest_seconds{route=\"cancel\"} 1.5"), "{text}");
}

#[test]
fn a_name_that_is_taken_or_is_none_is_refused() {
    let metrics = metrics();
    metrics.counter("sluice_claims_total", "Claims.").unwrap();
    assert!(metrics.counter("sluice_claims_total", "Claims again.").is_err());
    assert!(metrics.counter("not a name", "Nothing.").is_err());
}
