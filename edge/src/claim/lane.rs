//! A lane: adopts a bucket, takes whatever waits, commits it as one batch, answers all of it, and again.
//!
//! **What it is for.** Group commit (flat combining; Hendler et al. 2010): a batch of k claims costs the stream about
//! as much as one. No timer fills a batch: with nothing in flight a claim goes at once, and while one batch commits the
//! next one gathers.
//!
//! **What must always hold.** One batch in flight per bucket. A claim is requeued only after a definite no. A batch of
//! unknown outcome is settled before its bucket is used again by this edge, and before any of its claims is sent again.
//!
//! **What it costs.** Per batch: one round trip, k + 1 messages. A lane that has nothing to do ends; the next claim
//! starts another.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use protocol::bucket::Bucket;
use protocol::key::{Key, Keys};
use protocol::order::held_until;
use protocol::sale::Gate;
use protocol::store::{Committed, Expect, Outcome, Store, Write};
use protocol::wire::Value;
use protocol::{BucketIndex, Revision, Units};

use super::counter::{Adopted, Adoption, Counter, Reply, Waiting};
use super::desk::Desk;
use super::settle;
use super::traced::Traced;

/// Pause before a definite, passing no is tried again; doubled each time, jittered.
const BACKOFF_FIRST: Duration = Duration::from_millis(5);
/// Longest such pause: a stream without a leader is back within seconds and must be noticed soon.
const BACKOFF_MAX: Duration = Duration::from_millis(250);
/// Longest pause after a conflict: a few round trips, so that two edges do not meet again.
const CONFLICT_PAUSE_MAX: Duration = Duration::from_millis(4);
/// How long a lane waits for a bucket that a sibling has, before it looks again.
const SIBLING_WAIT: Duration = Duration::from_millis(5);
/// Failures of a group in a row after which its claims go one by one, so that one of them cannot starve the others.
const GROUP_FAILURES_MAX: u32 = 2;

struct Lane<S> {
    desk: Arc<Desk<S>>,
    counter: Arc<Counter>,
    adopted: Option<Adopted>,
    avoid: Option<BucketIndex>,
    failures: u32,
    /// Claims to send one by one before batches are tried again.
    singles: usize,
    backoff: Duration,
}

/// Works on a counter until nothing waits there.
pub(super) async fn run<S: Store>(desk: Arc<Desk<S>>, counter: Arc<Counter>) {
    let mut lane = Lane { desk, counter, adopted: None, avoid: None, failures: 0, singles: 0, backoff: BACKOFF_FIRST };
    let stop = lane.desk.stop.clone();
    // Waiting for the first sight of the buckets; every claim has its own deadline meanwhile.
    tokio::select! {
        () = lane.desk.view.ready() => {}
        () = stop.cancelled() => {}
    }
    loop {
        // What is readable already joins this batch instead of the next.
        tokio::task::yield_now().await;
        if stop.is_cancelled() {
            lane.counter.turn_away(Units::ZERO, || Reply::Stopping);
        }
        let Some(smallest) = lane.counter.smallest() else {
            lane.give_up_bucket();
            lane.counter.lanes.fetch_sub(1, Ordering::AcqRel);
            // A claim queued just before the count fell saw a lane: it would wait for the next claim to start one.
            let revive = lane.counter.waiting() > 0
                && lane.counter.lanes.compare_exchange(0, 1, Ordering::AcqRel, Ordering::Acquire).is_ok();
            if revive {
                continue;
            }
            return;
        };
        lane.step(smallest).await;
    }
}

