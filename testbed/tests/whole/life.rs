//! What a merchant does to a running sale, and what a winner can rely on.

use anyhow::{Context as _, ensure};
use reqwest::StatusCode;
use serde_json::{Value, json};
use testbed::books;
use testbed::installation::Installation;
use testbed::{Stopwatch, eventually, load};

use crate::{BOUND, alone, answered, crowd, from_now, installed, opened, sale};

/// Buys one unit at an edge; the status and the body.
async fn buy(edge: &str, id: &str, session: &str, key: &str) -> anyhow::Result<(StatusCode, Value)> {
    let order = reqwest::Client::new().post(format!("{edge}/v1/sales/{id}/orders")).bearer_auth(session);
    let order = order.header("idempotency-key", key).json(&json!({ "sku": "UNIT", "quantity": 1 }));
    let (status, _, body) = answered(order).await?;
    Ok((status, body))
}

fn problem(body: &Value) -> &str {
    body.get("type").and_then(Value::as_str).and_then(|name| name.rsplit(['/', ':']).next()).unwrap_or_default()
}

async fn free_at(edge: &str, id: &str) -> anyhow::Result<i64> {
    let sale: Value = reqwest::get(format!("{edge}/v1/sales/{id}")).await?.json().await?;
    let free = sale.pointer("/items/0/free").and_then(Value::as_i64);
    free.with_context(|| format!("the sale shows no stock: {sale}"))
}

