//! Moving stock: seeds, stamps and supply records, over any [`Store`].
//!
//! **What must always hold.** Every write carries a condition, so each of these may be repeated from the start, by several
//! operators at once, and after any crash. A supply record exists exactly when its units moved. An unknown outcome is
//! settled by burning the revision that the attempt named; only then is it planned anew.
//!
//! **What it costs.** One batch per hundred buckets while nobody else writes them, whichever items they are of; bucket by
//! bucket while a crowd does. A new sale takes two batches: each may cost a sync of every server's disk.

use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use protocol::bucket::{Bucket, Refused};
use protocol::key::{Key, Keys};
use protocol::sale::{Definition, Meta};
use protocol::store::{Expect, Outcome, Store, Write};
use protocol::supply::{self, Plan, Step, Supply, Target};
use protocol::wire::Value as _;
use protocol::{BucketIndex, Generation, Revision, Sku};

use crate::error::Error;
use crate::observe::{self, Found};
use crate::plan::bucket_state;

/// Seeds in one batch: the server takes 1,000 messages.
const SEEDS_PER_BATCH_MAX: usize = 500;
/// Supply records in one batch, each with its bucket: 200 messages.
const RECORDS_PER_BATCH_MAX: usize = 100;
/// Buckets stamped in one batch.
const STAMPS_PER_BATCH_MAX: usize = 200;
/// Buckets that are stamped one by one at the same time.
const STAMPS_AT_ONCE: usize = 8;
/// Items whose newest record is looked up at the same time.
const LOOKUPS: usize = 16;
/// Tries of one compare-and-set against a crowd; each has a fair chance, as the crowd needs a round trip too.
const TRIES_MAX: u32 = 300;
/// Pause after a refusal that passes, and after an unknown outcome.
const PAUSE: Duration = Duration::from_millis(50);
/// Pause after losing against a write that is still under way: about a round trip.
const CLASH_PAUSE: Duration = Duration::from_millis(2);

/// What says whose stream it is; harmless when it is written already.
#[must_use]
pub fn meta_seed(meta: &Meta) -> Vec<Write> {
    vec![Write { key: Key::Meta, expect: Expect::Absent, value: meta.encode(), trace: None }]
}

/// An item's buckets, empty and open, all or none; harmless when they are there.
#[must_use]
pub fn bucket_seeds(sku: &Sku, buckets: u16, generation: Generation) -> Vec<Write> {
    let value = Bucket::seeded(generation).encode();
    let write = |index| Write {
        key: Key::Bucket(sku.clone(), BucketIndex(index)),
        expect: Expect::Absent,
        value: value.clone(),
        trace: None,
    };
    (0..buckets).map(write).collect()
}

/// Writes seeds, each all or none: one batch for all of them in a new stream, and one for each where any is there.
///
/// # Errors
/// When they are not known to be there.
pub async fn seed<S: Store>(store: &S, seeds: Vec<Vec<Write>>) -> Result<(), Error> {
    let together = seeds.concat();
    if seeds.len() > 1 && together.len() <= SEEDS_PER_BATCH_MAX && seed_batch(store, together).await? {
        return Ok(());
    }
    for seed in seeds {
        seed_batch(store, seed).await?;
    }
    Ok(())
}

/// Whether all of it was absent and now is there; `false` when something of it was there. Every seed has the same value
/// and expects absence, so a late one changes nothing: no burn is needed.
async fn seed_batch<S: Store>(store: &S, writes: Vec<Write>) -> Result<bool, Error> {
    for _ in 0..TRIES_MAX {
        match store.commit(writes.clone()).await {
            Outcome::Committed(_) => return Ok(true),
            Outcome::Conflict(Some(_)) => return Ok(false),
            // A fresh cluster has no leader for some seconds; a write under way is about to be there.
            Outcome::Conflict(None) => tokio::time::sleep(CLASH_PAUSE).await,
            Outcome::NotTaken(_) | Outcome::Unknown(_) => tokio::time::sleep(PAUSE).await,
            Outcome::Fault(why) => return Err(Error::NatsRefuses(why)),
        }
    }
    Err(Error::Busy("its stream takes no writes"))
}

/// Stamps every bucket with a definition.
///
/// # Errors
/// [`Error::Deposed`] when a bucket knows a newer one; else when not all are known to be stamped.
pub async fn stamp<S: Store>(store: &S, definition: &Definition, closed: bool) -> Result<(), Error> {
    every_bucket(store, |found| stamped(found, definition, closed)).await
}

