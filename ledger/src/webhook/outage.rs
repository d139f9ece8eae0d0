//! Whether the receiver takes anything at all. Pure.
//!
//! **What it is for.** When it takes nothing, every order would fail for itself: each would wait longer than the outage,
//! the log would fill, and a receiver that comes back would be met by everybody at once. So after some failures in a row a
//! replica tries one order at a time, with pauses, and the others stay due.
//!
//! **What must always hold.** One order that is not taken while others are is no outage. The pause grows with every try
//! that was made to see whether it is over, and not with those that were under way already when it began: they all fail
//! by the same moment of it.

use std::time::Duration;

use runtime::backoff::Backoff;
use runtime::clock::Instant;

/// Failures in a row that make an outage: at a receiver that refuses one in ten, chance makes one in 100,000.
const FAILURES: u32 = 5;
/// Between two tries while it lasts.
const RETRY: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
/// How long one reason is told before another one may be, however many there are in between.
const TOLD_FOR: Duration = Duration::from_secs(60);

/// What is known of the receiver from the newest tries.
#[derive(Debug, Default)]
pub struct Outage {
    /// Failures in a row before there was one.
    failures: u32,
    /// Since when there is one.
    since: Option<Instant>,
    /// Tries that began in it and failed.
    failed_since: u32,
    told: Option<(Instant, String)>,
}

impl Outage {
    /// Whether there is one.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.since.is_some()
    }

    /// A try that began then failed now; whether whoever is on call should be told why.
    pub fn failed(&mut self, began: Instant, now: Instant, why: &str) -> bool {
        match self.since {
            Some(since) if began >= since => self.failed_since = self.failed_since.saturating_add(1),
            Some(_) => {}
            None => {
                self.failures += 1;
                self.since = (self.failures >= FAILURES).then_some(now);
            }
        }
        let known = self.told.as_ref().is_some_and(|(at, told)| told == why || now < *at + TOLD_FOR);
        if !self.is_on() || known {
            return false;
        }
        self.told = Some((now, why.to_owned()));
        true
    }

    /// Something was taken; whether that ends an outage.
    pub fn over(&mut self) -> bool {
        std::mem::take(self).told.is_some()
    }

    /// How long to wait before the next try, if there is one.
    #[must_use]
    pub fn pause(&self) -> Option<Duration> {
        self.is_on().then(|| RETRY.random_pause(self.failed_since.saturating_add(1)))
    }
}

#[cfg(test)]
mod tests;
