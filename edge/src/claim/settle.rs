//! An unknown outcome is asked about, never guessed: burn the revision, then read.
//!
//! **What must always hold.** The attempt named a bucket at a revision, so it can commit only while the bucket is still
//! there. Once the bucket is past it, by whoever's write, the attempt's fate is sealed: each claim's order key then says
//! whether that claim was taken, every key for itself. Until then nobody is told "no", and nothing of it is sent again.
//!
//! **What it costs.** A write and a snapshot per unknown batch; as long as the stream has no leader, a retry every
//! quarter of a second.

use std::sync::Arc;
use std::time::Duration;

use protocol::bucket::Bucket;
use protocol::key::{Key, Keys};
use protocol::order::Order;
use protocol::store::{Expect, Outcome, Snapshot, Store, Unavailable, Write};
use protocol::wire::Value;
use protocol::{BucketIndex, Revision, Sku};

use super::counter::{Adopted, Counter, Reply, Waiting};
use super::desk::Desk;
use super::lane::jittered;

/// Pause between attempts while the stream does not answer.
const RETRY_AFTER: Duration = Duration::from_millis(250);

/// Settles a batch that claimed from `adopted`, answers its claims or requeues them, and gives the bucket back.
pub(super) async fn run<S: Store>(desk: Arc<Desk<S>>, counter: Arc<Counter>, adopted: Adopted, group: Vec<Waiting>) {
    let settled = tokio::select! {
        snapshot = sealed(&desk, &counter.sku, &adopted, &group) => snapshot,
        // The shard is given up: the claims stay undecided, their callers were or will be told so.
        () = desk.stop.cancelled() => return,
    };
    desk.floor.metrics.settled();
    let mut not_taken = Vec::new();
    for waiting in group {
        match settled.entries.iter().find(|e| e.key == Some(Key::Order(waiting.customer, waiting.number))) {
            None => not_taken.push(waiting),
            Some(entry) => {
                let mine = Order::decode(&entry.value).ok().filter(|order| same_claim(order, &waiting.order));
                drop(waiting.reply.send(mine.map_or(Reply::NumberTaken, Reply::Taken)));
            }
        }
    }
    counter.requeue(not_taken);
    counter.release(adopted.index);
}

/// Whether the stored order is this claim's; its state may have moved on since.
fn same_claim(stored: &Order, claimed: &Order) -> bool {
    stored.key == claimed.key && stored.sku == claimed.sku && stored.quantity == claimed.quantity
}

/// Moves the bucket past the revision and returns a snapshot of the orders that was taken after that.
async fn sealed<S: Store>(desk: &Desk<S>, sku: &Sku, adopted: &Adopted, group: &[Waiting]) -> Snapshot {
    let bucket = Key::Bucket(sku.clone(), adopted.index);
    let orders = group.iter().map(|w| Keys::One(Key::Order(w.customer, w.number)));
    let keys: Vec<Keys> = std::iter::once(Keys::One(bucket.clone())).chain(orders).collect();
    loop {
        match burn(desk, sku, adopted).await {
            Ok(true) => match present(desk, &keys).await {
                // A replica that still shows the old revision is too old to tell.
                Ok(Some(snapshot)) if shows_past(&snapshot, &bucket, adopted.revision) => return snapshot,
                Ok(_) => tokio::task::yield_now().await,
                Err(error) => tracing::debug!(%error, "settling: no snapshot yet"),
            },
            Ok(false) => {}
            Err(error) => tracing::debug!(%error, "settling: the leader does not answer"),
        }
        tokio::time::sleep(jittered(RETRY_AFTER)).await;
    }
}

/// The keys as they were at a position that the leader names now, or later: a replica that is behind might show a part of
/// the very batch that is asked about, the bucket without the orders.
async fn present<S: Store>(desk: &Desk<S>, keys: &[Keys]) -> Result<Option<Snapshot>, Unavailable> {
    let position = desk.store.position().await?;
    let snapshot = desk.store.snapshot(keys).await?;
    Ok((snapshot.up_to >= position).then_some(snapshot))
}

fn shows_past(snapshot: &Snapshot, bucket: &Key, revision: Revision) -> bool {
    snapshot.entries.iter().any(|entry| entry.key.as_ref() == Some(bucket) && entry.revision > revision)
}

/// One attempt to move the bucket past the revision with its own value; whether it is past it.
async fn burn<S: Store>(desk: &Desk<S>, sku: &Sku, adopted: &Adopted) -> Result<bool, Unavailable> {
    let now = read_bucket(desk, sku, adopted.index).await?;
    let Some(now) = now else {
        return Err(Unavailable("the bucket is gone: its stream is not what it was".to_owned()));
    };
    if now.revision > adopted.revision {
        return Ok(true);
    }
    let key = Key::Bucket(sku.clone(), adopted.index);
    let write = Write { key, expect: Expect::At(now.revision), value: now.bucket.encode(), trace: None };
    desk.floor.metrics.burn();
    match desk.store.commit(vec![write]).await {
        Outcome::Committed(committed) => {
            desk.view.learn(sku, adopted.index, committed.revision(0), &now.bucket);
            Ok(true)
        }
        // Somebody's write came first, perhaps the attempt itself: read again, it is past.
        Outcome::Conflict(_) => {
            Ok(read_bucket(desk, sku, adopted.index).await?.is_some_and(|b| b.revision > adopted.revision))
        }
        Outcome::NotTaken(why) | Outcome::Fault(why) | Outcome::Unknown(why) => Err(Unavailable(why)),
    }
}

/// A bucket as the leader has it, noted in the view.
pub(super) async fn read_bucket<S: Store>(
    desk: &Desk<S>,
    sku: &Sku,
    index: BucketIndex,
) -> Result<Option<Adopted>, Unavailable> {
    let Some(entry) = desk.store.read(&Key::Bucket(sku.clone(), index)).await? else { return Ok(None) };
    let bucket = Bucket::decode(&entry.value)
        .map_err(|error| Unavailable(format!("bucket {index} of {sku} cannot be read: {error}")))?;
    desk.view.learn(sku, index, entry.revision, &bucket);
    Ok(Some(Adopted { index, revision: entry.revision, bucket }))
}