/// Sets or clears the emergency stop of every bucket.
///
/// # Errors
/// When not all are known to have it, or not.
pub async fn stop<S: Store>(store: &S, stopped: bool) -> Result<(), Error> {
    let next = |found: &Found| (found.bucket.stopped != stopped).then(|| Bucket { stopped, ..found.bucket.clone() });
    every_bucket(store, |found| Ok(next(found))).await
}

/// Brings every bucket to what `next` says, where it says something.
async fn every_bucket<S: Store>(
    store: &S,
    next: impl Fn(&Found) -> Result<Option<Bucket>, Error> + Copy,
) -> Result<(), Error> {
    let position = store.position().await?;
    let found = observe::buckets(store, &Keys::Buckets, position, &[]).await?;
    let mut lacking = Vec::new();
    for found in found {
        if let Some(next) = next(&found)? {
            lacking.push((found, next));
        }
    }
    for batch in lacking.chunks(STAMPS_PER_BATCH_MAX) {
        let writes = batch.iter().map(|(found, next)| put(found, next)).collect();
        if let Outcome::Committed(_) = store.commit(writes).await {
            continue;
        }
        // A write keeps what it read and names the revision, so a late one is as good as an early one.
        let each = batch.iter().map(|(found, _)| one_bucket(store, &found.sku, found.index, next));
        let each: Vec<_> = each.collect();
        stream::iter(each).buffer_unordered(STAMPS_AT_ONCE).try_collect::<Vec<()>>().await?;
    }
    Ok(())
}

async fn one_bucket<S: Store>(
    store: &S,
    sku: &Sku,
    index: BucketIndex,
    next: impl Fn(&Found) -> Result<Option<Bucket>, Error>,
) -> Result<(), Error> {
    for _ in 0..TRIES_MAX {
        let found = observe::bucket(store, sku, index).await?;
        let Some(next) = next(&found)? else { return Ok(()) };
        match store.commit(vec![put(&found, &next)]).await {
            Outcome::Committed(_) => return Ok(()),
            Outcome::Conflict(Some(_)) => {}
            Outcome::Conflict(None) => tokio::time::sleep(CLASH_PAUSE).await,
            Outcome::NotTaken(_) | Outcome::Unknown(_) => tokio::time::sleep(PAUSE).await,
            Outcome::Fault(why) => return Err(Error::NatsRefuses(why)),
        }
    }
    Err(Error::Busy("a bucket could not be stamped"))
}

fn stamped(found: &Found, definition: &Definition, closed: bool) -> Result<Option<Bucket>, Error> {
    let state = bucket_state(definition, &found.sku, closed);
    match found.bucket.stamp(definition.generation, state) {
        Ok(next) => Ok(next),
        Err(Refused::Fenced(newer)) => Err(Error::Deposed(newer)),
        Err(other) => Err(Error::Unreadable(other.to_string())),
    }
}

fn put(found: &Found, next: &Bucket) -> Write {
    Write { key: found.key(), expect: Expect::At(found.revision), value: next.encode(), trace: None }
}

/// Brings items to their targets, or as close as free units allow: in one batch where nobody else writes their buckets,
/// and then item by item.
///
/// # Errors
/// As [`supply`].
pub async fn supply_all<S: Store>(store: &S, targets: &[(Sku, Target)]) -> Result<(), Error> {
    if targets.len() > 1 && supply_at_once(store, targets).await? {
        return Ok(());
    }
    for (sku, target) in targets {
        supply(store, sku, target).await?;
    }
    Ok(())
}

/// One try with all items in one batch; whether everything is as asked then.
async fn supply_at_once<S: Store>(store: &S, targets: &[(Sku, Target)]) -> Result<bool, Error> {
    let found = observe::buckets(store, &Keys::Buckets, Revision(0), &[]).await?;
    let lookups: Vec<_> = targets.iter().map(|(sku, _)| observe::newest_supply(store, sku, None)).collect();
    let newest: Vec<_> = stream::iter(lookups).buffered(LOOKUPS).try_collect().await?;
    let mut moves = Vec::new();
    for ((sku, target), newest) in targets.iter().zip(newest) {
        let buckets: Vec<_> = found.iter().filter(|found| found.sku == *sku).cloned().collect();
        if buckets.is_empty() {
            return Ok(false);
        }
        moves.extend(planned(sku, newest.as_ref(), target, &buckets)?);
    }
    if moves.len() > RECORDS_PER_BATCH_MAX {
        return Ok(false);
    }
    Ok(moves.is_empty() || write_moves(store, &moves).await?)
}

