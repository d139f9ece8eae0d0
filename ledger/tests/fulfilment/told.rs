//! What is told, to whom, and how often.

use std::collections::HashSet;

use ledger::payments::payment::Target;
use ledger::repo::Repo;
use protocol::order::{Reason, State};
use protocol::sale::Money;
use protocol::{IdempotencyKey, OrderId, OrderNumber};
use runtime::clock::Clock;
use serde_json::json;

use crate::receiver::{KEY, Mood, NEXT_KEY, Receiver, key_file, told_all};
use crate::shop::{Shop, customer, order};

pub(crate) fn id(shop: &Shop, of: usize) -> String {
    OrderId::derive(&shop.definition.uid, &customer(of), &IdempotencyKey::parse("k").unwrap()).0.to_string()
}

/// Somebody with an address, as an account would have made them.
pub(crate) async fn known(shop: &Shop, of: usize, email: &str, name: &str) {
    sqlx::query("INSERT INTO users (customer, issuer, subject, email, name) VALUES ($1, 'tests', $1, $2, $3)")
        .bind(customer(of).to_string())
        .bind(email)
        .bind(name)
        .execute(&shop.postgres().await)
        .await
        .unwrap();
}

/// Takes a sold order back, as a merchant does.
pub(crate) async fn refund(shop: &Shop, of: usize) {
    shop.take_back(customer(of), Reason::Refunded).await;
}

#[tokio::test]
async fn a_sold_order_is_told_once_with_what_for_how_much_and_for_whom() {
    let (shop, receiver) = (Shop::of("told", 40).await, Receiver::start().await);
    let ledger = receiver.ledger(&shop, 0, &[]);
    ledger.ready().await;
    known(&shop, 1, "ann@example.com", "Ann \"A.\" O'Neil").await;
    shop.claim(customer(1), 0, &order("k", 2, State::Confirmed)).await;
    shop.claim(customer(2), 0, &order("k", 1, State::Confirmed)).await;
    shop.claim(customer(3), 0, &order("k", 1, State::Held)).await;
    let mut taken = receiver.took(2).await;
    told_all(&shop).await;
    taken.sort_by_key(|got| got.order != id(&shop, 1));
    let [ann, guest] = taken.as_slice() else { panic!("{taken:?}") };
    assert_eq!(ann.event, "order.confirmed");
    let body = &ann.body;
    assert_eq!((&body["sale"], &body["attempt"]), (&json!(shop.definition.sale.as_str()), &json!(1)));
    let eur = |amount_minor| json!(Money { amount_minor, currency: "EUR".to_owned() });
    let expected = json!({
        "id": id(&shop, 1), "number": 0, "sku": "shoe", "itemName": "A shoe", "quantity": 2, "price": eur(12_900),
        "total": eur(25_800), "state": "confirmed", "reason": null,
        "placedAt": body["order"]["placedAt"], "changedAt": body["order"]["changedAt"],
    });
    assert_eq!(body["order"], expected);
    let placed: jiff::Timestamp = body["order"]["placedAt"].as_str().unwrap().parse().unwrap();
    assert!(Clock::system().now().duration_since(placed).as_secs() < 60, "{placed}");
    let whom = json!({ "id": customer(1).to_string(), "email": "ann@example.com", "name": "Ann \"A.\" O'Neil" });
    assert_eq!(body["customer"], whom);
    let nobody = json!({ "id": customer(2).to_string(), "email": null, "name": null });
    assert_eq!((&guest.order, &guest.body["customer"]), (&id(&shop, 2), &nobody));
    receiver.nothing_wrong();
    assert_eq!(receiver.got().len(), 2, "neither the held order nor anything twice");
    let log = ledger.service.log();
    assert!(!log.contains("a-secret-of-the-query") && !log.contains(KEY), "{log}");
    ledger.service.stop().await.unwrap();
}

#[tokio::test]
async fn an_order_that_is_taken_back_is_told_after_it_was_sold() {
    let (shop, receiver) = (Shop::of("back", 40).await, Receiver::start().await);
    let _ledger = receiver.ledger(&shop, 0, &[]);
    let sold = order("k", 1, State::Confirmed);
    let at = shop.claim(customer(1), 0, &sold).await;
    receiver.took(1).await;
    shop.release(customer(1), 0, &sold, at).await;
    // A held order that is given back was never sold.
    let held = order("k", 1, State::Held);
    let at = shop.claim(customer(2), 0, &held).await;
    shop.drained().await;
    shop.release(customer(2), 0, &held, at).await;
    shop.drained().await;
    let taken = receiver.took(2).await;
    told_all(&shop).await;
    let told: Vec<(&str, &str)> = taken.iter().map(|got| (got.order.as_str(), got.event.as_str())).collect();
    let id = id(&shop, 1);
    assert_eq!(told, [(id.as_str(), "order.confirmed"), (id.as_str(), "order.released")]);
    assert_eq!(taken[1].body["order"]["reason"], "cancelled");
    assert_ne!(taken[0].id, taken[1].id);
    assert_eq!(receiver.got().len(), 2);
    receiver.nothing_wrong();
}

#[tokio::test]
async fn sold_and_taken_back_while_nobody_listens_is_told_once_as_taken_back() {
    let (shop, receiver) = (Shop::of("quick", 40).await, Receiver::start().await);
    receiver.set(Mood::Says(503));
    let _ledger = receiver.ledger(&shop, 0, &[]);
    let sold = order("k", 1, State::Confirmed);
    for of in 0..3 {
        let at = shop.claim(customer(of), 0, &sold).await;
        shop.drained().await;
        shop.release(customer(of), 0, &sold, at).await;
    }
    shop.drained().await;
    receiver.set(Mood::Well);
    told_all(&shop).await;
    let last = receiver.last();
    assert_eq!(last.len(), 3);
    assert!(last.values().all(|event| event == "order.released"), "{last:?}");
    assert_eq!(receiver.taken().len(), 3, "one message per order, the newest state");
    receiver.nothing_wrong();
}

