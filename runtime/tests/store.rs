//! The store port over a real nats-server: what its in-memory twin promises, here as the server does it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use async_nats::jetstream;
use bytes::Bytes;
use protocol::key::{Key, Keys, Stream};
use protocol::sale::StreamIdentity;
use protocol::store::{Committed, Entry, Expect, Feed as _, From, Outcome, Store as _, Write};
use protocol::{BucketIndex, CustomerId, Epoch, OrderNumber, Revision, SaleId, Shard, Sku};
use runtime::jetstream::{JetStream, OpenError};
use testbed::Bed;

const FIRST: u64 = 1_000;

fn bucket(index: u16) -> Key {
    Key::Bucket(Sku::parse("shoe").unwrap(), BucketIndex(index))
}

fn order(number: u8) -> Key {
    Key::Order(CustomerId::derive(b"key", "tests", "ann"), OrderNumber(number))
}

fn write(key: Key, expect: Expect, value: &'static str) -> Write {
    Write { key, expect, value: Bytes::from_static(value.as_bytes()), trace: None }
}

async fn client() -> async_nats::Client {
    let bed = Bed::shared().await.unwrap();
    async_nats::connect(bed.nats().await.unwrap().url()).await.unwrap()
}

async fn stream(name: &str, atomic: bool) -> Stream {
    let name = Bed::shared().await.unwrap().unique(name);
    let stream = Stream { sale: SaleId::parse(&format!("{name}-00000000")).unwrap(), epoch: Epoch(1), shard: Shard(0) };
    let config = jetstream::stream::Config {
        name: stream.name(),
        subjects: vec![format!("{}>", stream.prefix())],
        max_messages_per_subject: 1,
        allow_direct: true,
        allow_atomic_publish: atomic,
        first_sequence: Some(FIRST),
        ..Default::default()
    };
    jetstream::new(client().await).create_stream(config).await.unwrap();
    stream
}

/// An empty stream of its own, as the operator makes them.
async fn store(name: &str) -> JetStream {
    JetStream::open(client().await, &stream(name, true).await, None).await.unwrap()
}

async fn committed(store: &JetStream, batch: Vec<Write>) -> Committed {
    match store.commit(batch).await {
        Outcome::Committed(committed) => committed,
        other => panic!("not committed: {other:?}"),
    }
}

fn told(entry: &Entry) -> (Option<Key>, u64, &str) {
    (entry.key.clone(), entry.revision.0, std::str::from_utf8(&entry.value).unwrap())
}

#[tokio::test]
async fn a_batch_is_stored_whole_with_contiguous_revisions() {
    let store = store("whole").await;
    assert_eq!(store.position().await.unwrap(), Revision(FIRST - 1), "an empty stream is before its first position");
    let batch = vec![
        write(bucket(0), Expect::Absent, "a"),
        write(order(0), Expect::Absent, "b"),
        write(order(1), Expect::Absent, "c"),
    ];
    let committed = committed(&store, batch).await;
    assert_eq!((committed.last, committed.count), (Revision(FIRST + 2), 3));
    assert_eq!((0..3).map(|i| committed.revision(i).0).collect::<Vec<_>>(), [FIRST, FIRST + 1, FIRST + 2]);
    let read = store.read(&order(1)).await.unwrap().unwrap();
    assert_eq!(told(&read), (Some(order(1)), FIRST + 2, "c"));
    assert_eq!(store.position().await.unwrap(), Revision(FIRST + 2));
}

#[tokio::test]
async fn a_condition_that_fails_takes_the_whole_batch_with_it_and_names_its_key() {
    let store = store("fails").await;
    let first = committed(&store, vec![write(bucket(0), Expect::Absent, "1")]).await;
    let second = committed(&store, vec![write(bucket(0), Expect::At(first.last), "2")]).await;
    // The bucket is first and stale; the order would be new.
    let stale = vec![write(bucket(0), Expect::At(first.last), "3"), write(order(0), Expect::Absent, "x")];
    assert_eq!(store.commit(stale).await, Outcome::Conflict(Some(second.last)));
    assert_eq!(store.read(&order(0)).await.unwrap(), None);
    // The bucket is right and the order is there already.
    let taken = committed(&store, vec![write(order(0), Expect::Absent, "mine")]).await;
    let again = vec![write(bucket(0), Expect::At(second.last), "3"), write(order(0), Expect::Absent, "yours")];
    assert_eq!(store.commit(again).await, Outcome::Conflict(Some(taken.last)));
    assert_eq!(told(&store.read(&bucket(0)).await.unwrap().unwrap()).2, "2");
    // One message alone follows the same rules.
    let single = vec![write(order(0), Expect::Absent, "yours")];
    assert_eq!(store.commit(single).await, Outcome::Conflict(Some(taken.last)));
}

