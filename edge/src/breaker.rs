//! When to stop asking somebody who does not answer, and when to try again.
//!
//! **What it is for.** The ledger and Redis may be away for minutes. Whoever asks them then would wait for a whole bound
//! each time; behind a breaker only one does, now and then.
//!
//! **What must always hold.** After a number of failures in a row nobody asks for a while; then one asks, as a probe, while
//! all others still go on without. One answer closes the breaker again. A probe that is never heard of (its shopper
//! hung up) is replaced after the same while.
//!
//! **What it costs.** A lock that is held for a comparison.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use runtime::clock::Instant;

/// Guards one thing that can be asked.
#[derive(Debug)]
pub struct Breaker {
    trips_after: u32,
    rests: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed { failures: u32 },
    Open { until: Instant },
    Probing { until: Instant },
}

/// What others see of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// Everybody asks.
    Closed,
    /// Nobody asks.
    Open,
    /// One asks.
    HalfOpen,
}

impl Breaker {
    /// Opens after so many failures in a row, at least one, and lets a probe through whenever it has rested that long.
    #[must_use]
    pub fn new(trips_after: u32, rests: Duration) -> Self {
        Self { trips_after: trips_after.max(1), rests, state: Mutex::new(State::Closed { failures: 0 }) }
    }

    /// Whether to ask now.
    pub fn admits(&self, now: Instant) -> bool {
        let mut state = self.lock();
        match *state {
            State::Closed { .. } => true,
            State::Open { until } | State::Probing { until } if now >= until => {
                *state = State::Probing { until: now + self.rests };
                true
            }
            State::Open { .. } | State::Probing { .. } => false,
        }
    }

    /// There was an answer. Whether the breaker was not closed before.
    pub fn answered(&self) -> bool {
        let mut state = self.lock();
        let was = std::mem::replace(&mut *state, State::Closed { failures: 0 });
        !matches!(was, State::Closed { .. })
    }

    /// There was none. Whether the breaker was closed and is not any more.
    pub fn failed(&self, now: Instant) -> bool {
        let mut state = self.lock();
        let open = State::Open { until: now + self.rests };
        match *state {
            State::Closed { failures } if failures + 1 < self.trips_after => {
                *state = State::Closed { failures: failures + 1 };
                false
            }
            State::Closed { .. } => {
                *state = open;
                true
            }
            State::Probing { .. } => {
                *state = open;
                false
            }
            // Somebody who asked before it opened; the rest has begun already.
            State::Open { .. } => false,
        }
    }

    /// What to tell about it.
    #[must_use]
    pub fn shown(&self) -> Shown {
        match *self.lock() {
            State::Closed { .. } => Shown::Closed,
            State::Open { .. } => Shown::Open,
            State::Probing { .. } => Shown::HalfOpen,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that holds the lock leaves the state half written.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
