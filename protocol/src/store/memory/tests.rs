use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake};

use super::*;
use crate::bucket;
use crate::bucket::Bucket;
use crate::id::{BucketIndex, CustomerId, Generation, IdempotencyKey, OrderNumber, Sku, Units};
use crate::key::Keys;
use crate::order::{Order, Reason, State};
use crate::store::{BATCH_WRITES_MAX, Committed, Expect, Feed, From, Store as _};
use crate::supply::{Plan, Target, plan};
use crate::wire::Value;

/// Polls to the end; everything here is ready after a few polls.
fn now<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..1_000 {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
    panic!("still not ready");
}

fn sku() -> Sku {
    Sku::parse("shoe").unwrap()
}

fn bucket_key(index: u16) -> Key {
    Key::Bucket(sku(), BucketIndex(index))
}

fn customer(name: &str) -> CustomerId {
    CustomerId::derive(b"key", "issuer", name)
}

fn order_key(name: &str, number: u8) -> Key {
    Key::Order(customer(name), OrderNumber(number))
}

fn write(key: Key, expect: Expect, value: &str) -> Write {
    Write { key, expect, value: value.to_owned().into(), trace: None }
}

fn put(memory: &Memory, key: Key, expect: Expect, value: &str) -> Revision {
    match now(memory.commit(vec![write(key, expect, value)])) {
        Outcome::Committed(committed) => committed.revision(0),
        other => panic!("{other:?}"),
    }
}

fn keys_of(memory: &Memory) -> Vec<String> {
    memory.log().iter().map(|m| m.key.to_string()).collect()
}

#[test]
fn a_batch_gets_contiguous_revisions_from_the_first_position() {
    let memory = Memory::starting_at(1_000);
    assert_eq!(now(memory.position()), Ok(Revision(999)));
    let batch = vec![
        write(bucket_key(0), Expect::Absent, "a"),
        write(order_key("ann", 0), Expect::Absent, "b"),
        write(order_key("bob", 0), Expect::Absent, "c"),
    ];
    let Outcome::Committed(committed) = now(memory.commit(batch)) else { panic!("not committed") };
    assert_eq!(committed, Committed { last: Revision(1_002), count: 3 });
    let found: Vec<_> = (0..3).map(|i| memory.kept(committed.revision(i))).collect();
    assert_eq!(found, [bucket_key(0), order_key("ann", 0), order_key("bob", 0)].map(Some));
    assert_eq!(now(memory.position()), Ok(Revision(1_002)));
}

impl Memory {
    fn kept(&self, at: Revision) -> Option<Key> {
        now(self.read_at(at)).unwrap().and_then(|entry| entry.key)
    }
}

#[test]
fn one_value_is_kept_per_key() {
    let memory = Memory::new();
    let first = put(&memory, bucket_key(0), Expect::Absent, "a");
    let second = put(&memory, bucket_key(0), Expect::At(first), "b");
    assert_eq!(now(memory.read_at(first)), Ok(None));
    let read = now(memory.read(&bucket_key(0))).unwrap().unwrap();
    assert_eq!((read.revision, &read.value[..]), (second, &b"b"[..]));
    assert_eq!(now(memory.read(&bucket_key(1))), Ok(None));
    assert_eq!(memory.log().len(), 2, "the record keeps what the server does not");
}

#[test]
fn a_conflict_stores_nothing_and_names_the_first_key_in_message_order_whose_condition_failed() {
    let memory = Memory::new();
    let bucket = put(&memory, bucket_key(0), Expect::Absent, "a");
    let order = put(&memory, order_key("ann", 0), Expect::Absent, "b");
    let both_fail = vec![write(bucket_key(0), Expect::Absent, "c"), write(order_key("ann", 0), Expect::Absent, "d")];
    assert_eq!(now(memory.commit(both_fail)), Outcome::Conflict(Some(bucket)));
    let second_fails =
        vec![write(bucket_key(0), Expect::At(bucket), "c"), write(order_key("ann", 0), Expect::Absent, "d")];
    assert_eq!(now(memory.commit(second_fails)), Outcome::Conflict(Some(order)));
    let missing = vec![write(bucket_key(7), Expect::At(Revision(9)), "e")];
    assert_eq!(now(memory.commit(missing)), Outcome::Conflict(None), "a key without a value has no revision to name");
    assert_eq!(memory.log().len(), 2);
}

