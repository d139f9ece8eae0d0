//! Whoever fulfils orders is told of every order that is sold, and of every sold one that is taken back.
//!
//! **What it is for.** The follower notes in its own transaction which orders have to be told of ([`crate::repo::outbox`]).
//! Here replicas with the role take what is due, sign it, and send it, until it is taken.
//!
//! **What must always hold.** Every order is told of at least once, and last in its last state: a delivery ends only when
//! the receiver took it, and what is sent is read after the order was taken in hand. Two replicas never tell of the same
//! order at the same time. A replica that is killed between any two lines leaves a lease that ends, and a message that was
//! perhaps taken and is sent again under the same id. One that lives keeps an answer until it is written down, for as
//! long as its lease lasts: thrown away, it would have to be asked for again.
//!
//! **What it costs.** A small statement every [`LOOK_EVERY`] while there is nothing to tell; two per message otherwise.
//!
//! **What is deliberately absent.** Giving up, and a queue in memory: what is not in the hands of a try is in Postgres.
//! Order among different orders: a receiver must not lean on it.

pub mod message;
pub mod metrics;
pub mod outage;
pub mod receiver;

use std::sync::Arc;
use std::time::Duration;

use runtime::backoff::Backoff;
use runtime::clock::{Clock, Instant};
use runtime::readiness::Part;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::repo::outbox::{Delivery, Ended};
use crate::repo::{Error, Repo};
use message::Message;
use metrics::WebhookMetrics;
use outage::Outage;
use receiver::{ANSWER_WITHIN, Answer, Receiver};

/// Between two looks for what is due.
pub const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How long a delivery belongs to one replica: longer than a receiver may take, so that only a dead one loses it.
const LEASE: Duration = Duration::from_secs(ANSWER_WITHIN.as_secs() * 2);
/// How old a lease may be when it is last tried to write down how its try ended: that takes a few seconds more, and a process
/// that is asked to stop has 25.
const WRITTEN_WITHIN: Duration = Duration::from_secs(LEASE.as_secs() - 2);
/// Between two tries to write it down.
const WRITE_AGAIN: Backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(1));
/// Between two tries of the same order.
const RETRY: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(600));
/// Between two counts of what is not told yet.
const MEASURE_EVERY: Duration = Duration::from_secs(2);
/// The try after which an order that others do not share their fate with is named in the log, once.
const NAMED_AT: i32 = 10;

/// What a replica has orders in hand with.
#[derive(Clone, Copy)]
struct Lease {
    id: Uuid,
    /// No later than Postgres began to count it.
    began: Instant,
}

/// A try that has ended.
struct Tried {
    began: Instant,
    answer: Answer,
}

/// Tells whoever fulfils orders.
pub struct Webhook {
    repo: Repo,
    receiver: Arc<Receiver>,
    concurrency: usize,
    clock: Clock,
    metrics: WebhookMetrics,
    part: Part,
}

impl Webhook {
    /// Nothing is under way yet. `concurrency` is how many tries there are at once.
    #[must_use]
    pub fn new(
        repo: Repo,
        receiver: Receiver,
        concurrency: usize,
        clock: Clock,
        metrics: WebhookMetrics,
        part: Part,
    ) -> Self {
        Self { repo, receiver: Arc::new(receiver), concurrency: concurrency.max(1), clock, metrics, part }
    }

    /// Tells until it is asked to stop; then it waits for what is under way.
    ///
    /// # Errors
    /// When a try panicked.
    pub async fn run(self, stopping: CancellationToken) -> anyhow::Result<()> {
        self.part.set_ok();
        let mut under_way: JoinSet<Tried> = JoinSet::new();
        let mut outage = Outage::default();
        let (mut look_at, mut measure_at) = (self.clock.monotonic(), self.clock.monotonic());
        loop {
            let free = free(self.concurrency, under_way.len(), outage.is_on());
            tokio::select! {
                biased;
                () = stopping.cancelled() => break,
                Some(tried) = under_way.join_next() => {
                    if let Some(pause) = self.answered(&tried?, &mut outage) {
                        look_at = look_at.max(self.clock.monotonic() + pause);
                    }
                }
                () = tokio::time::sleep_until(look_at), if free > 0 => {
                    look_at = self.look(free, &mut under_way).await;
                }
                () = tokio::time::sleep_until(measure_at) => {
                    self.measure().await;
                    measure_at = self.clock.monotonic() + MEASURE_EVERY;
                }
            }
        }
        while let Some(tried) = under_way.join_next().await {
            tried?;
        }
        self.repo.close().await;
        Ok(())
    }

