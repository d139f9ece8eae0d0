//! Whoever watches: the chart's dashboards and alerts in a real Prometheus that scrapes the whole product, while it is well
//! ([`panels`]) and while something of it is broken ([`faults`]).

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test fails by panicking"
)]

mod expression;
mod faults;
mod panels;
mod rules;
mod runbook;
mod street;

use std::time::Duration;

use anyhow::ensure;
use runtime::clock::Clock;
use serde_json::{Value, json};
use testbed::eventually;
use testbed::installation::Installation;
use testbed::prometheus::{self, AlertState, Prometheus};
use tokio::sync::Mutex;

/// Each test has the machine to itself.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// How long anything may take that a healthy installation does within seconds.
const BOUND: Duration = Duration::from_secs(90);

/// Alerts that say that something took long, and nothing else: on a machine that does other things as well they may be right.
const OF_SLOWNESS: [&str; 2] = ["SluiceClaimsSlow", "SluiceHoldsReleasedLate"];

/// A sale that is paid from wallets, with a rate limit that nobody here reaches.
fn sale(name: &str, hold_seconds: u32) -> Value {
    json!({
        "apiVersion": "sluice.dev/v1alpha1",
        "kind": "FlashSale",
        "metadata": { "name": name },
        "spec": {
            "schedule": { "startTime": from_now(-86_400), "endTime": from_now(86_400) },
            "payment": { "mode": "Wallet" },
            "reservation": { "holdSeconds": hold_seconds },
            "rateLimit": { "requests": 50, "windowSeconds": 60 },
            "items": [{
                "sku": "UNIT",
                "quantity": 20_000,
                "price": { "amountMinor": 1_000, "currency": "EUR" },
                "limits": { "perOrder": 1, "perCustomer": 1 }
            }]
        }
    })
}

fn from_now(seconds: i64) -> String {
    format!("{:.0}", Clock::system().now().checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap())
}

/// Has Prometheus look at everything, and waits until all of it answers.
async fn watched(prometheus: &Prometheus, at: &Installation) -> anyhow::Result<()> {
    prometheus.watch(prometheus::targets(at))?;
    eventually(BOUND, "every process to be scraped", async || prometheus.sees(at.members().count()).await).await
}

/// The alerts that fire, but for those [of slowness](OF_SLOWNESS).
async fn firing(prometheus: &Prometheus) -> anyhow::Result<Vec<String>> {
    let firing = prometheus.alerts().await?.into_iter().filter(|alert| alert.state == AlertState::Firing);
    let names = firing.map(|alert| alert.name().to_owned());
    Ok(names.filter(|name| !OF_SLOWNESS.contains(&name.as_str())).collect())
}

/// The sum of what an expression is now; nothing is zero.
async fn sum(prometheus: &Prometheus, expression: &str) -> anyhow::Result<f64> {
    Ok(prometheus.query(expression).await?.iter().map(|sample| sample.value).sum())
}

/// Waits until an expression has this value or more.
async fn reaches(prometheus: &Prometheus, expression: &str, least: f64) -> anyhow::Result<()> {
    eventually(BOUND, &format!("{expression} to reach {least}"), async || {
        let value = sum(prometheus, expression).await?;
        ensure!(value >= least, "it is {value}");
        Ok(())
    })
    .await
}
