//! The viewers of one sale, in rows that are served in turn.
//!
//! **What it is for.** A thousand viewers who are all written to in the same instant keep those waiting who buy meanwhile,
//! twice a second. Row by row the same work fills the gaps that claims leave.
//!
//! **What must always hold.** A row is sent at most one frame in [`FRAME_AFTER`], whoever comes and goes.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use runtime::clock::Instant;
use tokio::sync::watch;

/// Shortest time between two frames of a viewer.
pub(super) const FRAME_AFTER: Duration = Duration::from_millis(500);
/// Viewers who are sent a frame together: a fifth of a millisecond of writing.
const SEATS: usize = 16;
/// Longest time between the turns of two rows: few viewers need not wait for one another.
const TURN_AFTER_MAX: Duration = Duration::from_millis(8);

/// All rows of a sale.
#[derive(Default)]
pub(super) struct Rows {
    seating: Mutex<Seating>,
}

#[derive(Default)]
struct Seating {
    rows: Vec<Row>,
    /// What a row that is opened begins with.
    newest: Bytes,
}

struct Row {
    frames: watch::Sender<Bytes>,
    sent: Option<Instant>,
}

impl Rows {
    /// A place in the first row that has room; its newest frame is there at once, and empty before the first one.
    pub(super) fn join(&self) -> watch::Receiver<Bytes> {
        let mut seating = self.seating();
        if let Some(row) = seating.rows.iter().find(|row| row.frames.receiver_count() < SEATS) {
            return row.frames.subscribe();
        }
        let (frames, watching) = watch::channel(seating.newest.clone());
        seating.rows.push(Row { frames, sent: None });
        watching
    }

    /// When it is the turn of a row in the round that began then; `None` when there is no such row.
    pub(super) fn turn(&self, number: usize, round_begun: Instant) -> Option<Instant> {
        let seating = self.seating();
        let row = seating.rows.get(number)?;
        let (number, count) = (u32::try_from(number).ok()?, u32::try_from(seating.rows.len()).ok()?);
        let in_turn = round_begun + (FRAME_AFTER * number / count).min(TURN_AFTER_MAX * number);
        // Rows move up when one before them is given up, and closer together when others come.
        Some(row.sent.map_or(in_turn, |sent| in_turn.max(sent + FRAME_AFTER)))
    }

    /// Sends a row its frame.
    pub(super) fn send(&self, number: usize, frame: Bytes, now: Instant) {
        let mut seating = self.seating();
        seating.newest = frame.clone();
        if let Some(row) = seating.rows.get_mut(number) {
            row.sent = Some(now);
            row.frames.send_replace(frame);
        }
    }

    /// Gives up rows that everybody left; whether any is left.
    pub(super) fn tidy(&self) -> bool {
        let mut seating = self.seating();
        seating.rows.retain(|row| row.frames.receiver_count() > 0);
        !seating.rows.is_empty()
    }

    fn seating(&self) -> MutexGuard<'_, Seating> {
        // Nothing that holds the lock leaves the rows half changed.
        self.seating.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
