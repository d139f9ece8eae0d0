//! How long to wait before the next try.
//!
//! **What must always hold.** The pause doubles with every failure up to a named bound and is never below half of what
//! it would be without chance, so nobody hammers; the random half keeps a fleet that failed together from trying
//! together. The same random number gives the same pause.

use std::time::Duration;

/// Bounds of a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
}

impl Backoff {
    /// Pauses of at most `first` after the first failure, and never more than `longest`.
    #[must_use]
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest }
    }

    /// The pause after this many failures in a row, counted from 1; `random` is any number, evenly distributed.
    #[must_use]
    pub fn pause(&self, failures: u32, random: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
        let most = self.first.saturating_mul(doubled).min(self.longest);
        let half = most / 2;
        half.saturating_add(half.mul_f64(f64::from(random) / f64::from(u32::MAX)))
    }

    /// [`pause`](Self::pause) with a number from the thread's generator.
    #[must_use]
    pub fn random_pause(&self, failures: u32) -> Duration {
        self.pause(failures, rand::random())
    }
}

#[cfg(test)]
mod tests;