    /// Begins what is due; when to look again.
    async fn look(&self, free: usize, under_way: &mut JoinSet<Tried>) -> Instant {
        let lease = Lease { id: Uuid::new_v4(), began: self.clock.monotonic() };
        let most = i64::try_from(free).unwrap_or(i64::MAX);
        let due = match self.repo.begin_deliveries(lease.id, LEASE.as_secs_f64(), most).await {
            Ok(due) => due,
            Err(error) => {
                // The part `postgres` says so to whoever is on call.
                tracing::debug!(%error, "what is due cannot be looked for");
                Vec::new()
            }
        };
        let full = due.len() == free;
        for delivery in due {
            let (repo, receiver) = (self.repo.clone(), Arc::clone(&self.receiver));
            let (clock, metrics) = (self.clock.clone(), self.metrics.clone());
            under_way.spawn(async move { deliver(&repo, &receiver, &clock, &metrics, lease, delivery).await });
        }
        self.clock.monotonic() + if full { Duration::ZERO } else { LOOK_EVERY }
    }

    /// Notes how a try ended; how long to leave the receiver alone, if it takes nothing.
    fn answered(&self, tried: &Tried, outage: &mut Outage) -> Option<Duration> {
        match tried.answer.failure() {
            None => {
                if outage.over() {
                    self.part.set_ok();
                }
                None
            }
            Some(why) => {
                if outage.failed(tried.began, self.clock.monotonic(), &why) {
                    self.part.set_failed(format!("orders are not told of, they wait: {why}"));
                }
                outage.pause()
            }
        }
    }

    async fn measure(&self) {
        match self.repo.backlog().await {
            Ok(backlog) => {
                self.metrics.backlog.set(backlog.orders);
                self.metrics.oldest_seconds.set(backlog.oldest_seconds);
            }
            Err(error) => tracing::debug!(%error, "what is not told yet cannot be counted"),
        }
    }
}

/// How many tries may begin now. A few at a time, so that a fast receiver costs a statement for several; one while
/// nothing is taken, to find out when that is over.
fn free(concurrency: usize, under_way: usize, out: bool) -> usize {
    if out {
        return usize::from(under_way == 0);
    }
    let free = concurrency.saturating_sub(under_way);
    if free >= concurrency.div_ceil(4) { free } else { 0 }
}

/// One try, and how it ended written down.
async fn deliver(
    repo: &Repo,
    receiver: &Receiver,
    clock: &Clock,
    metrics: &WebhookMetrics,
    lease: Lease,
    delivery: Delivery,
) -> Tried {
    let answer = match Message::of(&delivery) {
        Ok(message) => receiver.send(&message, clock.now()).await,
        Err(error) => Answer::Unsent(error.to_string()),
    };
    metrics.deliveries[answer.outcome()].inc();
    let order = delivery.line.order.id;
    let ended = match &answer {
        Answer::Taken => Ended::Taken,
        Answer::Gone => {
            tracing::info!(%order, "the receiver wants to hear nothing more of order {order} (410)");
            Ended::Gone
        }
        failed => {
            if delivery.attempt == NAMED_AT {
                let why = failed.failure().unwrap_or_default();
                tracing::warn!(%order, attempt = NAMED_AT, "order {order} is tried for ever, and not taken: {why}");
            }
            Ended::Failed(RETRY.random_pause(u32::try_from(delivery.attempt).unwrap_or(u32::MAX)))
        }
    };
    match written(clock, lease.began + WRITTEN_WITHIN, || repo.end_delivery(lease.id, &delivery, ended)).await {
        Ok(true) => {}
        Ok(false) => tracing::warn!(%order, "a try took longer than its lease: order {order} is told of again"),
        Err(error) => tracing::debug!(%order, %error, "a try that ended cannot be written down, it is tried again"),
    }
    Tried { began: lease.began, answer }
}

/// Writes until it is written, or it is too late for another time; whether it still was to be written then.
async fn written<W>(clock: &Clock, until: Instant, mut write: impl FnMut() -> W) -> Result<bool, Error>
where
    W: Future<Output = Result<bool, Error>>,
{
    let mut failures = 0;
    loop {
        let wrote = write().await;
        let pause = WRITE_AGAIN.random_pause(failures + 1);
        match wrote {
            // Written before, although nobody heard of it: it is not there to be written again.
            Ok(false) if failures > 0 => return Ok(true),
            Err(Error::Unavailable(_)) if clock.monotonic() + pause < until => tokio::time::sleep(pause).await,
            ended => return ended,
        }
        failures += 1;
    }
}

#[cfg(test)]
mod tests;
