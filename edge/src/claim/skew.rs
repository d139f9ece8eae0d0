//! How far this edge's clock is from the servers' that store the orders.
//!
//! **What it is for.** Edges open and close a sale by their own clock. One that is wrong sells early or late, so it has
//! to notice by itself: every message it follows live carries the time at which a server stored it.
//!
//! **What must always hold.** A slow delivery makes a clock look ahead, never behind; so of the recent differences the
//! smallest is taken, and one late message turns nobody away.

use std::collections::VecDeque;
use std::sync::Mutex;

use jiff::Timestamp;

use super::counter::locked;

/// How many of the newest messages count.
const RECENT: usize = 32;
/// Fewer than this say nothing.
const ENOUGH: usize = 4;

/// The newest differences between our time and the servers', in milliseconds.
#[derive(Debug, Default)]
pub(super) struct Skew(Mutex<VecDeque<i64>>);

impl Skew {
    /// Notes a message that was stored at `stored` and arrived at `now`.
    pub(super) fn observe(&self, stored: Timestamp, now: Timestamp) {
        let mut recent = locked(&self.0);
        if recent.len() == RECENT {
            recent.pop_front();
        }
        recent.push_back(now.as_millisecond() - stored.as_millisecond());
    }

    /// Milliseconds by which our clock is ahead (positive, delivery included) or behind; `None` before enough was seen.
    pub(super) fn milliseconds(&self) -> Option<i64> {
        let recent = locked(&self.0);
        recent.iter().min().copied().filter(|_| recent.len() >= ENOUGH)
    }
}

#[cfg(test)]
mod tests;