async fn refusal(edge: &str, id: &str, session: &str, key: &str, name: &str) -> anyhow::Result<()> {
    eventually(BOUND, name, async || {
        let (status, body) = buy(edge, id, session, key).await?;
        ensure!(problem(&body) == name, "{status} {body}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_winner_asks_again_when_sold_out_paused_and_over_and_gets_the_order_every_time() {
    let (_alone, bed) = alone().await;
    let at = installed(bed).await;
    let id = opened(&at, &sale("again", 3)).await.unwrap();
    let sessions = at.sessions("person", 4).await.unwrap();
    let edges = at.access().edges.clone();
    let mut orders = Vec::new();
    for (number, session) in sessions.iter().take(3).enumerate() {
        let (status, body) = buy(&edges[0], &id, session, &format!("key-{number}")).await.unwrap();
        assert_eq!(status, StatusCode::CREATED, "{body}");
        orders.push(body["id"].clone());
    }
    let same = async |when: &str| {
        for (number, session) in sessions.iter().take(3).enumerate() {
            // The edge that did not sell it.
            let (status, body) = buy(&edges[1], &id, session, &format!("key-{number}")).await.unwrap();
            assert_eq!((status, &body["id"]), (StatusCode::CREATED, &orders[number]), "{when}: {body}");
        }
    };
    refusal(&edges[1], &id, &sessions[3], "too-late", "sold-out").await.unwrap();
    same("sold out").await;
    at.patch("again", &json!({ "spec": { "desiredState": "Paused" } })).await.unwrap();
    at.wait_for("again", "Paused", 30).await.unwrap();
    refusal(&edges[1], &id, &sessions[3], "too-late", "sale-paused").await.unwrap();
    same("paused").await;
    at.patch("again", &json!({ "spec": { "desiredState": "Closed" } })).await.unwrap();
    refusal(&edges[1], &id, &sessions[3], "too-late", "sale-closed").await.unwrap();
    same("over").await;
    at.wait_for("again", "Completed", 60).await.unwrap();
    same("completed").await;
    books::reconciled(&at, &id).await.unwrap();
    at.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restock_is_buyable_at_both_edges_and_a_decrease_below_what_is_sold_is_refused_with_numbers() {
    let (_alone, bed) = alone().await;
    let at = installed(bed).await;
    let id = opened(&at, &sale("restock", 100)).await.unwrap();
    let sessions = at.sessions("early", 150).await.unwrap();
    let history = crowd(&at, &id).run(&sessions, |_| {}).await.unwrap();
    books::checked(&at, &id, &history, 100).await.unwrap();

    let quantity = |quantity: u32| json!([{ "op": "replace", "path": "/spec/items/0/quantity", "value": quantity }]);
    let edit = async |wanted: u32| {
        at.kubectl(&["patch", "flashsale", "restock", "--type=json", "-p", &quantity(wanted).to_string()]).await
    };
    edit(300).await.unwrap();
    let watch = Stopwatch::start();
    for edge in &at.access().edges {
        eventually(BOUND, "the new units at the edge", async || {
            let free = free_at(edge, &id).await?;
            ensure!(free == 200, "{free} free");
            Ok(())
        })
        .await
        .unwrap();
    }
    println!("a restock of 200 was seen by both edges {:?} after kubectl returned", watch.elapsed());

    let sessions = at.sessions("late", 300).await.unwrap();
    let history = crowd(&at, &id).run(&sessions, |_| {}).await.unwrap();
    books::refused_only(&history, &["sold-out"]).unwrap();
    assert_eq!(history.orders().unwrap().len(), 200);

    edit(250).await.unwrap();
    let told = eventually(BOUND, "the decrease to be refused", async || {
        let sale = at.sale("restock").await?;
        let condition = condition(&sale, "SupplyApplied").context("no such condition")?.clone();
        ensure!(condition["status"] == "False", "{condition}");
        Ok(condition["message"].as_str().unwrap_or_default().to_owned())
    })
    .await
    .unwrap();
    assert!(told.contains("50"), "the numbers are missing: {told}");
    books::reconciled(&at, &id).await.unwrap();
    at.stop().await.unwrap();
}

fn condition<'v>(sale: &'v Value, name: &str) -> Option<&'v Value> {
    sale.pointer("/status/conditions")?.as_array()?.iter().find(|condition| condition["type"] == name)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_opens_on_time_with_operator_and_api_server_gone_and_sells_with_ledger_and_postgres_gone() {
    let (_alone, bed) = alone().await;
    let at = installed(bed).await;
    let mut resource = sale("alone", 500);
    // Half a day ahead, until everything is there that takes its time.
    resource["spec"]["schedule"]["startTime"] = json!(from_now(43_200));
    let id = opened(&at, &resource).await.unwrap();
    let sessions = at.sessions("shopper", 2_000).await.unwrap();
    let (kubernetes, postgres) = (bed.kubernetes().await.unwrap(), bed.postgres().await.unwrap());
    load::opens(&at, "alone", &id, &from_now(15)).await.unwrap();
    let (status, body) = buy(&at.access().edges[0], &id, &sessions[0], "early").await.unwrap();
    assert_eq!((status, problem(&body)), (StatusCode::CONFLICT, "not-open-yet"), "{body}");
    at.operator.service.kill9().await.unwrap();
    kubernetes.kill9().await.unwrap();

    eventually(BOUND, "the sale to open by itself", async || {
        let (status, body) = buy(&at.access().edges[0], &id, &sessions[0], "first").await?;
        ensure!(status == StatusCode::CREATED, "{status} {body}");
        Ok(())
    })
    .await
    .unwrap();
    for ledger in &at.ledgers {
        ledger.service.kill9().await.unwrap();
    }
    postgres.kill9().await.unwrap();
    let history = crowd(&at, &id).run(&sessions[1..], |_| {}).await.unwrap();
    println!("{}", history.report());
    books::refused_only(&history, &["sold-out"]).unwrap();
    assert_eq!(history.orders().unwrap().len(), 499, "claiming goes on without ledger and Postgres");

    postgres.restart().await.unwrap();
    kubernetes.restart().await.unwrap();
    for member in at.ledgers.iter().chain([&at.operator]) {
        member.service.restart().unwrap();
    }
    for member in at.members() {
        member.ready().await.unwrap();
    }
    eventually(BOUND, "every order in Postgres", async || {
        let orders = at.statement(&id, true).await?["orders"].as_array().map_or(0, Vec::len);
        ensure!(orders == 500, "{orders} of 500");
        Ok(())
    })
    .await
    .unwrap();
    books::reconciled(&at, &id).await.unwrap();
    at.wait_for("alone", "SoldOut", 60).await.unwrap();
    let watched: Installation = at;
    watched.stop().await.unwrap();
}