#[tokio::test]
async fn a_refund_right_after_the_sale_ends_as_released_whatever_the_follower_saw() {
    let (shop, receiver) = (Shop::of("refund", 400).await, Receiver::start().await);
    let sold = order("k", 1, State::Confirmed);
    let mut ends = HashSet::new();
    let released = async {
        for of in 0..30 {
            shop.claim(customer(of), 0, &sold).await;
            refund(&shop, of).await;
            ends.insert(id(&shop, of));
        }
    };
    let ledger = receiver.ledger(&shop, 0, &[]);
    released.await;
    shop.drained().await;
    told_all(&shop).await;
    let last = receiver.last();
    assert_eq!(last.keys().cloned().collect::<HashSet<_>>(), ends);
    assert!(last.values().all(|event| event == "order.released"), "{last:?}");
    receiver.nothing_wrong();
    ledger.service.stop().await.unwrap();
}

#[tokio::test]
async fn a_refund_after_the_streams_are_gone_is_told_too() {
    let (shop, receiver) = (Shop::of("gonesale", 40).await, Receiver::start().await);
    let ledger = receiver.ledger(&shop, 0, &[]);
    shop.claim(customer(1), 0, &order("k", 1, State::Confirmed)).await;
    receiver.took(1).await;
    told_all(&shop).await;
    let repo = Repo::new(shop.database.parse().unwrap());
    let target = Target {
        sale: shop.definition.sale.clone(),
        order: OrderId(id(&shop, 1).parse().unwrap()),
        customer: customer(1),
        number: OrderNumber(0),
    };
    repo.refund_in_rows(&target).await.unwrap();
    receiver.took(2).await;
    told_all(&shop).await;
    repo.refund_in_rows(&target).await.unwrap();
    told_all(&shop).await;
    let events: Vec<String> = receiver.got().into_iter().map(|got| got.event).collect();
    assert_eq!(events, ["order.confirmed", "order.released"]);
    receiver.nothing_wrong();
    ledger.service.stop().await.unwrap();
}

#[tokio::test]
async fn two_replicas_tell_of_two_thousand_orders_and_of_none_of_them_twice() {
    const ORDERS: usize = 2_000;
    let (shop, receiver) = (Shop::of("drain", 4_000).await, Receiver::start().await);
    // Both are there before there is anything to tell, so that both have a part of it.
    let tellers = [1, 2].map(|replica| receiver.ledger(&shop, replica, &["--roles=webhook"]));
    for teller in &tellers {
        teller.ready().await;
    }
    let clock = Clock::system();
    let began = clock.monotonic();
    let follower = receiver.ledger(&shop, 0, &["--roles=follow"]);
    for group in (0..ORDERS).collect::<Vec<_>>().chunks(200) {
        let orders: Vec<_> = group.iter().map(|of| (customer(*of), order("k", 1, State::Confirmed))).collect();
        shop.claim_all(&orders).await;
    }
    receiver.took(ORDERS).await;
    println!("2,000 orders followed and told: {:?}", clock.monotonic() - began);
    told_all(&shop).await;
    receiver.nothing_wrong();
    assert_eq!(receiver.got().len(), ORDERS);
    assert_eq!(receiver.last().len(), ORDERS);
    assert!(receiver.most_at_once() <= 32, "{} at once", receiver.most_at_once());
    for teller in tellers {
        let page = reqwest::get(format!("{}/metrics", teller.admin)).await.unwrap().text().await.unwrap();
        let line =
            page.lines().find_map(|l| l.strip_prefix("sluice_ledger_webhook_deliveries_total{outcome=\"taken\"} "));
        assert!(line.is_some_and(|count| count.parse::<usize>().unwrap() > 0), "both tell: {page}");
        teller.service.stop().await.unwrap();
    }
    follower.service.stop().await.unwrap();
}

#[tokio::test]
async fn while_keys_are_rotated_both_sign() {
    let (shop, receiver) = (Shop::of("rotate", 10).await, Receiver::start().await);
    let url = format!("--webhook-url={}", receiver.url());
    let keys = format!("--webhook-key-file={},{}", key_file(&shop, KEY), key_file(&shop, NEXT_KEY));
    let _ledger = shop.ledger(0, &[&url, &keys]);
    shop.claim(customer(1), 0, &order("k", 1, State::Confirmed)).await;
    receiver.took(1).await;
    // The receiver has checked that each of the signatures is one of these keys'.
    receiver.nothing_wrong();
    assert_eq!(receiver.got()[0].signatures, 2);
}

#[tokio::test]
async fn without_a_webhook_nothing_is_noted() {
    let shop = Shop::of("nothing", 40).await;
    let ledger = shop.ledger(0, &[]);
    let sold = order("k", 1, State::Confirmed);
    let at = shop.claim(customer(1), 0, &sold).await;
    shop.claim(customer(2), 0, &sold).await;
    shop.release(customer(1), 0, &sold, at).await;
    shop.drained().await;
    assert_eq!(shop.number("SELECT count(*) FROM orders").await, 2);
    assert_eq!(shop.number("SELECT count(*) FROM outbox").await, 0);
    assert_eq!(shop.number("SELECT count(*) FROM webhooks").await, 0);
    let ready = reqwest::get(format!("{}/readyz", ledger.admin)).await.unwrap().text().await.unwrap();
    assert!(!ready.contains("webhook"), "{ready}");
}
