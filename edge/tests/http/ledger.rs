//! What the ledger is asked, with the real one there, away, and back.

use std::time::Duration;

use anyhow::ensure;
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use testbed::eventually;

use crate::books::Books;
use crate::document::success;
use crate::provision::draft;
use crate::shop::{Edge, SOON, Sale, answered, customer, problem};

/// Longest that an edge, which gives up after two seconds, keeps anybody waiting on a machine that is busy with more.
const BOUND: Duration = Duration::from_secs(10);

/// How many questions of this kind ended so.
async fn questions_that(edge: &Edge, outcome: &str, verb: &str) -> f64 {
    edge.count(&format!("sluice_edge_questions_total{{outcome=\"{outcome}\",verb=\"{verb}\"}}")).await
}

/// Everything that needs the ledger.
fn questions(edge: &Edge, sale: &Sale) -> Vec<(&'static str, RequestBuilder)> {
    let token = sale.session("ann");
    let get = |path: &str| sale.http.get(edge.url(path)).bearer_auth(&token);
    let merchant = sale.merchant("max");
    let of_sale = |path: &str| sale.http.get(format!("{}/statement{path}", sale.url)).bearer_auth(&merchant);
    let credentials = json!({ "email": "ann@people.example", "password": "a long password" });
    vec![
        ("sign-in", sale.http.post(edge.url("/v1/sessions")).json(&credentials)),
        ("register", sale.http.post(edge.url("/v1/accounts")).json(&credentials)),
        ("wallets", get("/v1/me/wallets")),
        ("entries", get("/v1/me/wallets/EUR/entries")),
        ("orders", get("/v1/orders")),
        ("one-order", get(&format!("/v1/sales/gone-00000000/orders/{}", uuid::Uuid::new_v4()))),
        ("statement", of_sale("")),
        ("sale-orders", of_sale("/orders")),
        ("sheet", of_sale("/download?of=orders")),
        (
            "callback",
            sale.http
                .post(edge.url("/v1/payments/callback"))
                .header("sluice-timestamp", "1")
                .header("sluice-signature", "00")
                .body("{}"),
        ),
    ]
}

#[tokio::test]
async fn a_ledger_that_is_away_is_busy_at_once_and_claims_go_on() {
    let edge = Edge::start().await.unwrap();
    let sale = edge.sell(draft("away", 5)).await;
    for (verb, question) in questions(&edge, &sale) {
        let mut answers = Vec::new();
        for _ in 0..8 {
            answers.push(question.try_clone().unwrap().send().await.unwrap());
        }
        for answer in answers {
            let (status, name, body) = problem(answer).await;
            assert_eq!((status, name.as_str(), &body["retry"]), (503, "busy", &"now".into()), "{verb}");
        }
        // A server that answers late, as on a busy machine it may, loses a question now and then; not most of them.
        let (away, lost) = (questions_that(&edge, "away", verb).await, questions_that(&edge, "lost", verb).await);
        assert!(away + lost >= 5.0 && away > lost, "{verb} was waited for, though nobody is there: {lost} times");
        let series = format!("sluice_edge_question_breaker{{verb=\"{verb}\"}}");
        assert!(edge.count(&series).await > 0.0, "nobody is asked {verb} any more");
        assert!(questions_that(&edge, "shed", verb).await >= 1.0);
    }
    let part = edge.part("ledger").await;
    assert_eq!((&part["ok"], &part["required"]), (&false.into(), &false.into()));
    assert!(part["detail"].as_str().unwrap().contains("sign-in"), "{part}");
    assert_eq!(answered(sale.claim(&sale.session("ann"), "k", 1)).await.status(), 201);
    let me: Value =
        sale.http.get(edge.url("/v1/me")).bearer_auth(sale.session("ann")).send().await.unwrap().json().await.unwrap();
    assert_eq!((&me["customer"], &me["complete"]), (&customer("ann").to_string().into(), &false.into()));
}

