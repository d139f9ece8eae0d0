//! Shoppers who come all the time, so that there is something to watch: they look, buy, pay, go away, and get money back.
//!
//! Nobody insists and nothing is asserted: while something is broken, some of them leave with nothing.

use std::time::Duration;

use futures::future::Either;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use testbed::installation::Installation;
use testbed::people;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

/// Between two of them.
const PAUSE: Duration = Duration::from_millis(100);
/// How many of them there are: enough for ten minutes.
const PEOPLE: usize = 6_000;
/// What each has.
const BALANCE_MINOR: i64 = 5_000;
/// How long one of them waits for an answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// Where they buy.
#[derive(Clone)]
pub(crate) struct Street {
    edges: Vec<String>,
    sale: String,
    merchant: String,
    client: Client,
    sessions: Vec<String>,
}

impl Street {
    /// The street of a sale, with people who have wallets.
    pub(crate) async fn of(at: &Installation, folder: &std::path::Path, sale: &str) -> anyhow::Result<Self> {
        at.load_people(folder, PEOPLE, BALANCE_MINOR).await?;
        Ok(Self {
            edges: at.access().edges.clone(),
            sale: sale.to_owned(),
            merchant: at.merchant().await?,
            client: Client::builder().timeout(PATIENCE).build()?,
            sessions: at.sessions(&people::email("{}"), PEOPLE).await?,
        })
    }

    /// Does something while they come.
    pub(crate) async fn busy_while<T>(&self, doing: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
        let (busy, doing) = (std::pin::pin!(self.busy()), std::pin::pin!(doing));
        match futures::future::select(busy, doing).await {
            Either::Left(((), _)) => anyhow::bail!("everybody was here: the test took too long"),
            Either::Right((done, _)) => done,
        }
    }

    /// Sends one after the other, until all were here.
    async fn busy(&self) {
        let mut visits = JoinSet::new();
        let mut ticks = tokio::time::interval(PAUSE);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for number in 0..self.sessions.len() {
            ticks.tick().await;
            let street = self.clone();
            // Whoever gets no answer goes away.
            visits.spawn(async move { drop(street.visit(number).await) });
            while visits.try_join_next().is_some() {}
        }
    }

    async fn visit(&self, number: usize) -> anyhow::Result<()> {
        let (edge, session) = (&self.edges[number % self.edges.len()], &self.sessions[number]);
        let orders = format!("{edge}/v1/sales/{}/orders", self.sale);
        self.client.get(format!("{edge}/v1/sales/{}", self.sale)).send().await?;
        let wish = json!({ "sku": "UNIT", "quantity": 1 });
        let (status, order) = self.post(&orders, session, "wish", Some(&wish)).await?;
        if number.is_multiple_of(7) {
            // One unit each, so this is refused.
            self.post(&orders, session, "another", Some(&wish)).await?;
        }
        if number.is_multiple_of(50) {
            let password = json!({ "email": people::email(&number.to_string()), "password": people::PASSWORD });
            self.client.post(format!("{edge}/v1/sessions")).json(&password).send().await?;
        }
        let Some(id) = order["id"].as_str().filter(|_| status == StatusCode::CREATED) else { return Ok(()) };
        let order = format!("{orders}/{id}");
        match number % 5 {
            // Forgets it, and it ends by itself.
            0 => {}
            1 => drop(self.post(&format!("{order}/cancel"), session, "cancel", None).await?),
            2 => {
                self.post(&format!("{order}/payment"), session, "payment", None).await?;
                self.post(&format!("{order}/refund"), &self.merchant, "refund", None).await?;
            }
            _ => drop(self.post(&format!("{order}/payment"), session, "payment", None).await?),
        }
        Ok(())
    }

    async fn post(
        &self,
        url: &str,
        session: &str,
        key: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<(StatusCode, Value)> {
        let request = self.client.post(url).bearer_auth(session).header("idempotency-key", key);
        let request = if let Some(body) = body { request.json(body) } else { request };
        let answer = request.send().await?;
        Ok((answer.status(), answer.json().await?))
    }
}