#[test]
fn a_batch_that_names_a_key_twice_conflicts_without_a_number() {
    let memory = Memory::new();
    let twice = vec![write(bucket_key(0), Expect::Absent, "a"), write(bucket_key(0), Expect::At(Revision(1)), "b")];
    assert_eq!(now(memory.commit(twice)), Outcome::Conflict(None));
    assert_eq!(memory.last(), Revision(0));
}

#[test]
fn an_empty_or_oversized_batch_is_a_fault_of_ours() {
    let memory = Memory::new();
    assert!(matches!(now(memory.commit(Vec::new())), Outcome::Fault(_)));
    let many = 0..=u16::try_from(BATCH_WRITES_MAX).unwrap();
    let batch = many.map(|i| write(bucket_key(i), Expect::Absent, "a")).collect();
    assert!(matches!(now(memory.commit(batch)), Outcome::Fault(_)));
    assert_eq!(memory.last(), Revision(0));
}

#[test]
fn a_lost_answer_hides_a_commit() {
    let memory = Memory::new();
    memory.script(Fault::AckLost);
    let outcome = now(memory.commit(vec![write(bucket_key(0), Expect::Absent, "a")]));
    assert!(matches!(outcome, Outcome::Unknown(_)));
    assert!(memory.peek(&bucket_key(0)).is_some());
}

#[test]
fn a_lost_commit_never_arrives() {
    let memory = Memory::new();
    memory.script(Fault::Lost);
    let outcome = now(memory.commit(vec![write(bucket_key(0), Expect::Absent, "a")]));
    assert!(matches!(outcome, Outcome::Unknown(_)));
    assert_eq!((memory.delayed(), memory.last()), (Vec::new(), Revision(0)));
}

#[test]
fn a_delayed_commit_lands_when_the_test_says_so_and_is_decided_only_then() {
    let memory = Memory::new();
    let seeded = put(&memory, bucket_key(0), Expect::Absent, "a");
    let claim = |value| vec![write(bucket_key(0), Expect::At(seeded), value)];
    memory.script_for(bucket_key(0), Fault::Delayed);
    memory.script_for(bucket_key(0), Fault::Delayed);
    for value in ["b", "c"] {
        assert!(matches!(now(memory.commit(claim(value))), Outcome::Unknown(_)));
    }
    let [(first, _), (second, batch)] = &memory.delayed()[..] else { panic!("two are on the way") };
    assert_eq!(batch, &claim("c"));
    assert_eq!(memory.last(), seeded);
    assert_eq!(memory.land(*second), Some(Outcome::Committed(Committed { last: Revision(2), count: 1 })));
    assert_eq!(memory.land(*first), Some(Outcome::Conflict(Some(Revision(2)))), "the other one came first");
    assert_eq!(memory.land(*first), None);
    assert_eq!(&memory.peek(&bucket_key(0)).unwrap().value[..], b"c");
}

#[test]
fn a_forgotten_commit_never_lands() {
    let memory = Memory::new();
    memory.script(Fault::Delayed);
    now(memory.commit(vec![write(bucket_key(0), Expect::Absent, "a")]));
    let (ticket, _) = memory.delayed()[0];
    memory.forget(ticket);
    assert_eq!((memory.land(ticket), memory.last()), (None, Revision(0)));
}

#[test]
fn a_caller_that_goes_away_leaves_its_commit_on_the_way() {
    let memory = Memory::new();
    memory.unleash(Chaos { pause_polls_max: 1_000_000, delay_calls_max: 0, ..Chaos::pauses(7) });
    let mut context = Context::from_waker(Waker::noop());
    {
        let mut commit = pin!(memory.commit(vec![write(bucket_key(0), Expect::Absent, "a")]));
        assert!(commit.as_mut().poll(&mut context).is_pending());
        assert_eq!(memory.delayed(), [], "somebody waits for it");
    }
    let [(ticket, _)] = memory.delayed()[..] else { panic!("it was sent") };
    assert!(matches!(memory.land(ticket), Some(Outcome::Committed(_))));
}

#[test]
fn a_fault_meant_for_a_key_waits_for_it() {
    let memory = Memory::new();
    memory.script_for(order_key("ann", 0), Fault::NotTaken);
    put(&memory, bucket_key(0), Expect::Absent, "a");
    let order = vec![write(order_key("ann", 0), Expect::Absent, "b")];
    assert!(matches!(now(memory.commit(order.clone())), Outcome::NotTaken(_)));
    assert!(matches!(now(memory.commit(order.clone())), Outcome::Committed(_)), "a scripted fault happens once");
    memory.script(Fault::Clash);
    assert_eq!(now(memory.commit(order)), Outcome::Conflict(None));
}

