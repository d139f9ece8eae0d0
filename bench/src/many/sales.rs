//! Making sales by the hundred, and seeing that all of them are there.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use testbed::eventually;
use testbed::installation::Installation;

/// Items of each sale.
const ITEMS: usize = 3;
/// What somebody buys.
pub(crate) const SKU: &str = "ITEM-0";
/// Sales in one call of `kubectl`, few enough that its own limit of requests per second does not matter.
const SALES_PER_CALL: usize = 125;
/// Calls at the same time.
const CALLS: usize = 4;

/// Name of a sale by its number.
pub(crate) fn name(number: usize) -> String {
    format!("many-{number:05}")
}

fn resource(number: usize, open: bool) -> Value {
    let start = if open { "2026-01-01T00:00:00Z" } else { "2098-01-01T00:00:00Z" };
    let items: Vec<_> = (0..ITEMS).map(|item| json!({ "sku": format!("ITEM-{item}"), "quantity": 100 })).collect();
    json!({
        "apiVersion": "sluice.dev/v1alpha1", "kind": "FlashSale", "metadata": { "name": name(number) },
        "spec": { "schedule": { "startTime": start, "endTime": "2099-01-01T00:00:00Z" }, "items": items }
    })
}

/// Hands the sales with these numbers to the API server.
pub(crate) async fn create(at: &Installation, numbers: std::ops::Range<usize>, open: bool) -> anyhow::Result<()> {
    let numbers: Vec<usize> = numbers.collect();
    for calls in numbers.chunks(SALES_PER_CALL * CALLS) {
        let mut running = tokio::task::JoinSet::new();
        for chunk in calls.chunks(SALES_PER_CALL) {
            let items: Vec<_> = chunk.iter().map(|number| resource(*number, open)).collect();
            let list = json!({ "apiVersion": "v1", "kind": "List", "items": items });
            let access = at.access().clone();
            running.spawn(async move { access.create(&list).await });
        }
        while let Some(created) = running.join_next().await {
            created??;
        }
    }
    Ok(())
}

/// Waits until the operator has provisioned so many in its life, then until each says so of itself.
pub(crate) async fn provisioned(at: &Installation, sales: usize, bound: Duration) -> anyhow::Result<()> {
    let wanted = f64::from(u32::try_from(sales)?);
    eventually(bound, "all sales to be published", async || {
        let made = at.operator.metric("sluice_operator_provision_seconds_count").await?;
        ensure!(made >= wanted, "{made} of {wanted} are");
        Ok(())
    })
    .await?;
    eventually(bound, "all sales to say that they are provisioned", async || {
        let columns = "jsonpath={.items[*].status.conditions[?(@.type==\"Provisioned\")].status}";
        let told = at.kubectl(&["get", "flashsales", "-o", columns]).await?;
        let there = told.split_whitespace().filter(|status| *status == "True").count();
        ensure!(there == sales, "{there} of {sales} do");
        Ok(())
    })
    .await
}

/// Which version of each sale is stored.
pub(crate) async fn versions(at: &Installation) -> anyhow::Result<HashMap<String, String>> {
    let columns = "jsonpath={range .items[*]}{.metadata.name} {.metadata.resourceVersion}{\"\\n\"}{end}";
    let told = at.kubectl(&["get", "flashsales", "-o", columns]).await?;
    let pair = |line: &str| {
        let (name, version) = line.split_once(' ').context("a sale without a version")?;
        Ok((name.to_owned(), version.to_owned()))
    };
    told.lines().map(pair).collect()
}
