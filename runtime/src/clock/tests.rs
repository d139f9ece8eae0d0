use futures::FutureExt as _;

use super::*;

const START: Timestamp = Timestamp::constant(1_800_000_000, 0);

fn after(seconds: i64) -> Timestamp {
    Timestamp::constant(1_800_000_000 + seconds, 0)
}

#[test]
fn a_manual_clock_stands_still_until_it_is_advanced() {
    let clock = Clock::manual(START);
    assert_eq!(clock.now(), START);
    assert_eq!(clock.now(), START);
    clock.advance(Duration::from_secs(90));
    assert_eq!(clock.now(), after(90));
}

#[test]
fn clones_show_the_same_time() {
    let clock = Clock::manual(START);
    let other = clock.clone();
    clock.advance(Duration::from_secs(1));
    assert_eq!(other.now(), after(1));
}

#[test]
fn an_offset_moves_the_wall_clock_back_but_never_the_monotonic_one() {
    let clock = Clock::system();
    let (wall, point) = (clock.now(), clock.monotonic());
    clock.set_offset(SignedDuration::from_mins(-10));
    assert!(clock.now() < wall);
    assert!(clock.monotonic() >= point);
    assert_eq!(clock.offset(), SignedDuration::from_mins(-10));
}

#[test]
fn an_offset_beyond_all_dates_ends_at_the_last_one() {
    let clock = Clock::manual(START);
    clock.set_offset(SignedDuration::MAX);
    assert_eq!(clock.now(), Timestamp::MAX);
    clock.set_offset(SignedDuration::MIN);
    assert_eq!(clock.now(), Timestamp::MIN);
}

#[tokio::test(start_paused = true)]
async fn a_simulated_clock_moves_with_the_time_of_tokio() {
    let clock = Clock::simulated(START);
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(clock.now(), after(30));
    clock.sleep_until(after(3_600)).await;
    assert_eq!(clock.now(), after(3_600));
}

#[tokio::test(start_paused = true)]
async fn a_sleeper_on_a_manual_clock_wakes_when_the_deadline_is_shown_and_not_before() {
    let clock = Clock::manual(START);
    let mut sleep = std::pin::pin!(clock.sleep_until(after(60)));
    assert!(sleep.as_mut().now_or_never().is_none());
    clock.advance(Duration::from_secs(59));
    assert!(sleep.as_mut().now_or_never().is_none());
    clock.advance(Duration::from_secs(1));
    tokio::time::timeout(Duration::from_secs(1), sleep).await.unwrap();
}

#[tokio::test]
async fn a_sleeper_on_the_machines_clock_wakes_when_the_clock_is_moved() {
    let clock = Clock::system();
    let deadline = later(clock.now(), SignedDuration::from_hours(1));
    let sleep = clock.sleep_until(deadline);
    let moved = async {
        tokio::task::yield_now().await;
        clock.set_offset(SignedDuration::from_hours(2));
    };
    let both = async { tokio::join!(sleep, moved) };
    tokio::time::timeout(Duration::from_secs(5), both).await.unwrap();
}

#[tokio::test]
async fn a_deadline_in_the_past_is_not_waited_for() {
    let clock = Clock::manual(START);
    assert!(clock.sleep_until(START).now_or_never().is_some());
    assert!(clock.sleep_until(after(-1)).now_or_never().is_some());
}
