use protocol::store::Unavailable;
use runtime::clock::Clock;

use super::*;

/// How many seconds after its beginning an audit that took so many milliseconds is followed by the next one.
fn next_after(quiet: &mut Quiet, took_ms: u64) -> u64 {
    let began = quiet.next_audit;
    quiet.pace(began, Duration::from_millis(took_ms), &Ok(()));
    (quiet.next_audit - began).as_secs()
}

#[test]
fn audits_take_a_twentieth_of_the_time_once_a_second_one_was_as_long() {
    let mut quiet = Quiet::new(Clock::system().monotonic());
    let pauses = [10, 10_000, 10_000, 30_000, 20_000, 10].map(|took_ms| next_after(&mut quiet, took_ms));
    assert_eq!(pauses, [2, 2, 200, 200, 400, 2]);
}

#[test]
fn one_moment_in_which_the_machine_stood_still_puts_no_audit_off() {
    let mut quiet = Quiet::new(Clock::system().monotonic());
    let pauses = [3_000, 10, 3_000, 10].map(|took_ms| next_after(&mut quiet, took_ms));
    assert_eq!(pauses, [2, 2, 2, 2], "not even at the very first one");
}

#[test]
fn an_audit_that_found_the_stream_away_tells_nothing_of_how_long_one_takes() {
    let mut quiet = Quiet::new(Clock::system().monotonic());
    assert_eq!(next_after(&mut quiet, 1_000), 2);
    let (began, away) = (quiet.next_audit, Trouble::Stream(Unavailable("nobody answers".to_owned())));
    quiet.pace::<()>(began, Duration::from_secs(60), &Err(away));
    assert_eq!(quiet.next_audit, began + AUDIT_PAUSE);
    assert_eq!(next_after(&mut quiet, 500), 10, "compared with the one before");
}
