//! A sale without an operator: its streams, its buckets, its first supply, and its definition in the table of sales.
//!
//! It follows the order that the protocol demands: streams, seeded buckets, supply records, and the definition last, so
//! that no edge sees a sale whose stock is not there yet.
//!
//! A machine that is too busy may lose any answer. What can be asked again is, so that a test fails by what it tests.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};
use protocol::bucket::Bucket;
use protocol::key::{Installation, Key, Stream};
use protocol::sale::{Acknowledge, Definition, DesiredState, Item, Meta, Money, Payment, StreamIdentity};
use protocol::store::{Entry, Expect, Outcome, Store, Write};
use protocol::supply::{self, Plan, Target};
use protocol::wire::Value;
use protocol::{BucketIndex, Epoch, Generation, Revision, SaleId, Shard, Sku, Units};
use runtime::clock::Clock;
use runtime::jetstream::{JetStream, context};
use runtime::registry::Table;

use crate::eventually;

/// Longest that a test's sale lasts on either side of now, unless the test says otherwise.
const WINDOW: Duration = Duration::from_secs(3_600);
/// How long a server may take for what is asked again and again.
const SOON: Duration = Duration::from_secs(20);
/// So often a sale's streams are begun.
const LIVES_MAX: u32 = 5;

/// An open sale of `units` of the item `shoe`, two per order, without payment. Change it before
/// [`provision`]ing it; streams are filled in there.
///
/// # Panics
/// When the name cannot be a sale's.
pub fn draft(name: &str, units: u32) -> Definition {
    let now = Clock::system().now();
    let uid = uuid::Uuid::new_v4().to_string();
    Definition {
        sale: SaleId::of_resource(name, &uid).expect("a sale's name"),
        namespace: "shop".to_owned(),
        name: name.to_owned(),
        uid,
        generation: Generation(1),
        epoch: Epoch(1),
        streams: Vec::new(),
        display_name: format!("The {name} sale"),
        desired_state: DesiredState::Scheduled,
        stopped: false,
        withdrawn: None,
        start: now - WINDOW,
        end: now + WINDOW,
        per_customer: None,
        items: vec![item("shoe", units)],
        payment: Payment::None,
        hold_seconds: 600,
        guests_allowed: false,
        rate_limit: None,
        acknowledge: Acknowledge::Stream,
    }
}

/// `units` of an item, at most two per order, 129 euros each, in four buckets.
///
/// # Panics
/// When that is no SKU.
pub fn item(sku: &str, units: u32) -> Item {
    Item {
        sku: Sku::parse(sku).expect("a SKU"),
        display_name: format!("A {sku}"),
        image_url: None,
        quantity: Units(units),
        withheld: Units(0),
        price: Some(Money { amount_minor: 12_900, currency: "EUR".to_owned() }),
        per_order: Units(2),
        per_customer: None,
        buckets: 4,
    }
}

/// Makes the sale's streams in memory with `shards` shards, seeds and fills the buckets, and publishes the definition.
///
/// # Errors
/// When the server refuses anything.
pub async fn provision(
    client: &async_nats::Client,
    installation: &Installation,
    mut definition: Definition,
    shards: u16,
) -> anyhow::Result<Definition> {
    let mut lives = 1;
    while let Err(error) = stock(client, &mut definition, shards).await {
        ensure!(lives < LIVES_MAX, "begun {lives} times: {error:#}");
        lives += 1;
        // Nobody knows how far the last one came, so it is left behind.
        definition.epoch.0 += 1;
    }
    publish(client, installation, &definition).await?;
    Ok(definition)
}

async fn stock(client: &async_nats::Client, definition: &mut Definition, shards: u16) -> anyhow::Result<()> {
    definition.streams.clear();
    for shard in (0..shards).map(Shard) {
        let identity = create(client, &definition.stream(shard)).await?;
        let store = JetStream::open(client.clone(), &definition.stream(shard), Some(&identity)).await?;
        definition.streams.push(identity);
        seed(&store, definition, shards).await?;
        for item in &definition.items {
            fill(&store, definition, item, share(item.target(), shard, shards)).await?;
        }
    }
    Ok(())
}

/// Writes the definition into the table of sales, which is made when it is missing.
///
/// # Errors
/// When the server refuses.
pub async fn publish(
    client: &async_nats::Client,
    installation: &Installation,
    definition: &Definition,
) -> anyhow::Result<()> {
    let table = Table::<Definition>::new(client.clone(), installation.sales_bucket());
    eventually(SOON, "the definition in the table", async || {
        table.create(1).await?;
        table.put(definition.sale.as_str(), definition).await?;
        Ok(())
    })
    .await
}

/// Stamps every bucket with the definition's generation, then publishes it: what a reconcile does after a change.
///
/// # Errors
/// When buckets change under it all the time, or the server refuses.
pub async fn restamp(
    client: &async_nats::Client,
    installation: &Installation,
    definition: &Definition,
) -> anyhow::Result<()> {
    eventually(SOON, "every bucket to be stamped", async || stamp(client, definition).await).await?;
    publish(client, installation, definition).await
}

