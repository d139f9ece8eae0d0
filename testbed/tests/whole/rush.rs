//! Shoppers who come all the time, while something is done to the sale: each claims one unit, once, and hears what it hears.
//!
//! Unlike a [crowd](testbed::crowd) nobody insists, so an answer says what was so between its request and itself.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::ensure;
use jiff::Timestamp;
use reqwest::{Client, StatusCode};
use runtime::clock::Clock;
use serde_json::{Value, json};
use testbed::eventually;
use testbed::installation::Installation;
use tokio::sync::watch;

use crate::history::{Answer, Claim};

/// How long a claim may take; an edge answers within 10 s.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a rush may take to bring the claims that somebody waits for.
const SEEN_WITHIN: Duration = Duration::from_secs(60);

/// Shoppers of one sale.
pub(crate) struct Rush {
    edges: Vec<String>,
    sale: String,
    client: Client,
    clock: Clock,
    /// Between two claims of one shopper at one edge.
    pause: Duration,
    /// Who has no order yet.
    sessions: Mutex<VecDeque<String>>,
    skus: Mutex<Vec<String>>,
    claims: Mutex<Vec<Claim>>,
    over: watch::Sender<bool>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Rush {
    /// People with these sessions, who want the item of [`sale`](crate::sale).
    pub(crate) fn new(at: &Installation, sale_id: &str, sessions: Vec<String>, pause: Duration) -> Self {
        Self {
            edges: at.access().edges.clone(),
            sale: sale_id.to_owned(),
            client: Client::new(),
            clock: Clock::system(),
            pause,
            sessions: Mutex::new(sessions.into()),
            skus: Mutex::new(vec!["UNIT".to_owned()]),
            claims: Mutex::default(),
            over: watch::Sender::new(false),
        }
    }

    /// Lets so many shoppers claim at each edge while `meanwhile` goes on; ends when all of them have their answers.
    pub(crate) async fn during<T>(
        &self,
        shoppers_per_edge: usize,
        meanwhile: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        let shoppers = (0..self.edges.len() * shoppers_per_edge).map(|number| self.shop(number));
        let meanwhile = async {
            let done = meanwhile.await;
            self.over.send_replace(true);
            done
        };
        let (done, shopped) = tokio::join!(meanwhile, futures::future::join_all(shoppers));
        let done = done?;
        shopped.into_iter().collect::<anyhow::Result<()>>()?;
        Ok(done)
    }

    /// From now on people want this as well.
    pub(crate) fn offer(&self, sku: &str) {
        lock(&self.skus).push(sku.to_owned());
    }

    /// Everything that was answered so far.
    pub(crate) fn claims(&self) -> Vec<Claim> {
        lock(&self.claims).clone()
    }

    /// Waits until so many claims that begin from now on satisfy this.
    pub(crate) async fn sees(&self, what: &str, count: usize, wanted: impl Fn(&Claim) -> bool) -> anyhow::Result<()> {
        self.sees_since(self.clock.now(), what, count, wanted).await
    }

    /// Waits until so many claims that began since then satisfy this.
    pub(crate) async fn sees_since(
        &self,
        since: Timestamp,
        what: &str,
        count: usize,
        wanted: impl Fn(&Claim) -> bool,
    ) -> anyhow::Result<()> {
        eventually(SEEN_WITHIN, what, async || {
            let claims = lock(&self.claims);
            let since = claims.iter().filter(|claim| claim.begun >= since);
            let (seen, last) = (since.clone().filter(|claim| wanted(claim)).count(), since.clone().next_back());
            ensure!(seen >= count, "{seen} of {count}; the last claim: {last:?}");
            Ok(())
        })
        .await
    }

    /// Waits until so many more claims are answered.
    pub(crate) async fn goes_on(&self, count: usize) -> anyhow::Result<()> {
        self.sees("people to be answered", count, |_| true).await
    }

    async fn shop(&self, number: usize) -> anyhow::Result<()> {
        let edge = number % self.edges.len();
        let mut over = self.over.subscribe();
        for turn in number.. {
            if *over.borrow_and_update() {
                break;
            }
            let Some(session) = lock(&self.sessions).pop_front() else { anyhow::bail!("nobody is left who may buy") };
            let sku = {
                let skus = lock(&self.skus);
                skus[turn % skus.len()].clone()
            };
            let claim = self.claim(edge, &session, &sku).await;
            if matches!(claim.answer, Answer::No(_)) {
                lock(&self.sessions).push_back(session);
            }
            lock(&self.claims).push(claim);
            drop(tokio::time::timeout(self.pause, over.changed()).await);
        }
        Ok(())
    }

    async fn claim(&self, edge: usize, session: &str, sku: &str) -> Claim {
        let url = format!("{}/v1/sales/{}/orders", self.edges[edge], self.sale);
        let request = self.client.post(url).bearer_auth(session).timeout(ANSWER_TIMEOUT);
        let request = request.header("idempotency-key", uuid::Uuid::new_v4().to_string());
        let begun: Timestamp = self.clock.now();
        let answer = async {
            let answer = request.json(&json!({ "sku": sku, "quantity": 1 })).send().await?;
            Ok((answer.status(), answer.json().await?))
        };
        let answer: reqwest::Result<(StatusCode, Value)> = answer.await;
        let answered = self.clock.now();
        let text = |body: &Value, field: &str| body[field].as_str().unwrap_or_default().to_owned();
        let answer = match answer {
            Ok((StatusCode::CREATED, body)) => Answer::Yes(text(&body, "id")),
            Ok((StatusCode::ACCEPTED, body)) => Answer::Settling(text(&body, "id")),
            Ok((_, body)) => Answer::No(text(&body, "type").rsplit('/').next().unwrap_or_default().to_owned()),
            Err(error) => Answer::Lost(error.to_string()),
        };
        Claim { edge, begun, answered, answer }
    }
}