#[tokio::test]
async fn a_ledger_that_is_killed_is_left_alone_and_asked_again_once_it_is_back() {
    let edge = Edge::start().await.unwrap();
    let books = Books::open(&edge).await;
    let sale = edge.sell(draft("back", 5)).await;
    let token = sale.session("ann");
    let question = || sale.http.get(edge.url("/v1/me/wallets")).bearer_auth(&token);
    let wallets = async || question().send().await.unwrap();
    let breaker = async || edge.count("sluice_edge_question_breaker{verb=\"wallets\"}").await;
    let answer = answered(question()).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.json::<Value>().await.unwrap(), json!({ "wallets": [] }));
    assert!(breaker().await < 0.5);
    assert_eq!(edge.part("ledger").await["ok"], true);

    books.service.kill9().await.unwrap();
    eventually(SOON, "the edge to leave the ledger alone", async || {
        let (status, name, _) = problem(wallets().await).await;
        assert_eq!((status, name.as_str()), (503, "busy"));
        ensure!(breaker().await > 1.5, "it still asks");
        Ok(())
    })
    .await
    .unwrap();
    let part = edge.part("ledger").await;
    assert!(part["detail"].as_str().unwrap().contains("wallets"), "{part}");

    books.service.restart().unwrap();
    books.ready().await;
    eventually(SOON, "the ledger to be asked again", async || {
        let status = wallets().await.status();
        ensure!(status == 200, "{status}");
        Ok(())
    })
    .await
    .unwrap();
    assert!(breaker().await < 0.5);
    assert_eq!(edge.part("ledger").await["ok"], true);
    // One answer closes it for everybody.
    let shed_before = questions_that(&edge, "shed", "wallets").await;
    for _ in 0..5 {
        assert_eq!(answered(question()).await.status(), 200);
    }
    assert!(questions_that(&edge, "shed", "wallets").await - shed_before < 0.5, "somebody was not let ask");
}

#[tokio::test]
async fn a_ledger_that_hangs_costs_a_bounded_wait_and_soon_none() {
    let edge = Edge::start().await.unwrap();
    let books = Books::open(&edge).await;
    let sale = edge.sell(draft("hang", 5)).await;
    let token = sale.session("ann");
    let ask = |times: u32| {
        let asked = (0..times).map(|_| sale.http.get(edge.url("/v1/me/wallets")).bearer_auth(&token).send());
        tokio::time::timeout(BOUND, futures::future::try_join_all(asked))
    };
    let lost_before = questions_that(&edge, "lost", "wallets").await;
    books.service.pause().unwrap();
    for answer in ask(8).await.unwrap().unwrap() {
        assert_eq!(problem(answer).await.0, 503);
    }
    assert!(questions_that(&edge, "lost", "wallets").await - lost_before >= 5.0);
    // One of three may be the probe that finds out whether it is back: whoever else asks is not let wait.
    eventually(SOON, "two of three to be spared the wait", async || {
        let shed_before = questions_that(&edge, "shed", "wallets").await;
        for answer in ask(3).await?? {
            ensure!(answer.status() == 503, "{}", answer.status());
        }
        let shed = questions_that(&edge, "shed", "wallets").await - shed_before;
        ensure!(shed >= 2.0, "{shed} of three");
        Ok(())
    })
    .await
    .unwrap();
    books.service.resume().unwrap();
}

#[tokio::test]
async fn my_orders_of_all_sales_are_mine_in_pages_and_outlive_their_sales() {
    let edge = Edge::start().await.unwrap();
    let _books = Books::open(&edge).await;
    let mut sales = Vec::new();
    for name in ["one", "two", "three"] {
        let sale = edge.sell(draft(name, 9)).await;
        assert_eq!(answered(sale.claim(&sale.session("ann"), "k", 1)).await.status(), 201);
        sales.push(sale);
    }
    let sale = &sales[0];
    let get = async |path: &str, who: &str| -> Value {
        let answer = answered(sale.http.get(edge.url(path)).bearer_auth(sale.session(who))).await;
        assert_eq!(answer.status(), 200);
        success("get", answer).await
    };
    let orders = eventually(SOON, "all orders in the books", async || {
        let page = get("/v1/orders", "ann").await;
        let orders = page["orders"].as_array().unwrap().clone();
        ensure!(orders.len() == 3, "{page}");
        Ok(orders)
    })
    .await
    .unwrap();
    assert_eq!(get("/v1/orders", "eve").await["orders"], json!([]));
    assert_eq!(orders[0]["total"], json!({ "amountMinor": 12_900, "currency": "EUR" }));
    assert_eq!((&orders[0]["state"], &orders[0]["itemName"]), (&"confirmed".into(), &"A shoe".into()));

    let (mut seen, mut path) = (Vec::new(), "/v1/orders?limit=2".to_owned());
    loop {
        let page = get(&path, "ann").await;
        seen.extend(page["orders"].as_array().unwrap().iter().map(|order| order["id"].clone()));
        let Some(cursor) = page["cursor"].as_str() else { break };
        path = format!("/v1/orders?limit=2&cursor={cursor}");
    }
    let ids: Vec<_> = orders.iter().map(|order| order["id"].clone()).collect();
    assert_eq!(seen, ids, "the same orders in the same order, each once");

    // The sale goes; its order stays, for its owner.
    let gone = sales.iter().find(|sale| *sale.definition.sale.as_str() == orders[0]["sale"]).unwrap();
    gone.delete().await;
    let one = format!("{}/{}", gone.orders(), orders[0]["id"].as_str().unwrap());
    eventually(SOON, "the edge to forget the sale", async || {
        let status = gone.http.get(&gone.url).send().await?.status();
        ensure!(status == 404, "{status}");
        Ok(())
    })
    .await
    .unwrap();
    let mine = answered(gone.http.get(&one).bearer_auth(gone.session("ann"))).await;
    assert_eq!(mine.status(), 200);
    assert_eq!(mine.json::<Value>().await.unwrap(), orders[0]);
    let (status, _, body) = problem(answered(gone.http.get(&one).bearer_auth(gone.session("eve"))).await).await;
    assert_eq!(status, 404, "{body}");
}

