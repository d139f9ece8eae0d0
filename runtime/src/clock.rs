//! What time it is: the one place that asks.
//!
//! **What it is for.** Windows of sales and deadlines of holds are compared with the wall clock; durations are measured
//! with the monotonic one. Whoever needs either is given a [`Clock`], so a test can say what time it is, and the clock of
//! a single process can be moved away from everybody else's.
//!
//! **What must always hold.** The monotonic time never goes back, whatever is done to the wall clock.
//!
//! **What is deliberately absent.** Timers for pauses and timeouts: `tokio::time` is used for those directly, and it can
//! be paused in tests by itself.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
pub use tokio::time::Instant;

/// How late a sleeper may notice that somebody set the machine's wall clock: a timer does not know about it.
const STEP_NOTICED_WITHIN: Duration = Duration::from_secs(1);

/// A clock; its clones show the same time.
#[derive(Debug, Clone)]
pub struct Clock {
    hands: Hands,
    offset: Arc<watch::Sender<SignedDuration>>,
}

/// What the wall clock shows before the offset.
#[derive(Debug, Clone, Copy)]
enum Hands {
    /// The machine's time.
    System,
    /// Moves with tokio's time, which a test can pause.
    Tokio { start: Timestamp, origin: Instant },
    /// Stands still.
    Still(Timestamp),
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        Self::with(Hands::System)
    }

    /// For tests: stands at `start` until it is [advanced](Self::advance) or given an offset.
    #[must_use]
    pub fn manual(start: Timestamp) -> Self {
        Self::with(Hands::Still(start))
    }

    /// For simulations: shows `start` now and moves with tokio's time. Where that is paused, clock, pauses and timeouts
    /// move together and a run can be repeated exactly.
    #[must_use]
    pub fn simulated(start: Timestamp) -> Self {
        Self::with(Hands::Tokio { start, origin: instant() })
    }

    fn with(hands: Hands) -> Self {
        Self { hands, offset: Arc::new(watch::Sender::new(SignedDuration::ZERO)) }
    }

    /// The wall time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let shown = match self.hands {
            Hands::System => timestamp(),
            Hands::Tokio { start, origin } => later(start, signed(instant() - origin)),
            Hands::Still(at) => at,
        };
        later(shown, *self.offset.borrow())
    }

    /// A point in time to measure durations from; only differences mean something.
    #[must_use]
    pub fn monotonic(&self) -> Instant {
        instant()
    }

    /// Returns when the wall clock shows `deadline` or later. Safe to drop and call again.
    pub async fn sleep_until(&self, deadline: Timestamp) {
        let mut moved = self.offset.subscribe();
        loop {
            // Seen before the time is read, so that a move in between wakes the wait below.
            moved.mark_unchanged();
            let Ok(left) = Duration::try_from(deadline.duration_since(self.now())) else { return };
            if left.is_zero() {
                return;
            }
            let timer = async {
                match self.hands {
                    Hands::System => tokio::time::sleep(left.min(STEP_NOTICED_WITHIN)).await,
                    Hands::Tokio { .. } => tokio::time::sleep(left).await,
                    Hands::Still(_) => std::future::pending().await,
                }
            };
            tokio::select! {
                () = timer => {}
                _ = moved.changed() => {}
            }
        }
    }

    /// How far it is ahead of the time it follows.
    #[must_use]
    pub fn offset(&self) -> SignedDuration {
        *self.offset.borrow()
    }

    /// Shows a wall time this far ahead of the time it follows, or behind it; wakes whoever sleeps.
    pub fn set_offset(&self, offset: SignedDuration) {
        self.offset.send_replace(offset);
    }

    /// Moves the wall time on; wakes whoever sleeps.
    pub fn advance(&self, by: Duration) {
        self.offset.send_modify(|offset| *offset = offset.saturating_add(signed(by)));
    }
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

fn later(time: Timestamp, by: SignedDuration) -> Timestamp {
    let end = if by.is_negative() { Timestamp::MIN } else { Timestamp::MAX };
    time.checked_add(by).unwrap_or(end)
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that asks the time")]
fn timestamp() -> Timestamp {
    Timestamp::now()
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that asks the time")]
fn instant() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests;
