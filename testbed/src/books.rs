//! What must be true of a sale afterwards, whatever went wrong meanwhile. A test fails with the first thing that is not.

mod compared;

use std::collections::BTreeSet;
use std::time::Duration;

use crate::crowd::{End, History};
use crate::eventually::eventually;
use crate::installation::Access;
use anyhow::{Context as _, ensure};
use serde_json::Value;

pub use compared::{COLUMNS, Compared, Side};

/// Checks that every shopper knows the truth and that both sides of the books agree with what they were told.
///
/// # Errors
/// Somebody was told nothing or two things, or the books have other orders than those that shoppers were told of.
pub async fn checked(at: &Access, sale_id: &str, history: &History, sold: usize) -> anyhow::Result<()> {
    let report = history.report();
    ensure!(!report.ends.contains_key("gave up"), "somebody never learned how it ended:\n{report}");
    let told = history.orders()?;
    ensure!(told.len() == sold, "{} shoppers were told that they bought, not {sold}\n{report}", told.len());
    let told: BTreeSet<String> = told.into_values().collect();
    ensure!(told.len() == sold, "two shoppers were told of the same order");

    let statement = eventually(Duration::from_secs(60), "every order in Postgres", async || {
        let statement = at.statement(sale_id, true).await?;
        let orders = orders(&statement)?.len();
        ensure!(orders >= sold, "{orders} of {sold}");
        Ok(statement)
    })
    .await?;
    let orders = orders(&statement)?;
    let ids: BTreeSet<String> = orders.iter().filter_map(|order| text(order, "id")).collect();
    let customers: BTreeSet<String> = orders.iter().filter_map(|order| text(order, "customer")).collect();
    ensure!(orders.len() == sold, "{} rows for {sold} orders", orders.len());
    ensure!(ids == told, "Postgres has other orders than the shoppers were told of");
    ensure!(customers.len() == sold, "{} customers have {sold} orders", customers.len());
    reconciled(at, sale_id).await
}

/// Both sides of the books are equal, by the ledger's own command, which reads both afresh.
///
/// # Errors
/// They are not.
pub async fn reconciled(at: &Access, sale_id: &str) -> anyhow::Result<()> {
    let books = at.reconcile(sale_id).await?;
    ensure!(books.get("balanced").and_then(Value::as_bool) == Some(true), "the books differ: {books:#}");
    Ok(())
}

/// What a merchant's page shows of a sale is what the ledger's own command prints.
///
/// # Errors
/// It is not; with both.
pub async fn shown_to_merchants(at: &Access, sale_id: &str) -> anyhow::Result<()> {
    let merchant = at.merchant().await?;
    let edge = at.edges.first().context("no edge")?;
    let http = reqwest::Client::new();
    let ask = async |path: &str| {
        let url = format!("{edge}/v1/sales/{sale_id}/statement{path}");
        anyhow::Ok(http.get(url).bearer_auth(&merchant).send().await?.error_for_status()?)
    };
    let shown: Value = ask("").await?.json().await?;
    let printed = at.statement(sale_id, true).await?;
    let same = |page: &str, command: &str| {
        let (page, command) = (shown.pointer(page), printed.pointer(command));
        ensure!(page.is_some() && page == command, "{page:?} is shown and {command:?} printed");
        Ok(())
    };
    for field in ["quantity", "withheld", "supply", "free", "held", "sold", "released", "refunded", "orders"] {
        same(&format!("/items/0/{field}"), &format!("/items/0/{field}"))?;
    }
    same("/orders", "/ends")?;
    same("/ordersSha256", "/orders_sha256")?;
    for (page, command) in [("revenue", "revenue_minor"), ("pending", "pending_minor"), ("refundsDue", "refunds_minor")]
    {
        same(&format!("/money/0/{page}/amountMinor"), &format!("/money/0/{command}"))?;
    }
    same("/money/0/refunded/amountMinor", "/money/0/payments/refunded/amount_minor")?;
    ensure!(shown.pointer("/audit/balanced") == Some(&Value::Bool(true)), "the page does not balance: {shown:#}");

    let (mut ids, mut path) = (Vec::new(), "/orders?limit=100".to_owned());
    loop {
        let page: Value = ask(&path).await?.json().await?;
        ids.extend(orders(&page)?.iter().filter_map(|order| text(order, "id")));
        let Some(cursor) = text(&page, "cursor") else { break };
        path = format!("/orders?limit=100&cursor={cursor}");
    }
    let rows: Vec<String> = orders(&printed)?.iter().filter_map(|order| text(order, "id")).collect();
    ensure!(ids == rows, "{} orders are shown and {} printed", ids.len(), rows.len());
    let list = ask("/download?of=orders").await?.text().await?;
    ensure!(list.lines().count() == rows.len() + 1, "{} lines for {} orders", list.lines().count(), rows.len());
    Ok(())
}

/// Nobody was refused for any other reason than these.
///
/// # Errors
/// Somebody was.
pub fn refused_only(history: &History, names: &[&str]) -> anyhow::Result<()> {
    for story in &history.stories {
        if let End::Refused(name) = &story.end {
            ensure!(names.contains(&name.as_str()), "shopper {} was refused with {name}", story.shopper);
        }
    }
    Ok(())
}

fn orders(statement: &Value) -> anyhow::Result<&Vec<Value>> {
    statement.get("orders").and_then(Value::as_array).context("the statement lists no orders")
}

fn text(value: &Value, field: &str) -> Option<String> {
    value.get(field).and_then(Value::as_str).map(ToOwned::to_owned)
}
