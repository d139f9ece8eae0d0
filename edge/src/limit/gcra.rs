//! The generic cell rate algorithm (ITU-T I.371): a limit of n per window that needs one number per customer.
//!
//! **What must always hold.** At once somebody may have the whole quota, after that one more whenever a part of the window
//! has passed. The number is the theoretical arrival time: when the quota would be full again.

use std::time::Duration;

/// So many requests in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Requests, at least 1.
    pub requests: u32,
    /// In this time, at least a microsecond per request.
    pub window: Duration,
    /// The part of the window that one request takes, in microseconds.
    interval: u64,
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it may go on.
    pub allowed: bool,
    /// How many more may come at once.
    pub remaining: u32,
    /// How long to wait for the next one; zero when one may come.
    pub wait: Duration,
    /// After how long without a request the whole quota is there again.
    pub full_after: Duration,
}

impl Quota {
    /// Of at least one request, in a window that is long enough to be told apart.
    #[must_use]
    pub fn new(requests: u32, window: Duration) -> Self {
        let requests = requests.max(1);
        let window = window.max(Duration::from_micros(requests.into()));
        Self { requests, window, interval: micros(window) / u64::from(requests) }
    }

    /// The window in microseconds.
    #[must_use]
    pub fn window_micros(&self) -> u64 {
        self.interval * u64::from(self.requests)
    }

    /// The part of it that a request takes, in microseconds.
    #[must_use]
    pub fn interval_micros(&self) -> u64 {
        self.interval
    }

    /// Decides a request at `now`, after others left `full_at` behind; both in microseconds of one clock. The second
    /// value is what is left behind now.
    #[must_use]
    pub fn take(&self, full_at: Option<u64>, now: u64) -> (Verdict, u64) {
        // A clock that went back must not lock anybody out for longer than a window.
        let ahead = full_at.unwrap_or(now).saturating_sub(now).min(self.window_micros());
        let after = ahead + self.interval;
        if after > self.window_micros() {
            return (self.verdict(false, ahead), now + ahead);
        }
        (self.verdict(true, after), now + after)
    }

    /// The verdict that a quota with this much of its window used up has left.
    #[must_use]
    pub fn verdict(&self, allowed: bool, ahead: u64) -> Verdict {
        let left = self.window_micros().saturating_sub(ahead);
        let remaining = u32::try_from(left / self.interval.max(1)).unwrap_or(u32::MAX);
        let wait = if remaining > 0 { 0 } else { self.interval.saturating_sub(left) };
        Verdict { allowed, remaining, wait: Duration::from_micros(wait), full_after: Duration::from_micros(ahead) }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
