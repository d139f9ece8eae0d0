//! One item of one shard at one edge: the queue of waiting claims, and which buckets its lanes have adopted.
//!
//! **What must always hold.** A waiting claim is answered exactly once. It is sent only after its stage moved from
//! *waiting* to *sent*, and never after its caller left: so a caller that was told "busy" knows that this attempt took
//! nothing and never will. Lanes of one edge never share a bucket.
//!
//! **What it costs.** A queue operation is a lock around a deque; adopting a bucket scans the item's buckets.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use protocol::bucket::Bucket;
use protocol::order::Order;
use protocol::trace::TraceContext;
use protocol::{BucketIndex, CustomerId, Generation, OrderNumber, Revision, Sku, Units};
use runtime::clock::Instant;
use tokio::sync::{Notify, oneshot};

use super::metrics::Shed;
use super::view::Known;

/// Most claims that wait for one item at one edge: a minute's work at the slowest rate measured, beyond any deadline.
pub(super) const QUEUE_MAX: usize = 50_000;
/// How much longer than its deadline a new claim may be expected to wait before it is shed at once.
const EXPECTED_WAIT_SLACK: Duration = Duration::from_millis(50);

/// Whether a claim may still be sent, and whether it was.
#[derive(Debug, Default)]
pub(super) struct Stage(AtomicU8);

const WAITING: u8 = 0;
const SENT: u8 = 1;
const LEFT: u8 = 2;

impl Stage {
    fn step(&self, from: u8, to: u8) -> bool {
        self.0.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// The lane is about to send it; false when the caller has left.
    pub(super) fn send(&self) -> bool {
        self.step(WAITING, SENT)
    }

    /// It is certain that it was not taken: it may be sent again; false when the caller has left.
    pub(super) fn not_taken(&self) -> bool {
        self.step(SENT, WAITING)
    }

    /// The caller leaves. True when nothing of it is or will be under way; false when its outcome is open.
    pub(super) fn leave(&self) -> bool {
        // In one step: a lane may turn *sent* into *waiting* and back at any moment, and must not slip through between
        // two questions.
        self.0.swap(LEFT, Ordering::AcqRel) != SENT
    }
}

/// What a lane tells a claim.
#[derive(Debug)]
pub(super) enum Reply {
    /// Its order exists, and is this.
    Taken(Order),
    /// Another order has its number: read them, decide again.
    NumberTaken,
    /// No bucket that this edge may use has the units: look closer.
    NoUnits,
    /// Every bucket with units belongs to a newer definition, or is shut.
    Fenced,
    /// Not taken, and not worth another attempt now.
    Busy,
    /// Not taken, because nothing is taken here any more.
    Stopping,
}

/// A claim on its way.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) customer: CustomerId,
    pub(super) number: OrderNumber,
    pub(super) order: Order,
    /// When it was queued, until it is sent first.
    pub(super) since: Option<Instant>,
    /// Which trace it belongs to.
    pub(super) trace: Option<TraceContext>,
    pub(super) stage: Arc<Stage>,
    pub(super) reply: oneshot::Sender<Reply>,
}

/// A bucket that a lane has for itself, as far as this edge goes.
#[derive(Debug, Clone)]
pub(super) struct Adopted {
    pub(super) index: BucketIndex,
    pub(super) revision: Revision,
    pub(super) bucket: Bucket,
}

/// What came of looking for a bucket.
#[derive(Debug)]
pub(super) enum Adoption {
    Bucket(Adopted),
    /// Only buckets of other lanes have the units.
    AllTaken,
    /// Buckets have the units, but not for this definition.
    Fenced,
    /// No bucket has them.
    Dry,
}

