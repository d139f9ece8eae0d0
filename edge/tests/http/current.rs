//! `GET /v1/sessions/current`: whether anybody is signed in, asked without being refused. And the account of who is.

use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

use crate::books::Books;
use crate::document::success;
use crate::identity::cookie;
use crate::provision::draft;
use crate::shop::{Edge, answered, customer, problem};

async fn told(request: RequestBuilder) -> Value {
    let answer = request.send().await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.headers()["cache-control"]), (200, &"no-store".parse().unwrap()));
    assert_eq!(cookie(&answer, "__Host-sluice"), None, "asking changes nothing");
    success("get", answer).await
}

#[tokio::test]
async fn whoever_is_signed_in_is_told_so_and_until_when() {
    let edge = Edge::shared().await;
    let sale = edge.sell(draft("current", 5)).await;
    let ask = || sale.http.get(edge.url("/v1/sessions/current"));
    let sent = |token: &str| [ask().bearer_auth(token), ask().header("cookie", format!("__Host-sluice={token}"))];
    let clock = runtime::clock::Clock::system();
    let before = clock.now();
    for (token, who, guest, roles) in [
        (sale.session("ann"), "ann", false, json!([])),
        (sale.guest("somebody"), "somebody", true, json!([])),
        (sale.merchant("max"), "max", false, json!(["merchant"])),
    ] {
        for request in sent(&token) {
            let told = told(request).await;
            let session = &told["session"];
            let expires: jiff::Timestamp = session["expiresAt"].as_str().unwrap().parse().unwrap();
            // The session was made for an hour, to the second, between these two.
            let (least, most) = (expires.duration_since(clock.now()), expires.duration_since(before));
            assert!(least.as_secs() <= 3_600 && most.as_secs() >= 3_599, "{least} to {most}");
            assert_eq!(
                (&session["customer"], &session["guest"], &session["roles"]),
                (&customer(who).to_string().into(), &guest.into(), &roles)
            );
            assert_eq!(told["ways"], json!({ "password": true, "oidc": false }));
            let server: jiff::Timestamp = told["serverTime"].as_str().unwrap().parse().unwrap();
            assert!(server.duration_since(clock.now()).as_secs().abs() < 60, "{server}");
        }
    }
}

#[tokio::test]
async fn nobody_is_no_error_whatever_came_in_the_place_of_a_session() {
    let edge = Edge::start().await.unwrap();
    let sale = edge.sell(draft("nobody", 5)).await;
    let ask = || sale.http.get(edge.url("/v1/sessions/current"));
    let (good, expired) = (sale.session("ann"), sale.expired("ann"));
    for request in [
        ask(),
        ask().bearer_auth(&expired),
        ask().header("cookie", format!("__Host-sluice={expired}")),
        ask().header("cookie", "__Host-sluice=rubbish"),
        ask().header("cookie", "__Host-sluice="),
        ask().header("cookie", format!("__Host-sluice={good}; __Host-sluice={good}")),
        ask().header("cookie", format!("sluice={good}")),
        ask().bearer_auth(format!("{good}x")),
        ask().header("authorization", format!("Basic {good}")),
        ask().header("authorization", format!("Bearer {good}")).header("authorization", "Bearer other"),
        // A header that is no session is not passed over for a cookie that is one.
        ask().header("authorization", "Bearer rubbish").header("cookie", format!("__Host-sluice={good}")),
    ] {
        let told = told(request).await;
        assert!(told.get("session").is_none(), "{told}");
        assert_eq!(told["ways"]["password"], true);
    }
    assert!(edge.count("sluice_edge_sessions_total{outcome=\"expired\"}").await > 1.5);
    // Where a session is needed, the same is refused and says why.
    let (status, name, body) = problem(sale.http.get(sale.orders()).bearer_auth(&expired).send().await.unwrap()).await;
    assert_eq!((status, name.as_str()), (401, "not-signed-in"));
    assert_eq!(body["detail"], "Your session has expired: sign in again.");
}

#[tokio::test]
async fn an_account_is_told_to_its_owner_and_is_busy_while_the_ledger_is_away() {
    let edge = Edge::start().await.unwrap();
    let books = Books::open(&edge).await;
    let http = Client::new();
    let account = json!({ "email": "ann@people.example", "password": "a long password", "name": "Ann" });
    let made: Value = answered(http.post(edge.url("/v1/accounts")).json(&account)).await.json().await.unwrap();
    let credentials = json!({ "email": "ann@people.example", "password": "a long password" });
    let session: Value = answered(http.post(edge.url("/v1/sessions")).json(&credentials)).await.json().await.unwrap();
    let mine = || http.get(edge.url("/v1/me/account")).bearer_auth(session["token"].as_str().unwrap());
    let told = success("get", answered(mine()).await).await;
    assert_eq!(told, json!({ "customer": made["customer"], "email": "ann@people.example", "name": "Ann" }));

    let guest: Value =
        http.post(edge.url("/v1/sessions")).json(&json!({ "guest": true })).send().await.unwrap().json().await.unwrap();
    let guest = || http.get(edge.url("/v1/me/account")).bearer_auth(guest["token"].as_str().unwrap());
    assert_eq!(problem(guest().send().await.unwrap()).await.1, "not-found");
    let sale = edge.sell(draft("account", 5)).await;
    let unknown = http.get(edge.url("/v1/me/account")).bearer_auth(sale.session("nobody"));
    assert_eq!(problem(answered(unknown).await).await.1, "not-found", "a session that nobody registered for");

    books.service.kill9().await.unwrap();
    let (status, name, body) = problem(mine().send().await.unwrap()).await;
    assert_eq!((status, name.as_str(), &body["retry"]), (503, "busy", &"now".into()));
    assert_eq!(problem(guest().send().await.unwrap()).await.1, "not-found", "nobody is asked about a guest");
}
