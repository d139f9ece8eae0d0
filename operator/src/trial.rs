//! `sluice-operator trial`: whether an installation sells, tried from end to end.
//!
//! **What it is for.** `helm test` runs it. A sale of one unit is made in Kubernetes, seen open, bought from an edge over
//! HTTP by somebody with a session, closed, seen complete, and deleted: the operator, an edge, NATS, a ledger and Postgres
//! have all done their part, or the step that failed is named, with what the sale says of itself.
//!
//! **What must always hold.** It ends: every step has the same bound, and each request one of its own. The sale has a name
//! that was never used, as what was sold under a name stays sold. Whatever failed, the sale is closed and deleted, and
//! ends by itself if even that fails: its window is as long as the steps may take.
//!
//! **What it costs.** A stream that lives for seconds, one order in the books, and the tombstone of one name.
//!
//! **What is deliberately absent.** Making the session: who signs is the edge's business, and this program has no key.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use jiff::{SignedDuration, Timestamp};
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use runtime::clock::Clock;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use crate::args::TrialArgs;
use crate::client;
use crate::resource::FlashSale;

/// What the sales of trials are called, before a part of their own.
const NAME: &str = "sluice-trial-";
/// The one item.
const SKU: &str = "TRIAL";
/// Steps that the sale has to stay open for, with room: being seen open, being bought, and whatever is late.
const STEPS: u32 = 4;
/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(250);
/// How long an edge may take to answer; it answers every claim sooner.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Most of an answer that is told when it is a no.
const TOLD_MAX: usize = 400;

