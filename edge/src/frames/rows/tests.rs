use super::*;
use runtime::clock::Clock;

fn seated(viewers: usize) -> (Rows, Vec<watch::Receiver<Bytes>>) {
    let rows = Rows::default();
    let watching = (0..viewers).map(|_| rows.join()).collect();
    (rows, watching)
}

fn turns(rows: &Rows, begun: Instant) -> Vec<Duration> {
    (0..).map_while(|number| rows.turn(number, begun)).map(|at| at - begun).collect()
}

/// Sends every row a frame when it is its turn; when each was.
fn round(rows: &Rows, begun: Instant) -> Vec<Instant> {
    let mut sent = Vec::new();
    while let Some(at) = rows.turn(sent.len(), begun) {
        rows.send(sent.len(), Bytes::from_static(b"frame"), at);
        sent.push(at);
    }
    sent
}

#[test]
fn a_few_viewers_are_served_together_and_many_over_the_whole_time_between_two_frames() {
    let begun = Clock::system().monotonic();
    let (rows, _few) = seated(SEATS);
    assert_eq!(turns(&rows, begun), [Duration::ZERO]);
    let (rows, _some) = seated(3 * SEATS);
    assert_eq!(turns(&rows, begun), [Duration::ZERO, TURN_AFTER_MAX, TURN_AFTER_MAX * 2]);
    let (rows, _many) = seated(1_000 * SEATS);
    let turns = turns(&rows, begun);
    assert_eq!(turns.len(), 1_000);
    assert!(turns.windows(2).all(|pair| pair[1] - pair[0] == FRAME_AFTER / 1_000));
    assert!(turns[999] < FRAME_AFTER);
}

#[test]
fn no_row_is_sent_two_frames_within_half_a_second_however_many_come_and_go() {
    let begun = Clock::system().monotonic();
    let (rows, mut watching) = seated(20 * SEATS);
    let first = round(&rows, begun);
    let begun = begun + FRAME_AFTER;
    // Twice as many come: the rows that were there would be served sooner.
    watching.extend((0..20 * SEATS).map(|_| rows.join()));
    let second = round(&rows, begun);
    assert_eq!(second.len(), 40);
    for (before, after) in first.iter().zip(&second) {
        assert!(*after >= *before + FRAME_AFTER);
    }
    // Half of them leave from the front: the others move up.
    watching.drain(..20 * SEATS);
    assert!(rows.tidy());
    let third = round(&rows, begun + FRAME_AFTER);
    assert_eq!(third.len(), 20);
    for (before, after) in second[20..].iter().zip(&third) {
        assert!(*after >= *before + FRAME_AFTER);
    }
    drop(watching);
    assert!(!rows.tidy());
}

#[test]
fn a_place_that_was_left_is_taken_before_a_row_is_opened_and_a_new_row_knows_the_newest_frame() {
    let begun = Clock::system().monotonic();
    let (rows, mut watching) = seated(2 * SEATS);
    assert_eq!(round(&rows, begun).len(), 2);
    watching.pop();
    watching.push(rows.join());
    assert_eq!(turns(&rows, begun).len(), 2);
    let late = rows.join();
    assert_eq!(turns(&rows, begun).len(), 3);
    assert_eq!(*late.borrow(), "frame");
}
