use super::*;

#[test]
fn what_is_late_is_told_apart_at_the_two_seconds_that_are_promised() {
    let registry = Metrics::new("test", "0").unwrap();
    let metrics = LedgerMetrics::new(&registry).unwrap();
    for seconds in [1.99, 2.0, 2.01] {
        metrics.release_late_seconds.observe(seconds);
    }
    let page = registry.encode().unwrap();
    let promised = r#"sluice_ledger_release_late_seconds_bucket{le="2"} 2"#;
    assert!(page.lines().any(|line| line == promised), "{page}");
}
