//! The whole product on real servers: a `FlashSale` applied with kubectl, sold by two edges, recorded in Postgres.
//!
//! Each test has an installation of its own; they run one after the other, because each brings a crowd that takes the
//! machine for itself.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "a test fails by panicking"
)]

mod burst;
mod history;
mod life;
mod losses;
mod page;
mod paid;
mod report;
mod restock;
mod rush;
mod sequences;
mod session;
mod shoppers;
mod silent;
mod stored;
mod traced;
mod viewers;
mod wrong;

use std::time::Duration;

use anyhow::{Context as _, ensure};
use reqwest::header::HeaderMap;
use reqwest::{RequestBuilder, StatusCode};
use runtime::clock::Clock;
use serde_json::{Value, json};
use testbed::crowd::{Arrival, Crowd};
use testbed::installation::{Installation, Plan};
use testbed::{Bed, eventually};
use tokio::sync::{Mutex, MutexGuard};

static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// Far beyond any delay that is not a fault.
const BOUND: Duration = Duration::from_secs(60);

/// The machine to oneself, and the bed.
async fn alone() -> (MutexGuard<'static, ()>, &'static Bed) {
    let guard = ONE_AT_A_TIME.lock().await;
    (guard, Bed::shared().await.unwrap())
}

async fn installed(bed: &Bed) -> Installation {
    Installation::start(bed, Plan::on(bed).await.unwrap()).await.unwrap()
}

/// A sale of one item, open since yesterday, one unit per customer.
fn sale(name: &str, quantity: u32) -> Value {
    json!({
        "apiVersion": "sluice.dev/v1alpha1",
        "kind": "FlashSale",
        "metadata": { "name": name },
        "spec": {
            "schedule": { "startTime": from_now(-86_400), "endTime": from_now(86_400) },
            "items": [{ "sku": "UNIT", "quantity": quantity, "limits": { "perOrder": 1, "perCustomer": 1 } }]
        }
    })
}

fn now() -> jiff::Timestamp {
    Clock::system().now()
}

fn from_now(seconds: i64) -> String {
    format!("{:.0}", now().checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap())
}

/// Applies a sale and waits until it can be bought; its id.
async fn opened(at: &Installation, resource: &Value) -> anyhow::Result<String> {
    let name = resource.pointer("/metadata/name").and_then(Value::as_str).context("a sale has a name")?.to_owned();
    at.apply(resource).await?;
    at.wait_for(&name, "Provisioned", 60).await?;
    let id = at.sale_id(&name).await?;
    known(at, &id).await?;
    Ok(id)
}

/// Waits until every edge knows a sale.
async fn known(at: &Installation, id: &str) -> anyhow::Result<()> {
    for edge in &at.access().edges {
        eventually(BOUND, "the edge to know the sale", async || {
            let answer = reqwest::get(format!("{edge}/v1/sales/{id}")).await?;
            ensure!(answer.status().is_success(), "{}", answer.status());
            Ok(())
        })
        .await?;
    }
    Ok(())
}

/// Asks until the answer is one: who hears nothing, `202`, or that it helps to ask again now, asks the same again, with the
/// same key. What is slow may truthfully say so.
async fn answered(request: RequestBuilder) -> anyhow::Result<(StatusCode, HeaderMap, Value)> {
    eventually(BOUND, "an answer", async || {
        let answer = request.try_clone().context("it cannot be repeated")?.send().await?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body: Value = answer.json().await?;
        ensure!(status != StatusCode::ACCEPTED && body["retry"] != "now", "{status} {body}");
        Ok((status, headers, body))
    })
    .await
}

fn crowd(at: &Installation, sale_id: &str) -> Crowd {
    Crowd {
        edges: at.access().edges.clone(),
        sale: sale_id.to_owned(),
        sku: "UNIT".to_owned(),
        quantity: 1,
        sends: 2,
        connections: 256,
        arrival: Arrival::Burst,
        patience: Duration::from_secs(90),
    }
}
