//! How far this edge's clock is from the servers' that store the orders.
//!
//! **What it is for.** Edges open and close a sale by their own clock. One that is wrong sells early or late, so it has
//! to notice by itself: every message it follows live carries the time at which a server stored it.
//!
//! **What must always hold.** A slow delivery makes a clock look ahead, never behind; so of the recent differences the
//! smallest is taken, and one late message turns nobody away. What was seen a while ago does not count: a clock that was
//! mended is right although no message comes any more.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use jiff::Timestamp;
use runtime::clock::Instant;

use super::counter::locked;

/// How many of the newest messages count.
const RECENT: usize = 32;
/// Fewer than this say nothing.
const ENOUGH: usize = 4;
/// For how long they say something.
const RECENT_FOR: Duration = Duration::from_secs(10);

/// The newest differences between our time and the servers', in milliseconds, and when they were seen.
#[derive(Debug, Default)]
pub(super) struct Skew(Mutex<VecDeque<(Instant, i64)>>);

impl Skew {
    /// Notes a message that was stored at `stored` and arrived at `now`, which is `at` of the monotonic time.
    pub(super) fn observe(&self, stored: Timestamp, now: Timestamp, at: Instant) {
        let mut recent = locked(&self.0);
        if recent.len() == RECENT {
            recent.pop_front();
        }
        recent.push_back((at, now.as_millisecond() - stored.as_millisecond()));
    }

    /// Milliseconds by which our clock is ahead (positive, delivery included) or behind; `None` before enough was seen.
    pub(super) fn milliseconds(&self, at: Instant) -> Option<i64> {
        let seen = locked(&self.0);
        let recent = seen.iter().filter(|(seen, _)| at.saturating_duration_since(*seen) < RECENT_FOR);
        let (count, least) = recent.fold((0, i64::MAX), |(count, least), (_, ms)| (count + 1, least.min(*ms)));
        (count >= ENOUGH).then_some(least)
    }
}

#[cfg(test)]
mod tests;
