use super::*;
use protocol::order::Reason;
use protocol::{Generation, IdempotencyKey};

fn sku() -> Sku {
    Sku::parse("shoe").unwrap()
}

fn customer(number: u8) -> CustomerId {
    CustomerId::derive(b"key", "tests", &number.to_string())
}

fn held(units: u32, deadline: i64) -> Order {
    Order {
        key: IdempotencyKey::parse("k").unwrap(),
        sku: sku(),
        quantity: Units(units),
        state: State::Held,
        reason: None,
        expires_at: Some(deadline),
        payment: None,
    }
}

/// An item of which this many units were supplied, all of them in one bucket.
fn supplied(units: u32) -> Tally {
    let mut tally = Tally::default();
    let supply = Supply {
        generation: Generation(1),
        quantity: Units(units),
        withheld: Units::ZERO,
        delta: units.into(),
        bucket: BucketIndex(0),
        total: Units(units),
    };
    tally.supply(&sku(), &supply);
    leave(&mut tally, units);
    tally
}

/// The bucket has this many units left.
fn leave(tally: &mut Tally, units: u32) {
    let bucket = Bucket { free: Units(units), ..Bucket::seeded(Generation(1)) };
    tally.bucket(&sku(), BucketIndex(0), &bucket);
}

fn count(free: u32, held: u32, next_expiry: Option<i64>) -> Option<Count> {
    Some(Count { free: Units(free), held: Units(held), next_expiry })
}

#[test]
fn in_the_middle_of_a_batch_nothing_is_counted() {
    let mut tally = supplied(3);
    assert_eq!(tally.count(&sku()), count(3, 0, None));
    leave(&mut tally, 0);
    assert_eq!(tally.count(&sku()), None, "three units are in no order yet");
    tally.order(&customer(1), OrderNumber(0), &held(2, 50));
    assert_eq!(tally.count(&sku()), None);
    tally.order(&customer(2), OrderNumber(0), &held(1, 40));
    assert_eq!(tally.count(&sku()), count(0, 3, Some(40)));
}

#[test]
fn units_are_held_until_they_are_paid_or_come_back() {
    let mut tally = supplied(3);
    leave(&mut tally, 0);
    let (first, second) = (held(2, 50), held(1, 40));
    tally.order(&customer(1), OrderNumber(0), &first);
    tally.order(&customer(2), OrderNumber(0), &second);
    leave(&mut tally, 1);
    tally.order(&customer(2), OrderNumber(0), &second.released(Reason::Expired).unwrap());
    assert_eq!(tally.count(&sku()), count(1, 2, Some(50)));
    let paid = first.confirmed(None).unwrap();
    tally.order(&customer(1), OrderNumber(0), &paid);
    assert_eq!(tally.count(&sku()), count(1, 0, None));
    leave(&mut tally, 3);
    tally.order(&customer(1), OrderNumber(0), &paid.released(Reason::Refunded).unwrap());
    assert_eq!(tally.count(&sku()), count(3, 0, None));
}

#[test]
fn an_order_that_was_never_seen_held_is_sold_or_gone_all_the_same() {
    let mut tally = supplied(2);
    leave(&mut tally, 1);
    tally.order(&customer(1), OrderNumber(0), &held(1, 50).released(Reason::Cancelled).unwrap());
    assert_eq!(tally.count(&sku()), None);
    tally.order(&customer(2), OrderNumber(0), &held(1, 50).confirmed(None).unwrap());
    assert_eq!(tally.count(&sku()), count(1, 0, None));
    assert_eq!(tally.count(&Sku::parse("hat").unwrap()), None);
}