async fn stamp(client: &async_nats::Client, definition: &Definition) -> anyhow::Result<()> {
    let closed = definition.desired_state == DesiredState::Closed;
    for identity in &definition.streams {
        let store = JetStream::open(client.clone(), &definition.stream(identity.shard), Some(identity)).await?;
        for item in &definition.items {
            for (index, entry, bucket) in buckets(&store, item).await? {
                let stamped = bucket.stamp(definition.generation, supply::bucket_state(closed))?;
                let Some(stamped) = stamped else { continue };
                let key = Key::Bucket(item.sku.clone(), index);
                commit(
                    &store,
                    vec![Write { key, expect: Expect::At(entry.revision), value: stamped.encode(), trace: None }],
                )
                .await?;
            }
        }
    }
    Ok(())
}

/// Free units of an item over all shards, from the streams' leaders.
///
/// # Errors
/// When a leader does not answer.
pub async fn free(client: &async_nats::Client, definition: &Definition, sku: &str) -> anyhow::Result<u32> {
    let sku = Sku::parse(sku)?;
    let item = definition.item(&sku).context("no such item")?;
    eventually(SOON, "what the buckets hold", async || {
        let mut free = 0;
        for identity in &definition.streams {
            let store = JetStream::open(client.clone(), &definition.stream(identity.shard), Some(identity)).await?;
            free += buckets(&store, item).await?.iter().map(|(_, _, bucket)| bucket.free.0).sum::<u32>();
        }
        Ok(free)
    })
    .await
}

async fn create(client: &async_nats::Client, stream: &Stream) -> anyhow::Result<StreamIdentity> {
    // Unique to this life, so that a revision of another one never matches; far below 2^53, which JSON tools can take.
    let first_seq = 1_000_000_000_000 + u64::from(rand::random::<u32>());
    let config = Config {
        name: stream.name(),
        subjects: vec![format!("{}>", stream.prefix())],
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::New,
        max_messages_per_subject: 1,
        storage: StorageType::Memory,
        num_replicas: 1,
        allow_direct: true,
        allow_atomic_publish: true,
        deny_delete: true,
        deny_purge: true,
        first_sequence: Some(first_seq),
        metadata: HashMap::new(),
        ..Config::default()
    };
    let created = context(client).create_stream(config).await?;
    let time = created.cached_info().created;
    let created = jiff::Timestamp::from_nanosecond(time.unix_timestamp_nanos())?;
    Ok(StreamIdentity { shard: stream.shard, created, first_seq })
}

async fn seed(store: &JetStream, definition: &Definition, shards: u16) -> anyhow::Result<()> {
    let meta = Meta { uid: definition.uid.clone(), epoch: definition.epoch, shards, digest: "0".repeat(64) };
    commit(store, vec![Write { key: Key::Meta, expect: Expect::Absent, value: meta.encode(), trace: None }]).await?;
    for item in &definition.items {
        let seeded = Bucket::seeded(definition.generation).encode();
        let seeds = (0..item.buckets).map(|index| Write {
            key: Key::Bucket(item.sku.clone(), BucketIndex(index)),
            expect: Expect::Absent,
            value: seeded.clone(),
            trace: None,
        });
        commit(store, seeds.collect()).await?;
    }
    Ok(())
}

async fn fill(store: &JetStream, definition: &Definition, item: &Item, units: Units) -> anyhow::Result<()> {
    let found = buckets(store, item).await?;
    let target = Target { generation: definition.generation, quantity: units, withheld: Units::ZERO };
    let known: Vec<_> = found.iter().map(|(index, _, bucket)| (*index, bucket.clone())).collect();
    let Plan::Write(steps) = supply::plan(None, &target, &known) else {
        bail!("a first supply has something to write")
    };
    for step in steps {
        let (index, entry, bucket) =
            found.iter().find(|(index, ..)| *index == step.record.bucket).context("a planned bucket exists")?;
        let filled = bucket.supply(step.record.delta)?;
        let key = Key::Bucket(item.sku.clone(), *index);
        let record = Key::Supply(item.sku.clone(), step.number);
        let batch = vec![
            Write { key, expect: Expect::At(entry.revision), value: filled.encode(), trace: None },
            Write { key: record, expect: Expect::Absent, value: step.record.encode(), trace: None },
        ];
        commit(store, batch).await?;
    }
    Ok(())
}

async fn buckets(store: &JetStream, item: &Item) -> anyhow::Result<Vec<(BucketIndex, Entry, Bucket)>> {
    let mut found = Vec::new();
    for index in (0..item.buckets).map(BucketIndex) {
        let entry = store.read(&Key::Bucket(item.sku.clone(), index)).await?.context("a seeded bucket exists")?;
        let bucket = Bucket::decode(&entry.value)?;
        found.push((index, entry, bucket));
    }
    Ok(found)
}

async fn commit(store: &JetStream, batch: Vec<Write>) -> anyhow::Result<Revision> {
    match store.commit(batch).await {
        Outcome::Committed(committed) => Ok(committed.last),
        other => bail!("not committed: {other:?}"),
    }
}

/// Part of the units that goes to a shard; the first ones get one more when it does not divide.
fn share(units: Units, shard: Shard, shards: u16) -> Units {
    let (count, position) = (u32::from(shards), u32::from(shard.0));
    Units(units.0 / count + u32::from(position < units.0 % count))
}

/// An installation of its own for a test, so that tests on one server never meet.
///
/// # Errors
/// When the name is none.
pub fn installation(name: &str) -> anyhow::Result<Installation> {
    ensure!(!name.is_empty(), "a test's installation needs a name");
    Installation::parse(name).map_err(anyhow::Error::msg)
}
