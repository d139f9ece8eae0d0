//! `/v1/sales/{sale}/orders/{order}/payment` and `…/refund`, with the real ledger.

use anyhow::ensure;
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use jsonwebtoken::{Algorithm, EncodingKey};
use protocol::sale::Payment;
use reqwest::{RequestBuilder, Response};
use runtime::clock::Clock;
use serde_json::{Value, json};
use testbed::eventually;

use crate::books::{Books, PAYMENT_KEY};
use crate::document::success;
use crate::provision::draft;
use crate::shop::{Edge, SOON, Sale, answered, customer, problem};

/// A sale whose orders are paid so, or need no payment.
async fn sale(edge: &Edge, name: &str, payment: Payment, hold_seconds: u32) -> Sale {
    let mut draft = draft(name, 5);
    (draft.payment, draft.hold_seconds) = (payment, hold_seconds);
    edge.sell(draft).await
}

async fn claimed(sale: &Sale, who: &str) -> String {
    let answer = answered(sale.claim(&sale.session(who), "claim", 1)).await;
    assert_eq!(answer.status(), 201);
    answer.json::<Value>().await.unwrap()["id"].as_str().unwrap().to_owned()
}

fn post(sale: &Sale, id: &str, what: &str, token: &str) -> RequestBuilder {
    let request = sale.http.post(format!("{}/{id}/{what}", sale.orders())).bearer_auth(token);
    request.header("idempotency-key", what)
}

/// What an order is at its own address.
async fn shown(sale: &Sale, id: &str) -> Response {
    answered(sale.http.get(format!("{}/{id}", sale.orders())).bearer_auth(sale.session("ann"))).await
}

#[tokio::test]
async fn an_empty_wallet_is_refused_with_the_numbers_and_the_hold_stays() {
    let edge = Edge::start().await.unwrap();
    let _books = Books::open(&edge).await;
    let sale = sale(&edge, "poor", Payment::Wallet, 600).await;
    let id = claimed(&sale, "ann").await;
    let (status, name, body) = problem(answered(post(&sale, &id, "payment", &sale.session("ann"))).await).await;
    assert_eq!((status, name.as_str(), &body["retry"]), (402, "insufficient-funds", &"later".into()), "{body}");
    let money = |amount: i64| json!({ "amountMinor": amount, "currency": "EUR" });
    assert_eq!((&body["balance"], &body["needed"]), (&money(0), &money(12_900)));
    assert_eq!(shown(&sale, &id).await.json::<Value>().await.unwrap()["state"], "held");
}

