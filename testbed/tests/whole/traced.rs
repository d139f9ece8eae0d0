//! One claim is followed by one trace id: from the shopper's request through the edge and the stream to its row in Postgres.

use std::time::Duration;

use anyhow::ensure;
use reqwest::Client;
use serde_json::{Value, json};
use sqlx::Row as _;
use sqlx::postgres::PgPoolOptions;
use testbed::collector::Span;
use testbed::installation::{Installation, Plan};
use testbed::{Collector, eventually};

use crate::{alone, opened, sale};

const BOUND: Duration = Duration::from_secs(60);
/// As a page makes one: the trace and its own place in it, and no wish that it be kept.
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PAGE: &str = "00f067aa0ba902b7";

fn one<'s>(spans: &'s [Span], service: &str, name: &str) -> anyhow::Result<&'s Span> {
    let found: Vec<&Span> = spans.iter().filter(|span| span.service == service && span.name == name).collect();
    ensure!(found.len() == 1, "{name} of {service} is there {} times: {spans:#?}", found.len());
    Ok(found[0])
}

/// What was told, once so many messages of the trace are in Postgres.
async fn stored(collector: &Collector, messages: usize) -> anyhow::Result<Vec<Span>> {
    eventually(BOUND, "the messages of the trace are told up to their rows", async || {
        let spans = collector.trace(TRACE);
        let stored = spans.iter().filter(|span| span.name == "store message").count();
        ensure!(stored == messages, "{spans:#?}");
        Ok(spans)
    })
    .await
}

#[tokio::test]
async fn a_claim_is_followed_from_the_request_to_its_row_by_one_trace_id() -> anyhow::Result<()> {
    let (_guard, bed) = alone().await;
    let collector = Collector::start().await?;
    let plan = Plan { traces: Some(collector.url().to_owned()), ..Plan::on(bed).await? };
    let at = Installation::start(bed, plan).await?;
    let mut resource = sale("followed", 10);
    resource["spec"]["items"][0]["price"] = json!({ "amountMinor": 700, "currency": "EUR" });
    resource["spec"]["payment"] = json!({ "mode": "Wallet" });
    let id = opened(&at, &resource).await?;
    at.load_people(bed.folder(), 2, 50_000).await?;
    let client = Client::builder().build()?;
    let edge = &at.edges[0].public;
    let signed_in = json!({ "email": testbed::people::email("1"), "password": testbed::people::PASSWORD });
    let session: Value = client.post(format!("{edge}/v1/sessions")).json(&signed_in).send().await?.json().await?;
    let token = session["token"].as_str().unwrap_or_default();
    let header = format!("00-{TRACE}-{PAGE}-00");
    let claim = client
        .post(format!("{edge}/v1/sales/{id}/orders"))
        .header("traceparent", &header)
        .header("idempotency-key", "followed")
        .bearer_auth(token)
        .json(&json!({ "sku": "UNIT", "quantity": 1 }))
        .send()
        .await?;
    assert_eq!(claim.status().as_u16(), 201);
    let told = claim.headers()["traceresponse"].to_str()?.to_owned();
    assert!(told.starts_with(&format!("00-{TRACE}-")), "{told}");
    let order: Value = claim.json().await?;
    // A message that is overwritten before the ledger has read it is never stored: the row has what came last.
    stored(&collector, 1).await?;
    let address = format!("{edge}/v1/sales/{id}/orders/{}/payment", order["id"].as_str().unwrap_or_default());
    let paid = client.post(address).header("traceparent", &header).header("idempotency-key", "paid");
    assert_eq!(paid.bearer_auth(token).send().await?.status().as_u16(), 200);

    let spans = stored(&collector, 2).await?;
    // The claim: asked of the edge, committed to the stream, stored by the ledger.
    let asked = one(&spans, "sluice-edge", "POST orders")?;
    assert_eq!((asked.parent.as_str(), asked.attributes["http.response.status_code"].as_str()), (PAGE, "201"));
    let committed = one(&spans, "sluice-edge", "commit claims")?;
    assert_eq!((&committed.parent, committed.attributes["sluice.outcome"].as_str()), (&asked.span, "committed"));
    let stored = spans.iter().find(|span| span.parent == committed.span).unwrap();
    assert_eq!((stored.service.as_str(), stored.name.as_str()), ("sluice-ledger", "store message"));
    assert_eq!(stored.attributes["sluice.revision"], committed.attributes["sluice.revision"]);
    assert!(asked.time.0 <= committed.time.0 && committed.time.1 <= asked.time.1, "{spans:#?}");
    // The payment: asked of the edge, which asks the ledger, which confirms the order, which it then stores.
    let asked = one(&spans, "sluice-edge", "POST order_change")?;
    let answered = one(&spans, "sluice-ledger", "answer pay")?;
    assert_eq!(answered.parent, asked.span);
    let confirmed = spans.iter().find(|span| span.parent == answered.span).unwrap();
    assert_eq!(confirmed.name, "store message");

    // What the last one names is the row, which says what the shopper was told.
    let stream = &confirmed.attributes["messaging.destination.name"];
    assert!(stream.contains(&id), "{stream}");
    let postgres = PgPoolOptions::new().max_connections(1).connect(&at.access().postgres).await?;
    let row = sqlx::query("SELECT id::text, state::text FROM orders WHERE sale = $1 AND revision = $2")
        .bind(&id)
        .bind(confirmed.attributes["sluice.revision"].parse::<i64>()?)
        .fetch_one(&postgres)
        .await?;
    assert_eq!(Some(row.get::<String, _>(0).as_str()), order["id"].as_str());
    assert_eq!(row.get::<String, _>(1), "confirmed");

    // Nothing of the person who asked is in what was told: neither name, nor id, nor key, nor session.
    let everything = format!("{:?}", collector.all());
    let (email, customer) = (testbed::people::email("1"), session["customer"].as_str().unwrap());
    for personal in [email.as_str(), customer, "\"paid\"", token] {
        assert!(!everything.contains(personal), "{personal} is in a trace");
    }
    at.stop().await
}