impl<S: Store> Lane<S> {
    async fn step(&mut self, smallest: Units) {
        let definition = self.desk.definition();
        if definition.gate(self.desk.floor.clock.now()) != Gate::Open {
            // It was open when these claims came: they look again at what it is now.
            return self.counter.turn_away(Units::ZERO, || Reply::Fenced);
        }
        let generation = definition.generation;
        let usable = |adopted: &Adopted| adopted.bucket.free >= smallest && adopted.bucket.serves(generation);
        let adopted = match self.adopted.take() {
            Some(adopted) if usable(&adopted) => adopted,
            other => {
                self.adopted = other;
                self.give_up_bucket();
                let known = self.desk.view.buckets(&self.counter.sku);
                match self.counter.adopt(&known, smallest, generation, self.avoid.take()) {
                    Adoption::Bucket(adopted) => adopted,
                    Adoption::AllTaken => {
                        drop(tokio::time::timeout(SIBLING_WAIT, self.counter.stirred.notified()).await);
                        return;
                    }
                    Adoption::Fenced => return self.counter.turn_away(smallest, || Reply::Fenced),
                    Adoption::Dry => return self.counter.turn_away(smallest, || Reply::NoUnits),
                }
            }
        };
        let count = if self.singles > 0 { 1 } else { self.desk.shape.claims_max };
        let mut group = self.counter.take(count, adopted.bucket.free);
        if group.is_empty() {
            self.adopted = Some(adopted);
            return;
        }
        if definition.holds() {
            // From now and not from when they came: the wait for a stream without a leader is not taken off the hold.
            let until = held_until(self.desk.floor.clock.now(), definition.hold_seconds);
            group.iter_mut().for_each(|waiting| waiting.order.expires_at = Some(until));
        }
        let now = self.desk.floor.clock.monotonic();
        for queued in group.iter_mut().filter_map(|waiting| waiting.since.take()) {
            self.desk.floor.metrics.queue_seconds.observe(now.saturating_duration_since(queued).as_secs_f64());
        }
        self.singles = self.singles.saturating_sub(1);
        self.send(adopted, group, generation).await;
    }

    fn give_up_bucket(&mut self) {
        if let Some(adopted) = self.adopted.take() {
            self.counter.release(adopted.index);
        }
    }

    async fn send(&mut self, adopted: Adopted, mut group: Vec<Waiting>, generation: protocol::Generation) {
        loop {
            let units = Units(group.iter().fold(0, |sum, w| sum.saturating_add(w.order.quantity.0)));
            let Ok(next) = adopted.bucket.claim(units, generation) else {
                // Taken together they do not fit; cannot happen while `take` counts as `claim` does.
                self.adopted = Some(adopted);
                return self.counter.requeue(group);
            };
            let others_wait = self.counter.waiting() > 0;
            let began = self.desk.floor.clock.monotonic();
            let traced = Traced::of(&self.desk.floor.tracer, &group);
            let outcome = self.desk.store.commit(batch(&self.counter, &adopted, &next, &group, &traced)).await;
            let took = self.desk.floor.clock.monotonic().saturating_duration_since(began);
            self.desk.floor.metrics.batch(&outcome, took, group.len());
            traced.tell(&self.desk.floor, &outcome, took, group.len());
            match outcome {
                Outcome::Committed(committed) => {
                    self.counter.paced(took, group.len(), others_wait);
                    return self.committed(&adopted, next, committed, group);
                }
                Outcome::Conflict(at) => match self.conflict(&adopted, at, group).await {
                    Some(rest) if !rest.is_empty() => group = rest,
                    Some(_) => return self.adopted = Some(adopted),
                    None => return,
                },
                Outcome::NotTaken(why) => return self.not_taken(adopted, group, &why).await,
                Outcome::Fault(why) => {
                    tracing::error!(sku = %self.counter.sku, error = %why, "the stream refuses our batches");
                    self.counter.release(adopted.index);
                    for waiting in group {
                        drop(waiting.reply.send(Reply::Busy));
                    }
                    return;
                }
                Outcome::Unknown(why) => {
                    tracing::warn!(sku = %self.counter.sku, bucket = %adopted.index, claims = group.len(), %why,
                        "a batch of unknown outcome is being settled");
                    // Settling may take as long as a leader election; the other buckets go on meanwhile.
                    let settling = settle::run(Arc::clone(&self.desk), Arc::clone(&self.counter), adopted, group);
                    self.desk.floor.tasks.spawn(settling);
                    return;
                }
            }
        }
    }

    fn committed(&mut self, adopted: &Adopted, next: Bucket, committed: Committed, group: Vec<Waiting>) {
        let revision = committed.revision(0);
        self.desk.view.learn(&self.counter.sku, adopted.index, revision, &next);
        for Waiting { reply, order, .. } in group {
            drop(reply.send(Reply::Taken(order)));
        }
        self.adopted = Some(Adopted { index: adopted.index, revision, bucket: next });
        self.failures = 0;
        self.backoff = BACKOFF_FIRST;
    }

