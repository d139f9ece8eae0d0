//! `/v1/sales/{sale}/statement` and what is below it, with the real ledger.

use anyhow::ensure;
use protocol::sale::Payment;
use reqwest::RequestBuilder;
use runtime::clock::Clock;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use testbed::eventually;

use crate::books::Books;
use crate::document::success;
use crate::provision::draft;
use crate::shop::{Edge, SOON, Sale, answered, customer, problem};

/// A sale that nobody follows, only the rows: more than fits between an edge and whoever does not read.
const MANY: &str = "many-00000000";
const MANY_ORDERS: usize = 150_000;
/// As many as an edge lets download at a time.
const DOWNLOADS_MAX: usize = 8;

fn ask(edge: &Edge, sale: &str, path: &str, token: &str) -> RequestBuilder {
    reqwest::Client::new().get(edge.url(&format!("/v1/sales/{sale}/statement{path}"))).bearer_auth(token)
}

fn post(sale: &Sale, id: &str, what: &str, token: &str) -> RequestBuilder {
    let request = sale.http.post(format!("{}/{id}/{what}", sale.orders())).bearer_auth(token);
    request.header("idempotency-key", what)
}

fn sha256(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn euros(amount_minor: i64) -> Value {
    json!({ "amountMinor": amount_minor, "currency": "EUR" })
}

/// A merchant, and what three people did with a sale that is paid from wallets.
struct Shop {
    edge: Edge,
    books: Books,
    sale: Sale,
    id: String,
    merchant: String,
}

impl Shop {
    /// Ann has paid for two, Bob holds one, Eve gave one back.
    async fn open() -> Self {
        let edge = Edge::start().await.unwrap();
        let books = Books::open(&edge).await;
        let mut draft = draft("settled", 9);
        (draft.payment, draft.hold_seconds) = (Payment::Wallet, 3_600);
        draft.items[0].per_order = protocol::Units(2);
        let sale = edge.sell(draft).await;
        books.fund(customer("ann"), 30_000).await;
        for (who, quantity, then) in [("ann", 2, Some("payment")), ("bob", 1, None), ("eve", 1, Some("cancel"))] {
            let token = sale.session(who);
            let order: Value = answered(sale.claim(&token, "claim", quantity)).await.json().await.unwrap();
            if let Some(then) = then {
                let done = answered(post(&sale, order["id"].as_str().unwrap(), then, &token)).await;
                assert_eq!(done.status(), 200, "{who}");
            }
        }
        let (id, merchant) = (sale.definition.sale.to_string(), sale.merchant("max"));
        Self { edge, books, sale, id, merchant }
    }

    async fn get(&self, path: &str) -> Value {
        let answer = answered(ask(&self.edge, &self.id, path, &self.merchant)).await;
        assert_eq!(answer.status(), 200, "{path}");
        success("get", answer).await
    }

    /// The settlement once it is compared and all orders are at these ends.
    async fn settled(&self, ends: Value) -> Value {
        eventually(SOON, "everything in the books, and compared", async || {
            let answer = ask(&self.edge, &self.id, "", &self.merchant).send().await?;
            ensure!(answer.status() == 200, "{}", answer.text().await?);
            let body = success("get", answer).await;
            ensure!(body["orders"] == ends && body["audit"]["current"] == true, "{body:#}");
            Ok(body)
        })
        .await
        .unwrap()
    }

    async fn list(&self, of: &str) -> String {
        let answer = answered(ask(&self.edge, &self.id, &format!("/download?of={of}"), &self.merchant)).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/csv; charset=utf-8");
        let name = format!("attachment; filename=\"{}-{of}.csv\"", self.id);
        assert_eq!(answer.headers()["content-disposition"], *name);
        answer.text().await.unwrap()
    }
}

#[tokio::test]
async fn a_merchant_reads_what_a_sale_came_to_takes_an_order_back_and_the_totals_follow() {
    let shop = Shop::open().await;
    let body = shop.settled(json!({ "held": 1, "confirmed": 1, "cancelled": 1, "expired": 0, "refunded": 0 })).await;
    assert_eq!((&body["sale"], &body["audit"]["balanced"]), (&json!(shop.id), &json!(true)));
    let expected = json!({
        "sku": "shoe", "itemName": "A shoe", "quantity": 9, "withheld": 0, "shortfall": 0, "supply": 9, "free": 6,
        "held": 1, "sold": 2, "released": 1, "refunded": 0, "orders": 3, "price": euros(12_900),
    });
    assert_eq!(body["items"], json!([expected]));
    let settled = json!([{ "state": "settled", "count": 1, "amount": euros(25_800) }]);
    let money = json!([{ "revenue": euros(25_800), "pending": euros(0), "refunded": euros(0), "refundsDue": euros(0),
        "payments": settled }]);
    assert_eq!(body["money"], money);
    let command: Value = serde_json::from_str(&shop.books.statement(&shop.id, &[]).await).unwrap();
    assert_eq!(body["ordersSha256"], command["orders_sha256"]);

    let page = shop.get("/orders?state=confirmed").await;
    let [order] = page["orders"].as_array().unwrap().as_slice() else { panic!("{page}") };
    let ann = customer("ann").to_string();
    assert_eq!((&order["customer"], &order["quantity"], &order["total"]), (&json!(ann), &json!(2), &euros(25_800)));
    let [payment] = order["payments"].as_array().unwrap().as_slice() else { panic!("{order}") };
    assert_eq!((&payment["mode"], &payment["state"]), (&json!("wallet"), &json!("settled")));
    let id = order["id"].as_str().unwrap();

    let refund = answered(post(&shop.sale, id, "refund", &shop.merchant)).await;
    assert_eq!(refund.status(), 200);
    let refunded = success("post", refund).await;
    assert_eq!(
        (&refunded["id"], &refunded["state"], &refunded["reason"]),
        (&json!(id), &json!("released"), &json!("refunded"))
    );
    let body = shop.settled(json!({ "held": 1, "confirmed": 0, "cancelled": 1, "expired": 0, "refunded": 1 })).await;
    let item = &body["items"][0];
    assert_eq!(
        (&item["free"], &item["sold"], &item["released"], &item["refunded"]),
        (&json!(8), &json!(0), &json!(3), &json!(2))
    );
    // Whoever is kept from paying it back at once leaves it to a job.
    eventually(SOON, "the money to be paid back", async || {
        let money = &shop.get("").await["money"][0];
        let told = (&money["revenue"], &money["refunded"], &money["refundsDue"]);
        ensure!(told == (&euros(0), &euros(25_800), &euros(0)), "{money:#}");
        Ok(())
    })
    .await
    .unwrap();
    let order = &shop.get(&format!("/orders?order={id}")).await["orders"][0];
    assert_eq!((&order["reason"], &order["payments"][0]["state"]), (&json!("refunded"), &json!("refunded")));
}

#[tokio::test]
async fn every_order_is_on_one_page_and_the_lists_are_what_the_command_prints() {
    let shop = Shop::open().await;
    let body = shop.settled(json!({ "held": 1, "confirmed": 1, "cancelled": 1, "expired": 0, "refunded": 0 })).await;
    let all = shop.get("/orders").await["orders"].as_array().unwrap().clone();
    let (mut seen, mut path) = (Vec::new(), "/orders?limit=2".to_owned());
    loop {
        let page = shop.get(&path).await;
        seen.extend(page["orders"].as_array().unwrap().iter().cloned());
        let Some(cursor) = page["cursor"].as_str() else { break };
        path = format!("/orders?limit=2&cursor={cursor}");
    }
    assert_eq!((seen.len(), &seen), (3, &all));
    let states = all.iter().map(|order| (order["customer"].as_str().unwrap(), order["state"].as_str().unwrap()));
    let mut expected = [("ann", "confirmed"), ("bob", "held"), ("eve", "released")]
        .map(|(who, state)| (customer(who).to_string(), state));
    expected.sort();
    assert!(states.eq(expected.iter().map(|(who, state)| (who.as_str(), *state))), "{all:#?}");
    let held = shop.get("/orders?state=held").await["orders"].as_array().unwrap().clone();
    assert!(held.len() == 1 && held[0]["expiresAt"].is_string() && held[0]["payments"] == json!([]), "{held:?}");
    assert_eq!(shop.get(&format!("/orders?order={}", uuid::Uuid::new_v4())).await, json!({ "orders": [] }));

    for (of, arguments) in [
        ("totals", vec!["--format=csv"]),
        ("orders", vec!["--format=csv", "--orders"]),
        ("payments", vec!["--format=csv", "--payments"]),
    ] {
        let list = shop.list(of).await;
        assert_eq!(list, shop.books.statement(&shop.id, &arguments).await, "{of}");
        assert!(list.lines().count() > 1, "{of}: {list}");
    }
    assert_eq!(body["ordersSha256"], sha256(&shop.list("orders").await));
}

#[tokio::test]
async fn a_merchant_who_asks_wrongly_is_told_which_part_and_nobody_else_is_answered() {
    let shop = Shop::open().await;
    shop.settled(json!({ "held": 1, "confirmed": 1, "cancelled": 1, "expired": 0, "refunded": 0 })).await;
    let long = format!("/orders?cursor={}", "a".repeat(500));
    for (path, field) in [
        ("/orders?order=%27%20OR%201%3D1", "order"),
        ("/orders?state=held%27%3B%20DROP%20TABLE%20orders%3B--", "state"),
        ("/orders?state=HELD", "state"),
        ("/orders?limit=0", "limit"),
        ("/orders?limit=101", "limit"),
        ("/orders?limit=1%3B--", "limit"),
        ("/orders?cursor=1.%27%20OR%20true%20--", "cursor"),
        ("/orders?cursor=%C3%A9", "cursor"),
        (long.as_str(), "cursor"),
        ("/orders?limit=1&limit=2", "query"),
        ("/orders?customer=eve", "query"),
        ("/download", "of"),
        ("/download?of=users%27%20UNION%20SELECT%20password%20FROM%20users", "of"),
        ("/download?of=orders&cursor=x", "query"),
    ] {
        let answer = answered(ask(&shop.edge, &shop.id, path, &shop.merchant)).await;
        let (status, name, body) = problem(answer).await;
        assert_eq!((status, name.as_str(), &body["field"]), (422, "invalid-request", &field.into()), "{path}");
    }
    // There a list that broke off would look like a whole one.
    let old = ask(&shop.edge, &shop.id, "/download?of=orders", &shop.merchant).version(reqwest::Version::HTTP_10);
    let (status, name, body) = problem(old.send().await.unwrap()).await;
    assert_eq!((status, name.as_str(), &body["field"]), (422, "invalid-request", &"version".into()), "{body}");
    for path in ["", "/orders", "/download?of=orders"] {
        for (token, status) in
            [(shop.sale.session("ann"), 403), (shop.sale.guest("someone"), 403), (shop.sale.expired("max"), 401)]
        {
            let answer = ask(&shop.edge, &shop.id, path, &token).send().await.unwrap();
            assert_eq!(problem(answer).await.0, status, "{path}");
        }
        let nobody = reqwest::get(shop.edge.url(&format!("/v1/sales/{}/statement{path}", shop.id))).await.unwrap();
        assert_eq!(problem(nobody).await.0, 401, "{path}");
        for sale in ["nowhere-00000000", "no%20sale"] {
            let answer = answered(ask(&shop.edge, sale, path, &shop.merchant)).await;
            let (status, _, body) = problem(answer).await;
            assert_eq!((status, &body["retry"]), (404, &json!("never")), "{path} of {sale}");
        }
    }
}

/// Rows of a sale that is over and had very many orders.
async fn many(books: &Books) {
    let postgres = books.postgres().await;
    let sale = "INSERT INTO sales (sale, uid, namespace, name, display_name, epoch, generation, starts_at, ends_at)
                VALUES ($1, 'uid', 'shop', 'many', 'Many', 1, 1, now(), now())";
    sqlx::query(sale).bind(MANY).execute(&postgres).await.unwrap();
    let orders =
        "INSERT INTO orders (sale, customer, n, id, idempotency_key, sku, quantity, state, epoch, shard, revision,
                                      seen_at, changed_at)
                  SELECT $1, translate(lpad(n::text, 32, '0'), '0189', 'abcd'), 0, gen_random_uuid(), 'k', 'shoe', 1,
                         'confirmed', 1, 0, n, now(), now()
                  FROM generate_series(1, $2) AS n";
    let count = i64::try_from(MANY_ORDERS).unwrap();
    sqlx::query(orders).bind(MANY).bind(count).execute(&postgres).await.unwrap();
}