#[tokio::test]
async fn a_batch_that_cannot_be_one_is_a_fault() {
    let store = store("fault").await;
    assert!(matches!(store.commit(Vec::new()).await, Outcome::Fault(_)));
}

#[tokio::test]
async fn one_value_is_kept_per_key_and_a_snapshot_says_up_to_where_it_is_complete() {
    let store = store("kept").await;
    let first = committed(&store, vec![write(bucket(0), Expect::Absent, "1")]).await;
    let second = committed(&store, vec![write(bucket(0), Expect::At(first.last), "2")]).await;
    committed(&store, vec![write(order(0), Expect::Absent, "o")]).await;
    assert_eq!(store.read_at(first.last).await.unwrap(), None, "superseded");
    assert_eq!(told(&store.read_at(second.last).await.unwrap().unwrap()).2, "2");
    let snapshot = store.snapshot(&[Keys::Buckets, Keys::One(order(0)), Keys::One(order(1))]).await.unwrap();
    assert_eq!(snapshot.up_to, Revision(FIRST + 2));
    let mut found: Vec<_> = snapshot.entries.iter().map(told).collect();
    found.sort_by_key(|(_, revision, _)| *revision);
    assert_eq!(found, [(Some(bucket(0)), FIRST + 1, "2"), (Some(order(0)), FIRST + 2, "o")]);
    let nothing = store.snapshot(&[Keys::One(order(7))]).await.unwrap();
    assert!(nothing.entries.is_empty() && nothing.up_to == Revision(0), "no answer proves nothing");
}

#[tokio::test]
async fn a_feed_has_everything_after_a_position_in_the_order_of_the_log() {
    let store = store("feed").await;
    let mut last = committed(&store, vec![write(bucket(0), Expect::Absent, "0")]).await.last;
    for number in 0..20 {
        committed(&store, vec![write(order(number), Expect::Absent, "o")]).await;
    }
    let mut feed = store.follow(&Keys::Orders, From::After(Revision(FIRST + 5))).await.unwrap();
    for expected in FIRST + 6..=FIRST + 20 {
        assert_eq!(feed.next().await.unwrap().revision, Revision(expected));
    }
    let mut all = store.follow(&Keys::All, From::Newest).await.unwrap();
    let first = all.next().await.unwrap();
    assert_eq!((told(&first), first.pending), ((Some(bucket(0)), FIRST, "0"), 20));
    // What is written while it is followed comes too, and a bucket is not an order.
    last = committed(&store, vec![write(bucket(0), Expect::At(last), "1")]).await.last;
    let batch = vec![write(bucket(0), Expect::At(last), "2"), write(order(20), Expect::Absent, "o")];
    let newest = committed(&store, batch).await;
    assert_eq!(feed.next().await.unwrap().revision, newest.last);
}

#[tokio::test]
async fn only_the_very_stream_that_was_provisioned_is_opened() {
    let (client, atomic) = (client().await, stream("opened", true).await);
    let opened = JetStream::open(client.clone(), &atomic, None).await.unwrap();
    let identity = |created| StreamIdentity { shard: Shard(0), created, first_seq: FIRST };
    assert!(JetStream::open(client.clone(), &atomic, Some(&identity(opened.created()))).await.is_ok());
    let other = identity("2027-03-14T09:00:00Z".parse().unwrap());
    let refused = JetStream::open(client.clone(), &atomic, Some(&other)).await.err().unwrap();
    assert!(matches!(refused, OpenError::OtherLife { .. }), "{refused}");
    let plain = stream("plain", false).await;
    let refused = JetStream::open(client.clone(), &plain, None).await.err().unwrap();
    assert!(matches!(refused, OpenError::NotAtomic(_)) && refused.to_string().contains("atomic publish"), "{refused}");
    let nowhere = Stream { sale: SaleId::parse("nowhere-00000000").unwrap(), ..plain };
    assert!(matches!(JetStream::open(client.clone(), &nowhere, None).await, Err(OpenError::Missing(_))));
    // Deleted and made again while it is open: what it says is about another life.
    jetstream::new(client.clone()).delete_stream(atomic.name()).await.unwrap();
    assert!(opened.position().await.unwrap_err().0.contains("does not exist any more"));
}
