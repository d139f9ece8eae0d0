use super::*;
use crate::bucket::State as BucketState;
use crate::claim::Request;
use crate::id::{Generation, IdempotencyKey};
use crate::order::State;
use crate::store::memory::{Fault, Memory};
use crate::supply::Supply;

/// The twin answers at once; what waits for somebody else would wait for ever.
fn now<F: Future>(future: F) -> F::Output {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let mut future = std::pin::pin!(future);
    for _ in 0..1_000 {
        if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
    panic!("it waits for something that does not come")
}

fn sku() -> Sku {
    Sku::parse("shoe").unwrap()
}

fn customer(number: u32) -> CustomerId {
    CustomerId::derive(b"key", "tests", &number.to_string())
}

/// A shard with two buckets, the first of which sold all its units to held orders of one unit each.
fn sold_out(orders: u32) -> (Memory, Vec<Standing>) {
    let memory = Memory::new();
    let generation = Generation(1);
    let commit = |batch: Vec<Write>| match now(memory.commit(batch)) {
        Outcome::Committed(committed) => committed,
        other => panic!("not committed: {other:?}"),
    };
    let bucket = |index| Key::Bucket(sku(), BucketIndex(index));
    let write = |key, expect, value: bytes::Bytes| Write { key, expect, value, trace: None };
    let seeded = Bucket::seeded(generation);
    for index in 0..2 {
        commit(vec![write(bucket(index), Expect::Absent, seeded.encode())]);
    }
    let full = seeded.supply(i64::from(orders)).unwrap();
    let supply = Supply {
        generation,
        quantity: Units(orders),
        withheld: Units::ZERO,
        delta: i64::from(orders),
        bucket: BucketIndex(0),
        total: Units(orders),
    };
    let at = now(memory.read(&bucket(0))).unwrap().unwrap().revision;
    let filled = commit(vec![
        write(bucket(0), Expect::At(at), full.encode()),
        write(Key::Supply(sku(), 1), Expect::Absent, supply.encode()),
    ]);
    let empty = full.claim(Units(orders), generation).unwrap();
    let request = Request { key: IdempotencyKey::parse("k").unwrap(), sku: sku(), quantity: Units(1) };
    let order = request.order(Some(100));
    let claims = (0..orders).map(|n| write(Key::Order(customer(n), OrderNumber(0)), Expect::Absent, order.encode()));
    let taken = write(bucket(0), Expect::At(filled.revision(0)), empty.encode());
    commit(std::iter::once(taken).chain(claims).collect());
    let standing = (0..orders).map(|n| now(Standing::read(&memory, customer(n), OrderNumber(0))).unwrap().unwrap());
    (memory.clone(), standing.collect())
}

fn expired(standing: &[Standing]) -> Vec<(Standing, Reason)> {
    standing.iter().map(|standing| (standing.clone(), Reason::Expired)).collect()
}

fn free(memory: &Memory, index: u16) -> Units {
    let entry = memory.peek(&Key::Bucket(sku(), BucketIndex(index))).unwrap();
    Bucket::decode(&entry.value).unwrap().free
}

#[test]
fn a_group_comes_back_in_one_batch() {
    let (memory, standing) = sold_out(3);
    let attempt = now(release(&memory, &sku(), BucketIndex(1), &expired(&standing))).unwrap();
    let Attempt::Done(refilled) = attempt else { panic!("{attempt:?}") };
    assert_eq!((refilled.bucket.free, free(&memory, 1), free(&memory, 0)), (Units(3), Units(3), Units::ZERO));
    for before in &standing {
        let after = now(Standing::read(&memory, before.customer, before.number)).unwrap().unwrap();
        assert_eq!((after.order.state, after.order.reason), (State::Released, Some(Reason::Expired)));
    }
    memory.check().unwrap();
}

#[test]
fn an_order_that_changed_since_it_was_read_is_named_and_nothing_comes_back() {
    let (memory, standing) = sold_out(3);
    let paid = now(confirm(&memory, &standing[1], uuid::Uuid::from_u128(7)));
    assert!(matches!(&paid, Attempt::Done(order) if order.payment == Some(uuid::Uuid::from_u128(7))), "{paid:?}");
    let attempt = now(release(&memory, &sku(), BucketIndex(1), &expired(&standing))).unwrap();
    assert_eq!(attempt, Attempt::Changed(1));
    assert_eq!(free(&memory, 1), Units::ZERO);
    memory.check().unwrap();
}

#[test]
fn of_two_who_release_one_order_the_second_changes_nothing() {
    let (memory, standing) = sold_out(1);
    let group = expired(&standing);
    assert!(matches!(now(release(&memory, &sku(), BucketIndex(0), &group)), Ok(Attempt::Done(_))));
    assert_eq!(now(release(&memory, &sku(), BucketIndex(1), &group)), Ok(Attempt::Changed(0)));
    assert_eq!((free(&memory, 0), free(&memory, 1)), (Units(1), Units::ZERO));
    memory.check().unwrap();
}

#[test]
fn a_payment_that_comes_after_the_release_changes_nothing() {
    let (memory, standing) = sold_out(1);
    assert!(matches!(now(release(&memory, &sku(), BucketIndex(0), &expired(&standing))), Ok(Attempt::Done(_))));
    assert_eq!(now(confirm(&memory, &standing[0], uuid::Uuid::from_u128(7))), Attempt::Changed(0));
    memory.check().unwrap();
}

#[test]
fn an_attempt_that_was_lost_or_only_looked_lost_can_be_made_again() {
    for fault in [Fault::AckLost, Fault::Lost] {
        let (memory, standing) = sold_out(2);
        memory.script(fault);
        let group = expired(&standing);
        assert!(matches!(now(release(&memory, &sku(), BucketIndex(1), &group)), Ok(Attempt::Unknown(_))));
        let again = now(release(&memory, &sku(), BucketIndex(1), &group)).unwrap();
        match fault {
            Fault::AckLost => assert_eq!(again, Attempt::Changed(0)),
            _ => assert!(matches!(again, Attempt::Done(_)), "{again:?}"),
        }
        assert_eq!(free(&memory, 1), Units(2), "after {fault:?}");
        memory.check().unwrap();
    }
}

#[test]
fn an_attempt_that_lands_late_finds_the_orders_changed() {
    let (memory, standing) = sold_out(1);
    let group = expired(&standing);
    memory.script(Fault::Delayed);
    assert!(matches!(now(release(&memory, &sku(), BucketIndex(0), &group)), Ok(Attempt::Unknown(_))));
    assert!(matches!(now(release(&memory, &sku(), BucketIndex(1), &group)), Ok(Attempt::Done(_))));
    let (ticket, _) = memory.delayed().pop().unwrap();
    assert!(matches!(memory.land(ticket), Some(Outcome::Conflict(_))));
    assert_eq!((free(&memory, 0), free(&memory, 1)), (Units::ZERO, Units(1)));
    memory.check().unwrap();
}

#[test]
fn a_closed_bucket_takes_units_back() {
    let (memory, standing) = sold_out(1);
    let entry = memory.peek(&Key::Bucket(sku(), BucketIndex(1))).unwrap();
    let closed = Bucket::decode(&entry.value).unwrap().stamp(Generation(2), BucketState::Closed).unwrap().unwrap();
    let key = Key::Bucket(sku(), BucketIndex(1));
    let write = Write { key, expect: Expect::At(entry.revision), value: closed.encode(), trace: None };
    assert!(matches!(now(memory.commit(vec![write])), Outcome::Committed(_)));
    assert!(matches!(now(release(&memory, &sku(), BucketIndex(1), &expired(&standing))), Ok(Attempt::Done(_))));
    assert_eq!(free(&memory, 1), Units(1));
    memory.check().unwrap();
}
