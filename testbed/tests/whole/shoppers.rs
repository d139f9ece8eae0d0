//! People who buy in a sale with payment, and change their minds.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use testbed::Stopwatch;
use tokio::sync::{Semaphore, watch};

/// How long somebody asks the same thing before they give up, which no healthy run makes them do.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often somebody asks for a unit while all of them are held.
const TRIES_WHILE_HELD: u32 = 4;

/// What somebody does with a unit that they got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Pay,
    Abandon,
    Cancel,
    PayAndReturn,
}

/// How it ended, as they were told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    /// Nothing was left, or all of it held too often.
    Without,
    /// Paid, and told so.
    Paid,
    /// Held, and left to expire.
    Abandoned,
    /// Given back.
    Cancelled,
    /// Paid and refunded.
    Refunded,
    /// Wanted to pay and was too late.
    TooLate,
}

/// What somebody was told.
#[derive(Debug, Clone)]
pub(crate) struct Story {
    pub(crate) end: End,
    /// The order's id, where there is one.
    pub(crate) order: Option<String>,
    pub(crate) units: u64,
}

/// Where they buy.
pub(crate) struct Street {
    pub(crate) edges: Vec<String>,
    pub(crate) sale: String,
    pub(crate) merchant: String,
    pub(crate) client: Client,
    /// Requests in flight.
    pub(crate) seats: Semaphore,
    /// How many are done.
    pub(crate) done: watch::Sender<usize>,
    pub(crate) seed: u64,
}

impl Street {
    /// Sends one shopper per session; their stories.
    pub(crate) async fn visited(&self, sessions: &[String]) -> anyhow::Result<Vec<Story>> {
        let all = sessions.iter().enumerate().map(|(number, session)| async move {
            let mut rng = StdRng::seed_from_u64(self.seed ^ (number as u64));
            let story = Shopper { street: self, session, rng: &mut rng }.shops().await;
            self.done.send_modify(|done| *done += 1);
            story.with_context(|| format!("shopper {number}"))
        });
        futures::future::try_join_all(all).await
    }
}

struct Shopper<'a> {
    street: &'a Street,
    session: &'a str,
    rng: &'a mut StdRng,
}

impl Shopper<'_> {
    async fn shops(&mut self) -> anyhow::Result<Story> {
        let wish = match self.rng.random_range(0..100) {
            0..50 => Wish::Pay,
            50..70 => Wish::Abandon,
            70..88 => Wish::Cancel,
            _ => Wish::PayAndReturn,
        };
        let Some(order) = self.claims().await? else { return Ok(Story { end: End::Without, order: None, units: 0 }) };
        let id = order["id"].as_str().context("an order has an id")?.to_owned();
        let units = order["quantity"].as_u64().context("an order has a quantity")?;
        let story = |end| Ok(Story { end, order: Some(id.clone()), units });
        match wish {
            Wish::Abandon => story(End::Abandoned),
            Wish::Cancel => {
                let (status, body) = self.posts(&id, "cancel", self.session).await?;
                ensure!(status == 200 && body["state"] == "released", "cancelled: {status} {body}");
                story(End::Cancelled)
            }
            Wish::Pay | Wish::PayAndReturn => {
                let (status, body) = self.posts(&id, "payment", self.session).await?;
                if problem(&body) == "hold-expired" {
                    return story(End::TooLate);
                }
                ensure!(status == 200 && body["state"] == "confirmed", "paid: {status} {body}");
                if wish == Wish::Pay {
                    return story(End::Paid);
                }
                let (status, body) = self.posts(&id, "refund", &self.street.merchant).await?;
                ensure!(status == 200 && body["reason"] == "refunded", "refunded: {status} {body}");
                story(End::Refunded)
            }
        }
    }

    /// A held order, or nothing.
    async fn claims(&mut self) -> anyhow::Result<Option<Value>> {
        let mut quantity = self.rng.random_range(1..=2);
        for wish in 0..TRIES_WHILE_HELD {
            let key = format!("wish-{wish}");
            let path = format!("/v1/sales/{}/orders", self.street.sale);
            let body = json!({ "sku": "UNIT", "quantity": quantity });
            let (status, answer) = self.sends(&path, &key, self.session, Some(body)).await?;
            match (status, problem(&answer)) {
                (201, _) => return Ok(Some(answer)),
                (409, "sold-out") => return Ok(None),
                (409, "fewer-left") => quantity = 1,
                (409, "all-units-held") => {
                    ensure!(answer["held"].as_u64() > Some(0), "nothing is held: {answer}");
                    let seconds = answer["retryAfterSeconds"].as_f64().context("it says when to come back")?;
                    // As the answer says, spread a little, as people are.
                    tokio::time::sleep(Duration::from_secs_f64(seconds * (1.0 + self.rng.random::<f64>()))).await;
                }
                _ => bail!("claimed: {status} {answer}"),
            }
        }
        Ok(None)
    }

    async fn posts(&mut self, order: &str, what: &str, session: &str) -> anyhow::Result<(u16, Value)> {
        let path = format!("/v1/sales/{}/orders/{order}/{what}", self.street.sale);
        self.sends(&path, what, session, None).await
    }

    /// Sends a request until it has an answer that is one, with the same key, to whichever edge comes first.
    async fn sends(
        &mut self,
        path: &str,
        key: &str,
        session: &str,
        body: Option<Value>,
    ) -> anyhow::Result<(u16, Value)> {
        let began = Stopwatch::start();
        loop {
            let edge = &self.street.edges[self.rng.random_range(0..self.street.edges.len())];
            let request = self.street.client.request(Method::POST, format!("{edge}{path}"));
            let request = request.bearer_auth(session).header("idempotency-key", key).timeout(Duration::from_secs(15));
            let request = if let Some(body) = &body { request.json(body) } else { request };
            let answer = {
                let _seat = self.street.seats.acquire().await?;
                async { request.send().await?.error_for_body().await }.await
            };
            if let Ok((status, body)) = answer
                && !(status == 202 || body["retry"] == "now")
            {
                return Ok((status, body));
            }
            ensure!(began.elapsed() < PATIENCE, "{path} has no end");
            tokio::time::sleep(Duration::from_millis(self.rng.random_range(50..250))).await;
        }
    }
}

/// The status and the body, whatever they are.
trait Read {
    async fn error_for_body(self) -> reqwest::Result<(u16, Value)>;
}

impl Read for reqwest::Response {
    async fn error_for_body(self) -> reqwest::Result<(u16, Value)> {
        Ok((self.status().as_u16(), self.json().await?))
    }
}

fn problem(body: &Value) -> &str {
    let kind = body["type"].as_str().unwrap_or_default();
    kind.strip_prefix("https://sluice.dev/problems/").unwrap_or_default()
}

/// How many ended how.
pub(crate) fn ends(stories: &[Story]) -> BTreeMap<End, usize> {
    let mut ends = BTreeMap::new();
    for story in stories {
        *ends.entry(story.end).or_default() += 1;
    }
    ends
}
