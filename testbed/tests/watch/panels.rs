//! Every expression of every dashboard and rule, asked of a Prometheus that watches a healthy installation at work.
//!
//! A metric that nobody exposes is a mistake, and so is a panel that shows nothing, unless the dashboard itself says so
//! (`noValue`): some panels are empty while all is well and say `none`; one that says [`NOT_KNOWN`] is not.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::ensure;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::json;
use testbed::dashboard::{Dashboard, Panel, Query};
use testbed::installation::{Installation, Plan};
use testbed::prometheus::{self, Prometheus};
use testbed::{Bed, Viewers, eventually};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::expression::metrics;
use crate::runbook::Runbook;
use crate::street::Street;
use crate::{BOUND, ONE_AT_A_TIME, firing, reaches, rules, sale, watched};

const SCRAPED_EVERY: Duration = Duration::from_secs(1);
/// What Grafana would choose for such a short time between scrapes.
const RATE_OVER: &str = "15s";
/// How far back a panel looks.
const SHOWN: Duration = Duration::from_secs(120);
/// What Prometheus itself adds to what it scrapes.
const ITS_OWN: [&str; 3] = ["up", "ALERTS", "ALERTS_FOR_STATE"];
/// What a panel says that ought to have something to show.
const NOT_KNOWN: &str = "not known";
/// Long enough for an order that is forgotten to end while the test looks.
const HOLD_SECONDS: u32 = 5;
/// People who only look on.
const VIEWERS: usize = 5;

/// Metrics in an expression that nobody exposes.
fn unknown(expression: &str, known: &BTreeSet<String>) -> anyhow::Result<Vec<String>> {
    let named = metrics(expression)?;
    Ok(named.into_iter().filter(|name| !known.contains(*name)).map(ToOwned::to_owned).collect())
}

/// Metrics that somebody exposes, and what rules make of them: that may be nothing while all is well.
async fn known(prometheus: &Prometheus) -> anyhow::Result<BTreeSet<String>> {
    let kept = rules::of_chart()?.into_iter().map(|rule| rule.name);
    Ok(prometheus.names().await?.into_iter().chain(kept).chain(ITS_OWN.map(ToOwned::to_owned)).collect())
}

/// What is wrong with an expression; with `empty`, that it may come to nothing.
async fn wrong(prometheus: &Prometheus, expression: &str, empty: bool) -> anyhow::Result<Option<String>> {
    let unknown = unknown(expression, &known(prometheus).await?)?;
    if !unknown.is_empty() {
        return Ok(Some(format!("nobody exposes {}", unknown.join(", "))));
    }
    let found = match prometheus.query_range(expression, SHOWN, SCRAPED_EVERY).await {
        Ok(found) => found,
        Err(refused) => return Ok(Some(format!("{refused:#}"))),
    };
    let shows = found.iter().any(|series| series.points.iter().any(|(_, value)| value.is_finite()));
    Ok((!shows && !empty).then(|| "it shows nothing".to_owned()))
}

/// Everything that is wrong with some dashboards.
async fn wrong_panels(prometheus: &Prometheus, dashboards: &[Dashboard]) -> anyhow::Result<Vec<String>> {
    let mut all = Vec::new();
    for dashboard in dashboards {
        for Panel { title, queries, when_empty, .. } in &dashboard.panels {
            let empty = when_empty.as_ref().is_some_and(|text| text != NOT_KNOWN);
            for Query { expression, .. } in queries {
                let wrong = wrong(prometheus, expression, empty).await?;
                all.extend(wrong.map(|what| format!("{}, {title}: {what}: {expression}", dashboard.name)));
            }
        }
    }
    Ok(all)
}

/// Everything that is wrong with the rules, and with what runbooks ask, both of which may come to nothing.
async fn wrong_rules(prometheus: &Prometheus) -> anyhow::Result<Vec<String>> {
    let rules = rules::of_chart()?.into_iter().map(|rule| (rule.name, rule.expression));
    let mut all = Vec::new();
    for (name, expression) in rules.chain(Runbook::queries()?) {
        let wrong = wrong(prometheus, &expression, true).await?;
        all.extend(wrong.map(|what| format!("{name}: {what}: {expression}")));
    }
    Ok(all)
}

