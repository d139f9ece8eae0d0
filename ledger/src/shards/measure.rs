//! What the shards of a replica come to, in numbers. No sale is ever a label.
//!
//! **What must always hold.** What is said of conservation is said of rows that are exact. A shard whose follower ended and
//! begins again waits as long as before: what is [known](super::known) of it is told, followed or not.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use protocol::conservation::Sums;
use protocol::status::SaleStatus;
use runtime::clock::Instant;

use super::Shard;
use super::known::Known;
use crate::metrics::{LedgerMetrics, Units};

/// The sums of one round.
#[derive(Debug, Default)]
struct Sum {
    lag: Duration,
    breaches: usize,
    units: Sums,
    oversold: i64,
    gap: i64,
    unaudited: Duration,
    overdue: Duration,
    owned: usize,
    halted: usize,
}

impl Sum {
    fn add(&mut self, status: &SaleStatus) {
        for item in &status.items {
            self.units.supply += item.sums.supply;
            self.units.free += item.sums.free;
            self.units.held += item.sums.held;
            self.units.sold += item.sums.sold;
            self.oversold += (item.sums.held + item.sums.sold - item.sums.supply).max(0);
            if status.exact {
                self.gap += item.sums.gap().abs();
            }
        }
    }

    fn wait(&mut self, known: &Known, now: Instant) {
        let waits = |since: Option<Instant>| since.map_or(Duration::ZERO, |since| now - since);
        self.lag = self.lag.max(waits(known.behind));
        self.unaudited = self.unaudited.max(waits(known.unaudited.map(|unaudited| unaudited.since)));
        self.overdue = self.overdue.max(waits(known.overdue));
    }

    fn show(&self, metrics: &LedgerMetrics) {
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        metrics.lag_seconds.set(self.lag.as_secs_f64());
        metrics.breaches.set(number(self.breaches));
        metrics.units[Units::Supply].set(self.units.supply);
        metrics.units[Units::Free].set(self.units.free);
        metrics.units[Units::Held].set(self.units.held);
        metrics.units[Units::Sold].set(self.units.sold);
        metrics.oversold_units.set(self.oversold);
        metrics.gap_units.set(self.gap);
        metrics.unaudited_seconds.set(self.unaudited.as_secs_f64());
        metrics.overdue_seconds.set(self.overdue.as_secs_f64());
        metrics.owned.set(number(self.owned));
        metrics.halted.set(number(self.halted));
    }
}

/// Shows what the shards come to now.
pub(super) fn measure(
    shards: &mut BTreeMap<String, Shard>,
    monotonic: Instant,
    now: Timestamp,
    metrics: &LedgerMetrics,
) {
    let mut sum = Sum::default();
    for shard in shards.values_mut() {
        shard.look(monotonic, now);
        if let Some(following) = &shard.following
            && let Some(status) = following.board.borrow().as_ref()
        {
            sum.add(status);
            if status.halted.is_none() {
                // What it halted at is behind it; a try that halts again has said nothing else before.
                (shard.failures, shard.halted) = (0, false);
            }
        }
        sum.owned += usize::from(shard.owned);
        // One that was withdrawn is the operator's to tell of.
        sum.halted += usize::from(shard.halted && shard.definition.withdrawn.is_none());
        sum.breaches += shard.known.breaches;
        // One that halted is told as that, and would hide what waits elsewhere.
        if !shard.halted {
            sum.wait(&shard.known, monotonic);
        }
    }
    sum.show(metrics);
}

#[cfg(test)]
mod tests;
