//! A sale that can be loaded: where it is, and who comes.

use anyhow::{Context as _, ensure};
use futures::{StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};

/// How many guests are made at a time.
const GUESTS_AT_ONCE: usize = 32;

/// Everything that a load has to know of the sale that it is run against.
#[derive(Debug, Clone)]
pub struct Stage {
    /// Base URLs of the edges.
    pub edges: Vec<String>,
    /// The sale's id.
    pub sale: String,
    /// What is bought; its first item if not told.
    pub sku: Option<String>,
    /// How many units it is said to have in the end, if that is known.
    pub units: Option<u32>,
    /// A merchant's session: the statement is read with it.
    pub merchant: String,
    /// One for each customer.
    pub sessions: Vec<String>,
}

impl Stage {
    /// Units that the first edge's page shows as free, over all items.
    pub(super) async fn left(&self) -> anyhow::Result<u64> {
        self.shown("free").await
    }

    /// Units that there are, by the same page.
    pub(super) async fn quantity(&self) -> anyhow::Result<u64> {
        self.shown("quantity").await
    }

    async fn shown(&self, field: &str) -> anyhow::Result<u64> {
        let edge = self.edges.first().context("no edge is named")?;
        let page = page(edge, &self.sale).await?;
        let items = page.get("items").and_then(Value::as_array).context("the sale has no items")?;
        items
            .iter()
            .map(|item| item.get(field).and_then(Value::as_u64).with_context(|| format!("{field} is not known")))
            .sum()
    }
}

/// A sale as an edge shows it.
pub(super) async fn page(edge: &str, sale: &str) -> anyhow::Result<Value> {
    Ok(reqwest::get(format!("{edge}/v1/sales/{sale}")).await?.error_for_status()?.json().await?)
}

/// Sessions of so many guests for a sale, asked for as anybody can.
///
/// # Errors
/// When the sale takes no guests, or an edge makes no session for one.
pub async fn guests(edges: &[String], sale: &str, count: usize) -> anyhow::Result<Vec<String>> {
    let first = edges.first().context("no edge is named")?;
    let allowed = page(first, sale).await?.get("guestsAllowed").and_then(Value::as_bool) == Some(true);
    ensure!(allowed, "the sale takes no guests: --sessions names customers");
    let client = reqwest::Client::new();
    let one = async |edge: &String| {
        let answer = client.post(format!("{edge}/v1/sessions")).json(&json!({ "guest": true })).send().await?;
        let status = answer.status();
        let body: Value = answer.json().await.unwrap_or_default();
        let token = body.get("token").and_then(Value::as_str).map(ToOwned::to_owned);
        token.with_context(|| format!("{edge} makes no session for a guest: {status} {body}"))
    };
    futures::stream::iter(edges.iter().cycle().take(count))
        .map(one)
        .buffer_unordered(GUESTS_AT_ONCE)
        .try_collect()
        .await
}
