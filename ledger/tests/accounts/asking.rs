//! Questions, as an edge asks them.

use std::net::IpAddr;

use anyhow::bail;
use protocol::ask::people::{Password, Person, Register, SignIn};
use protocol::ask::{Ask, No, Reply};
use protocol::wire::Value as _;
use testbed::eventually;

use crate::shop::{BOUND, Ledger, Shop};

pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// A shop with one replica that does everything, ready to be asked.
pub(crate) async fn open(name: &str) -> (Shop, Ledger) {
    let shop = Shop::of(name, 40).await;
    let ledger = shop.ledger(0, &[]);
    ledger.ready().await;
    (shop, ledger)
}

impl Shop {
    /// Asks until there is an answer. Where the machine stands still for a moment, any question may hear that there is too much
    /// to do, or that its end is not known yet; and every question can be asked again.
    pub(crate) async fn ask<Q: Ask>(&self, question: &Q) -> Result<Q::Answer, No> {
        eventually(BOUND, "an answer", async || match self.ask_once(question).await {
            Err(no @ (No::Busy { .. } | No::Unsettled)) => bail!("{no:?}"),
            answer => Ok(answer),
        })
        .await
        .unwrap()
    }

    /// Asks, and waits for whatever is said to that.
    pub(crate) async fn ask_once<Q: Ask>(&self, question: &Q) -> Result<Q::Answer, No> {
        self.raw::<Q>(question.encode().to_vec()).await
    }

    /// Asks with whatever bytes.
    pub(crate) async fn raw<Q: Ask>(&self, bytes: Vec<u8>) -> Result<Q::Answer, No> {
        let subject = self.installation.ask(Q::VERB);
        let reply = self.client.request(subject, bytes.into()).await;
        let reply = reply.unwrap_or_else(|error| panic!("no reply to {:?}: {error}", Q::VERB));
        Reply::<Q::Answer>::decode(&reply.payload).unwrap().into()
    }

    pub(crate) async fn register(&self, email: &str, password: &str) -> Result<Person, No> {
        self.ask(&register(email, password)).await
    }

    pub(crate) async fn sign_in(&self, email: &str, password: &str, source: &str) -> Result<Person, No> {
        self.ask(&sign_in(email, password, source)).await
    }
}

impl Ledger {
    /// What it counts under a name with labels.
    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let page = reqwest::get(format!("{}/metrics", self.admin)).await.unwrap().text().await.unwrap();
        let value = page.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        value.unwrap_or_else(|| panic!("nothing is counted under {name}: {page}"))
    }

    /// How many questions of this kind ended in this way.
    pub(crate) async fn counted(&self, verb: &str, outcome: &str) -> f64 {
        self.metric(&format!("sluice_ledger_questions_total{{outcome=\"{outcome}\",verb=\"{verb}\"}}")).await
    }
}

pub(crate) fn register(email: &str, password: &str) -> Register {
    Register { email: email.to_owned(), password: Password(password.to_owned()), name: None, source: None }
}

/// From an address, or from nowhere that is known when it is empty.
pub(crate) fn sign_in(email: &str, password: &str, source: &str) -> SignIn {
    let source = source.parse::<IpAddr>().ok();
    SignIn { email: email.to_owned(), password: Password(password.to_owned()), source }
}

/// What is said to somebody who was wrong too often.
#[track_caller]
pub(crate) fn seconds(no: &No) -> u32 {
    match no {
        No::TooManyAttempts { retry_after_seconds } => *retry_after_seconds,
        other => panic!("{other:?}"),
    }
}
