use proptest::prelude::*;

use super::*;
use crate::order::Reason;

fn request(key: &str, sku: &str, quantity: u32) -> Request {
    Request { key: IdempotencyKey::parse(key).unwrap(), sku: Sku::parse(sku).unwrap(), quantity: Units(quantity) }
}

fn made(key: &str, sku: &str, quantity: u32) -> Order {
    request(key, sku, quantity).order(None)
}

fn released(key: &str, sku: &str, quantity: u32) -> Order {
    made(key, sku, quantity).released(Reason::Refunded).unwrap()
}

const LIMITS: Limits =
    Limits { per_order: Units(3), per_customer_item: Some(Units(4)), per_customer_sale: Some(Units(6)) };

#[test]
fn a_request_with_the_history_in_hand_is_decided_like_this() {
    use Verdict::{Claim, KeyReused, LimitReached, Replay};
    let number = OrderNumber;
    let item = |has, asked| LimitReached(Limit::Item { limit: Units(4), asked: Units(asked), has: Units(has) });
    let sale = |has, asked| LimitReached(Limit::Sale { limit: Units(6), asked: Units(asked), has: Units(has) });
    let cases: [(&str, Vec<Order>, Request, Verdict); 11] = [
        ("the first", vec![], request("a", "x", 3), Claim(number(0))),
        ("the second", vec![made("a", "x", 1)], request("b", "x", 3), Claim(number(1))),
        ("the same again", vec![made("a", "x", 1), made("b", "y", 2)], request("b", "y", 2), Replay(number(1))),
        ("the same again, released", vec![released("a", "x", 1)], request("a", "x", 1), Replay(number(0))),
        ("a key for more", vec![made("a", "x", 1)], request("a", "x", 2), KeyReused(number(0))),
        ("a key for another item", vec![made("a", "x", 1)], request("a", "y", 1), KeyReused(number(0))),
        (
            "too many in one order",
            vec![],
            request("a", "x", 4),
            LimitReached(Limit::Order { limit: Units(3), asked: Units(4) }),
        ),
        ("too many of the item", vec![made("a", "x", 3)], request("b", "x", 2), item(3, 2)),
        ("as many as may be", vec![made("a", "x", 3)], request("b", "x", 1), Claim(number(1))),
        ("released units do not count", vec![released("a", "x", 3)], request("b", "x", 3), Claim(number(1))),
        ("too many over all items", vec![made("a", "x", 3), made("b", "y", 2)], request("c", "z", 2), sale(5, 2)),
    ];
    for (what, history, request, expected) in cases {
        assert_eq!(decide(&request, &history, &LIMITS), expected, "{what}");
    }
}

#[test]
fn a_retry_is_never_told_about_the_limit_that_its_own_order_used_up() {
    let history = [made("a", "x", 3), made("b", "x", 1)];
    assert_eq!(decide(&request("b", "x", 1), &history, &LIMITS), Verdict::Replay(OrderNumber(1)));
}

#[test]
fn nobody_makes_more_orders_than_there_are_numbers() {
    let history: Vec<Order> = (0..ORDERS_PER_CUSTOMER_MAX).map(|i| released(&format!("k{i}"), "x", 1)).collect();
    let verdict = decide(&request("next", "x", 1), &history, &LIMITS);
    assert_eq!(verdict, Verdict::LimitReached(Limit::Orders { limit: ORDERS_PER_CUSTOMER_MAX }));
}

proptest! {
    #[test]
    fn whatever_is_claimed_one_after_the_other_stays_within_every_limit(
        wishes in prop::collection::vec((0..9u8, prop_oneof![Just("x"), Just("y"), Just("z")], 1..5u32, any::<bool>()), 0..40),
    ) {
        let mut history: Vec<Order> = Vec::new();
        for (key, sku, quantity, release) in wishes {
            let request = request(&format!("k{key}"), sku, quantity);
            if let Verdict::Claim(number) = decide(&request, &history, &LIMITS) {
                prop_assert_eq!(usize::from(number.0), history.len());
                prop_assert!(history.iter().all(|order| order.key != request.key));
                history.push(request.order(None));
            }
            let active = |only: Option<&str>| history.iter()
                .filter(|order| only.is_none_or(|sku| order.sku.as_str() == sku))
                .map(|order| order.active().0).sum::<u32>();
            prop_assert!(["x", "y", "z"].iter().all(|sku| active(Some(sku)) <= 4) && active(None) <= 6);
            if release && let Some(last) = history.last_mut() && last.state != State::Released {
                *last = last.released(Reason::Cancelled).unwrap();
            }
        }
    }
}

#[test]
fn a_claim_with_a_deadline_is_held_and_one_without_is_sold() {
    let request = request("a", "x", 2);
    assert_eq!(request.order(Some(7)).state, State::Held);
    assert_eq!(request.order(None).state, State::Confirmed);
    assert!(request.made(&request.order(Some(7))) && request.made(&request.order(None)));
}
