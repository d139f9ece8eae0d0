use super::*;

const SECOND: u64 = 1_000_000;

fn ten_a_minute() -> Quota {
    Quota::new(10, Duration::from_secs(60))
}

/// Asks at these times, in microseconds; which of them were let through.
fn ask(quota: Quota, times: impl IntoIterator<Item = u64>) -> Vec<bool> {
    let mut full_at = None;
    let mut allowed = Vec::new();
    for now in times {
        let (verdict, next) = quota.take(full_at, now);
        full_at = Some(next);
        allowed.push(verdict.allowed);
    }
    allowed
}

#[test]
fn the_whole_quota_may_come_at_once_and_then_one_each_part_of_the_window() {
    let burst = ask(ten_a_minute(), std::iter::repeat_n(5 * SECOND, 12));
    assert_eq!(burst.iter().filter(|allowed| **allowed).count(), 10);
    assert!(burst[..10].iter().all(|allowed| *allowed));
    let later = std::iter::repeat_n(0, 10).chain([5, 6, 7, 11, 12, 13].map(|second| second * SECOND));
    let allowed = ask(ten_a_minute(), later);
    assert_eq!(allowed[10..], [false, true, false, false, true, false]);
}

#[test]
fn a_refusal_says_when_and_costs_nothing() {
    let quota = ten_a_minute();
    let mut full_at = None;
    for _ in 0..10 {
        full_at = Some(quota.take(full_at, 0).1);
    }
    let (verdict, next) = quota.take(full_at, 2 * SECOND);
    assert_eq!((verdict.allowed, verdict.remaining), (false, 0));
    assert_eq!((verdict.wait, verdict.full_after), (Duration::from_secs(4), Duration::from_secs(58)));
    assert_eq!(Some(next), full_at, "whoever is refused is not pushed back further");
    assert!(quota.take(Some(next), 6 * SECOND).0.allowed, "after the wait that was told");
}

#[test]
fn over_any_time_no_more_comes_through_than_the_quota_and_what_grew_back() {
    for (requests, window) in [(1, 1), (3, 10), (10, 60), (1_000, 1)] {
        let quota = Quota::new(requests, Duration::from_secs(window));
        // Somebody who hammers, at uneven moments.
        let times: Vec<u64> = (0..20_000u64).map(|i| i * 997 + (i * 7_919) % 991).collect();
        let allowed = ask(quota, times.iter().copied()).iter().filter(|allowed| **allowed).count() as u64;
        let grown = times.last().unwrap() / quota.interval_micros();
        assert!(allowed <= u64::from(requests) + grown + 1, "{requests} in {window} s: {allowed}");
        assert!(allowed + 2 >= (u64::from(requests) + grown).min(20_000), "{requests} in {window} s: {allowed}");
    }
}

#[test]
fn a_clock_that_went_back_locks_nobody_out_for_longer_than_a_window() {
    let quota = ten_a_minute();
    let (verdict, next) = quota.take(Some(1_000_000 * SECOND), 5 * SECOND);
    assert!(!verdict.allowed);
    assert!(verdict.full_after <= Duration::from_secs(60));
    assert!(quota.take(Some(next), 11 * SECOND).0.allowed);
}

#[test]
fn what_remains_is_counted_down() {
    let quota = Quota::new(3, Duration::from_secs(3));
    let (first, next) = quota.take(None, 0);
    let (second, next) = quota.take(Some(next), 0);
    let (third, _) = quota.take(Some(next), 0);
    assert_eq!([first.remaining, second.remaining, third.remaining], [2, 1, 0]);
    assert_eq!((first.wait, third.wait), (Duration::ZERO, Duration::from_secs(1)));
}
