//! What this edge let through, for when it has to judge alone.
//!
//! **What it costs.** About 100 bytes per customer who claimed within the last window, and a lock around one of 16 parts.

use std::collections::HashMap;
use std::hash::BuildHasher as _;
use std::sync::{Mutex, PoisonError};

use runtime::clock::{Clock, Instant};

use super::Who;
use super::gcra::{Quota, Verdict};

const PARTS: usize = 16;
/// Most customers that are remembered in a part; beyond, the ones whose quota is full again are forgotten, and if those
/// are not enough, everybody: limits loosen, memory does not grow.
const CUSTOMERS_MAX: usize = 65_536;

pub(super) struct Local {
    clock: Clock,
    origin: Instant,
    hasher: std::hash::RandomState,
    parts: [Mutex<HashMap<Who, u64>>; PARTS],
    customers_max: usize,
}

impl Local {
    pub(super) fn new(clock: Clock) -> Self {
        Self::with_room(clock, CUSTOMERS_MAX)
    }

    /// With room for so many customers in each part.
    fn with_room(clock: Clock, customers_max: usize) -> Self {
        let origin = clock.monotonic();
        Self { clock, origin, hasher: std::hash::RandomState::new(), parts: Default::default(), customers_max }
    }

    /// Judges a request by what this edge alone knows.
    pub(super) fn take(&self, who: &Who, quota: Quota) -> Verdict {
        let now = self.clock.monotonic().saturating_duration_since(self.origin).as_micros();
        let now = u64::try_from(now).unwrap_or(u64::MAX);
        let part = usize::try_from(self.hasher.hash_one(who) % PARTS as u64).unwrap_or_default();
        let Some(part) = self.parts.get(part) else { return quota.verdict(true, 0) };
        // Nothing that holds the lock leaves the map half written.
        let mut known = part.lock().unwrap_or_else(PoisonError::into_inner);
        let (verdict, full_at) = quota.take(known.get(who).copied(), now);
        if known.len() >= self.customers_max && !known.contains_key(who) {
            known.retain(|_, full_at| *full_at > now);
            if known.len() >= self.customers_max {
                known.clear();
            }
        }
        known.insert(who.clone(), full_at);
        verdict
    }
}

#[cfg(test)]
mod tests;
