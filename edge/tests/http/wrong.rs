//! Wrong requests: each has one clear answer and takes nothing.

use reqwest::{Client, RequestBuilder};
use serde_json::json;

use crate::provision::draft;
use crate::shop::{Edge, answered, problem};

/// What is wrong, how it is sent, and the status, name and field of the answer.
type Case = (&'static str, RequestBuilder, u16, &'static str, Option<&'static str>);

#[tokio::test]
async fn a_wrong_claim_is_answered_with_the_rule_that_it_breaks() {
    let edge = Edge::shared().await;
    let sale = edge.sell(draft("wrong", 5)).await;
    let token = sale.session("ann");
    let http = Client::new();
    let post = |key: &str| http.post(sale.orders()).bearer_auth(&token).header("idempotency-key", key);
    let raw = |body: &str| post("k").header("content-type", "application/json").body(body.to_owned());
    let typed = |kind: &str| post("k").header("content-type", kind).body(r#"{"sku":"shoe","quantity":1}"#);
    let fair = json!({ "sku": "shoe", "quantity": 1 });
    let elsewhere = |id: &str| {
        let url = format!("http://{}/v1/sales/{id}/orders", edge.address);
        http.post(url).bearer_auth(&token).header("idempotency-key", "k").json(&fair)
    };
    let key_rule = Some("Idempotency-Key");
    let cases: Vec<Case> = vec![
        ("no JSON", raw("{sku"), 400, "invalid-request", Some("body")),
        ("nothing", raw(""), 400, "invalid-request", Some("body")),
        ("two values", raw(r#"{"sku":"shoe","quantity":1}{}"#), 400, "invalid-request", Some("body")),
        (
            "no UTF-8",
            post("k").header("content-type", "application/json").body(vec![b'"', 0xFF]),
            400,
            "invalid-request",
            Some("body"),
        ),
        ("very deep", raw(&"[".repeat(4_000)), 400, "invalid-request", Some("body")),
        ("a list", raw("[]"), 422, "invalid-request", Some("body")),
        ("no fields", raw("{}"), 422, "invalid-request", Some("sku")),
        ("no quantity", raw(r#"{"sku":"shoe"}"#), 422, "invalid-request", Some("quantity")),
        ("no sku", raw(r#"{"quantity":1}"#), 422, "invalid-request", Some("sku")),
        ("a price", raw(r#"{"sku":"shoe","quantity":1,"price":0}"#), 422, "invalid-request", Some("price")),
        (
            "a customer",
            raw(r#"{"sku":"shoe","quantity":1,"customer":"eve"}"#),
            422,
            "invalid-request",
            Some("customer"),
        ),
        ("twice the same", raw(r#"{"sku":"shoe","sku":"shoe","quantity":1}"#), 422, "invalid-request", Some("body")),
        ("no units", raw(r#"{"sku":"shoe","quantity":0}"#), 422, "invalid-request", Some("quantity")),
        ("fewer than none", raw(r#"{"sku":"shoe","quantity":-1}"#), 422, "invalid-request", Some("quantity")),
        ("half a unit", raw(r#"{"sku":"shoe","quantity":0.5}"#), 422, "invalid-request", Some("quantity")),
        ("units in words", raw(r#"{"sku":"shoe","quantity":"1"}"#), 422, "invalid-request", Some("quantity")),
        ("2^32 units", raw(r#"{"sku":"shoe","quantity":4294967296}"#), 422, "invalid-request", Some("quantity")),
        ("an unknown item", raw(r#"{"sku":"boot","quantity":1}"#), 422, "invalid-request", Some("sku")),
        ("an item that is none", raw(r#"{"sku":"a.>","quantity":1}"#), 422, "invalid-request", Some("sku")),
        ("an item by number", raw(r#"{"sku":1,"quantity":1}"#), 422, "invalid-request", Some("sku")),
        ("above the limit", raw(r#"{"sku":"shoe","quantity":3}"#), 409, "limit-reached", None),
        ("no type", post("k").body("{}"), 415, "invalid-request", Some("Content-Type")),
        ("text", typed("text/plain"), 415, "invalid-request", Some("Content-Type")),
        ("a form", typed("application/x-www-form-urlencoded"), 415, "invalid-request", Some("Content-Type")),
        ("JSON in Latin", typed("application/json; charset=iso-8859-1"), 415, "invalid-request", Some("Content-Type")),
        ("too large", raw(&" ".repeat(8_193)), 413, "invalid-request", Some("body")),
        ("far too large", raw(&" ".repeat(200_000)), 413, "invalid-request", Some("body")),
        ("no key", http.post(sale.orders()).bearer_auth(&token).json(&fair), 400, "idempotency-key-required", None),
        ("an empty key", post("").json(&fair), 422, "invalid-request", key_rule),
        ("a long key", post(&"k".repeat(65)).json(&fair), 422, "invalid-request", key_rule),
        ("a key with a space", post("a b").json(&fair), 422, "invalid-request", key_rule),
        ("two keys", post("a").header("idempotency-key", "b").json(&fair), 422, "invalid-request", key_rule),
        ("an unknown sale", elsewhere("aurora-00000000"), 404, "not-found", None),
        ("a sale that is none", elsewhere("..%2F..%2Fetc"), 404, "not-found", None),
        ("a sale with a wildcard", elsewhere("*"), 404, "not-found", None),
    ];
    for (what, request, status, name, field) in cases {
        let answer = request.send().await.unwrap_or_else(|error| panic!("{what}: {error:?}"));
        let (got_status, got_name, body) = problem(answer).await;
        assert_eq!((got_status, got_name.as_str()), (status, name), "{what}: {body}");
        assert_eq!(body["field"].as_str(), field, "{what}: {body}");
        assert_eq!(field.is_some(), body["rule"].is_string(), "{what}: {body}");
        assert_eq!(body["retry"], "never", "{what}: {body}");
    }
    assert_eq!(sale.free().await, 5);
    // So large that the edge may hang up before the client looks for the answer.
    if let Ok(answer) = raw(&" ".repeat(4_000_000)).send().await {
        assert_eq!(answer.status(), 413);
    }
    // What looks odd and is right.
    let odd = [typed("Application/JSON; Charset=UTF-8"), raw(" {\"quantity\" : 1 ,\n\"sku\":\"sh\\u006fe\"} ")];
    for request in odd {
        assert_eq!(answered(request).await.status(), 201);
    }
    assert_eq!(sale.free().await, 4);
}

#[tokio::test]
async fn too_many_or_too_large_headers_are_refused_whatever_is_asked() {
    let edge = Edge::shared().await;
    let ask = || Client::new().get(format!("http://{}/v1/sales", edge.address));
    let many = (0..70).fold(ask(), |request, number| request.header(format!("x-{number}"), "1"));
    let large = ask().header("x-large", "a".repeat(17 * 1_024));
    for request in [many, large] {
        let (status, name, body) = problem(request.send().await.unwrap()).await;
        assert_eq!((status, name.as_str(), &body["field"]), (431, "invalid-request", &"headers".into()));
    }
    let fair = (0..50).fold(ask(), |request, number| request.header(format!("x-{number}"), "1"));
    assert_eq!(fair.send().await.unwrap().status(), 200);
}
