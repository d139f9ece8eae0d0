//! What the shop window shows: the stock of one item as an edge tells it to whoever asks, looked at again and again.
//!
//! **What it is for.** The curve of the stock in the report of a crowd, as people saw it who were not the crowd.
//!
//! **What must always hold.** What could not be seen is not made up: a look without an answer is a glance without numbers.
//! It is one edge that is looked at, because two may show the same second differently.
//!
//! **What it costs.** One small request ten times a second, over a connection that stays open.

use std::time::Duration;

use anyhow::Context as _;
use reqwest::Client;
use serde_json::Value;

use crate::stopwatch::Stopwatch;

/// Between two looks.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(100);
/// How long one look may take; an edge that takes longer shows nothing.
const LOOK_TIMEOUT: Duration = Duration::from_secs(2);

/// An item of a sale at one edge.
#[derive(Debug, Clone)]
pub struct Window {
    client: Client,
    url: String,
    sku: String,
}

/// One look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glance {
    /// When its answer was there, since what it was for began.
    pub at: Duration,
    /// What it saw, if anything.
    pub shown: Option<Shown>,
}

/// An item as it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// Units that the sale has of it, sold ones too.
    pub quantity: u64,
    /// Units that can be had.
    pub free: u64,
    /// Units on hold, which are shown only where none is free.
    pub held: Option<u64>,
    /// Whether units can be on hold at all.
    pub holds: bool,
}

impl Window {
    /// In front of an item.
    ///
    /// # Errors
    /// When there is no edge, or no HTTP client.
    pub fn of(edges: &[String], sale: &str, sku: &str) -> anyhow::Result<Self> {
        let edge = edges.first().context("whoever looks needs an edge")?.trim_end_matches('/');
        let client = Client::builder().timeout(LOOK_TIMEOUT).build().context("no HTTP client")?;
        Ok(Self { client, url: format!("{edge}/v1/sales/{sale}"), sku: sku.to_owned() })
    }

    /// Looks before something begins, until it is over, and once more; what that came to, and what was seen.
    pub async fn during<T>(&self, run: impl Future<Output = T>) -> (T, Vec<Glance>) {
        let mut glances = vec![Glance { at: Duration::ZERO, shown: self.look().await.ok() }];
        let clock = Stopwatch::start();
        let looking = async {
            loop {
                tokio::time::sleep(LOOK_AGAIN_AFTER).await;
                glances.push(self.glance(&clock).await);
            }
        };
        let done = tokio::select! {
            done = run => done,
            never = looking => never,
        };
        glances.push(self.glance(&clock).await);
        (done, glances)
    }

    async fn glance(&self, clock: &Stopwatch) -> Glance {
        let shown = self.look().await.ok();
        Glance { at: clock.elapsed(), shown }
    }

    async fn look(&self) -> anyhow::Result<Shown> {
        let page: Value = self.client.get(&self.url).send().await?.error_for_status()?.json().await?;
        shown(&page, &self.sku).context("no stock is shown")
    }
}

/// An item on a page that shows its stock.
fn shown(page: &Value, sku: &str) -> Option<Shown> {
    let item = page["items"].as_array()?.iter().find(|item| item["sku"] == sku)?;
    Some(Shown {
        quantity: item["quantity"].as_u64()?,
        free: item["free"].as_u64()?,
        held: item["held"].as_u64(),
        holds: page["holdSeconds"].is_u64(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_item_is_shown_or_nothing_is() {
        let page = json!({ "holdSeconds": 60, "items": [
            { "sku": "A", "quantity": 9, "free": null },
            { "sku": "B", "quantity": 8, "free": 0, "held": 3 },
        ] });
        assert_eq!(shown(&page, "B"), Some(Shown { quantity: 8, free: 0, held: Some(3), holds: true }));
        assert_eq!(shown(&page, "A"), None, "what is not known is not nothing");
        assert_eq!(shown(&page, "C"), None);
    }

    #[tokio::test]
    async fn a_look_at_nobody_is_a_glance_without_numbers() {
        let edge = format!("http://127.0.0.1:{}", crate::free_port().unwrap());
        let window = Window::of(&[edge], "sale", "A").unwrap();
        let (done, glances) = window.during(async { 7 }).await;
        assert_eq!(done, 7);
        assert!(glances.len() >= 2 && glances.iter().all(|glance| glance.shown.is_none()), "{glances:?}");
    }
}
