//! What the shards of a replica come to, in numbers. No sale is ever a label.
//!
//! **What must always hold.** What is said of conservation is said of rows that are exact. A change waits for an audit from
//! the first round that saw it, and no longer once an audit was made after it.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use protocol::Revision;
use protocol::conservation::Sums;
use protocol::status::SaleStatus;
use runtime::clock::Instant;

use super::Shard;
use crate::metrics::{LedgerMetrics, Units};

/// Since when changes of a shard wait for an audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unaudited {
    /// The position of the newest audit then.
    audited: Option<Revision>,
    since: Instant,
}

impl Unaudited {
    /// What is known after a round that found this status.
    fn after(known: Option<Self>, status: &SaleStatus, now: Instant) -> Option<Self> {
        let audited = status.audit.as_ref().map(|audit| audit.position);
        match known {
            _ if audited == Some(status.cursor) => None,
            // What waited then was compared meanwhile; what has come since waits since now.
            Some(known) if known.audited != audited => Some(Self { audited, since: now }),
            known => known.or(Some(Self { audited, since: now })),
        }
    }
}

/// The sums of one round.
#[derive(Debug, Default)]
struct Sum {
    lag_seconds: f64,
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
    fn add(&mut self, status: &SaleStatus, now: Timestamp) {
        if status.lag_seconds > 0.0 {
            let since = now.duration_since(status.at).as_secs_f64().max(0.0);
            self.lag_seconds = self.lag_seconds.max(status.lag_seconds + since);
        }
        self.breaches += status.audit.as_ref().map_or(0, |audit| audit.breaches.len());
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

    fn show(&self, metrics: &LedgerMetrics) {
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        metrics.lag_seconds.set(self.lag_seconds);
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
        sum.owned += usize::from(shard.owned);
        sum.halted += usize::from(shard.halted);
        let Some(following) = &shard.following else {
            shard.unaudited = None;
            continue;
        };
        sum.overdue = sum.overdue.max(*following.overdue.borrow());
        let status = following.board.borrow();
        let Some(status) = status.as_ref() else {
            sum.lag_seconds = sum.lag_seconds.max((monotonic - following.since).as_secs_f64());
            continue;
        };
        shard.failures = 0;
        shard.unaudited = Unaudited::after(shard.unaudited, status, monotonic);
        let waits = shard.unaudited.map_or(Duration::ZERO, |unaudited| monotonic - unaudited.since);
        sum.unaudited = sum.unaudited.max(waits);
        sum.add(status, now);
    }
    sum.show(metrics);
}

#[cfg(test)]
mod tests;