/// Mistakes that were made on purpose are found, or finding none would say nothing.
async fn mistakes_are_found(prometheus: &Prometheus) -> anyhow::Result<()> {
    for (expression, because) in [
        ("sum(rate(sluice_edge_clams_total[1m]))", "nobody exposes sluice_edge_clams_total"),
        ("sluice_edge_claims_total{answer=\"nothing like it\"}", "it shows nothing"),
        ("0 * sluice_edge_claims_waiting / 0", "it shows nothing"),
        ("rate(sluice_edge_claims_waiting)", "parse error"),
    ] {
        let found = wrong(prometheus, expression, false).await?.unwrap_or_default();
        ensure!(found.contains(because), "{expression}: {found:?}");
    }
    Ok(())
}

/// Takes every message that somebody tells it over HTTP; where. It ends with the future.
async fn receiver() -> anyhow::Result<(String, impl Future<Output = anyhow::Result<Infallible>>)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let url = format!("http://{}/orders", listener.local_addr()?);
    let takes = service_fn(|message: Request<Incoming>| async move {
        message.into_body().collect().await?;
        Ok::<_, hyper::Error>(Response::new(Empty::<Bytes>::new()))
    });
    let serving = async move {
        let mut connections = JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await?;
            connections.spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), takes));
        }
    };
    Ok((url, serving))
}

/// Another sale, and a change of the first one: whatever the operator only does once in a while.
async fn administered(at: &Installation) -> anyhow::Result<()> {
    at.apply(&sale("another", HOLD_SECONDS)).await?;
    at.patch("watched", &json!({ "spec": { "displayName": "Watched closely" } })).await?;
    at.wait_for("another", "Provisioned", 60).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_panel_shows_something_and_every_rule_speaks_of_what_there_is() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let bed = Bed::shared().await.unwrap();
    let rules = prometheus::chart_rules().unwrap();
    let (webhook, told) = receiver().await.unwrap();
    // With all that can be had, as each part has panels.
    let installed = async {
        let redis = bed.redis().await?;
        let (authority, webhook) = (redis.authority().to_owned(), Some(webhook));
        let plan =
            Plan { redis: Some(redis.tls_url()), redis_authority: Some(authority), webhook, ..Plan::on(bed).await? };
        Installation::start(bed, plan).await
    };
    let (at, prometheus) = tokio::try_join!(installed, Prometheus::start(bed, SCRAPED_EVERY, &rules)).unwrap();
    at.apply(&sale("watched", HOLD_SECONDS)).await.unwrap();
    at.wait_for("watched", "Provisioned", 60).await.unwrap();
    let id = at.sale_id("watched").await.unwrap();
    let street = Street::of(&at, bed.folder(), &id).await.unwrap();
    watched(&prometheus, &at).await.unwrap();
    let look = async {
        let _viewers = Viewers::open(&at.access().edges, &id, VIEWERS).await?;
        for done in ["claims_total{answer=\"taken\"}", "questions_total{outcome=\"yes\"}"] {
            reaches(&prometheus, &format!("sum(sluice_edge_{done})"), 20.0).await?;
        }
        reaches(&prometheus, "sum(sluice_ledger_release_late_seconds_count)", 1.0).await?;
        administered(&at).await?;
        let dashboards = Dashboard::of_chart(RATE_OVER)?;
        eventually(BOUND, "every panel and rule to be right", async || {
            let mut all = wrong_panels(&prometheus, &dashboards).await?;
            all.extend(wrong_rules(&prometheus).await?);
            ensure!(all.is_empty(), "{} are wrong:\n{}", all.len(), all.join("\n"));
            Ok(())
        })
        .await?;
        mistakes_are_found(&prometheus).await?;
        let firing = firing(&prometheus).await?;
        ensure!(firing.is_empty(), "all is well, and {firing:?} fire");
        Ok(())
    };
    let watching = street.busy_while(look);
    tokio::select! {
        looked = watching => looked.unwrap(),
        failed = told => panic!("nobody listens to the ledger any more: {failed:?}"),
    }
    at.stop().await.unwrap();
}
