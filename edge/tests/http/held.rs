//! Sales in which an order waits for a payment: `…/orders/{order}/cancel`, `…/orders/{order}/events`, and what is said
//! while others hold everything.

use anyhow::ensure;
use protocol::order::State;
use protocol::release::{Attempt, Standing, confirm};
use protocol::sale::{Definition, Payment};
use protocol::{OrderNumber, Shard};
use reqwest::Response;
use runtime::jetstream::JetStream;
use serde_json::{Value, json};
use testbed::eventually;

use crate::document::success;
use crate::events::Viewer;
use crate::provision::draft;
use crate::shop::{Edge, SOON, Sale, answered, customer, problem};

fn paid(name: &str, units: u32) -> Definition {
    Definition { payment: Payment::Wallet, hold_seconds: 600, ..draft(name, units) }
}

async fn store(sale: &Sale) -> anyhow::Result<JetStream> {
    let identity = sale.definition.streams.first().unwrap();
    Ok(JetStream::open(sale.nats.clone(), &sale.definition.stream(Shard(0)), Some(identity)).await?)
}

/// Pays a customer's first order, as the ledger writes it.
async fn pay(sale: &Sale, name: &str) {
    eventually(SOON, "the order to be confirmed", async || {
        let store = store(sale).await?;
        let standing = Standing::read(&store, customer(name), OrderNumber(0)).await?.unwrap();
        let done = confirm(&store, &standing, uuid::Uuid::from_u128(1)).await;
        // What nobody knew of the last time may have been done.
        let paid = standing.order.state == State::Confirmed || matches!(done, Attempt::Done(_));
        ensure!(paid, "{done:?}");
        Ok(())
    })
    .await
    .unwrap();
}

async fn order(sale: &Sale, name: &str, key: &str, quantity: u32) -> Value {
    let answer = answered(sale.claim(&sale.session(name), key, quantity)).await;
    assert_eq!(answer.status(), 201);
    success("post", answer).await
}

async fn cancel(sale: &Sale, name: &str, id: &Value) -> Response {
    let url = format!("{}/{}/cancel", sale.orders(), id.as_str().unwrap());
    answered(sale.http.post(url).bearer_auth(sale.session(name)).header("idempotency-key", "give-back")).await
}

#[tokio::test]
async fn an_order_is_held_with_a_deadline_until_it_is_paid() {
    let sale = Edge::shared().await.sell(paid("hold", 5)).await;
    let held = order(&sale, "ann", "k", 2).await;
    assert_eq!(held["state"], "held");
    let deadline: jiff::Timestamp = held["expiresAt"].as_str().unwrap().parse().unwrap();
    let left = deadline.duration_since(runtime::clock::Clock::system().now()).as_secs();
    assert!((590..=600).contains(&left), "{left} s are left of 600");
    pay(&sale, "ann").await;
    let after = order(&sale, "ann", "k", 2).await;
    assert_eq!((&after["id"], &after["state"]), (&held["id"], &json!("confirmed")));
    assert!(after["expiresAt"].is_null(), "{after}");
}

#[tokio::test]
async fn while_units_are_held_nothing_is_sold_out_and_once_all_are_paid_it_is() {
    let sale = Edge::shared().await.sell(paid("allheld", 3)).await;
    let first = order(&sale, "ann", "k", 1).await;
    order(&sale, "ben", "k", 2).await;
    let (status, name, body) = problem(answered(sale.claim(&sale.session("eve"), "k", 1)).await).await;
    assert_eq!((status, name.as_str()), (409, "all-units-held"));
    assert_eq!((&body["held"], &body["retry"]), (&json!(3), &json!("later")), "{body}");
    assert_eq!(body["nextExpiry"], first["expiresAt"], "{body}");
    pay(&sale, "ben").await;
    let asked = async |name: &str| problem(answered(sale.claim(&sale.session(name), "k", 1)).await).await;
    assert_eq!(asked("eve").await.2["held"], 1);
    pay(&sale, "ann").await;
    let (status, name, body) = asked("eve").await;
    assert_eq!((status, name.as_str()), (409, "sold-out"), "{body}");
    // Whoever has an order is told about it, not that nothing is left.
    assert_eq!(order(&sale, "ann", "k", 1).await["id"], first["id"]);
}

#[tokio::test]
async fn a_cancelled_order_is_somebody_elses_at_once_and_stays_cancelled() {
    let sale = Edge::shared().await.sell(paid("giveback", 2)).await;
    let mine = order(&sale, "ann", "k", 2).await;
    for _ in 0..2 {
        let answer = cancel(&sale, "ann", &mine["id"]).await;
        assert_eq!(answer.status(), 200);
        let after = success("post", answer).await;
        assert_eq!((&after["state"], &after["reason"]), (&json!("released"), &json!("cancelled")), "{after}");
    }
    let theirs = order(&sale, "ben", "k", 2).await;
    assert_eq!(theirs["state"], "held");
    assert_eq!(sale.free().await, 0, "two units were given back once");
    let replayed = order(&sale, "ann", "k", 2).await;
    assert_eq!((&replayed["id"], &replayed["state"]), (&mine["id"], &json!("released")), "the key names what it named");
}

#[tokio::test]
async fn a_hundred_cancellations_at_once_give_back_once() {
    let sale = Edge::shared().await.sell(paid("race", 1)).await;
    let mine = order(&sale, "ann", "k", 1).await;
    let all = futures::future::join_all((0..100).map(|_| cancel(&sale, "ann", &mine["id"]))).await;
    assert!(all.iter().all(|answer| answer.status() == 200), "{all:?}");
    assert_eq!(sale.free().await, 1);
}