#[tokio::test]
async fn a_page_that_is_asked_for_wrongly_names_the_rule() {
    let edge = Edge::shared().await;
    let sale = edge.sell(draft("pages", 5)).await;
    for (path, field) in [
        ("/v1/orders?limit=0", "limit"),
        ("/v1/orders?limit=101", "limit"),
        ("/v1/orders?limit=many", "query"),
        ("/v1/orders?limit=1&limit=2", "query"),
        ("/v1/orders?customer=eve", "query"),
        ("/v1/me/wallets/EUR/entries?before=x", "query"),
        ("/v1/me/wallets/EUR/entries?limit=0", "limit"),
    ] {
        let answer = sale.http.get(edge.url(path)).bearer_auth(sale.session("ann")).send().await.unwrap();
        let (status, name, body) = problem(answer).await;
        assert_eq!((status, name.as_str(), &body["field"]), (422, "invalid-request", &field.into()), "{path}");
    }
    let long = format!("/v1/orders?cursor={}", "a".repeat(500));
    let answer = sale.http.get(edge.url(&long)).bearer_auth(sale.session("ann")).send().await.unwrap();
    assert_eq!(problem(answer).await.2["field"], "cursor");
}

#[tokio::test]
async fn a_payment_needs_a_key_and_an_order_of_ones_own_and_no_body() {
    let edge = Edge::shared().await;
    let sale = edge.sell(draft("pay", 5)).await;
    let token = sale.session("ann");
    let order: Value = answered(sale.claim(&token, "k", 1)).await.json().await.unwrap();
    let url = |id: &str, what: &str| format!("{}/{id}/{what}", sale.orders());
    let id = order["id"].as_str().unwrap();
    let post = |id: &str, what: &str| sale.http.post(url(id, what)).bearer_auth(&token);
    let keyed = |request: RequestBuilder| request.header("idempotency-key", "k");
    let merchant = sale.http.post(url(id, "refund")).bearer_auth(sale.merchant("max"));
    let none = uuid::Uuid::new_v4().to_string();
    for (request, status, name) in [
        (post(id, "payment"), 400, "idempotency-key-required"),
        (merchant, 400, "idempotency-key-required"),
        (post(id, "payment").header("idempotency-key", "no key"), 422, "invalid-request"),
        (keyed(post(id, "payment")).json(&json!({ "amountMinor": 1 })), 422, "invalid-request"),
        (keyed(post(&none, "payment")), 404, "not-found"),
        (keyed(post("rubbish", "payment")), 404, "not-found"),
        (keyed(post(id, "refund")), 403, "forbidden"),
    ] {
        let (got, got_name, body) = problem(answered(request).await).await;
        assert_eq!((got, got_name.as_str()), (status, name), "{body}");
    }
}

#[tokio::test]
async fn a_callback_is_bounded_and_carries_both_headers_once() {
    let edge = Edge::shared().await;
    let http = reqwest::Client::new();
    let post = || http.post(edge.url("/v1/payments/callback"));
    let headed = || post().header("sluice-timestamp", "1").header("sluice-signature", "00");
    for (request, status, field) in [
        (post().body("{}"), 422, "sluice-timestamp"),
        (post().header("sluice-timestamp", "1").body("{}"), 422, "sluice-signature"),
        (headed().header("sluice-signature", "11").body("{}"), 422, "sluice-signature"),
        (post().header("sluice-timestamp", "1").header("sluice-signature", "0".repeat(500)), 422, "sluice-signature"),
        (headed().body(vec![0xFF, 0xFE]), 400, "body"),
        (headed().body("a".repeat(8 * 1_024 + 1)), 413, "body"),
    ] {
        let (got, name, body) = problem(request.send().await.unwrap()).await;
        assert_eq!((got, name.as_str(), &body["field"]), (status, "invalid-request", &field.into()));
    }
}