#[test]
fn without_a_leader_nothing_is_decided_but_replicas_answer() {
    let memory = Memory::new();
    put(&memory, bucket_key(0), Expect::Absent, "a");
    memory.set_leader_away(true);
    assert!(now(memory.read(&bucket_key(0))).is_err());
    assert!(now(memory.read_at(Revision(1))).is_err());
    assert!(now(memory.position()).is_err());
    let commit = now(memory.commit(vec![write(bucket_key(1), Expect::Absent, "b")]));
    assert!(matches!(commit, Outcome::NotTaken(_)));
    assert_eq!(now(memory.snapshot(&[Keys::Buckets])).unwrap().entries.len(), 1);
    memory.set_leader_away(false);
    assert_eq!(now(memory.position()), Ok(Revision(1)));
}

#[test]
fn a_stale_snapshot_shows_the_values_of_its_position() {
    let memory = Memory::new();
    let first = put(&memory, bucket_key(0), Expect::Absent, "old");
    put(&memory, order_key("ann", 0), Expect::Absent, "order");
    put(&memory, bucket_key(0), Expect::At(first), "new");
    let asked = [Keys::One(bucket_key(0)), Keys::Buckets, Keys::OrdersOf(customer("ann"))];
    memory.set_snapshots_at(Some(first));
    let stale = now(memory.snapshot(&asked)).unwrap();
    assert_eq!((stale.entries.len(), &stale.entries[0].value[..], stale.up_to), (1, &b"old"[..], first));
    memory.set_snapshots_at(None);
    let fresh = now(memory.snapshot(&asked)).unwrap();
    let values: Vec<_> = fresh.entries.iter().map(|e| &e.value[..]).collect();
    assert_eq!((values, fresh.up_to), (vec![&b"order"[..], b"new"], Revision(3)));
}

#[test]
fn a_snapshot_of_nothing_does_not_say_as_of_when_it_is() {
    let memory = Memory::new();
    put(&memory, bucket_key(0), Expect::Absent, "a");
    let snapshot = now(memory.snapshot(&[Keys::Orders])).unwrap();
    assert_eq!((snapshot.entries, snapshot.up_to), (Vec::new(), Revision(0)));
}

struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_feed_skips_superseded_values_says_what_is_pending_and_is_woken_by_a_commit() {
    let memory = Memory::new();
    let first = put(&memory, bucket_key(0), Expect::Absent, "a");
    put(&memory, order_key("ann", 0), Expect::Absent, "b");
    put(&memory, bucket_key(0), Expect::At(first), "c");
    put(&memory, bucket_key(1), Expect::Absent, "d");
    let mut feed = now(memory.follow(&Keys::Buckets, From::Newest)).unwrap();
    let seen: Vec<_> = (0..2).map(|_| now(feed.next()).unwrap()).map(|e| (e.revision.0, e.pending)).collect();
    assert_eq!(seen, [(3, 1), (4, 0)]);
    let count = Arc::new(Count(AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&count));
    let mut context = Context::from_waker(&waker);
    assert!(pin!(feed.next()).poll(&mut context).is_pending());
    put(&memory, bucket_key(2), Expect::Absent, "e");
    assert_eq!(count.0.load(Ordering::Relaxed), 1);
    assert_eq!(now(feed.next()).unwrap().key, Some(bucket_key(2)));
}

#[test]
fn a_feed_from_a_position_has_nothing_before_it() {
    let memory = Memory::new();
    let first = put(&memory, bucket_key(0), Expect::Absent, "a");
    put(&memory, order_key("ann", 0), Expect::Absent, "b");
    let mut feed = now(memory.follow(&Keys::All, From::After(first))).unwrap();
    let entry = now(feed.next()).unwrap();
    assert_eq!((entry.key, &entry.value[..]), (Some(order_key("ann", 0)), &b"b"[..]));
}

#[test]
fn a_broken_feed_ends_and_a_new_one_goes_on() {
    let memory = Memory::new();
    let first = put(&memory, bucket_key(0), Expect::Absent, "a");
    let mut feed = now(memory.follow(&Keys::All, From::Newest)).unwrap();
    memory.break_feeds();
    assert!(now(feed.next()).is_err());
    put(&memory, bucket_key(1), Expect::Absent, "b");
    let mut again = now(memory.follow(&Keys::All, From::After(first))).unwrap();
    assert_eq!(now(again.next()).unwrap().key, Some(bucket_key(1)));
}

