//! What must be true of a sale afterwards, whatever went wrong meanwhile.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::Value;
use testbed::crowd::{End, History};
use testbed::eventually;
use testbed::installation::Installation;

/// Checks that every shopper knows the truth and that both sides of the books agree with what they were told.
pub(crate) async fn checked(at: &Installation, sale_id: &str, history: &History, sold: usize) -> anyhow::Result<()> {
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
pub(crate) async fn reconciled(at: &Installation, sale_id: &str) -> anyhow::Result<()> {
    let books = at.reconcile(sale_id).await?;
    ensure!(books.get("balanced").and_then(Value::as_bool) == Some(true), "the books differ: {books:#}");
    Ok(())
}

/// Nobody was refused for any other reason than these.
pub(crate) fn refused_only(history: &History, names: &[&str]) -> anyhow::Result<()> {
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
