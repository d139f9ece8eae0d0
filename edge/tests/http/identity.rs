//! Signing in, signing out, and who somebody is then.

use anyhow::ensure;
use reqwest::{Client, Response};
use serde_json::{Value, json};
use testbed::eventually;

use crate::books::Books;
use crate::document::success;
use crate::provision::draft;
use crate::shop::{Edge, SOON, answered, problem};

/// The cookie that an answer sets: name, value and attributes.
pub(crate) fn cookie(answer: &Response, name: &str) -> Option<(String, String)> {
    let lines = answer.headers().get_all("set-cookie").iter().map(|line| line.to_str().unwrap());
    let mut found = lines.filter_map(|line| {
        let (value, attributes) = line.strip_prefix(name)?.strip_prefix('=')?.split_once(';')?;
        Some((value.to_owned(), attributes.to_owned()))
    });
    let first = found.next();
    assert_eq!(found.next(), None, "{name} is set once");
    first
}

#[tokio::test]
async fn a_guest_is_somebody_new_each_time_and_lasts_as_long_as_the_flag_says() {
    let edge = Edge::with(&["--session-hours=2"]).await;
    let mut welcoming = draft("guest", 5);
    welcoming.guests_allowed = true;
    let sale = edge.sell(welcoming).await;
    let sign_in = async || {
        let answer = sale.http.post(edge.url("/v1/sessions")).json(&json!({ "guest": true })).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), &answer.headers()["location"]), (201, &"/v1/me".parse().unwrap()));
        assert_eq!(cookie(&answer, "__Host-sluice"), None, "whoever is no page gets no cookie");
        answer.json::<Value>().await.unwrap()
    };
    let (one, other) = (sign_in().await, sign_in().await);
    assert_ne!(one["customer"], other["customer"]);
    assert_eq!((&one["guest"], &one["roles"]), (&true.into(), &json!([])));
    let expires: jiff::Timestamp = one["expiresAt"].as_str().unwrap().parse().unwrap();
    let left = expires.duration_since(runtime::clock::Clock::system().now()).as_secs();
    assert!((7_100..=7_200).contains(&left), "{left} s");
    let token = one["token"].as_str().unwrap();
    assert_eq!(answered(sale.claim(token, "k", 1)).await.status(), 201);
    let me: Value = sale.http.get(edge.url("/v1/me")).bearer_auth(token).send().await.unwrap().json().await.unwrap();
    assert_eq!(me, json!({ "customer": one["customer"], "guest": true, "roles": [], "complete": true }));
}

#[tokio::test]
async fn our_own_page_gets_a_cookie_and_never_sees_the_token() {
    let edge = Edge::shared().await;
    let mut welcoming = draft("page", 5);
    welcoming.guests_allowed = true;
    let sale = edge.sell(welcoming).await;
    let own = [("sec-fetch-site", "same-origin".to_owned()), ("origin", format!("https://{}", edge.address))];
    for (name, value) in own {
        let request = sale.http.post(edge.url("/v1/sessions")).header(name, value).json(&json!({ "guest": true }));
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 201);
        let (token, attributes) = cookie(&answer, "__Host-sluice").unwrap();
        assert_eq!(attributes, " Path=/; Max-Age=43200; Secure; HttpOnly; SameSite=Lax");
        let body = answer.text().await.unwrap();
        assert!(!body.contains("token") && !body.contains(&token), "{body}");
        let me =
            sale.http.get(edge.url("/v1/me")).header("cookie", format!("__Host-sluice={token}")).send().await.unwrap();
        assert_eq!(me.status(), 200);
    }
    let out = sale
        .http
        .delete(edge.url("/v1/sessions/current"))
        .header("sec-fetch-site", "same-origin")
        .send()
        .await
        .unwrap();
    assert_eq!(out.status(), 204);
    let (value, attributes) = cookie(&out, "__Host-sluice").unwrap();
    assert_eq!((value.as_str(), attributes.contains("Max-Age=0;")), ("", true), "{attributes}");
}

#[tokio::test]
async fn another_sites_page_can_sign_nobody_in_or_out_and_make_no_account() {
    let edge = Edge::shared().await;
    let http = Client::new();
    let body = json!({ "email": "ann@people.example", "password": "a long password" });
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("sec-fetch-site", "none"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
    ] {
        for request in [
            http.post(edge.url("/v1/sessions")).json(&json!({ "guest": true })),
            http.post(edge.url("/v1/sessions")).json(&body),
            http.post(edge.url("/v1/accounts")).json(&body),
            http.delete(edge.url("/v1/sessions/current")),
        ] {
            let answer = request.header(name, value).send().await.unwrap();
            assert_eq!(cookie(&answer, "__Host-sluice"), None);
            let (status, kind, _) = problem(answer).await;
            assert_eq!((status, kind.as_str()), (403, "forbidden"), "{name}: {value}");
        }
    }
}