    async fn not_taken(&mut self, adopted: Adopted, group: Vec<Waiting>, why: &str) {
        tracing::debug!(sku = %self.counter.sku, %why, "a batch was not taken; trying again");
        self.counter.requeue(group);
        self.adopted = Some(adopted);
        tokio::time::sleep(jittered(self.backoff)).await;
        self.backoff = (self.backoff * 2).min(BACKOFF_MAX);
    }

    /// After a definite no because a condition failed: finds out which. Returns the claims to send again at once with
    /// the same bucket, or `None` when the bucket is another one now and everything was requeued.
    async fn conflict(
        &mut self,
        adopted: &Adopted,
        at: Option<Revision>,
        mut group: Vec<Waiting>,
    ) -> Option<Vec<Waiting>> {
        self.failures += 1;
        if let Some(at) = at
            && let Ok(Some(entry)) = self.desk.store.read_at(at).await
            && let Some(Key::Order(customer, number)) = entry.key
            && let Some(position) = group.iter().position(|w| w.customer == customer && w.number == number)
        {
            // One claim's number is taken. It decides again, the rest go at once: the bucket is as it was.
            let taken = group.remove(position);
            drop(taken.reply.send(Reply::NumberTaken));
            self.drop_taken(&mut group).await;
            Counter::resend(&mut group);
            return Some(group);
        }
        // The bucket moved, or a write to something of ours is in flight, or what failed is superseded already.
        if self.failures >= GROUP_FAILURES_MAX && group.len() > 1 {
            self.singles = group.len();
            self.failures = 0;
        }
        let alone = group.len() == 1;
        if at.is_none() {
            tokio::time::sleep(jittered(CONFLICT_PAUSE_MAX)).await;
        }
        let moved = settle::read_bucket(&*self.desk, &self.counter.sku, adopted.index).await;
        match moved {
            Ok(Some(now)) if now.revision == adopted.revision && alone => {
                // Nothing happened to the bucket, so it is the one claim's number.
                for waiting in group {
                    drop(waiting.reply.send(Reply::NumberTaken));
                }
                self.adopted = Some(now);
            }
            Ok(now) => {
                self.avoid =
                    Some(adopted.index).filter(|_| now.as_ref().is_none_or(|n| n.revision != adopted.revision));
                self.counter.requeue(group);
                self.counter.release(adopted.index);
            }
            Err(error) => {
                tracing::debug!(%error, "a bucket cannot be read after a conflict");
                self.counter.requeue(group);
                self.counter.release(adopted.index);
                tokio::time::sleep(jittered(self.backoff)).await;
                self.backoff = (self.backoff * 2).min(BACKOFF_MAX);
            }
        }
        None
    }
}

impl<S: Store> Lane<S> {
    /// Finds the other claims of a group whose numbers are taken, in one look. Shoppers who send twice do so to two edges
    /// at once, so where one number is taken many are, and each would cost the group another batch. Orders are never
    /// deleted: what a replica shows is there, and what it does not show yet only costs that batch.
    async fn drop_taken(&self, group: &mut Vec<Waiting>) {
        if group.len() < 2 {
            return;
        }
        let keys: Vec<Keys> = group.iter().map(|w| Keys::One(Key::Order(w.customer, w.number))).collect();
        let Ok(snapshot) = self.desk.store.snapshot(&keys).await else { return };
        for entry in snapshot.entries {
            let Some(Key::Order(customer, number)) = entry.key else { continue };
            if let Some(position) = group.iter().position(|w| w.customer == customer && w.number == number) {
                drop(group.remove(position).reply.send(Reply::NumberTaken));
            }
        }
    }
}

/// The bucket first: when its condition and an order's both fail, it is the bucket that gets reported.
fn batch(counter: &Counter, adopted: &Adopted, next: &Bucket, group: &[Waiting], traced: &Traced) -> Vec<Write> {
    let bucket = Write {
        key: Key::Bucket(counter.sku.clone(), adopted.index),
        expect: Expect::At(adopted.revision),
        value: next.encode(),
        trace: None,
    };
    let orders = group.iter().enumerate().map(|(position, waiting)| Write {
        key: Key::Order(waiting.customer, waiting.number),
        expect: Expect::Absent,
        value: waiting.order.encode(),
        trace: traced.context(position),
    });
    std::iter::once(bucket).chain(orders).collect()
}

/// Between half and all of it.
pub(super) fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(0.5 + rand::random::<f64>() / 2.0)
}
