//! Looking at what is stored about a sale.
//!
//! **What must always hold.** What tells a lost bucket from one that is there comes from the stream's leader, or from a
//! replica that has shown to be at least as far as the leader was when the look began. A look that cannot be complete is
//! an error and never "nothing is there".
//!
//! **What it costs.** One stream info, one snapshot of the buckets, one read of `meta`, and one read per item that asks
//! whether a further supply record exists; whatever the number of units.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use protocol::bucket::Bucket;
use protocol::key::{Key, Keys, Stream};
use protocol::sale::{Meta, StreamIdentity};
use protocol::store::{Entry, Snapshot, Store, Unavailable};
use protocol::supply::Supply;
use protocol::wire::{Value, WireError};
use protocol::{BucketIndex, Revision, Sku};
use runtime::jetstream::{JetStream, OpenError};

use crate::durability::Kept;
use crate::error::Error;
use crate::plan::{Shelf, Stock};

/// How often a replica is asked that turned out to be behind.
const STALE_TRIES_MAX: u32 = 10;
/// Pause in between; replication takes a round trip.
const STALE_PAUSE: Duration = Duration::from_millis(20);
/// Items whose newest record is looked up at the same time.
const LOOKUPS: usize = 16;

/// The newest supply record of each item that was seen before. Records never change, so it only saves reads.
pub type Records = BTreeMap<Sku, (u32, Supply)>;

/// A bucket as it is stored.
#[derive(Debug, Clone)]
pub struct Found {
    /// Which item's.
    pub sku: Sku,
    /// Which one.
    pub index: BucketIndex,
    /// At which revision.
    pub revision: Revision,
    /// Its value.
    pub bucket: Bucket,
}

impl Found {
    /// Its key.
    #[must_use]
    pub fn key(&self) -> Key {
        Key::Bucket(self.sku.clone(), self.index)
    }
}

/// Looks at a shard's stream; `None` when there is none. `expected` are items that have buckets for certain.
///
/// # Errors
/// When the look is not complete.
pub async fn shelf(
    client: &async_nats::Client,
    stream: &Stream,
    expected: &[Sku],
    records: &mut Records,
) -> Result<Option<(JetStream, Shelf)>, Error> {
    let store = match JetStream::open(client.clone(), stream, None).await {
        Ok(store) => store,
        Err(OpenError::Missing(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let info = store.info().clone();
    let identity = StreamIdentity { shard: stream.shard, created: info.created, first_seq: info.config.first_seq };
    let position = Revision(info.state.last_seq);
    let meta = store.read(&Key::Meta).await?.map(|entry| decode::<Meta>(&entry)).transpose()?;
    let mut items: BTreeMap<Sku, Stock> = BTreeMap::new();
    for found in buckets(&store, &Keys::Buckets, position, expected).await? {
        items.entry(found.sku).or_default().buckets.push((found.index, found.bucket));
    }
    let skus: Vec<Sku> = items.keys().cloned().collect();
    let newest = stream::iter(skus.into_iter().map(|sku| {
        let known = records.get(&sku).cloned();
        let store = &store;
        async move { Ok::<_, Error>((newest_supply(store, &sku, known).await?, sku)) }
    }));
    let newest: Vec<_> = newest.buffer_unordered(LOOKUPS).try_collect().await?;
    for (supplied, sku) in newest {
        if let Some(supplied) = &supplied {
            records.insert(sku.clone(), supplied.clone());
        }
        if let Some(stock) = items.get_mut(&sku) {
            stock.supplied = supplied;
            stock.buckets.sort_unstable_by_key(|(index, _)| *index);
        }
    }
    let shelf = Shelf { identity, kept: Kept::from(&info), messages: info.state.messages, meta, items, position };
    Ok(Some((store, shelf)))
}

/// The buckets among these keys, by key, not older than `position`.
///
/// # Errors
/// When no replica shows them as they are now.
pub async fn buckets<S: Store>(
    store: &S,
    keys: &Keys,
    position: Revision,
    expected: &[Sku],
) -> Result<Vec<Found>, Error> {
    let mut tries = 0;
    let snapshot = loop {
        let snapshot = store.snapshot(std::slice::from_ref(keys)).await?;
        if is_current(store, &snapshot, position, expected).await? {
            break snapshot;
        }
        tries += 1;
        if tries == STALE_TRIES_MAX {
            return Err(Unavailable("the replicas of the stream are behind its leader".to_owned()).into());
        }
        tokio::time::sleep(STALE_PAUSE).await;
    };
    let mut found = Vec::with_capacity(snapshot.entries.len());
    for entry in snapshot.entries {
        if let Some(Key::Bucket(sku, index)) = entry.key.clone() {
            found.push(Found { sku, index, revision: entry.revision, bucket: decode(&entry)? });
        }
    }
    found.sort_unstable_by(|a, b| (&a.sku, a.index).cmp(&(&b.sku, b.index)));
    Ok(found)
}

/// An empty snapshot does not say as of when it is empty; then the leader is asked whether it may be.
async fn is_current<S: Store>(
    store: &S,
    snapshot: &Snapshot,
    position: Revision,
    expected: &[Sku],
) -> Result<bool, Error> {
    if !snapshot.entries.is_empty() {
        return Ok(snapshot.up_to >= position);
    }
    let Some(sku) = expected.first() else { return Ok(true) };
    Ok(store.read(&Key::Bucket(sku.clone(), BucketIndex(0))).await?.is_none())
}

/// One bucket, from the leader.
///
/// # Errors
/// When the leader does not answer, or the bucket is not there.
pub async fn bucket<S: Store>(store: &S, sku: &Sku, index: BucketIndex) -> Result<Found, Error> {
    let key = Key::Bucket(sku.clone(), index);
    let entry = store.read(&key).await?.ok_or_else(|| Unavailable(format!("{key} is not there")))?;
    Ok(Found { sku: sku.clone(), index, revision: entry.revision, bucket: decode(&entry)? })
}

/// The newest supply record of an item, from the leader. Records are contiguous, so it is found by doubling and halving
/// from the newest one `known`; one read when nothing is newer.
///
/// # Errors
/// When the leader does not answer.
pub async fn newest_supply<S: Store>(
    store: &S,
    sku: &Sku,
    known: Option<(u32, Supply)>,
) -> Result<Option<(u32, Supply)>, Error> {
    let mut newest = known;
    let at = |newest: &Option<(u32, Supply)>| newest.as_ref().map_or(0, |(number, _)| *number);
    let mut stride = 1_u32;
    // Doubling: everything up to `newest` exists; the first number found missing bounds it from above.
    let mut missing = loop {
        let number = at(&newest).saturating_add(stride);
        match store.read(&Key::Supply(sku.clone(), number)).await? {
            Some(entry) => newest = Some((number, decode(&entry)?)),
            None => break number,
        }
        stride = stride.saturating_mul(2);
    };
    while missing - at(&newest) > 1 {
        let number = at(&newest) + (missing - at(&newest)) / 2;
        match store.read(&Key::Supply(sku.clone(), number)).await? {
            Some(entry) => newest = Some((number, decode(&entry)?)),
            None => missing = number,
        }
    }
    Ok(newest)
}

fn decode<T: Value>(entry: &Entry) -> Result<T, Error> {
    let unreadable = |error: WireError| Error::Unreadable(format!("revision {}: {error}", entry.revision));
    T::decode(&entry.value).map_err(unreadable)
}
