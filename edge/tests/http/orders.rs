//! `/v1/sales/{sale}/orders`

use std::collections::HashSet;

use anyhow::ensure;
use protocol::OrderId;
use protocol::sale::{DesiredState, Payment};
use serde_json::Value;
use testbed::eventually;

use crate::document::success;
use crate::provision::draft;
use crate::shop::{Edge, SOON, answered, customer, problem};

#[tokio::test]
async fn a_claim_makes_an_order_whose_address_was_known_before() {
    let sale = Edge::shared().await.sell(draft("claim", 5)).await;
    let answer = answered(sale.claim(&sale.session("ann"), "k-1", 2)).await;
    assert_eq!(answer.status(), 201);
    let location = answer.headers()["location"].to_str().unwrap().to_owned();
    let order = success("post", answer).await;
    let id = OrderId::derive(&sale.definition.uid, &customer("ann"), &"k-1".to_owned().try_into().unwrap()).to_string();
    assert_eq!(order["id"], *id);
    assert_eq!(location, format!("/v1/sales/{}/orders/{id}", sale.definition.sale));
    assert_eq!(order["state"], "confirmed");
    assert_eq!(order["total"], serde_json::json!({ "amountMinor": 25_800, "currency": "EUR" }));
    assert_eq!(sale.free().await, 3);

    let read = answered(sale.http.get(format!("{}/{id}", sale.orders())).bearer_auth(sale.session("ann"))).await;
    let read = success("get", read).await;
    assert_eq!((&read["id"], &read["quantity"], &read["sku"]), (&order["id"], &2.into(), &"shoe".into()));
    assert!(read["updatedAt"].is_string(), "{read}");
}

#[tokio::test]
async fn the_same_request_again_is_the_same_order_with_the_same_status_and_takes_nothing() {
    let sale = Edge::shared().await.sell(draft("replay", 5)).await;
    let token = sale.session("ann");
    let mut bodies = HashSet::new();
    for _ in 0..3 {
        let answer = answered(sale.claim(&token, "k", 2)).await;
        assert_eq!(answer.status(), 201);
        bodies.insert(answer.text().await.unwrap());
    }
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    assert_eq!(sale.free().await, 3);
}

#[tokio::test]
async fn one_key_for_two_wishes_is_refused() {
    let sale = Edge::shared().await.sell(draft("reuse", 5)).await;
    let token = sale.session("ann");
    assert_eq!(answered(sale.claim(&token, "k", 2)).await.status(), 201);
    let (status, name, body) = problem(answered(sale.claim(&token, "k", 1)).await).await;
    assert_eq!((status, name.as_str(), &body["retry"]), (422, "idempotency-key-reused", &"never".into()));
    assert_eq!(sale.free().await, 3);
}

#[tokio::test]
async fn more_than_an_order_may_have_is_refused_with_the_numbers() {
    let sale = Edge::shared().await.sell(draft("limit", 9)).await;
    let (status, name, body) = problem(answered(sale.claim(&sale.session("ann"), "k", 3)).await).await;
    assert_eq!((status, name.as_str()), (409, "limit-reached"));
    assert_eq!(body["limit"], serde_json::json!({ "which": "order", "limit": 2, "asked": 3 }));
    assert_eq!(sale.free().await, 9);
}

#[tokio::test]
async fn when_nothing_is_left_it_is_sold_out_and_whoever_has_an_order_still_has_it() {
    let sale = Edge::shared().await.sell(draft("gone", 2)).await;
    assert_eq!(answered(sale.claim(&sale.session("ann"), "k", 2)).await.status(), 201);
    let (status, name, body) = problem(answered(sale.claim(&sale.session("bob"), "k", 1)).await).await;
    assert_eq!((status, name.as_str(), &body["retry"]), (409, "sold-out", &"later".into()));
    assert_eq!(answered(sale.claim(&sale.session("ann"), "k", 2)).await.status(), 201);
}

