//! What this edge knows of a shard's stock, and up to which position.
//!
//! **What it is for.** Lanes pick buckets by it, shoppers see the stock of it, and every refusal is read from it.
//!
//! **What must always hold.** A bucket is only ever replaced by a newer revision. Once *thorough*, the view holds every
//! bucket and every customer with an order up to [`View::reached`]: a refusal at a position that the leader named after
//! the request arrived is then true of a moment after the request.
//!
//! **What it costs.** While there is plenty, only `bucket.>` is followed: one small message per batch of anybody. The
//! first refusal makes it follow the whole stream from its start, orders included, 8 bytes kept per customer, and a
//! [`tally`](super::tally) where orders wait for a payment.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use protocol::bucket::Bucket;
use protocol::key::{Key, Keys};
use protocol::order::Order;
use protocol::store::{Entry, Feed, From, Store, Unavailable};
use protocol::supply::Supply;
use protocol::wire::Value;
use protocol::{BucketIndex, CustomerId, Generation, Revision, Sku, Units};
use runtime::clock::Clock;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::counter::Adopted;
use super::skew::Skew;
use super::tally::{Count, Held, Tally};

/// Pause before a broken feed is started again.
const REFOLLOW_AFTER: Duration = Duration::from_millis(200);

/// A bucket as last seen.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) index: BucketIndex,
    pub(super) revision: Revision,
    pub(super) bucket: Bucket,
}

impl Known {
    pub(super) fn adopted(&self) -> Adopted {
        Adopted { index: self.index, revision: self.revision, bucket: self.bucket.clone() }
    }
}

/// Hashes that are uniform already need no hashing.
#[derive(Default)]
struct Uniform(u64);

impl Hasher for Uniform {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

type Customers = HashSet<u64, BuildHasherDefault<Uniform>>;

/// The view of one shard.
pub(super) struct View {
    buckets: RwLock<HashMap<Sku, Vec<Known>>>,
    customers: RwLock<Customers>,
    /// Only in sales with payment. Fed by the log alone, while buckets are also learnt from lanes.
    tally: Option<RwLock<Tally>>,
    /// What was taken in of the whole log is everything as it was at some position.
    complete: AtomicBool,
    /// Every bucket that existed when the view began is known.
    ready: watch::Sender<bool>,
    /// The position up to which a thorough view is complete; 0 while it is not thorough.
    reached: watch::Sender<Revision>,
    thorough: AtomicBool,
    wanted: Notify,
    pub(super) skew: Skew,
    /// The stock changed.
    pub(super) changed: watch::Sender<u64>,
}

impl View {
    /// A view that knows nothing yet; with `holds`, of a sale in which orders wait for a payment.
    pub(super) fn new(holds: bool) -> Self {
        Self {
            buckets: RwLock::default(),
            customers: RwLock::default(),
            tally: holds.then(RwLock::default),
            complete: AtomicBool::new(false),
            ready: watch::Sender::new(false),
            reached: watch::Sender::new(Revision(0)),
            thorough: AtomicBool::new(false),
            wanted: Notify::new(),
            skew: Skew::default(),
            changed: watch::Sender::new(0),
        }
    }

    /// Waits until every bucket is known.
    pub(super) async fn ready(&self) {
        // The sender is part of self, so waiting cannot fail.
        drop(self.ready.subscribe().wait_for(|ready| *ready).await);
    }

    /// Whether every bucket is known.
    pub(super) fn is_ready(&self) -> bool {
        *self.ready.borrow()
    }

    /// Waits until the view is thorough and complete up to this position; makes it so.
    pub(super) async fn reached(&self, position: Revision) {
        self.become_thorough();
        drop(self.reached.subscribe().wait_for(|reached| *reached >= position).await);
    }

    fn become_thorough(&self) {
        if !self.thorough.swap(true, Ordering::AcqRel) {
            self.wanted.notify_one();
        }
    }

    /// Whether this customer has an order, as of [`reached`](Self::reached). A hash may lie, then an order is looked for
    /// in vain; it never misses one.
    pub(super) fn has_orders(&self, customer: &CustomerId) -> bool {
        self.customers.read().unwrap_or_else(PoisonError::into_inner).contains(&customer.hash64())
    }

    /// Where the units of an item are, at a position at least as new as what was [`reached`](Self::reached); waits for one
    /// that is no middle of a batch. Only in sales with payment.
    pub(super) async fn count(&self, sku: &Sku) -> Option<Count> {
        let mut moves = self.reached.subscribe();
        loop {
            moves.mark_unchanged();
            if let Some(count) = self.counted(sku) {
                return Some(count);
            }
            moves.changed().await.ok()?;
        }
    }

