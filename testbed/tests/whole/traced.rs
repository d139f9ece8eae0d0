//! One claim is followed by one trace id: from the shopper's request through the edge and the stream to its row in Postgres.

use anyhow::Context as _;
use reqwest::Client;
use serde_json::json;
use sqlx::Row as _;
use sqlx::postgres::PgPoolOptions;
use testbed::collector::Span;
use testbed::installation::{Installation, Plan};
use testbed::{Collector, eventually};

use crate::{BOUND, alone, answered, opened, sale};

/// As a page makes one: the trace and its own place in it, and no wish that it be kept.
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PAGE: &str = "00f067aa0ba902b7";

/// The way of a message of the trace, once all of it is told: what the edge was asked, what was done about it by whom, and that
/// it was stored. What is slow is asked for again; this is the request that led to a row.
async fn way(collector: &Collector, asked: &str, (service, done): (&str, &str)) -> anyhow::Result<[Span; 3]> {
    eventually(BOUND, "the message is told up to its row", async || {
        let spans = collector.trace(TRACE);
        let above = |below: &Span, service: &str, name: &str| {
            spans.iter().find(|span| span.span == below.parent && span.service == service && span.name == name)
        };
        let stored = spans.iter().filter(|span| span.service == "sluice-ledger" && span.name == "store message");
        let mut ways = stored.filter_map(|stored| {
            let done = above(stored, service, done)?;
            Some([above(done, "sluice-edge", asked)?, done, stored].map(Span::clone))
        });
        ways.next().with_context(|| format!("no {asked} leads to a row: {spans:#?}"))
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
    let sign_in = client.post(format!("{edge}/v1/sessions")).json(&signed_in);
    let (_, _, session) = answered(sign_in).await?;
    let token = session["token"].as_str().unwrap_or_default();
    let header = format!("00-{TRACE}-{PAGE}-00");
    let orders = format!("{edge}/v1/sales/{id}/orders");
    let claim = client.post(&orders).header("traceparent", &header).header("idempotency-key", "followed");
    let claim = claim.bearer_auth(token).json(&json!({ "sku": "UNIT", "quantity": 1 }));
    let (status, headers, order) = answered(claim).await?;
    assert_eq!(status, 201, "{order}");
    let told = headers["traceresponse"].to_str()?;
    assert!(told.starts_with(&format!("00-{TRACE}-")), "{told}");

    // The claim: asked of the edge, committed to the stream, stored by the ledger. A message that is overwritten before the
    // ledger has read it is never stored: so the payment comes after that.
    let [asked, committed, stored] = way(&collector, "POST orders", ("sluice-edge", "commit claims")).await?;
    let answer = asked.attributes["http.response.status_code"].as_str();
    assert_eq!(asked.parent, PAGE);
    assert!(["201", "202"].contains(&answer), "{answer}");
    assert!(asked.time.0 <= committed.time.0, "{asked:?} {committed:?}");
    assert!(committed.time.1 <= asked.time.1 || answer == "202", "{asked:?} {committed:?}");
    match committed.attributes["sluice.outcome"].as_str() {
        "committed" => assert_eq!(stored.attributes["sluice.revision"], committed.attributes["sluice.revision"]),
        // The edge waits for NATS as long as it may, and looks for itself then.
        outcome => assert_eq!(outcome, "unknown"),
    }
    // The payment: asked of the edge, which asks the ledger, which confirms the order, which it then stores.
    let address = format!("{orders}/{}/payment", order["id"].as_str().unwrap_or_default());
    let payment = client.post(address).header("traceparent", &header).header("idempotency-key", "paid");
    let (status, _, paid) = answered(payment.bearer_auth(token)).await?;
    assert_eq!(status, 200, "{paid}");
    let [_, _, confirmed] = way(&collector, "POST order_change", ("sluice-ledger", "answer pay")).await?;

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
