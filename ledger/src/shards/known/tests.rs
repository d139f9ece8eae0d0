use protocol::status::Audit;
use runtime::clock::Clock;

use super::*;

fn status(cursor: u64, audited: Option<u64>, lag_seconds: f64) -> SaleStatus {
    let at = Timestamp::UNIX_EPOCH;
    let audit = audited.map(|position| Audit { at, position: Revision(position), breaches: vec!["a gap".to_owned()] });
    let (cursor, items, halted) = (Revision(cursor), Vec::new(), None);
    SaleStatus { cursor, at, lag_seconds, exact: false, items, payments_open: 0, audit, halted }
}

/// Seconds after a moment that stands for the start.
fn moments() -> impl Fn(u64) -> Instant {
    let start = Clock::system().monotonic();
    move |seconds| start + Duration::from_secs(seconds)
}

#[test]
fn a_change_waits_for_the_first_audit_after_it_and_no_longer() {
    let at = moments();
    let after = |known, cursor, audited, seconds| Unaudited::after(known, &status(cursor, audited, 0.0), at(seconds));
    let never = after(None, 5, None, 0);
    assert_eq!(never.map(|unaudited| unaudited.since), Some(at(0)));
    assert_eq!(after(never, 9, None, 30), never, "it waits since it was seen first");
    assert_eq!(after(never, 9, Some(9), 31), None);
    let sold_meanwhile = after(never, 12, Some(9), 31);
    assert_eq!(sold_meanwhile.map(|unaudited| unaudited.since), Some(at(31)), "only what came after the audit waits");
    assert_eq!(after(None, 12, Some(9), 40).map(|unaudited| unaudited.since), Some(at(40)));
    assert_eq!(after(sold_meanwhile, 12, None, 50), sold_meanwhile, "a follower that knows of no audit made none");
}

#[test]
fn what_a_halted_follower_says_changes_nothing_that_waits() {
    let at = moments();
    let mut known = Known::default();
    known.hear(Some(&status(9, Some(9), 0.0)), at(0));
    assert_eq!((known.unaudited, known.breaches), (None, 1));
    // It could not even open its rows.
    let halted = SaleStatus { halted: Some("no".to_owned()), ..status(0, None, 0.0) };
    known.hear(Some(&halted), at(1));
    known.hear(None, at(2));
    assert_eq!((known.unaudited, known.breaches), (None, 1), "what the newest audit found stays found");
}

#[test]
fn a_message_that_is_taken_and_not_committed_waits_though_everything_was_drained_before() {
    let at = moments();
    assert_eq!(Rows::Drained.behind(None, None), None, "an idle shard waits for nothing");
    assert_eq!(Rows::Drained.behind(None, Some(at(7))), Some(at(7)));
    assert_eq!(Rows::Drained.behind(Some(at(3)), Some(at(7))), Some(at(7)), "what came before was committed");
}

#[test]
fn no_try_that_says_nothing_makes_the_rows_less_late() {
    let at = moments();
    assert_eq!(Rows::Unsaid(at(60)).behind(Some(at(7)), None), Some(at(7)));
    assert_eq!(Rows::Unsaid(at(60)).behind(None, None), Some(at(60)), "the first one waits since it began");
    assert_eq!(Rows::Late(at(40)).behind(Some(at(7)), Some(at(60))), Some(at(40)), "it catches up");
    assert_eq!(Rows::Drained.behind(Some(at(7)), None), None);
}

#[test]
fn a_shard_that_halted_is_behind_since_the_message_that_it_halted_at() {
    let at = moments();
    assert_eq!(Rows::Halted.behind(None, Some(at(7))), Some(at(7)));
    assert_eq!(Rows::Halted.behind(Some(at(3)), Some(at(7))), Some(at(3)));
    assert_eq!(Rows::Halted.behind(None, None), None, "a stream that lost something keeps nobody waiting");
}

#[test]
fn a_status_that_was_late_gets_later_until_the_next_one() {
    let at = moments();
    let wall = |seconds: i64| Timestamp::from_second(seconds).unwrap();
    let of = |status: &SaleStatus, seconds| Rows::of(Some(status), at(0), at(100), wall(seconds));
    // Five seconds late when it was said, and it was said twenty seconds ago.
    assert_eq!(of(&status(3, None, 5.0), 20), Rows::Late(at(75)));
    assert_eq!(of(&status(3, None, 5.0), -20), Rows::Late(at(95)), "a wall clock that was set back takes nothing away");
    assert_eq!(of(&status(3, None, 0.0), 20), Rows::Drained);
    assert_eq!(of(&SaleStatus { halted: Some("no".to_owned()), ..status(3, None, 0.0) }, 20), Rows::Halted);
    assert_eq!(Rows::of(None, at(0), at(100), wall(20)), Rows::Unsaid(at(0)));
}