    fn counted(&self, sku: &Sku) -> Option<Count> {
        let tally = self.tally.as_ref()?.read().unwrap_or_else(PoisonError::into_inner);
        // Under the lock, so that both are of one position.
        if self.complete.load(Ordering::Acquire) { tally.count(sku) } else { None }
    }

    /// What is on hold of an item, as last seen, to be shown and to decide nothing: it may be of the middle of a batch. `None`
    /// where nothing is ever held, and until every order was read, which this begins.
    pub(super) fn held(&self, sku: &Sku) -> Option<Held> {
        let tally = self.tally.as_ref()?;
        self.become_thorough();
        let tally = tally.read().unwrap_or_else(PoisonError::into_inner);
        // Once everything was read, what is being caught up with is no reason to know nothing.
        (self.reached.borrow().0 > 0).then(|| tally.held(sku))
    }

    /// The buckets of an item as last seen.
    pub(super) fn buckets(&self, sku: &Sku) -> Vec<Known> {
        let buckets = self.buckets.read().unwrap_or_else(PoisonError::into_inner);
        buckets.get(sku).cloned().unwrap_or_default()
    }

    /// Units in the buckets of an item as last seen.
    pub(super) fn free(&self, sku: &Sku) -> Units {
        let buckets = self.buckets.read().unwrap_or_else(PoisonError::into_inner);
        let known = buckets.get(sku).map(Vec::as_slice).unwrap_or_default();
        Units(known.iter().fold(0, |sum, k| sum.saturating_add(k.bucket.free.0)))
    }

    /// Whether every known bucket of the shard satisfies this.
    pub(super) fn every_bucket(&self, satisfies: impl Fn(&Bucket) -> bool) -> bool {
        let buckets = self.buckets.read().unwrap_or_else(PoisonError::into_inner);
        buckets.values().flatten().all(|known| satisfies(&known.bucket))
    }

    /// The newest definition that a known bucket was stamped with.
    pub(super) fn newest_generation(&self) -> Generation {
        let buckets = self.buckets.read().unwrap_or_else(PoisonError::into_inner);
        buckets.values().flatten().map(|known| known.bucket.generation).max().unwrap_or_default()
    }

    /// Every known bucket of the shard.
    pub(super) fn all(&self) -> Vec<(Sku, Known)> {
        let buckets = self.buckets.read().unwrap_or_else(PoisonError::into_inner);
        buckets.iter().flat_map(|(sku, known)| known.iter().map(|k| (sku.clone(), k.clone()))).collect()
    }

    /// Notes a newer value of a bucket, from the feed or from a lane that just wrote or read it.
    pub(super) fn learn(&self, sku: &Sku, index: BucketIndex, revision: Revision, bucket: &Bucket) {
        let mut buckets = self.buckets.write().unwrap_or_else(PoisonError::into_inner);
        let of_item = buckets.entry(sku.clone()).or_default();
        match of_item.iter_mut().find(|known| known.index == index) {
            Some(known) if known.revision >= revision => return,
            Some(known) => (known.revision, known.bucket) = (revision, bucket.clone()),
            None => of_item.push(Known { index, revision, bucket: bucket.clone() }),
        }
        drop(buckets);
        self.changed.send_modify(|version| *version += 1);
    }

    fn take_in(&self, entry: &Entry) {
        match &entry.key {
            Some(Key::Bucket(sku, index)) => match Bucket::decode(&entry.value) {
                Ok(bucket) => self.learn(sku, *index, entry.revision, &bucket),
                Err(error) => tracing::error!(bucket = %index, sku = %sku, %error, "a bucket cannot be read"),
            },
            Some(Key::Order(customer, _)) => {
                let mut customers = self.customers.write().unwrap_or_else(PoisonError::into_inner);
                customers.insert(customer.hash64());
            }
            _ => {}
        }
    }

