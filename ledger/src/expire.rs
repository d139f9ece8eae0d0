//! Held orders that nobody paid go back on sale.
//!
//! **What it is for.** A hold is a promise to the one who has it and a wait for everybody else. Whoever owns the shard
//! releases what is overdue, in groups, so that its units are on sale again within two seconds of their deadline.
//!
//! **What must always hold.** Postgres' clock judges deadlines, one clock for all replicas. An order is released only as it
//! was read: one that was paid or cancelled meanwhile has another revision and stays as it is. So a replica that lost the
//! shard and does not know it, or one that is killed between any two lines, does no harm.
//!
//! **What it costs.** One probe of an index of held orders per [`LOOK_AFTER`], in sales with payment alone.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use protocol::key::Stream;
use protocol::order::Reason;
use protocol::release::{Attempt, GROUP_MAX, Standing, release};
use protocol::sale::Definition;
use protocol::store::Store;
use protocol::{BucketIndex, CustomerId, OrderNumber, Sku};
use runtime::backoff::Backoff;
use runtime::clock::{Clock, Instant};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::metrics::LedgerMetrics;
use crate::places::Places;
use crate::repo::Repo;
use crate::repo::held::Deadline;

/// Longest time between two looks. A hold is never shorter than five seconds, so none is missed by more than this.
const LOOK_AFTER: Duration = Duration::from_secs(1);
/// Shortest time between two looks: orders that were just released are still held in the rows until they are followed.
const LOOK_AFTER_MIN: Duration = Duration::from_millis(100);
/// Most orders that are looked at a time.
const LOOK_MAX: u16 = 1_000;
/// Attempts at one group before the others have their turn; the next look finds it again.
const ATTEMPTS_MAX: u32 = 50;
/// Between attempts, because the lanes of every edge write the same buckets.
const RETRY: Backoff = Backoff::new(Duration::from_millis(4), Duration::from_millis(250));

/// Releases what is overdue in one shard.
#[derive(Debug)]
pub struct Expiry<S> {
    /// Its stream.
    pub store: S,
    /// Which stream it is.
    pub stream: Stream,
    /// Buckets per item.
    pub buckets: BTreeMap<Sku, u16>,
    /// Where the rows are.
    pub repo: Repo,
    /// Who is told.
    pub places: Places,
    /// What time it is.
    pub clock: Clock,
    /// What is counted.
    pub metrics: LedgerMetrics,
    /// The oldest deadline that has passed of an order that is still held.
    pub overdue: watch::Sender<Option<Instant>>,
}

/// The buckets of every item, as [`Expiry`] needs them.
#[must_use]
pub fn buckets(definition: &Definition) -> BTreeMap<Sku, u16> {
    definition.items.iter().map(|item| (item.sku.clone(), item.buckets)).collect()
}

impl<S: Store> Expiry<S> {
    /// Releases until told to stop.
    pub async fn run(self, stopping: CancellationToken) {
        // Released here, still held in the rows.
        let mut known = HashSet::new();
        let releasing = async {
            loop {
                let pause = self.look(&mut known).await;
                tokio::time::sleep(pause).await;
            }
        };
        // Safe to drop anywhere: what was sent is decided by the orders' revisions.
        stopping.run_until_cancelled(releasing).await;
    }

    /// Releases what is overdue now; how long until the next look.
    async fn look(&self, known: &mut HashSet<(CustomerId, OrderNumber)>) -> Duration {
        let asked = self.clock.monotonic();
        let held = match self.repo.next_deadlines(&self.stream, LOOK_MAX).await {
            Ok(held) => held,
            Err(error) => {
                tracing::debug!(shard = self.stream.name(), %error, "overdue orders cannot be looked for");
                return LOOK_AFTER;
            }
        };
        let full = held.len() == usize::from(LOOK_MAX);
        let (overdue, due): (Vec<_>, Vec<_>) = held.into_iter().partition(|held| held.late_seconds >= 0.0);
        let still: HashSet<_> = overdue.iter().map(Deadline::name).collect();
        known.retain(|name| still.contains(name));
        let mut items: BTreeMap<Sku, Vec<Deadline>> = BTreeMap::new();
        for deadline in overdue.into_iter().filter(|deadline| !known.contains(&deadline.name())) {
            items.entry(deadline.standing.order.sku.clone()).or_default().push(deadline);
        }
        // Said before anything is tried, and after every group: a stream that does not answer keeps one up for minutes.
        self.overdue.send_replace(oldest(&items, known, asked));
        for (sku, overdue) in &items {
            for group in overdue.chunks(GROUP_MAX) {
                if self.release(sku, group, asked).await {
                    known.extend(group.iter().map(Deadline::name));
                    self.overdue.send_replace(oldest(&items, known, asked));
                }
            }
        }
        let next = due.iter().map(|held| Duration::from_secs_f64(-held.late_seconds)).min();
        // A full look that was all overdue has more behind it.
        let more = full && due.is_empty();
        let next = if more { Duration::ZERO } else { next.unwrap_or(LOOK_AFTER) };
        next.clamp(LOOK_AFTER_MIN, LOOK_AFTER)
    }

    /// Releases a group of one item; whether all of it is released, or was changed by others.
    async fn release(&self, sku: &Sku, overdue: &[Deadline], asked: Instant) -> bool {
        let mut group: Vec<&Deadline> = overdue.iter().collect();
        for attempt in 1..=ATTEMPTS_MAX {
            if group.is_empty() {
                return true;
            }
            let buckets = self.buckets.get(sku).copied().unwrap_or(1).max(1);
            let into = BucketIndex(rand::random_range(0..buckets));
            let leaving: Vec<(Standing, Reason)> =
                group.iter().map(|deadline| (deadline.standing.clone(), Reason::Expired)).collect();
            match release(&self.store, sku, into, &leaving).await {
                Ok(Attempt::Done(_)) => {
                    self.released(&group, asked).await;
                    return true;
                }
                Ok(Attempt::Changed(place)) => drop(group.remove(place)),
                Ok(Attempt::Again(why) | Attempt::Unknown(why)) => {
                    tracing::debug!(shard = self.stream.name(), %why, "overdue orders are released again");
                    tokio::time::sleep(RETRY.random_pause(attempt)).await;
                }
                Err(lost) => {
                    tracing::debug!(shard = self.stream.name(), error = %lost, "overdue orders wait for their stream");
                    tokio::time::sleep(RETRY.random_pause(attempt)).await;
                }
            }
        }
        false
    }

    async fn released(&self, group: &[&Deadline], asked: Instant) {
        let since = (self.clock.monotonic() - asked).as_secs_f64();
        for deadline in group {
            self.metrics.release_late_seconds.observe(deadline.late_seconds + since);
            self.places.hint(&self.stream.sale, &deadline.standing.customer).await;
        }
    }
}

/// The oldest deadline of those that are not released yet. How late they are was asked at that moment.
fn oldest(
    overdue: &BTreeMap<Sku, Vec<Deadline>>,
    released: &HashSet<(CustomerId, OrderNumber)>,
    asked: Instant,
) -> Option<Instant> {
    let still_held = overdue.values().flatten().filter(|deadline| !released.contains(&deadline.name()));
    let late = still_held.map(|deadline| Duration::try_from_secs_f64(deadline.late_seconds).unwrap_or_default()).max();
    late.map(|late| asked.checked_sub(late).unwrap_or(asked))
}

#[cfg(test)]
mod tests;