/// Tries, and tells how it went.
#[must_use]
pub fn run(args: &TrialArgs) -> ExitCode {
    let done = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(try_out(args)));
    match done {
        Ok(()) => {
            eprintln!("the installation sells, and its books balance");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("sluice-operator: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn try_out(args: &TrialArgs) -> anyhow::Result<()> {
    let session = args.session_file.read()?;
    let config = kube::Config::infer().await.context("no way to the API server: set KUBECONFIG, or run in a pod")?;
    let namespace = args.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
    let kubernetes = client::connect(config).context("the API server's address cannot be used")?;
    let step = Duration::from_secs(args.step_seconds.into());
    let made = sale(Clock::system().now(), step)?;
    let sales = Api::<FlashSale>::namespaced(kubernetes, &namespace);
    let made = sales.create(&PostParams::default(), &made).await;
    let made = made.with_context(|| format!("no sale can be made in {namespace}"))?;
    let name = made.metadata.name.context("the API server gave the sale no name")?;
    eprintln!("made the sale {namespace}/{name} of one unit");
    let trial = Trial { sales, name, step };
    let bought = trial.buy(&args.edge_url, &session).await;
    let ended = trial.end(bought.is_ok()).await;
    // What went wrong first is why.
    bought.and(ended)
}

/// The sale of a trial: one unit, copies as many as the operator gives unasked, open at once, and over by itself.
fn sale(now: Timestamp, step: Duration) -> anyhow::Result<FlashSale> {
    let end = now + SignedDuration::try_from(step)? * i32::try_from(STEPS)?;
    Ok(serde_json::from_value(json!({
        "apiVersion": "sluice.dev/v1alpha1",
        "kind": "FlashSale",
        "metadata": { "generateName": NAME },
        "spec": {
            "displayName": "A test of this shop",
            "schedule": { "startTime": now, "endTime": end },
            "items": [{ "sku": SKU, "quantity": 1 }],
            "sharding": { "bucketsPerItem": 1 },
        },
    }))?)
}

/// One sale that was made to be tried.
struct Trial {
    sales: Api<FlashSale>,
    name: String,
    step: Duration,
}

impl Trial {
    async fn buy(&self, edge: &Url, session: &SecretString) -> anyhow::Result<()> {
        let id = self.until("open", open).await?;
        eprintln!("it is open as {id}");
        let client = Client::builder().redirect(Policy::none()).timeout(ANSWER_WITHIN).build()?;
        let claim = client
            .post(edge.join(&format!("/v1/sales/{id}/orders")).context("--edge-url leads nowhere")?)
            .bearer_auth(session.expose_secret())
            .header("Idempotency-Key", &self.name)
            .json(&json!({ "sku": SKU, "quantity": 1 }));
        // The same key gets the same order, so the same is asked until the answer is yes.
        let bought = self.within("bought", async || {
            let answer = claim.try_clone().context("the claim cannot be repeated")?.send().await?;
            let (created, status) = (answer.status() == reqwest::StatusCode::CREATED, answer.status());
            let body = answer.text().await?;
            if !created {
                bail!("the edge answers {status} {}", body.chars().take(TOLD_MAX).collect::<String>());
            }
            Ok(())
        });
        bought.await?;
        eprintln!("bought its unit");
        Ok(())
    }

    /// Closes and deletes it; where something was bought, only after its books are complete.
    async fn end(&self, bought: bool) -> anyhow::Result<()> {
        let closed = Patch::Merge(json!({ "spec": { "desiredState": "Closed" } }));
        let closed = self.sales.patch(&self.name, &PatchParams::default(), &closed).await;
        let completed = match closed.map(drop).context("the sale cannot be closed") {
            Ok(()) if bought => self.until("complete", completed).await,
            closed => closed,
        };
        // Also where it was not closed: the answer may have been lost, or the sale may be over.
        let deleted = self.sales.delete(&self.name, &DeleteParams::default()).await;
        completed?;
        deleted.context("the sale cannot be deleted")?;
        if bought {
            eprintln!("its books balance");
        }
        Ok(())
    }

    /// Waits until the sale is what `look` wants.
    async fn until<T>(&self, wanted: &str, look: fn(&FlashSale) -> Option<T>) -> anyhow::Result<T> {
        self.within(wanted, async || {
            let sale = self.sales.get(&self.name).await?;
            look(&sale).with_context(|| told(&sale))
        })
        .await
    }

    /// Tries until it works, within the bound of a step.
    async fn within<T>(&self, wanted: &str, mut attempt: impl AsyncFnMut() -> anyhow::Result<T>) -> anyhow::Result<T> {
        let mut last = None;
        let tries = async {
            loop {
                match attempt().await {
                    Ok(found) => return found,
                    Err(error) => last = Some(error),
                }
                tokio::time::sleep(PAUSE).await;
            }
        };
        if let Ok(found) = tokio::time::timeout(self.step, tries).await {
            return Ok(found);
        }
        let seconds = self.step.as_secs();
        let sentence = format!("the sale {} was not {wanted} within {seconds} s", self.name);
        Err(last.map_or_else(
            || anyhow::anyhow!("{sentence}: there was no answer"),
            |error| error.context(sentence.clone()),
        ))
    }
}

/// The id of a sale that is open.
fn open(sale: &FlashSale) -> Option<String> {
    let status = sale.status.as_ref()?;
    let open = status.conditions.iter().any(|condition| condition.type_ == "Ready" && condition.reason == "Open");
    status.sale_id.clone().filter(|_| open)
}

/// Whether its books are complete.
fn completed(sale: &FlashSale) -> Option<()> {
    let conditions = &sale.status.as_ref()?.conditions;
    conditions.iter().any(|condition| condition.type_ == "Completed" && condition.status == "True").then_some(())
}

/// What a sale says of itself, in the conditions that say more than "true".
fn told(sale: &FlashSale) -> String {
    let conditions = sale.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    let told: Vec<_> = conditions
        .iter()
        .filter(|condition| matches!(condition.type_.as_str(), "Ready" | "Provisioned" | "LedgerInSync" | "Completed"))
        .map(|condition| format!("{} {}: {}", condition.type_, condition.reason, condition.message))
        .collect();
    if told.is_empty() {
        "no operator has looked at it: does one serve this namespace?".to_owned()
    } else {
        told.join("; ")
    }
}

#[cfg(test)]
mod tests;
