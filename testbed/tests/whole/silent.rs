//! An edge that hears of no change of any definition any more, while everything else of it works.
//!
//! What keeps it from selling what it must not is the stamp of each bucket. What it must sell, it learns by asking.

use std::time::Duration;

use anyhow::ensure;
use jiff::Timestamp;
use protocol::key;
use serde_json::{Value, json};
use testbed::books;
use testbed::installation::{Installation, Plan};
use testbed::{Proxy, eventually};

use crate::history::{Answer, Claim, Shut, accounted, honoured, told_only};
use crate::rush::Rush;
use crate::{alone, from_now, opened, sale, stored};

/// Which edge hears nothing.
const DEAF: usize = 0;
/// Claims after the report of a change that must all be refused.
const CLAIMS_AFTER: usize = 150;
/// How far the clocks of edges may be apart, and a schedule's whole seconds from what was meant.
const CLOCK_SKEW: Duration = Duration::from_millis(750);

fn bought_by_deaf(claim: &Claim) -> bool {
    claim.edge == DEAF && matches!(claim.answer, Answer::Yes(_))
}

fn refused_by_deaf(name: &'static str) -> impl Fn(&Claim) -> bool {
    move |claim| claim.edge == DEAF && claim.answer == Answer::No(name.to_owned())
}

/// Changes a sale and waits until its status says that the change is done and this is so; the moment at which that was read.
async fn reported(
    at: &Installation,
    name: &str,
    change: Value,
    done: impl Fn(&Value) -> bool,
) -> anyhow::Result<Timestamp> {
    at.patch(name, &change).await?;
    said(at, name, done).await
}

/// Waits until the status of a sale says this of the resource as it is; the moment at which that was read.
async fn said(at: &Installation, name: &str, done: impl Fn(&Value) -> bool) -> anyhow::Result<Timestamp> {
    eventually(Duration::from_secs(30), &format!("{name} to say that it is so"), async || {
        let sale = at.sale(name).await?;
        ensure!(sale["status"]["observedGeneration"] == sale["metadata"]["generation"], "{}", sale["status"]);
        ensure!(done(&sale["status"]), "{}", sale["status"]);
        Ok(crate::now())
    })
    .await
}

