//! The loads of `k6/`, each a fiftieth of itself: they still fit the product, and they find what is wrong.
//!
//! Nothing is measured here: the machine does other things as well, so times may exceed their bounds fifty times over. What
//! must be true of the books is as strict as in a full load.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use futures::StreamExt as _;
use runtime::clock::Clock;
use serde_json::{Value, json};
use testbed::crowd::{Arrival, Crowd};
use testbed::installation::{Access, Installation, Plan};
use testbed::load::{Load, Stage, scenarios};
use testbed::{Bed, eventually};

/// How many run at a time: most of the time one waits for holds to end, or for a sale to open.
const AT_ONCE: usize = 3;
/// Units of a sale that nobody buys out.
const PLENTY: u64 = 200;
/// Far beyond any delay that is not a fault.
const BOUND: Duration = Duration::from_secs(60);

fn small(scenario: &str, folder: &Path) -> Load {
    let folder = folder.join(format!("load-{scenario}"));
    Load { scenario: scenario.to_owned(), scale: 0.02, slowness: 50.0, duration: None, folder, shown: false }
}

/// Runs one; what it broke, or why it could not be run.
async fn loaded(at: &Access, name: &str, folder: &Path) -> Result<(), String> {
    let outcome = small(name, folder).on(at, |_| {}).await;
    let outcome = outcome.map_err(|failed| format!("{name}: {failed:#}"))?;
    let broken: Vec<_> = outcome.broken().map(|promise| promise.says.as_str()).collect();
    if broken.is_empty() { Ok(()) } else { Err(format!("{name} broke: {}", broken.join(" "))) }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_load_keeps_its_promises_and_an_order_that_nobody_was_told_of_is_found() {
    let bed = Bed::shared().await.unwrap();
    let at = Installation::start(bed, Plan::on(bed).await.unwrap()).await.unwrap();
    let all = scenarios().unwrap();
    assert!(all.len() >= 10, "only {} loads were found", all.len());
    let every = futures::stream::iter(&all).map(|one| loaded(&at, &one.name, bed.folder())).buffer_unordered(AT_ONCE);
    let failed: Vec<String> = every.filter_map(async |came| came.err()).collect().await;
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    finds_what_is_wrong(&at, bed.folder()).await.unwrap();
    at.stop().await.unwrap();
}

/// A sale with another stock than it is said to have, and a stranger who buys there while the load runs.
async fn finds_what_is_wrong(at: &Access, folder: &Path) -> anyhow::Result<()> {
    let load = small("p0", folder);
    let time = |hours: i64| Clock::system().now().checked_add(jiff::SignedDuration::from_hours(hours));
    at.apply(&json!({
        "apiVersion": "sluice.dev/v1alpha1",
        "kind": "FlashSale",
        "metadata": { "name": "plenty" },
        "spec": {
            "schedule": { "startTime": format!("{:.0}", time(-1)?), "endTime": format!("{:.0}", time(1)?) },
            "items": [{ "sku": "UNIT", "quantity": PLENTY }]
        }
    }))
    .await?;
    at.wait_for("plenty", "Provisioned", 60).await?;
    let stage = Stage {
        edges: at.edges.clone(),
        sale: at.sale_id("plenty").await?,
        sku: None,
        units: Some(u32::try_from(PLENTY)? - 1),
        merchant: at.merchant().await?,
        sessions: at.sessions("customer", load.needs().await?.shoppers).await?,
    };
    let session = at.sessions("stranger", 1).await?;
    let (outcome, ()) = tokio::try_join!(load.at(&stage), stranger(&stage, &session))?;
    let broken: Vec<_> = outcome.broken().map(|promise| promise.says.as_str()).collect();
    let expected = [
        "The sale had the stock that it was said to have.",
        "The books have as many orders as shoppers were told of.",
        "And they are the same orders, by their ids.",
    ];
    assert_eq!(broken, expected);
    Ok(())
}

/// Buys one unit once the load has begun to sell.
async fn stranger(stage: &Stage, session: &[String]) -> anyhow::Result<()> {
    let edge = stage.edges.first().context("no edge")?;
    let sale = format!("{edge}/v1/sales/{}", stage.sale);
    eventually(BOUND, "the load to begin", async || {
        let page: Value = reqwest::get(&sale).await?.error_for_status()?.json().await?;
        let free = page.pointer("/items/0/free").and_then(Value::as_u64).context("no stock is shown")?;
        ensure!(free < PLENTY, "nothing is sold");
        Ok(())
    })
    .await?;
    let alone = Crowd {
        edges: stage.edges.clone(),
        sale: stage.sale.clone(),
        sku: "UNIT".to_owned(),
        quantity: 1,
        sends: 1,
        connections: 1,
        arrival: Arrival::Burst,
        patience: BOUND,
    };
    let history = alone.run(session, |_| {}).await?;
    ensure!(history.orders()?.len() == 1, "{}", history.report());
    Ok(())
}

#[test]
fn a_promise_that_nothing_was_measured_for_is_not_kept() {
    let kept =
        [json!({ "says": "yes", "kept": true }), json!({ "says": "no", "kept": false }), json!({ "says": "empty" })];
    let promises = serde_json::from_value(json!(kept)).unwrap();
    let outcome = testbed::load::Outcome { promises };
    let broken: Vec<_> = outcome.broken().map(|promise| promise.says.as_str()).collect();
    assert_eq!(broken, ["no", "empty"]);
}
