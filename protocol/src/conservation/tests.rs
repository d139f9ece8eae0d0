use proptest::prelude::*;

use super::*;
use crate::claim::Request;
use crate::id::{BucketIndex, Generation, IdempotencyKey, Sku};
use crate::order::Reason;
use crate::wire::Value as _;

fn supply(delta: i64) -> Supply {
    Supply {
        generation: Generation(1),
        quantity: Units(0),
        withheld: Units(0),
        delta,
        bucket: BucketIndex(0),
        total: Units(0),
    }
}

fn order(quantity: u32, state: u8) -> Order {
    let request = Request {
        key: IdempotencyKey::parse("k").unwrap(),
        sku: Sku::parse("shoe").unwrap(),
        quantity: Units(quantity),
    };
    let held = request.order(Some(1));
    match state {
        0 => held,
        1 => held.confirmed(None).unwrap(),
        _ => held.released(Reason::Expired).unwrap(),
    }
}

proptest! {
    #[test]
    fn whatever_is_sold_held_and_given_back_the_gap_is_what_appeared_or_went_missing(
        orders in prop::collection::vec((1..9u32, 0..3u8), 0..40),
        buckets in prop::collection::vec(0..1_000u32, 1..8),
        gap in -5..6i64,
    ) {
        let mut sums = Sums::default();
        let orders: Vec<Order> = orders.into_iter().map(|(quantity, state)| order(quantity, state)).collect();
        orders.iter().for_each(|order| sums.add_order(order));
        buckets.iter().for_each(|free| sums.add_bucket(Units(*free)));
        let active: i64 = orders.iter().map(|order| i64::from(order.active().0)).sum();
        let free: i64 = buckets.iter().map(|free| i64::from(*free)).sum();
        // In two records, as an increase after a first fill would be.
        sums.add_supply(&supply(free));
        sums.add_supply(&supply(active - gap));
        prop_assert_eq!(sums.gap(), gap);
        prop_assert_eq!(sums.orders, i64::try_from(orders.len()).unwrap());
        let sides = Sides { stream: sums, ledger: sums };
        let expected = if gap == 0 { Ok(()) } else { Err(Breach::Gap { side: "stream", gap }) };
        prop_assert_eq!(sides.check(), expected);
    }

    #[test]
    fn two_sides_that_balance_and_differ_are_a_breach(free in 0..100i64, more in 1..100i64) {
        let of = |free| Sums { supply: free, free, ..Sums::default() };
        let (stream, ledger) = (of(free), of(free + more));
        let sides = Sides { stream, ledger };
        prop_assert_eq!(sides.check(), Err(Breach::Differ { stream, ledger }));
    }

    #[test]
    fn a_record_of_supply_is_read_back(delta in any::<i64>()) {
        prop_assert_eq!(Supply::decode(&supply(delta).encode()).unwrap(), supply(delta));
    }
}

#[test]
fn what_a_decrease_came_too_late_for_is_a_shortfall_and_no_breach() {
    let sums = Sums { supply: 10, free: 0, held: 1, sold: 9, orders: 10 };
    assert_eq!([4, 10, 12].map(|target| sums.shortfall(Units(target)).0), [6, 0, 0]);
    assert_eq!(Sides { stream: sums, ledger: sums }.check(), Ok(()));
}