/// The queue and the lanes' buckets of one item.
#[derive(Debug)]
pub(super) struct Counter {
    pub(super) sku: Sku,
    /// Buckets in the order in which this edge prefers them.
    preference: Vec<BucketIndex>,
    queue: Mutex<VecDeque<Waiting>>,
    adopted: Mutex<HashSet<BucketIndex>>,
    /// Something was queued, or a bucket became available.
    pub(super) stirred: Notify,
    pub(super) lanes: AtomicUsize,
    /// Smoothed time that a claim takes in a lane while others wait, in nanoseconds; 0 until one was measured.
    pace_ns: AtomicU64,
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Rendezvous hashing: every edge has its own order of the buckets, and adding an edge moves nobody else's.
fn preference(edge: u64, sku: &Sku, buckets: u16) -> Vec<BucketIndex> {
    let mix = |value: u64| {
        // The finaliser of SplitMix64 (Steele, Lea and Flood 2014).
        let z = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let seed = sku.as_str().bytes().fold(edge, |hash, byte| mix(hash ^ u64::from(byte)));
    let mut order: Vec<_> = (0..buckets).map(BucketIndex).collect();
    order.sort_by_key(|index| mix(seed ^ (u64::from(index.0) + 1)));
    order
}

impl Counter {
    pub(super) fn new(edge: u64, sku: Sku, buckets: u16) -> Self {
        Self {
            preference: preference(edge, &sku, buckets),
            sku,
            queue: Mutex::default(),
            adopted: Mutex::default(),
            stirred: Notify::new(),
            lanes: AtomicUsize::new(0),
            pace_ns: AtomicU64::new(0),
        }
    }

    /// Queues a claim, unless it could not be served within its budget.
    pub(super) fn enqueue(&self, waiting: Waiting, budget: Duration) -> Result<usize, Shed> {
        let mut queue = locked(&self.queue);
        let pace = Duration::from_nanos(self.pace_ns.load(Ordering::Relaxed));
        let expected = pace.saturating_mul(u32::try_from(queue.len()).unwrap_or(u32::MAX));
        if queue.len() >= QUEUE_MAX {
            return Err(Shed::Full);
        }
        if expected > budget + EXPECTED_WAIT_SLACK {
            return Err(Shed::Slow);
        }
        queue.push_back(waiting);
        let length = queue.len();
        drop(queue);
        self.stirred.notify_one();
        Ok(length)
    }

    /// Puts claims that were certainly not taken back to the front, in their order; those whose caller left are gone.
    pub(super) fn requeue(&self, group: Vec<Waiting>) {
        let mut queue = locked(&self.queue);
        for waiting in group.into_iter().rev() {
            if waiting.stage.not_taken() {
                queue.push_front(waiting);
            }
        }
        drop(queue);
        self.stirred.notify_one();
    }

    /// Keeps those of a group that was certainly not taken whose caller is still there, marked as sent again.
    pub(super) fn resend(group: &mut Vec<Waiting>) {
        group.retain(|waiting| waiting.stage.not_taken() && waiting.stage.send());
    }

    /// How many claims wait.
    pub(super) fn waiting(&self) -> usize {
        locked(&self.queue).len()
    }

    /// Takes the claims of the next batch, first come first served: at most `count`, together at most `free` units, at
    /// most one per customer. Each is marked as sent; those whose caller left are dropped.
    pub(super) fn take(&self, count: usize, free: Units) -> Vec<Waiting> {
        let mut queue = locked(&self.queue);
        let mut group: Vec<Waiting> = Vec::with_capacity(count.min(queue.len()));
        let mut left = free.0;
        let mut passed_over = VecDeque::new();
        while group.len() < count && left > 0 {
            let Some(waiting) = queue.pop_front() else { break };
            let quantity = waiting.order.quantity.0;
            if quantity > left || group.iter().any(|other| other.customer == waiting.customer) {
                passed_over.push_back(waiting);
            } else if waiting.stage.send() {
                left -= quantity;
                group.push(waiting);
            }
        }
        while let Some(waiting) = passed_over.pop_back() {
            queue.push_front(waiting);
        }
        group
    }

    /// The fewest units that a waiting claim asks for, of those whose caller is still there.
    pub(super) fn smallest(&self) -> Option<Units> {
        let mut queue = locked(&self.queue);
        queue.retain(|waiting| !waiting.reply.is_closed());
        queue.iter().map(|waiting| waiting.order.quantity).min()
    }

    /// Answers every waiting claim of at least `units`.
    pub(super) fn turn_away(&self, units: Units, reply: impl Fn() -> Reply) {
        let mut queue = locked(&self.queue);
        let (away, stay) = queue.drain(..).partition(|waiting: &Waiting| waiting.order.quantity >= units);
        *queue = stay;
        drop(queue);
        let away: VecDeque<Waiting> = away;
        for waiting in away {
            // A closed receiver means that the caller left: there is nobody to tell.
            drop(waiting.reply.send(reply()));
        }
    }

    /// Adopts a bucket with at least `units` for a lane, in this edge's order of preference, other than `avoid` where
    /// there is a choice.
    pub(super) fn adopt(
        &self,
        known: &[Known],
        units: Units,
        definition: Generation,
        avoid: Option<BucketIndex>,
    ) -> Adoption {
        let mut adopted = locked(&self.adopted);
        let mut otherwise = Adoption::Dry;
        let mut avoided = None;
        for index in &self.preference {
            let Some(known) = known.iter().find(|k| k.index == *index && k.bucket.free >= units) else { continue };
            if !known.bucket.serves(definition) {
                otherwise = if matches!(otherwise, Adoption::AllTaken) { otherwise } else { Adoption::Fenced };
            } else if adopted.contains(index) {
                otherwise = Adoption::AllTaken;
            } else if avoid == Some(*index) {
                avoided = Some(known);
            } else {
                adopted.insert(*index);
                return Adoption::Bucket(known.adopted());
            }
        }
        if let Some(known) = avoided {
            adopted.insert(known.index);
            return Adoption::Bucket(known.adopted());
        }
        otherwise
    }

    /// Lets other lanes have the bucket.
    pub(super) fn release(&self, index: BucketIndex) {
        locked(&self.adopted).remove(&index);
        self.stirred.notify_one();
    }

    /// Notes how long a batch of `claims` took. One that left nobody waiting was as small as the demand, and says nothing of
    /// how long a queue would take, unless that it would be less than was thought. One slow batch alone turns few away.
    pub(super) fn paced(&self, took: Duration, claims: usize, others_wait: bool) {
        let lanes = self.lanes.load(Ordering::Relaxed).max(1);
        let sample = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX) / (claims.max(1) * lanes) as u64;
        let before = self.pace_ns.load(Ordering::Relaxed);
        if others_wait || sample < before {
            self.pace_ns.store(before - before / 8 + sample / 8, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests;