#[tokio::test]
async fn before_the_start_the_answer_says_when_it_is() {
    let mut early = draft("early", 2);
    early.start = early.end - std::time::Duration::from_secs(60);
    let sale = Edge::shared().await.sell(early).await;
    let (status, name, body) = problem(answered(sale.claim(&sale.session("ann"), "k", 1)).await).await;
    assert_eq!((status, name.as_str()), (409, "not-open-yet"));
    assert_eq!(body["opensAt"], sale.definition.start.to_string());
    assert_eq!(sale.free().await, 2);
}

#[tokio::test]
async fn a_paused_sale_refuses_and_a_resumed_one_sells() {
    let mut sale = Edge::shared().await.sell(draft("pause", 2)).await;
    let token = sale.session("ann");
    sale.redefine(|definition| definition.desired_state = DesiredState::Paused).await;
    let answer = sale.claim(&token, "k", 1);
    eventually(SOON, "the pause", async || {
        let (_, name, body) = problem(answer.try_clone().unwrap().send().await?).await;
        ensure!(name == "sale-paused", "{body}");
        ensure!(body["retryAfterSeconds"].is_u64(), "{body}");
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(sale.free().await, 2);
    sale.redefine(|definition| definition.desired_state = DesiredState::Scheduled).await;
    eventually(SOON, "the resumption", async || {
        let status = answer.try_clone().unwrap().send().await?.status();
        ensure!(status == 201, "{status}");
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn an_order_that_must_be_paid_is_held_until_a_deadline() {
    let mut paid = draft("held", 2);
    paid.payment = Payment::Wallet;
    let sale = Edge::shared().await.sell(paid).await;
    let order: Value = answered(sale.claim(&sale.session("ann"), "k", 1)).await.json().await.unwrap();
    assert_eq!(order["state"], "held");
    let expires: jiff::Timestamp = order["expiresAt"].as_str().unwrap().parse().unwrap();
    let left = expires.duration_since(runtime::clock::Clock::system().now()).as_secs();
    assert!((590..=600).contains(&left), "{left} s");
}

#[tokio::test]
async fn my_orders_are_mine_and_complete() {
    let sale = Edge::shared().await.sell(draft("mine", 9)).await;
    for (name, key) in [("ann", "a"), ("ann", "b"), ("bob", "c")] {
        assert_eq!(answered(sale.claim(&sale.session(name), key, 1)).await.status(), 201);
    }
    let list = async |name: &str| {
        let answer = answered(sale.http.get(sale.orders()).bearer_auth(sale.session(name))).await;
        assert_eq!(answer.status(), 200);
        answer.json::<Value>().await.unwrap()["orders"].as_array().unwrap().len()
    };
    assert_eq!((list("ann").await, list("bob").await, list("eve").await), (2, 1, 0));
}

#[tokio::test]
async fn a_hundred_at_once_for_ten_units_are_ten_orders_and_ninety_refusals() {
    let sale = Edge::shared().await.sell(draft("crowd", 10)).await;
    let claims = (0..100).map(|number| {
        let request = sale.claim(&sale.session(&format!("shopper-{number}")), "k", 1);
        async move {
            let answer = answered(request).await;
            if answer.status() == 201 { "201".to_owned() } else { problem(answer).await.1 }
        }
    });
    let answers = futures::future::join_all(claims).await;
    let count = |what: &str| answers.iter().filter(|answer| *answer == what).count();
    assert_eq!((count("201"), count("sold-out")), (10, 90), "{answers:?}");
    assert_eq!(sale.free().await, 0);
}

#[tokio::test]
async fn what_one_person_wanted_is_not_done_for_another_who_has_signed_in_since() {
    let sale = Edge::shared().await.sell(draft("meant", 3)).await;
    let claim =
        |meant: &str| answered(sale.claim(&sale.session("ben"), "k", 1).header("sluice-customer", meant.to_owned()));
    for meant in [customer("ann").to_string(), String::new(), "nobody".to_owned()] {
        let (status, name, body) = problem(claim(&meant).await).await;
        assert_eq!((status, name.as_str(), &body["retry"]), (401, "not-signed-in", &"never".into()), "{body}");
    }
    assert_eq!(sale.free().await, 3, "nothing was taken");
    assert_eq!(claim(&customer("ben").to_string()).await.status(), 201);
}