#[test]
fn a_lost_tail_is_gone_for_everybody() {
    let memory = Memory::new();
    let first = put(&memory, bucket_key(0), Expect::Absent, "a");
    put(&memory, bucket_key(0), Expect::At(first), "b");
    let mut feed = now(memory.follow(&Keys::All, From::Newest)).unwrap();
    memory.lose_tail(first);
    assert!(now(feed.next()).is_err());
    assert_eq!(&memory.peek(&bucket_key(0)).unwrap().value[..], b"a");
    assert_eq!(memory.last(), first);
}

/// Two edges that claim one unit each from one bucket as often as they may, their polls interleaved.
fn run_under(chaos: Chaos) -> (Memory, Vec<String>) {
    let memory = Memory::new();
    put(&memory, bucket_key(0), Expect::Absent, "0");
    memory.unleash(chaos);
    let claim = async |edge: &str| {
        let mut outcomes = Vec::new();
        for attempt in 0..30 {
            if let Ok(Some(seen)) = memory.read(&bucket_key(0)).await {
                let order = write(order_key(&format!("{edge}{attempt}"), 0), Expect::Absent, "o");
                let bucket = write(bucket_key(0), Expect::At(seen.revision), &seen.revision.0.to_string());
                outcomes.push(format!("{:?}", memory.commit(vec![bucket, order]).await));
            }
        }
        outcomes
    };
    let (mut left, mut right) = (pin!(claim("l")), pin!(claim("r")));
    let mut context = Context::from_waker(Waker::noop());
    let mut done = (None, None);
    for _ in 0..10_000 {
        if done.0.is_none()
            && let Poll::Ready(outcomes) = left.as_mut().poll(&mut context)
        {
            done.0 = Some(outcomes);
        }
        if done.1.is_none()
            && let Poll::Ready(outcomes) = right.as_mut().poll(&mut context)
        {
            done.1 = Some(outcomes);
        }
    }
    let (Some(left), Some(right)) = done else { panic!("still not done") };
    (memory.clone(), [left, right].concat())
}

#[test]
fn the_same_seed_and_the_same_calls_give_the_same_answers() {
    let (first, outcomes) = run_under(Chaos::storm(5));
    let (second, again) = run_under(Chaos::storm(5));
    assert_eq!(outcomes, again);
    assert_eq!(first.log(), second.log());
    assert_ne!(outcomes, run_under(Chaos::storm(6)).1);
}

#[test]
fn a_storm_has_every_kind_of_answer_and_no_bucket_is_out_of_step_with_its_orders() {
    let mut kinds = std::collections::BTreeSet::new();
    for seed in 0..50 {
        let (memory, outcomes) = run_under(Chaos::storm(seed));
        kinds.extend(outcomes.iter().map(|o| o.split('(').next().unwrap_or_default().to_owned()));
        let (buckets, orders): (Vec<_>, Vec<_>) =
            memory.log().into_iter().partition(|m| matches!(m.key, Key::Bucket(..)));
        assert_eq!(buckets.len(), orders.len() + 1, "seed {seed}");
        memory.calm();
        assert!(now(memory.position()).is_ok());
    }
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), ["Committed", "Conflict", "NotTaken", "Unknown"]);
}

// The checker of histories, fed with broken ones.

fn order(key: &str, state: State) -> Order {
    Order {
        key: IdempotencyKey::parse(key).unwrap(),
        sku: sku(),
        quantity: Units(1),
        state,
        reason: None,
        expires_at: None,
        payment: None,
    }
}

/// A stream with one bucket of two units, filled by the supply loop.
fn filled() -> (Memory, Bucket, Revision) {
    let memory = Memory::new();
    let seeded = Bucket::seeded(Generation(1));
    let at = put(&memory, bucket_key(0), Expect::Absent, std::str::from_utf8(&seeded.encode()).unwrap());
    let target = Target { generation: Generation(1), quantity: Units(2), withheld: Units(0) };
    let Plan::Write(steps) = plan(None, &target, &[(BucketIndex(0), seeded.clone())]) else { panic!("a fill") };
    let filled = seeded.supply(steps[0].record.delta).unwrap();
    let batch = vec![
        Write { key: bucket_key(0), expect: Expect::At(at), value: filled.encode(), trace: None },
        Write { key: Key::Supply(sku(), 1), expect: Expect::Absent, value: steps[0].record.encode(), trace: None },
    ];
    assert!(matches!(now(memory.commit(batch)), Outcome::Committed(_)));
    (memory, filled, Revision(at.0 + 1))
}