fn says(kind: &'static str, reasons: &'static [&'static str]) -> impl Fn(&Value) -> bool {
    move |status| {
        let conditions = status["conditions"].as_array().into_iter().flatten();
        let mut found = conditions.filter(|condition| condition["type"] == kind && condition["status"] == "True");
        found.any(|condition| condition["reason"].as_str().is_some_and(|reason| reasons.contains(&reason)))
    }
}

/// Nothing was committed after the change was reported, though people went on asking the deaf edge.
async fn holds(at: &Installation, id: &str, rush: &Rush) -> anyhow::Result<()> {
    let reported = stored::read(at, id).await?;
    rush.sees("the deaf edge to refuse", CLAIMS_AFTER, |claim| claim.edge == DEAF).await?;
    let after = stored::read(at, id).await?;
    let late: Vec<_> = after.orders.iter().filter(|(_, (at, _))| *at > reported.position).collect();
    ensure!(late.is_empty(), "orders were committed after the change was done: {late:?}");
    Ok(())
}

async fn paused_and_resumed(at: &Installation, id: &str, rush: &Rush) -> anyhow::Result<Vec<Shut>> {
    let mut shuts = Vec::new();
    rush.sees("the deaf edge to sell", 50, bought_by_deaf).await?;
    for _ in 0..2 {
        let paused = json!({ "spec": { "desiredState": "Paused" } });
        let reported = reported(at, "held", paused, says("Paused", &["Paused"])).await?;
        holds(at, id, rush).await?;
        rush.sees("the deaf edge to say why", 10, refused_by_deaf("sale-paused")).await?;
        let lifted = crate::now();
        at.patch("held", &json!({ "spec": { "desiredState": "Scheduled" } })).await?;
        rush.sees("the deaf edge to sell again", 50, bought_by_deaf).await?;
        let refusals = &["sale-paused", "busy"];
        shuts.push(Shut { why: "paused", reported, lifted: Some(lifted), refusals });
    }
    Ok(shuts)
}

async fn closed(at: &Installation, id: &str, rush: &Rush) -> anyhow::Result<Vec<Shut>> {
    rush.sees("the deaf edge to sell", 50, bought_by_deaf).await?;
    let closed = json!({ "spec": { "desiredState": "Closed" } });
    let reported = reported(at, "closed", closed, says("Ready", &["Draining", "Completed"])).await?;
    holds(at, id, rush).await?;
    rush.sees("the deaf edge to say why", 10, refused_by_deaf("sale-closed")).await?;
    Ok(vec![Shut { why: "closed", reported, lifted: None, refusals: &["sale-closed", "busy"] }])
}

/// The end is put off, which the deaf edge has to learn to go on, and then comes early.
async fn shortened(at: &Installation, id: &str, rush: &Rush) -> anyhow::Result<Vec<Shut>> {
    let ends = |seconds| json!({ "spec": { "schedule": { "endTime": from_now(seconds) } } });
    reported(at, "short", ends(2 * 86_400), says("Ready", &["Open"])).await?;
    rush.sees("the deaf edge to sell on", 50, bought_by_deaf).await?;
    let (change, end) = (ends(4), crate::now() + Duration::from_secs(4));
    let told = reported(at, "short", change, says("Ready", &["Open", "Draining", "Completed"])).await?;
    said(at, "short", says("Ready", &["Draining", "Completed"])).await?;
    holds(at, id, rush).await?;
    rush.sees("the deaf edge to say why", 10, refused_by_deaf("sale-closed")).await?;
    let reported = told.max(end + CLOCK_SKEW);
    Ok(vec![Shut { why: "over", reported, lifted: None, refusals: &["sale-closed", "busy"] }])
}

async fn checked(at: &Installation, id: &str, rush: &Rush, shuts: &[Shut]) -> anyhow::Result<()> {
    let claims = rush.claims();
    honoured(&claims, shuts)?;
    told_only(&claims, &["sale-paused", "sale-closed", "busy"])?;
    let stored = stored::read(at, id).await?;
    stored.conserved()?;
    accounted(&claims, &stored.orders.keys().cloned().collect())?;
    books::reconciled(at, id).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_that_hears_of_no_definition_sells_until_a_change_is_reported_done_and_not_one_unit_after() {
    let (_alone, bed) = alone().await;
    let mut plan = Plan::on(bed).await.unwrap();
    let proxy = Proxy::nats(&bed.nats().await.unwrap().address()).await.unwrap();
    plan.edges_nats[DEAF] = proxy.url("nats");
    let at = Installation::start(bed, plan).await.unwrap();
    let mut rushes = Vec::new();
    for name in ["held", "closed", "short"] {
        let id = opened(&at, &sale(name, 100_000)).await.unwrap();
        let sessions = at.sessions(name, 20_000).await.unwrap();
        rushes.push((Rush::new(&at, &id, sessions, Duration::from_millis(10)), id));
    }
    let table = key::Installation::parse(&at.access().namespace).unwrap().sales_bucket();
    proxy.silence(&format!("$KV.{table}."));

    let [(held, held_id), (over, over_id), (short, short_id)] = rushes.as_slice() else { unreachable!() };
    let (held_shut, over_shut, short_shut) = tokio::try_join!(
        held.during(3, paused_and_resumed(&at, held_id, held)),
        over.during(3, closed(&at, over_id, over)),
        short.during(3, shortened(&at, short_id, short)),
    )
    .unwrap();
    // Five changes of three definitions at least, and none of them was heard.
    assert!(proxy.silenced() >= 5, "the watch was not silent: {} messages were lost", proxy.silenced());
    checked(&at, held_id, held, &held_shut).await.unwrap();
    checked(&at, over_id, over, &over_shut).await.unwrap();
    checked(&at, short_id, short, &short_shut).await.unwrap();
    at.stop().await.unwrap();
}
