//! Loads: the scenarios of `k6/`, run against a sale that is made for them or against any that is there.
//!
//! **What it is for.** A scenario is a script for k6 that says who comes when, which sale that needs, and what it promises.
//! This makes the sale, the sessions and the restocks, runs k6, and tells what became of every promise. `demo load` and the
//! tests go through it.
//!
//! **What must always hold.** A promise is kept only when it was measured: k6 takes a threshold that nothing was measured
//! for as one that holds. Sessions are in a folder that nobody else may read, and gone afterwards.
//!
//! **What is deliberately absent.** Numbers: how many shoppers, units and seconds a load has is in its script alone, which
//! `k6 inspect` prints.

mod k6;
mod stage;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use runtime::clock::Clock;
use serde::Deserialize;
use serde_json::{Map, Value, json};

pub use stage::{Stage, guests};

use crate::installation::Access;
use crate::{eventually, people};

/// How long a restock waits until nothing is left: longer than any load keeps selling.
const SOLD_OUT_WITHIN: Duration = Duration::from_secs(600);
/// How long a sale is open: longer than any load.
const OPEN_FOR_SECONDS: i64 = 7 * 86_400;
/// When one opens that opens before everybody's eyes, until all is ready and the time is set.
const NOT_OPEN_FOR_SECONDS: i64 = 86_400;
/// How long edges may take to show a change of a sale: far beyond any delay that is not a fault.
const SHOWN_WITHIN: Duration = Duration::from_secs(60);
/// Since when a sale is open that does not open before everybody's eyes.
const OPEN_SINCE_SECONDS: i64 = -60;
/// What is in a wallet: 500 euros.
const BALANCE_MINOR: i64 = 50_000;

/// Which load, and how large.
#[derive(Debug, Clone)]
pub struct Load {
    /// The scenario's name, as [`scenarios`] tells it.
    pub scenario: String,
    /// The part of the full load, above 0.
    pub scale: f64,
    /// By what times may exceed their bounds on this machine, at least 1.
    pub slowness: f64,
    /// Seconds of a load that takes as long as it is told to.
    pub duration: Option<u32>,
    /// Where the reports go.
    pub folder: PathBuf,
    /// Whether k6 writes to this terminal; what it says is kept for errors otherwise.
    pub shown: bool,
}

/// A scenario.
#[derive(Debug)]
pub struct Scenario {
    /// Of its file.
    pub name: String,
    /// What it is, in a sentence.
    pub about: String,
}

/// What became of a load.
#[derive(Debug)]
pub struct Outcome {
    /// All that was promised.
    pub promises: Vec<Promise>,
}

/// A promise and what became of it.
#[derive(Debug, Deserialize)]
pub struct Promise {
    /// The promise, as a sentence.
    pub says: String,
    /// Whether it was kept; nothing when nothing was measured.
    pub kept: Option<bool>,
}

impl Outcome {
    /// The promises that were broken, or that nothing was measured for.
    pub fn broken(&self) -> impl Iterator<Item = &Promise> {
        self.promises.iter().filter(|promise| promise.kept != Some(true))
    }
}

/// What a scenario says that it is made for.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Needs {
    /// Customers.
    pub shoppers: usize,
    /// Units at the beginning.
    pub units: u32,
    /// Whether its customers pay from wallets.
    #[serde(default)]
    pub wallets: bool,
    /// Whether the sale opens only after it was applied.
    opens_in_seconds: Option<i64>,
    restock: Option<Restock>,
    /// The `spec` of the sale, without its times.
    sale: Map<String, Value>,
}

impl Needs {
    /// Whether somebody has to restock the sale meanwhile: only a sale that was made for the load is.
    #[must_use]
    pub fn restocks(&self) -> bool {
        self.restock.is_some()
    }
}

/// Units that are added each time nothing is left.
#[derive(Debug, Clone, Copy, Deserialize)]
struct Restock {
    units: u32,
    times: u32,
}

/// Where the scenarios are.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../k6")
}

/// Every scenario there is, by its name: a file each, whose first line says what it is.
///
/// # Errors
/// When a file cannot be read, or does not say what it is.
pub fn scenarios() -> anyhow::Result<Vec<Scenario>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder()).context("there is no folder k6")? {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".js")) else { continue };
        let text = std::fs::read_to_string(&path)?;
        let about = text.lines().next().and_then(|line| line.strip_prefix("// "));
        let about = about.with_context(|| format!("{name} does not say in its first line what it is"))?.to_owned();
        found.push(Scenario { name: name.to_owned(), about });
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

impl Load {
    /// What it is made for.
    ///
    /// # Errors
    /// When there is no such scenario, or k6 is not installed.
    pub async fn needs(&self) -> anyhow::Result<Needs> {
        let all = scenarios()?;
        if !all.iter().any(|known| known.name == self.scenario) {
            let names: Vec<_> = all.iter().map(|known| known.name.as_str()).collect();
            bail!("there is no load called {}: it is one of {}", self.scenario, names.join(", "));
        }
        k6::inspect(self).await
    }

    /// Runs it against a sale that is there.
    ///
    /// # Errors
    /// When it cannot be run. Broken promises are no error.
    pub async fn at(&self, stage: &Stage) -> anyhow::Result<Outcome> {
        k6::run(self, stage).await
    }