#[tokio::test]
async fn an_order_that_was_not_paid_in_time_is_told_so() {
    let edge = Edge::start().await.unwrap();
    let _books = Books::open(&edge).await;
    let sale = sale(&edge, "late", Payment::Wallet, 1).await;
    let id = claimed(&sale, "ann").await;
    eventually(SOON, "the hold to expire", async || {
        let answer = post(&sale, &id, "payment", &sale.session("ann")).send().await?;
        ensure!(answer.status() == 409, "{}", answer.text().await?);
        let (_, name, body) = problem(answer).await;
        ensure!(name == "hold-expired", "{body}");
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_merchant_takes_an_order_back_and_its_unit_is_for_sale_again() {
    let edge = Edge::start().await.unwrap();
    let _books = Books::open(&edge).await;
    let sale = sale(&edge, "back", Payment::None, 600).await;
    let id = claimed(&sale, "ann").await;
    let paid = problem(answered(post(&sale, &id, "payment", &sale.session("ann"))).await).await;
    assert_eq!((paid.0, paid.1.as_str()), (409, "already-paid"));
    for not_allowed in [sale.session("ann"), sale.session("eve"), sale.guest("someone")] {
        assert_eq!(problem(answered(post(&sale, &id, "refund", &not_allowed)).await).await.0, 403);
    }
    assert_eq!(sale.free().await, 4);
    let refunded = eventually(SOON, "the order in the books", async || {
        let answer = post(&sale, &id, "refund", &sale.merchant("max")).send().await?;
        ensure!(answer.status() == 200, "{}", answer.text().await?);
        Ok(answer.json::<Value>().await?)
    })
    .await
    .unwrap();
    assert_eq!((&refunded["state"], &refunded["reason"]), (&"released".into(), &"refunded".into()));
    assert_eq!(sale.free().await, 5);
    let none = uuid::Uuid::new_v4().to_string();
    assert_eq!(problem(answered(post(&sale, &none, "refund", &sale.merchant("max"))).await).await.0, 404);
}

#[tokio::test]
async fn an_order_of_a_sale_that_is_gone_is_refunded_and_still_shown() {
    let edge = Edge::start().await.unwrap();
    let _books = Books::open(&edge).await;
    let sale = sale(&edge, "gone", Payment::None, 600).await;
    let id = claimed(&sale, "ann").await;
    let history = async || {
        let answer = answered(sale.http.get(edge.url("/v1/orders")).bearer_auth(sale.session("ann"))).await;
        anyhow::Ok(answer.json::<Value>().await?["orders"].as_array().cloned().unwrap_or_default())
    };
    eventually(SOON, "the order in the books", async || {
        ensure!(history().await?.len() == 1, "not yet");
        Ok(())
    })
    .await
    .unwrap();
    sale.delete().await;
    let stream = sale.definition.stream(protocol::Shard(0)).name();
    async_nats::jetstream::new(sale.nats.clone()).delete_stream(stream).await.unwrap();
    eventually(SOON, "the sale to be gone", async || {
        let status = sale.http.get(&sale.url).send().await?.status();
        ensure!(status == 404, "{status}");
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(problem(answered(post(&sale, &id, "refund", &sale.session("ann"))).await).await.0, 403);
    for _ in 0..2 {
        let answer = answered(post(&sale, &id, "refund", &sale.merchant("max"))).await;
        assert_eq!(answer.status(), 200);
        let body = success("post", answer).await;
        assert_eq!((&body["id"], &body["reason"]), (&json!(id), &json!("refunded")), "{body}");
    }
    assert_eq!(success("get", shown(&sale, &id).await).await["reason"], "refunded");
    assert_eq!(history().await.unwrap()[0]["state"], "released");
}

#[tokio::test]
async fn a_ledger_that_may_have_heard_a_payment_sends_the_shopper_to_the_order() {
    let edge = Edge::start().await.unwrap();
    let books = Books::open(&edge).await;
    let sale = sale(&edge, "lost", Payment::Wallet, 600).await;
    let id = claimed(&sale, "ann").await;
    books.service.pause().unwrap();
    let answer = post(&sale, &id, "payment", &sale.session("ann")).send().await.unwrap();
    assert_eq!(answer.status(), 202);
    assert_eq!(answer.headers()["location"], format!("/v1/sales/{}/orders/{id}", sale.definition.sale));
    assert_eq!(success("post", answer).await["state"], "settling");
    books.service.resume().unwrap();
}

#[tokio::test]
async fn a_wallet_that_holds_enough_pays_once_and_its_statement_says_so() {
    let edge = Edge::start().await.unwrap();
    let books = Books::open(&edge).await;
    let sale = sale(&edge, "rich", Payment::Wallet, 600).await;
    let id = claimed(&sale, "ann").await;
    books.fund(customer("ann"), 20_000).await;
    let token = sale.session("ann");
    let paid = answered(post(&sale, &id, "payment", &token)).await;
    assert_eq!(paid.status(), 200);
    assert_eq!(success("post", paid).await["state"], "confirmed");
    let get =
        async |path: &str, who: &str| answered(sale.http.get(edge.url(path)).bearer_auth(sale.session(who))).await;
    let wallets = success("get", get("/v1/me/wallets", "ann").await).await;
    let money = |amount: i64| json!({ "amountMinor": amount, "currency": "EUR" });
    assert_eq!(wallets, json!({ "wallets": [{ "balance": money(7_100), "pending": money(0) }] }));
    let page = success("get", get("/v1/me/wallets/EUR/entries", "ann").await).await;
    let entries = page["entries"].as_array().unwrap();
    let causes: Vec<_> = entries.iter().map(|entry| (entry["cause"].as_str().unwrap(), &entry["amount"])).collect();
    assert_eq!(causes, [("pay", &money(-12_900)), ("fund", &money(20_000))]);
    assert_eq!(entries[0]["order"], *id);
    assert_eq!(problem(get("/v1/me/wallets/EUR/entries", "eve").await).await.0, 404, "another's wallet is not there");
    assert_eq!(
        problem(answered(post(&sale, &id, "payment", &sale.session("eve"))).await).await.0,
        404,
        "nor another's order"
    );
}

/// What the provider would send about an order.
fn report(edge: &Edge, order: &str, status: &str, key: &str, seconds_ago: i64) -> RequestBuilder {
    let body = json!({ "order": order, "reference": format!("ref-{status}"), "status": status, "amountMinor": 12_900,
        "currency": "EUR" });
    let (body, timestamp) = (body.to_string(), (Clock::system().now().as_second() - seconds_ago).to_string());
    let key = EncodingKey::from_secret(key.as_bytes());
    let signed = jsonwebtoken::crypto::sign(format!("{timestamp}.{body}").as_bytes(), &key, Algorithm::HS256).unwrap();
    let signature = HEXLOWER.encode(&BASE64URL_NOPAD.decode(signed.as_bytes()).unwrap());
    let request = reqwest::Client::new().post(edge.url("/v1/payments/callback"));
    request.header("sluice-timestamp", timestamp).header("sluice-signature", signature).body(body)
}

#[tokio::test]
async fn what_the_payment_provider_says_is_believed_once_and_nobody_elses_word_is() {
    let edge = Edge::start().await.unwrap();
    let _books = Books::open(&edge).await;
    let external = Payment::External { checkout_url: "https://pay.example".to_owned() };
    let sale = sale(&edge, "external", external, 600).await;
    let id = claimed(&sale, "ann").await;
    for (forged, why) in [
        (report(&edge, &id, "succeeded", "another key of the tests, long enough to be one", 0), "another key"),
        (report(&edge, &id, "succeeded", PAYMENT_KEY, 3_600), "an old message"),
        (report(&edge, &id, "succeeded", PAYMENT_KEY, 0).body("{}"), "another body"),
    ] {
        let (status, name, body) = problem(answered(forged).await).await;
        assert_eq!((status, name.as_str()), (403, "forbidden"), "{why}: {body}");
    }
    let told = async |status: &str| {
        eventually(SOON, "the order in the books", async || {
            let answer = report(&edge, &id, status, PAYMENT_KEY, 0).send().await?;
            ensure!(answer.status() == 200, "{}", answer.text().await?);
            Ok(answer.json::<Value>().await?)
        })
        .await
        .unwrap()
    };
    assert_eq!(told("failed").await, json!({ "outcome": "declined" }));
    for _ in 0..3 {
        assert_eq!(told("succeeded").await, json!({ "outcome": "confirmed" }));
    }
    assert_eq!(shown(&sale, &id).await.json::<Value>().await.unwrap()["state"], "confirmed");
}
