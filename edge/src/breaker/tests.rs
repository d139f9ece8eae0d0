use runtime::clock::Clock;

use super::*;

const REST: Duration = Duration::from_secs(1);

fn now() -> Instant {
    Clock::system().monotonic()
}

/// A breaker that has just opened, and when.
fn opened() -> (Breaker, Instant) {
    let (breaker, now) = (Breaker::new(3, REST), now());
    assert!(!breaker.failed(now) && !breaker.failed(now) && breaker.failed(now));
    (breaker, now)
}

#[test]
fn it_opens_after_failures_in_a_row_and_an_answer_begins_the_row_anew() {
    let (breaker, now) = (Breaker::new(3, REST), now());
    for _ in 0..5 {
        assert!(!breaker.failed(now) && !breaker.failed(now));
        assert!(breaker.admits(now) && breaker.shown() == Shown::Closed);
        assert!(!breaker.answered(), "it was closed");
    }
    let (breaker, now) = opened();
    assert!(!breaker.admits(now));
    assert_eq!(breaker.shown(), Shown::Open);
}

#[test]
fn after_its_rest_one_asks_and_all_others_go_on_without() {
    let (breaker, now) = opened();
    assert!(!breaker.admits(now + REST - Duration::from_millis(1)));
    assert!(breaker.admits(now + REST));
    assert_eq!(breaker.shown(), Shown::HalfOpen);
    assert!((0..10).all(|_| !breaker.admits(now + REST)));
}

#[test]
fn a_probe_that_is_answered_closes_it_and_one_that_fails_begins_another_rest() {
    let (breaker, now) = opened();
    assert!(breaker.admits(now + REST));
    assert!(!breaker.failed(now + REST), "it was open already");
    assert!(!breaker.admits(now + REST + REST / 2));
    assert!(breaker.admits(now + REST * 2));
    assert!(breaker.answered());
    assert!(breaker.admits(now + REST * 2) && breaker.shown() == Shown::Closed);
}

#[test]
fn a_probe_that_is_never_heard_of_is_replaced() {
    let (breaker, now) = opened();
    assert!(breaker.admits(now + REST));
    assert!(!breaker.admits(now + REST + REST / 2));
    assert!(breaker.admits(now + REST * 2));
}

#[test]
fn latecomers_of_before_do_not_make_the_rest_longer() {
    let (breaker, now) = opened();
    assert!(!breaker.failed(now + REST / 2));
    assert!(breaker.admits(now + REST));
}