    /// Makes the sale that it needs, runs it, compares both sides of the books, and takes the sale away. `tell` hears each
    /// step.
    ///
    /// # Errors
    /// When the sale cannot be made, the load not be run, or both sides of the books differ. Broken promises are no error.
    pub async fn on(&self, at: &Access, tell: impl Fn(&str)) -> anyhow::Result<Outcome> {
        let needs = self.needs().await?;
        let name = format!("load-{}-{:08x}", self.scenario, rand::random::<u32>());
        tell(&format!("making the sale {name}, with {} units", needs.units));
        at.apply(&resource(&name, &needs)?).await?;
        let sessions = sessions(at, &name, &needs).await?;
        at.wait_for(&name, "Provisioned", 60).await?;
        let added = needs.restock.map_or(0, |restock| restock.units * restock.times);
        let stage = Stage {
            edges: at.edges.clone(),
            sale: at.sale_id(&name).await?,
            sku: None,
            units: Some(needs.units + added),
            merchant: at.merchant().await?,
            sessions,
        };
        if let Some(seconds) = needs.opens_in_seconds {
            opens(at, &name, &stage.sale, &from_now(seconds)?).await?;
        }
        tell(&format!("{} customers with sessions; running k6", stage.sessions.len()));
        let outcome = tokio::select! {
            outcome = self.at(&stage) => outcome?,
            failed = restocked(at, &name, &stage, &needs) => return Err(failed.context("the sale cannot be restocked")),
        };
        let books = at.reconcile(&stage.sale).await?;
        ensure!(books.get("balanced").and_then(Value::as_bool) == Some(true), "the books differ: {books:#}");
        tell("the ledger's own command finds both sides of the books equal");
        at.patch(&name, &json!({ "spec": { "desiredState": "Closed" } })).await?;
        at.wait_for(&name, "Completed", 60).await?;
        at.kubectl(&["delete", "flashsale", &name, "--wait=false"]).await?;
        tell(&format!("{name} is closed and deleted; its orders stay in the ledger"));
        Ok(outcome)
    }
}

/// A time as resources have it.
fn from_now(seconds: i64) -> anyhow::Result<String> {
    let time = Clock::system().now().checked_add(jiff::SignedDuration::from_secs(seconds))?;
    Ok(format!("{time:.0}"))
}

fn resource(name: &str, needs: &Needs) -> anyhow::Result<Value> {
    let start = if needs.opens_in_seconds.is_some() { NOT_OPEN_FOR_SECONDS } else { OPEN_SINCE_SECONDS };
    let mut spec = needs.sale.clone();
    let schedule = json!({ "startTime": from_now(start)?, "endTime": from_now(OPEN_FOR_SECONDS)? });
    spec.insert("schedule".to_owned(), schedule);
    Ok(json!({
        "apiVersion": "sluice.dev/v1alpha1",
        "kind": "FlashSale",
        "metadata": { "name": name },
        "spec": spec
    }))
}

/// A session for each customer; where they pay, for people with wallets.
async fn sessions(at: &Access, prefix: &str, needs: &Needs) -> anyhow::Result<Vec<String>> {
    if !needs.wallets {
        return at.sessions(prefix, needs.shoppers).await;
    }
    let folder = tempfile::tempdir()?;
    at.load_people(folder.path(), needs.shoppers, BALANCE_MINOR).await?;
    at.sessions(&people::email("{}"), needs.shoppers).await
}

/// Sets when a sale opens, and waits until every edge shows it: who comes reads it there.
///
/// # Errors
/// When that is refused, or an edge does not show it.
pub async fn opens(at: &Access, name: &str, sale_id: &str, start: &str) -> anyhow::Result<()> {
    at.patch(name, &json!({ "spec": { "schedule": { "startTime": start } } })).await?;
    let time: jiff::Timestamp = start.parse()?;
    for edge in &at.edges {
        eventually(SHOWN_WITHIN, "the opening to be shown", async || {
            let shown = stage::page(edge, sale_id).await?;
            let shown: jiff::Timestamp =
                shown.get("start").and_then(Value::as_str).context("no start is shown")?.parse()?;
            ensure!(shown == time, "{shown} is shown, not {time}");
            Ok(())
        })
        .await?;
    }
    Ok(())
}

/// Adds units each time nothing is left, as often as the load wants it; ends only when that fails.
async fn restocked(at: &Access, name: &str, stage: &Stage, needs: &Needs) -> anyhow::Error {
    let Some(restock) = needs.restock else { return std::future::pending().await };
    let items = needs.sale.get("items").cloned().unwrap_or_default();
    for time in 1..=restock.times {
        let quantity = needs.units + time * restock.units;
        let mut items = items.clone();
        if let Some(of_first) = items.pointer_mut("/0/quantity") {
            *of_first = json!(quantity);
        }
        let sold_out = eventually(SOLD_OUT_WITHIN, "nothing to be left", async || {
            let left = stage.left().await?;
            ensure!(left == 0, "{left} are left");
            Ok(())
        });
        let again = async {
            sold_out.await?;
            at.patch(name, &json!({ "spec": { "items": items } })).await?;
            // What is left is looked at again only once the new units were seen.
            eventually(SHOWN_WITHIN, "the new units to be shown", async || {
                let shown = stage.quantity().await?;
                ensure!(shown == u64::from(quantity), "{shown} are shown");
                Ok(())
            })
            .await
        };
        if let Err(failed) = again.await {
            return failed;
        }
    }
    std::future::pending().await
}