fn store(memory: &Memory, writes: Vec<(Key, bytes::Bytes)>) {
    let at = |key: &Key| memory.peek(key).map_or(Expect::Absent, |entry| Expect::At(entry.revision));
    let batch = writes.into_iter().map(|(key, value)| Write { expect: at(&key), key, value, trace: None }).collect();
    assert!(matches!(now(memory.commit(batch)), Outcome::Committed(_)));
}

fn broken(memory: &Memory) -> String {
    memory.check().unwrap_err().to_string()
}

#[test]
fn a_history_of_fill_claim_and_release_is_lawful() {
    let (memory, bucket, _) = filled();
    let claimed = bucket.claim(Units(1), Generation(1)).unwrap();
    let held = order("k", State::Held);
    store(&memory, vec![(bucket_key(0), claimed.encode()), (order_key("ann", 0), held.encode())]);
    let released = held.released(Reason::Expired).unwrap();
    let back = claimed.give_back(Units(1)).unwrap();
    store(&memory, vec![(order_key("ann", 0), released.encode()), (bucket_key(0), back.encode())]);
    assert_eq!(memory.check(), Ok(()));
    assert_eq!(keys_of(&memory).len(), 7);
}

#[test]
fn the_checker_finds_a_unit_from_nowhere_and_an_oversold_one() {
    let (memory, bucket, _) = filled();
    store(&memory, vec![(order_key("ann", 0), order("k", State::Held).encode())]);
    assert!(broken(&memory).contains("+1 units"));
    let (memory, ..) = filled();
    let empty = Bucket { free: Units(0), ..bucket };
    let orders = ["a", "b", "c"].map(|name| (order_key(name, 0), order("k", State::Held).encode()));
    store(&memory, [vec![(bucket_key(0), empty.encode())], orders.to_vec()].concat());
    assert!(broken(&memory).contains("oversold"));
}

#[test]
fn the_checker_finds_two_orders_of_one_key_a_gap_and_an_order_that_rose_again() {
    let (memory, bucket, _) = filled();
    let left = |free| (bucket_key(0), Bucket { free: Units(free), ..bucket.clone() }.encode());
    store(&memory, vec![left(1), (order_key("ann", 0), order("k", State::Held).encode())]);
    store(&memory, vec![left(0), (order_key("ann", 1), order("k", State::Held).encode())]);
    assert!(broken(&memory).contains("same idempotency key"));
    let (memory, ..) = filled();
    store(&memory, vec![left(1), (order_key("ann", 1), order("k", State::Held).encode())]);
    assert!(broken(&memory).contains("leaves out 0"));
    let (memory, ..) = filled();
    store(&memory, vec![(order_key("ann", 0), order("k", State::Released).encode())]);
    store(&memory, vec![left(1), (order_key("ann", 0), order("k", State::Held).encode())]);
    assert!(broken(&memory).contains("from Released to Held"));
}

#[test]
fn the_checker_finds_a_reopened_bucket_and_a_fallen_generation() {
    let (memory, bucket, _) = filled();
    let stamped = |generation, state| (bucket_key(0), Bucket { generation, state, ..bucket.clone() }.encode());
    store(&memory, vec![stamped(Generation(2), bucket::State::Closed)]);
    store(&memory, vec![stamped(Generation(2), bucket::State::Open)]);
    assert!(broken(&memory).contains("reopened"));
    let (memory, ..) = filled();
    store(&memory, vec![stamped(Generation(2), bucket::State::Closed)]);
    store(&memory, vec![stamped(Generation(1), bucket::State::Closed)]);
    assert!(broken(&memory).contains("fell from 2 to 1"));
}

#[test]
fn the_checker_finds_supply_records_out_of_step() {
    let record = |generation, delta, total| crate::supply::Supply {
        generation: Generation(generation),
        quantity: Units(2),
        withheld: Units(0),
        delta,
        bucket: BucketIndex(0),
        total: Units(total),
    };
    let after = |number, generation, delta, total| {
        let (memory, ..) = filled();
        store(&memory, vec![(Key::Supply(sku(), number), record(generation, delta, total).encode())]);
        broken(&memory)
    };
    assert!(after(3, 1, 0, 2).contains("record 3 of shoe follows 1"));
    assert!(after(2, 0, 0, 2).contains("older generation"));
    assert!(after(2, 1, 0, 3).contains("says 3, the sum is 2"));
}