#[tokio::test]
async fn a_way_in_that_is_none_names_the_rule() {
    let edge = Edge::shared().await;
    let http = Client::new();
    let long = "a".repeat(300);
    for (path, body, field) in [
        ("sessions", json!({}), "body"),
        ("sessions", json!({ "guest": false }), "body"),
        ("sessions", json!({ "guest": "yes" }), "guest"),
        ("sessions", json!({ "guest": true, "email": "a@b", "password": "c" }), "body"),
        ("sessions", json!({ "email": "a@b" }), "body"),
        ("sessions", json!({ "email": "", "password": "c" }), "email"),
        ("sessions", json!({ "email": "a\u{0}@b", "password": "c" }), "email"),
        ("sessions", json!({ "email": long, "password": "c" }), "email"),
        ("sessions", json!({ "email": "a@b", "password": "ü".repeat(129) }), "password"),
        ("sessions", json!({ "email": "a@b", "password": "c", "role": "merchant" }), "role"),
        ("sessions", json!({ "customer": "eve" }), "customer"),
        ("accounts", json!({ "email": "a@b" }), "password"),
        ("accounts", json!({ "email": "a@b", "password": "", }), "password"),
        ("accounts", json!({ "email": "a@b", "password": "long enough", "name": "a\nb" }), "name"),
        ("accounts", json!({ "email": "a@b", "password": "long enough", "merchant": true }), "merchant"),
    ] {
        let answer = http.post(edge.url(&format!("/v1/{path}"))).json(&body).send().await.unwrap();
        let (status, name, told) = problem(answer).await;
        assert_eq!((status, name.as_str(), &told["field"]), (422, "invalid-request", &field.into()), "{body}");
        assert!(!told.to_string().contains("long enough"), "a password is not repeated: {told}");
    }
    let form = http.post(edge.url("/v1/sessions")).header("content-type", "text/plain").body(r#"{"guest":true}"#);
    assert_eq!(problem(form.send().await.unwrap()).await.0, 415, "what a form can send without asking first");
    let token = http.post(edge.url("/v1/sessions")).json(&json!({ "idToken": "a.b.c" })).send().await.unwrap();
    assert_eq!(problem(token).await.0, 404, "no issuer is configured");
}

#[tokio::test]
async fn whoever_registers_signs_in_and_is_who_they_said() {
    let edge = Edge::start().await.unwrap();
    let _books = Books::open(&edge).await;
    let http = Client::new();
    let post = async |path: &str, body: Value| answered(http.post(edge.url(path)).json(&body)).await;
    let account = json!({ "email": "ann@people.example", "password": "a long password", "name": "Ann" });
    let made = post("/v1/accounts", account.clone()).await;
    assert_eq!(made.status(), 201);
    let made = success("post", made).await;
    assert_eq!((&made["email"], &made["name"]), (&"ann@people.example".into(), &"Ann".into()));
    assert_eq!(post("/v1/accounts", account).await.status(), 201, "the same account again");
    let other = json!({ "email": "ann@people.example", "password": "another password" });
    assert_eq!(problem(post("/v1/accounts", other.clone()).await).await.1, "account-exists");
    let (status, name, _) = problem(post("/v1/sessions", other).await).await;
    assert_eq!((status, name.as_str()), (401, "not-signed-in"));

    let right = json!({ "email": "Ann@People.example", "password": "a long password" });
    let session = success("post", post("/v1/sessions", right).await).await;
    assert_eq!((&session["customer"], &session["guest"]), (&made["customer"], &false.into()));
    let token = session["token"].as_str().unwrap();
    let me = success("get", http.get(edge.url("/v1/me")).bearer_auth(token).send().await.unwrap()).await;
    assert_eq!(
        me,
        json!({ "customer": made["customer"], "guest": false, "roles": [], "email": "ann@people.example", "name": "Ann",
            "complete": true })
    );
}

#[tokio::test]
async fn a_merchant_is_made_by_command_and_is_one_from_the_next_sign_in_on() {
    let edge = Edge::start().await.unwrap();
    let books = Books::open(&edge).await;
    let http = Client::new();
    let credentials = json!({ "email": "max@shop.example", "password": "a long password" });
    assert_eq!(answered(http.post(edge.url("/v1/accounts")).json(&credentials)).await.status(), 201);
    let sign_in = async || -> Value {
        answered(http.post(edge.url("/v1/sessions")).json(&credentials)).await.json().await.unwrap()
    };
    let sale = edge.sell(draft("role", 5)).await;
    let order: Value = answered(sale.claim(&sale.session("ann"), "k", 1)).await.json().await.unwrap();
    let refund = async |session: &Value| {
        let url = format!("{}/{}/refund", sale.orders(), order["id"].as_str().unwrap());
        let request = http.post(url).bearer_auth(session["token"].as_str().unwrap()).header("idempotency-key", "k");
        request.send().await.unwrap().status().as_u16()
    };
    let before = sign_in().await;
    assert_eq!((&before["roles"], refund(&before).await), (&json!([]), 403));
    books.account(&["role", "--email=max@shop.example", "--merchant=true", "--self-made"]).await;
    assert_eq!(refund(&before).await, 403, "a session is what it was signed as");
    let after = sign_in().await;
    assert_eq!(after["roles"], json!(["merchant"]));
    eventually(SOON, "the order in the books", async || {
        let status = refund(&after).await;
        ensure!(status == 200, "{status}");
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn guessing_a_password_is_slowed_down_and_told_when_to_come_back() {
    let edge = Edge::start().await.unwrap();
    let _books = Books::open(&edge).await;
    let http = Client::new();
    let sign_in = async |password: &str| {
        let body = json!({ "email": "ann@people.example", "password": password });
        answered(http.post(edge.url("/v1/sessions")).json(&body)).await
    };
    let credentials = json!({ "email": "ann@people.example", "password": "a long password" });
    assert_eq!(answered(http.post(edge.url("/v1/accounts")).json(&credentials)).await.status(), 201);
    let mut refused = 0;
    loop {
        let answer = sign_in("a wrong password").await;
        let after = answer.headers().get("retry-after").cloned();
        let (status, name, body) = problem(answer).await;
        if status == 429 {
            assert_eq!((name.as_str(), &body["retry"]), ("rate-limited", &"later".into()));
            assert_eq!(after.unwrap().to_str().unwrap(), body["retryAfterSeconds"].to_string());
            break;
        }
        assert_eq!((status, name.as_str()), (401, "not-signed-in"), "{body}");
        refused += 1;
        assert!(refused < 100, "nobody stops it");
    }
    assert!(refused >= 1);
}