#[tokio::test]
async fn a_download_outlives_a_ledger_that_is_replaced_and_without_one_breaks_off_with_an_error() {
    let edge = Edge::start().await.unwrap();
    let books = Books::open(&edge).await;
    let sale = edge.sell(draft("beside", 1)).await;
    let merchant = sale.merchant("max");
    many(&books).await;
    let clock = Clock::system();
    let download = async || {
        let answer = answered(ask(&edge, MANY, "/download?of=orders", &merchant)).await;
        assert_eq!(answer.status(), 200);
        answer
    };
    let printed = books.statement(MANY, &["--format=csv", "--orders"]).await;
    assert_eq!(printed.lines().count(), MANY_ORDERS + 1);
    let began = clock.monotonic();
    assert!(download().await.text().await.unwrap() == printed, "another list than the command prints");
    let took = clock.monotonic().duration_since(began);
    println!("{MANY_ORDERS} orders, {} bytes, downloaded in {took:?}", printed.len());

    // Whoever does not read keeps the rest of the list in the ledger.
    let mut interrupted = download().await;
    let first = interrupted.chunk().await.unwrap().unwrap();
    books.service.kill9().await.unwrap();
    books.service.restart().unwrap();
    let rest = interrupted.bytes().await.unwrap();
    assert!([first.as_ref(), rest.as_ref()].concat() == printed.as_bytes(), "another list than the command prints");

    let mut broken = download().await;
    let mut length = broken.chunk().await.unwrap().unwrap().len();
    books.service.kill9().await.unwrap();
    let end = loop {
        match broken.chunk().await {
            Ok(Some(chunk)) => length += chunk.len(),
            end => break end,
        }
    };
    assert!(end.is_err(), "it ended as if it were complete, after {length} of {} bytes", printed.len());
    assert!(length < printed.len());
    assert!(edge.count("sluice_edge_downloads_broken_total").await > 0.5);
}

#[tokio::test]
async fn more_downloads_than_an_edge_has_seats_for_are_busy_until_one_is_left() {
    let edge = Edge::start().await.unwrap();
    let books = Books::open(&edge).await;
    let sale = edge.sell(draft("seats", 1)).await;
    let merchant = sale.merchant("max");
    many(&books).await;
    let download = || ask(&edge, MANY, "/download?of=orders", &merchant);
    let mut seated = Vec::new();
    for _ in 0..DOWNLOADS_MAX {
        let answer = answered(download()).await;
        assert_eq!(answer.status(), 200);
        seated.push(answer);
    }
    let (status, name, body) = problem(download().send().await.unwrap()).await;
    assert_eq!((status, name.as_str(), &body["retry"]), (503, "busy", &json!("now")));
    eventually(SOON, "a settlement, for which nobody needs a seat", async || {
        let status = ask(&edge, sale.definition.sale.as_str(), "", &merchant).send().await?.status();
        ensure!(status == 200, "{status}");
        Ok(())
    })
    .await
    .unwrap();
    seated.pop();
    assert_eq!(answered(download()).await.status(), 200, "somebody has left");
}
