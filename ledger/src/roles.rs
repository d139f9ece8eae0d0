//! Who answers what.
//!
//! **What it is for.** A replica has one or more roles ([`Role`](crate::args::Role)), and each kind of question belongs to
//! one of them. So passwords can be hashed by replicas of their own while a sale opens, and the books are followed by
//! others that nobody's crowd holds up.
//!
//! **What must always hold.** A replica subscribes only to what it can answer. NATS tells whoever asks at once when
//! nobody does, so an installation without a role costs its questions no wait.

use std::time::Duration;

use runtime::Process;
use runtime::readiness::Part;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use crate::accounts::{Accounts, CustomerKey};
use crate::answer::Desk;
use crate::payments::Payments;
use crate::repo::Repo;
use crate::statement::asked;
use crate::{history, wallets};

/// How often a replica that does not follow looks whether Postgres is there.
const WATCH_EVERY: Duration = Duration::from_secs(2);

/// Answers questions about past orders.
///
/// # Errors
/// When NATS refuses.
pub async fn history(desk: &Desk, repo: &Repo) -> anyhow::Result<()> {
    let rows = repo.clone();
    desk.answer(move |question| {
        let repo = rows.clone();
        async move { history::orders(&repo, question).await }
    })
    .await?;
    let rows = repo.clone();
    desk.answer(move |question| {
        let repo = rows.clone();
        async move { history::one_order(&repo, question).await }
    })
    .await
}

/// Answers what merchants ask about a sale.
///
/// # Errors
/// When NATS refuses.
pub async fn statements(desk: &Desk, repo: &Repo) -> anyhow::Result<()> {
    let rows = repo.clone();
    desk.answer(move |question| {
        let repo = rows.clone();
        async move { asked::statement(&repo, question).await }
    })
    .await?;
    let rows = repo.clone();
    desk.answer(move |question| {
        let repo = rows.clone();
        async move { asked::sale_orders(&repo, question).await }
    })
    .await?;
    let rows = repo.clone();
    desk.answer(move |question| {
        let repo = rows.clone();
        async move { asked::sheet(&repo, question).await }
    })
    .await
}

/// Answers questions about money.
///
/// # Errors
/// When NATS refuses.
pub async fn payments(desk: &Desk, repo: &Repo) -> anyhow::Result<()> {
    let rows = repo.clone();
    desk.answer(move |question| {
        let repo = rows.clone();
        async move { wallets::wallets(&repo, question).await }
    })
    .await?;
    let rows = repo.clone();
    desk.answer(move |question| {
        let repo = rows.clone();
        async move { wallets::entries(&repo, question).await }
    })
    .await
}

/// Moves money, and orders with it, when asked; and finishes what nobody finishes.
///
/// # Errors
/// When NATS refuses.
pub async fn money(desk: &Desk, process: &Process, payments: Payments) -> anyhow::Result<()> {
    let here = payments.clone();
    desk.answer(move |question| {
        let payments = here.clone();
        async move { payments.pay(question).await }
    })
    .await?;
    let here = payments.clone();
    desk.answer(move |question| {
        let payments = here.clone();
        async move { payments.refund(question).await }
    })
    .await?;
    let here = payments.clone();
    desk.answer(move |question| {
        let payments = here.clone();
        async move { payments.callback(question).await }
    })
    .await?;
    let stopping = process.drain.stopping();
    process.drain.spawn("unfinished payments", async move {
        payments.recover(stopping).await;
        Ok(())
    });
    Ok(())
}

/// Answers questions about people.
///
/// # Errors
/// When NATS refuses, or the system has no randomness.
pub async fn accounts(desk: &Desk, process: &Process, repo: &Repo, key: SecretString) -> anyhow::Result<()> {
    let accounts = Accounts::new(repo.clone(), CustomerKey::new(key))?;
    let here = accounts.clone();
    desk.answer(move |question| {
        let accounts = here.clone();
        async move { accounts.register(question).await }
    })
    .await?;
    let here = accounts.clone();
    desk.answer(move |question| {
        let accounts = here.clone();
        async move { accounts.sign_in(question).await }
    })
    .await?;
    let here = accounts.clone();
    desk.answer(move |question| {
        let accounts = here.clone();
        async move { accounts.exchange(question).await }
    })
    .await?;
    let here = accounts.clone();
    desk.answer(move |question| {
        let accounts = here.clone();
        async move { accounts.profile(question).await }
    })
    .await?;
    let stopping = process.drain.stopping();
    process.drain.spawn("sweep of attempts", async move {
        accounts.sweep(&stopping).await;
        Ok(())
    });
    Ok(())
}

/// Says whether Postgres is there, for a replica that would not notice otherwise.
///
/// # Errors
/// None; it is a supervised task.
pub async fn watch(repo: Repo, postgres: Part, stopping: CancellationToken) -> anyhow::Result<()> {
    while stopping.run_until_cancelled(tokio::time::sleep(WATCH_EVERY)).await.is_some() {
        match repo.ping().await {
            Ok(()) => postgres.set_ok(),
            Err(error) => postgres.set_failed(format!("postgres is away, questions are answered with busy: {error}")),
        }
    }
    repo.close().await;
    Ok(())
}
