//! Which records bring the stock to what the resource asks for.
//!
//! **What it is for.** One loop serves the first fill, restock, withholding and decrease. A record is one atomic batch
//! [`bucket` compare-and-set ± delta, `supply.<sku>.<n>` expect absent], so a record exists exactly when its units moved.
//!
//! **What must always hold.** Records of an item are contiguous from 1 and their generations never fall. Every
//! generation leaves at least one record, with delta 0 when nothing moves: creation at n + 1 then fails for an operator
//! that planned from n with an older definition, which is what stops a deposed one. A decrease takes free units only.
//!
//! **What it costs.** One record per bucket and change, whatever the number of units.

use serde::{Deserialize, Serialize};

use crate::bucket::{Bucket, State};
use crate::id::{BucketIndex, Generation, Units};
use crate::wire::Value;

/// A recorded change of how many units of an item exist in a shard.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Supply {
    /// The definition that asked for it.
    pub generation: Generation,
    /// What that definition says exists.
    pub quantity: Units,
    /// What it withholds of that.
    pub withheld: Units,
    /// Units added to or taken from the bucket.
    pub delta: i64,
    /// Which bucket.
    pub bucket: BucketIndex,
    /// Sum of all deltas up to and with this record.
    pub total: Units,
}

impl Value for Supply {
    const WHAT: &'static str = "supply record";
}

/// What a definition asks of an item in one shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// The definition's generation.
    pub generation: Generation,
    /// Units that exist.
    pub quantity: Units,
    /// Units among them that are not for sale.
    pub withheld: Units,
}

impl Target {
    /// What the records must come to.
    #[must_use]
    pub fn total(&self) -> Units {
        Units(self.quantity.0.saturating_sub(self.withheld.0))
    }
}

/// What the loop does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// A newer definition was here: leave everything alone.
    Deposed(Generation),
    /// Nothing to write. What a decrease could not take back stays as shortfall until units return.
    Settled {
        /// Units that are sold or held beyond the target.
        shortfall: Units,
    },
    /// Write these records in this order, each with its bucket.
    Write(Vec<Step>),
}

/// One record to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The record's number, from 1.
    pub number: u32,
    /// The record.
    pub record: Supply,
}

/// Plans the records that bring an item from its last record to the target, seeing these buckets. `last` is the newest
/// record with its number. Pure, and safe to rerun from whatever is stored then.
#[must_use]
pub fn plan(last: Option<(u32, &Supply)>, target: &Target, buckets: &[(BucketIndex, Bucket)]) -> Plan {
    let (number, total, generation) =
        last.map_or((0, 0, None), |(n, supply)| (n, supply.total.0, Some(supply.generation)));
    if let Some(newer) = generation.filter(|g| *g > target.generation) {
        return Plan::Deposed(newer);
    }
    let missing = i64::from(target.total().0) - i64::from(total);
    let deltas = if missing >= 0 { spread(missing, buckets) } else { take(-missing, buckets) };
    if deltas.is_empty() && generation == Some(target.generation) {
        return Plan::Settled { shortfall: Units(u32::try_from(-missing).unwrap_or(0)) };
    }
    let marker = buckets.first().map(|(index, _)| (*index, 0)).filter(|_| deltas.is_empty());
    let mut total = i64::from(total);
    let steps = deltas.into_iter().chain(marker).zip(number + 1..).map(|((bucket, delta), number)| {
        total += delta;
        let record = Supply {
            generation: target.generation,
            quantity: target.quantity,
            withheld: target.withheld,
            delta,
            bucket,
            total: Units(u32::try_from(total).unwrap_or(0)),
        };
        Step { number, record }
    });
    Plan::Write(steps.collect())
}

/// Shares `units` evenly; the first buckets get one more when it does not divide.
fn spread(units: i64, buckets: &[(BucketIndex, Bucket)]) -> Vec<(BucketIndex, i64)> {
    let Some(count) = i64::try_from(buckets.len()).ok().filter(|n| *n > 0) else { return Vec::new() };
    let share = |i: i64| units / count + i64::from(i < units % count);
    buckets.iter().zip(0..).map(|((index, _), i)| (*index, share(i))).filter(|(_, d)| *d > 0).collect()
}

/// Takes up to `units` free ones, evenly from those that have them: the emptiest first, so that what they lack is
/// shared by the others.
fn take(units: i64, buckets: &[(BucketIndex, Bucket)]) -> Vec<(BucketIndex, i64)> {
    let mut by_free: Vec<_> = buckets.iter().map(|(index, bucket)| (i64::from(bucket.free.0), *index)).collect();
    by_free.sort_unstable();
    let mut left = units;
    let mut deltas = Vec::new();
    let holders = i64::try_from(by_free.len()).unwrap_or(i64::MAX);
    for ((free, index), others) in by_free.into_iter().zip((1..=holders).rev()) {
        let share = (left + others - 1) / others;
        let taken = share.min(free);
        if taken > 0 {
            deltas.push((index, -taken));
            left -= taken;
        }
    }
    deltas
}

/// What the state of every bucket must be once a definition is in force.
#[must_use]
pub fn bucket_state(closed: bool) -> State {
    if closed { State::Closed } else { State::Open }
}

#[cfg(test)]
mod tests;
