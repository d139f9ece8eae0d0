use super::*;
use runtime::clock::Clock;

#[test]
fn an_outage_begins_with_the_fifth_failure_in_a_row_and_is_told_once() {
    let (mut outage, now) = (Outage::default(), Clock::system().monotonic());
    for _ in 0..4 {
        assert!(!outage.failed(now, now, "500"));
        assert!(!outage.is_on() && outage.pause().is_none());
    }
    assert!(outage.failed(now, now, "500"));
    assert!(outage.is_on());
    for second in 0..120 {
        let now = now + Duration::from_secs(second);
        assert!(!outage.failed(now, now, "500"));
    }
    assert!(outage.over(), "something was taken");
    assert!(!outage.is_on() && !outage.over());
}

#[test]
fn another_reason_is_told_after_a_minute_and_not_before() {
    let (mut outage, now) = (Outage::default(), Clock::system().monotonic());
    for _ in 0..5 {
        outage.failed(now, now, "500");
    }
    let mut failed = |second, why: &str| outage.failed(now, now + Duration::from_secs(second), why);
    assert!(!failed(59, "away"));
    assert!(failed(60, "away"));
    assert!(!failed(61, "500"));
}

#[test]
fn an_order_that_is_never_taken_beside_others_that_are_is_no_outage() {
    let (mut outage, now) = (Outage::default(), Clock::system().monotonic());
    for _ in 0..100 {
        assert!(!outage.failed(now, now, "422"));
        assert!(!outage.over());
    }
    assert!(!outage.is_on());
}

#[test]
fn the_pause_grows_to_half_a_minute() {
    let (mut outage, now) = (Outage::default(), Clock::system().monotonic());
    for _ in 0..5 {
        outage.failed(now, now, "500");
    }
    assert!(outage.pause().is_some_and(|pause| pause <= Duration::from_secs(1)));
    for _ in 0..1_000 {
        outage.failed(now, now, "500");
        assert!(outage.pause().is_some_and(|pause| pause <= Duration::from_secs(30)));
    }
    assert!(outage.pause().is_some_and(|pause| pause >= Duration::from_secs(15)));
}

#[test]
fn many_tries_that_fail_together_lengthen_the_pause_no_more_than_one() {
    let (mut outage, began) = (Outage::default(), Clock::system().monotonic());
    let later = began + Duration::from_millis(1);
    for _ in 0..100 {
        outage.failed(began, later, "500");
    }
    assert!(outage.pause().is_some_and(|pause| pause <= Duration::from_secs(1)));
    outage.failed(later, later, "500");
    assert!(
        outage.pause().is_some_and(|pause| pause >= Duration::from_secs(1)),
        "this one began to see whether it is over"
    );
}
