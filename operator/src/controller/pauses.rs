//! Pauses of a watch that fails.
//!
//! **What must always hold.** A namespace that the operator was kept from is served a few seconds after it is let in, and
//! until then nobody is hammered: also not when listing is allowed and watching is not, so a list alone is no success.

use std::time::Duration;

use kube::runtime::utils::{Backoff, ResetTimerBackoff};

/// The longest pause: how late a namespace may be served.
const AGAIN: runtime::backoff::Backoff =
    runtime::backoff::Backoff::new(Duration::from_millis(500), Duration::from_secs(5));
/// How long a watch must go well until a failure is its first one again.
const CALM: Duration = Duration::from_secs(60);

/// How many failures there were.
pub(super) struct Pauses(u32);

/// For one watch.
pub(super) fn of_a_watch() -> ResetTimerBackoff<Pauses> {
    ResetTimerBackoff::new(Pauses(0), CALM)
}

impl Iterator for Pauses {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        self.0 = self.0.saturating_add(1);
        Some(AGAIN.random_pause(self.0))
    }
}

impl Backoff for Pauses {
    fn reset(&mut self) {
        self.0 = 0;
    }
}