    /// Counts an entry of the whole log.
    fn tally(&self, entry: &Entry, complete: bool) {
        let Some(tally) = &self.tally else { return };
        let mut tally = tally.write().unwrap_or_else(PoisonError::into_inner);
        let held = tally.held_orders();
        let counted = match &entry.key {
            Some(Key::Bucket(sku, index)) => Bucket::decode(&entry.value).map(|b| tally.bucket(sku, *index, &b)),
            Some(Key::Supply(sku, _)) => Supply::decode(&entry.value).map(|supply| tally.supply(sku, &supply)),
            Some(Key::Order(customer, number)) => {
                Order::decode(&entry.value).map(|order| tally.order(customer, *number, &order))
            }
            Some(Key::Meta) | None => Ok(()),
        };
        let other = tally.held_orders() != held;
        self.complete.store(complete, Ordering::Release);
        drop(tally);
        // Of an order that ends a hold no bucket tells: paid, it is sold.
        if other {
            self.changed.send_modify(|version| *version += 1);
        }
        if let Err(error) = counted {
            tracing::error!(at = entry.revision.0, %error, "a value cannot be read");
        }
    }

    /// Keeps the view true until cancelled.
    pub(super) async fn follow<S: Store>(&self, store: &S, clock: &Clock, stop: &CancellationToken) {
        let light = self.follow_buckets(store, clock, stop);
        let thorough = async {
            self.wanted.notified().await;
            self.follow_all(store, clock, stop).await;
        };
        // The light feed goes on beside the thorough one: it is what the lanes see while that one catches up.
        tokio::join!(light, async {
            tokio::select! {
                () = thorough => {}
                () = stop.cancelled() => {}
            }
        });
    }

    async fn follow_buckets<S: Store>(&self, store: &S, clock: &Clock, stop: &CancellationToken) {
        let caught_up = || {
            self.ready.send_if_modified(|ready| !std::mem::replace(ready, true));
        };
        let until_thorough = async {
            drop(self.reached.subscribe().wait_for(|reached| reached.0 > 0).await);
        };
        tokio::select! {
            () = follow(store, &Keys::Buckets, |entry| {
                self.take_in(entry);
                if self.is_ready() {
                    self.skew.observe(entry.time, clock.now(), clock.monotonic());
                } else if entry.pending == 0 {
                    caught_up();
                }
            }) => {}
            () = until_thorough => caught_up(),
            () = stop.cancelled() => {}
        }
    }

    async fn follow_all<S: Store>(&self, store: &S, clock: &Clock, stop: &CancellationToken) {
        let mut complete = Completeness::default();
        let mut caught_up = false;
        let all = follow(store, &Keys::All, |entry| {
            self.take_in(entry);
            if caught_up {
                self.skew.observe(entry.time, clock.now(), clock.monotonic());
            }
            caught_up |= entry.pending == 0;
            let whole = complete.after(entry.revision, entry.pending);
            self.tally(entry, whole);
            if whole {
                self.reached.send_replace(entry.revision);
            }
        });
        tokio::select! {
            () = all => {}
            () = stop.cancelled() => {}
        }
    }
}

/// Whether what was taken in of a whole stream, in order, is everything as it was at a position.
///
/// A reader who lags is not given what was superseded meanwhile. The old value of that key is then known, the newest one
/// is still to come, and what is known is true of no moment at all: a bucket may look empty that was filled before the
/// position and claimed from after it. So after a gap everything that was stored by then is waited for.
#[derive(Debug, Default)]
struct Completeness {
    last: u64,
    /// How many more must be taken in.
    owed: u64,
}

impl Completeness {
    /// Whether it is, after this value of which `pending` more were stored when it was sent.
    fn after(&mut self, at: Revision, pending: u64) -> bool {
        let gap = at.0 != self.last + 1;
        self.last = at.0;
        self.owed = self.owed.saturating_sub(1);
        if gap {
            self.owed = self.owed.max(pending);
        }
        self.owed == 0
    }
}

/// Follows for ever, from the last position whenever the feed breaks.
async fn follow<S: Store>(store: &S, keys: &Keys, mut each: impl FnMut(&Entry)) {
    let mut after = Revision(0);
    let mut interrupted = false;
    loop {
        let lost: Unavailable = match store.follow(keys, From::After(after)).await {
            Ok(mut feed) => loop {
                match feed.next().await {
                    Ok(entry) => {
                        after = entry.revision;
                        interrupted = false;
                        each(&entry);
                    }
                    Err(lost) => break lost,
                }
            },
            Err(lost) => lost,
        };
        if !std::mem::replace(&mut interrupted, true) {
            tracing::warn!(%keys, error = %lost, "following a shard is interrupted; trying again");
        }
        tokio::time::sleep(REFOLLOW_AFTER).await;
    }
}

#[cfg(test)]
mod tests;