/// Writes records until an item's supply comes to the target, or as close as free units allow.
///
/// # Errors
/// [`Error::Deposed`] when a newer definition was here; else when it is not known to be done: run it again.
pub async fn supply<S: Store>(store: &S, sku: &Sku, target: &Target) -> Result<(), Error> {
    let mut known = None;
    let mut records_max = RECORDS_PER_BATCH_MAX;
    for _ in 0..TRIES_MAX {
        known = observe::newest_supply(store, sku, known).await?;
        let found =
            observe::buckets(store, &Keys::BucketsOf(sku.clone()), Revision(0), std::slice::from_ref(sku)).await?;
        let mut moves = planned(sku, known.as_ref(), target, &found)?;
        if moves.is_empty() {
            return Ok(());
        }
        moves.truncate(records_max);
        if let [single] = moves.as_mut_slice() {
            // Several in a batch are written as they were seen; a single one is read again, as late as possible.
            single.found = observe::bucket(store, sku, single.found.index).await?;
        }
        let taken = write_moves(store, &moves).await?;
        // Alone against a crowd a single record has a chance where a whole batch has none.
        records_max = if taken { RECORDS_PER_BATCH_MAX } else { 1 };
    }
    Err(Error::Busy("supply records could not be written"))
}

/// A record to write, and the bucket that it changes as it was seen.
struct Move {
    found: Found,
    step: Step,
}

/// The moves that bring an item to its target; none when it is there.
fn planned(sku: &Sku, newest: Option<&(u32, Supply)>, target: &Target, found: &[Found]) -> Result<Vec<Move>, Error> {
    let buckets: Vec<_> = found.iter().map(|found| (found.index, found.bucket.clone())).collect();
    let steps = match supply::plan(newest.map(|(number, record)| (*number, record)), target, &buckets) {
        Plan::Deposed(newer) => return Err(Error::Deposed(newer)),
        Plan::Settled { .. } => return Ok(Vec::new()),
        Plan::Write(steps) => steps,
    };
    let pair = |step: Step| {
        let found = found.iter().find(|found| found.index == step.record.bucket)?.clone();
        Some(Move { found, step })
    };
    let moves: Vec<_> = steps.into_iter().filter_map(pair).collect();
    if moves.is_empty() { Err(Error::Unreadable(format!("{sku} has no buckets"))) } else { Ok(moves) }
}

/// Writes these records with their buckets in one batch; whether they are stored.
async fn write_moves<S: Store>(store: &S, moves: &[Move]) -> Result<bool, Error> {
    let mut writes = Vec::with_capacity(moves.len() * 2);
    for Move { found, step } in moves {
        let Ok(next) = found.bucket.supply(step.record.delta) else { return Ok(false) };
        writes.push(put(found, &next));
        let key = Key::Supply(found.sku.clone(), step.number);
        writes.push(Write { key, expect: Expect::Absent, value: step.record.encode(), trace: None });
    }
    match store.commit(writes).await {
        Outcome::Committed(_) => Ok(true),
        Outcome::Conflict(Some(_)) => Ok(false),
        Outcome::Conflict(None) => {
            tokio::time::sleep(CLASH_PAUSE).await;
            Ok(false)
        }
        Outcome::NotTaken(_) => {
            tokio::time::sleep(PAUSE).await;
            Ok(false)
        }
        Outcome::Fault(why) => Err(Error::NatsRefuses(why)),
        Outcome::Unknown(_) => {
            if let Some(first) = moves.first() {
                burn(store, &first.found).await?;
            }
            Ok(false)
        }
    }
}

/// Returns once a bucket is past the revision that an attempt named: nothing can change the attempt's fate any more.
/// One of the batch is enough, as a batch is stored as a whole.
async fn burn<S: Store>(store: &S, named: &Found) -> Result<(), Error> {
    for _ in 0..TRIES_MAX {
        let now = observe::bucket(store, &named.sku, named.index).await?;
        if now.revision != named.revision {
            return Ok(());
        }
        match store.commit(vec![put(&now, &now.bucket)]).await {
            Outcome::Committed(_) | Outcome::Conflict(Some(_)) => return Ok(()),
            Outcome::Fault(why) => return Err(Error::NatsRefuses(why)),
            Outcome::Conflict(None) | Outcome::NotTaken(_) | Outcome::Unknown(_) => tokio::time::sleep(PAUSE).await,
        }
    }
    Err(Error::Busy("an unknown outcome could not be settled"))
}

#[cfg(test)]
mod tests;