#[tokio::test]
async fn only_a_held_order_of_ones_own_can_be_cancelled() {
    let sale = Edge::shared().await.sell(paid("notyours", 3)).await;
    let mine = order(&sale, "ann", "k", 1).await;
    let (status, name, body) = problem(cancel(&sale, "ben", &mine["id"]).await).await;
    assert_eq!((status, name.as_str(), &body["retry"]), (404, "not-found", &json!("now")));
    let keyless = sale.http.post(format!("{}/{}/cancel", sale.orders(), mine["id"].as_str().unwrap()));
    let (status, name, _) = problem(keyless.bearer_auth(sale.session("ann")).send().await.unwrap()).await;
    assert_eq!((status, name.as_str()), (400, "idempotency-key-required"));
    pay(&sale, "ann").await;
    let (status, name, body) = problem(cancel(&sale, "ann", &mine["id"]).await).await;
    assert_eq!((status, name.as_str(), &body["retry"]), (409, "already-paid", &json!("never")));
    assert_eq!(sale.free().await, 2);
}

#[tokio::test]
async fn whoever_watches_an_order_sees_it_end_and_the_stream_ends_with_it() {
    let sale = Edge::shared().await.sell(paid("follow", 2)).await;
    let mine = order(&sale, "ann", "k", 1).await;
    let id = mine["id"].as_str().unwrap();
    let watch = |name: &str| sale.http.get(format!("{}/{id}/events", sale.orders())).bearer_auth(sale.session(name));
    let answer = watch("ann").send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["content-type"]),
        (200, &"text/event-stream".parse().unwrap())
    );
    let mut viewer = Viewer::of(answer);
    viewer.hello().await;
    let held = viewer.event().await;
    assert_eq!((held.kind.as_str(), &held.data["state"]), ("order", &json!("held")));
    let left = held.data["secondsLeft"].as_i64().unwrap();
    assert!((590..=600).contains(&left), "{left} s are left of 600");

    assert_eq!(cancel(&sale, "ann", &mine["id"]).await.status(), 200);
    let end = viewer.event().await;
    assert_eq!((&end.data["state"], &end.data["reason"]), (&json!("released"), &json!("cancelled")), "{}", end.data);
    assert!(viewer.block().await.is_none(), "nothing comes after the end");
    let again = watch("ann").header("last-event-id", end.id.to_string()).send().await.unwrap();
    assert_eq!(again.status(), 204, "a browser that gets 204 does not come back");
    let mut late = Viewer::of(watch("ann").send().await.unwrap());
    late.hello().await;
    let late = late.event().await;
    assert_eq!(late.data["state"], "released");
    let (status, name, _) = problem(watch("ben").send().await.unwrap()).await;
    assert_eq!((status, name.as_str()), (404, "not-found"), "another's order");
}

#[tokio::test]
async fn whoever_watches_an_order_that_is_paid_without_a_hint_sees_it_too() {
    let sale = Edge::shared().await.sell(paid("nohint", 1)).await;
    let mine = order(&sale, "ann", "k", 1).await;
    let url = format!("{}/{}/events", sale.orders(), mine["id"].as_str().unwrap());
    let mut viewer = Viewer::of(sale.http.get(url).bearer_auth(sale.session("ann")).send().await.unwrap());
    viewer.hello().await;
    assert_eq!(viewer.event().await.data["state"], "held");
    pay(&sale, "ann").await;
    assert_eq!(viewer.event().await.data["state"], "confirmed");
}

#[tokio::test]
async fn what_is_held_is_counted_by_an_edge_that_comes_late() {
    let edge = Edge::shared().await;
    let sale = edge.sell(paid("late", 2)).await;
    order(&sale, "ann", "k", 1).await;
    order(&sale, "ben", "k", 1).await;
    pay(&sale, "ben").await;
    let other = Edge::of_installation(edge.installation.name(), &[]).await.unwrap();
    other.service.wait_ready(&format!("http://{}", other.admin)).await.unwrap();
    let url = format!("http://{}/v1/sales/{}/orders", other.address, sale.definition.sale);
    eventually(SOON, "the late edge to know what is held", async || {
        let claim = sale.http.post(&url).bearer_auth(sale.session("eve")).header("idempotency-key", "k");
        let answer = claim.json(&json!({ "sku": "shoe", "quantity": 1 })).send().await?;
        let body: Value = answer.json().await?;
        ensure!(body["status"] == 409, "{body}");
        assert_eq!((&body["type"], &body["held"]), (&json!("https://sluice.dev/problems/all-units-held"), &json!(1)));
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn viewers_see_what_may_come_back_until_it_is_paid() {
    let sale = Edge::shared().await.sell(paid("onlook", 3)).await;
    let answer = sale.http.get(format!("{}/events", sale.url)).send().await.unwrap();
    let mut viewer = Viewer::of(answer);
    viewer.hello().await;
    let mut seen = async |what: Value| {
        loop {
            let item = viewer.event().await.data["items"][0].clone();
            if (&item["free"], &item["held"], &item["nextExpiry"]) == (&what[0], &what[1], &what[2]) {
                return;
            }
        }
    };
    seen(json!([3, null, null])).await;
    let first = order(&sale, "ann", "k", 1).await;
    let second = order(&sale, "ben", "k", 2).await;
    seen(json!([0, 3, first["expiresAt"]])).await;
    pay(&sale, "ann").await;
    seen(json!([0, 2, second["expiresAt"]])).await;
    pay(&sale, "ben").await;
    seen(json!([0, 0, null])).await;
}
