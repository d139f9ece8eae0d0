//! How long something took, for a line that a person reads. No decision is ever made from it.

#![expect(
    clippy::disallowed_methods,
    reason = "a duration shown to a person; nothing of the product is under this clock"
)]

use std::fmt;
use std::time::Instant;

/// Shows the seconds since it was started.
#[derive(Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts it.
    #[must_use]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// How long since then.
    #[must_use]
    pub fn elapsed(&self) -> std::time::Duration {
        self.0.elapsed()
    }
}

impl fmt::Display for Stopwatch {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:.1} s", self.0.elapsed().as_secs_f64())
    }
}
