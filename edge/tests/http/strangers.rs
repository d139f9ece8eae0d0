//! Who may do what: every route with everybody, and nobody by default.

use anyhow::ensure;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use testbed::eventually;

use crate::addresses;
use crate::books::Books;
use crate::provision::draft;
use crate::shop::{Edge, SOON, answered, problem};

/// What somebody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// Anything but that they may not.
    Let,
    /// To sign in.
    SignIn,
    /// That they may not.
    Forbidden,
    /// That there is no such thing.
    Nothing,
}

impl Told {
    fn of(status: u16) -> Self {
        match status {
            401 => Self::SignIn,
            403 => Self::Forbidden,
            404 => Self::Nothing,
            _ => Self::Let,
        }
    }
}

/// Nobody, a guest, the owner of the order, a merchant, another customer, somebody whose session has expired, and the
/// owner's browser on another site's page.
type Everybody = [Told; 7];

/// Makes somebody's request of anybody's.
type Dress = Box<dyn Fn(RequestBuilder) -> RequestBuilder>;

/// Who may do what. An address without a line here fails the test.
fn table() -> Vec<(&'static str, &'static str, Everybody)> {
    use Told::{Forbidden as F, Let as L, Nothing as N, SignIn as S};
    let all = [L; 7];
    let not_other_sites = [L, L, L, L, L, L, F];
    let signed_in = [S, L, L, L, L, S, L];
    let merchants = [S, F, F, L, F, S, F];
    vec![
        ("GET", "/", all),
        ("GET", "/openapi.json", all),
        ("GET", "/docs", all),
        ("GET", "/docs/style.css", all),
        ("GET", "/v1", all),
        ("GET", "/v1/sales", all),
        ("GET", "/v1/sales/{sale}", all),
        ("GET", "/v1/sales/{sale}/events", all),
        // This sale is not for guests.
        ("GET", "/v1/sales/{sale}/orders", [S, F, L, L, L, S, L]),
        ("POST", "/v1/sales/{sale}/orders", [S, F, L, L, L, S, F]),
        ("GET", "/v1/sales/{sale}/orders/{order}", [S, F, L, N, N, S, L]),
        ("GET", "/v1/sales/{sale}/orders/{order}/events", [S, F, L, N, N, S, L]),
        ("POST", "/v1/sales/{sale}/orders/{order}/payment", [S, F, L, N, N, S, F]),
        ("POST", "/v1/sales/{sale}/orders/{order}/refund", [S, F, F, L, F, S, F]),
        ("POST", "/v1/sales/{sale}/orders/{order}/cancel", [S, F, L, N, N, S, F]),
        ("GET", "/v1/sales/{sale}/statement", merchants),
        ("GET", "/v1/sales/{sale}/statement/orders", merchants),
        ("GET", "/v1/sales/{sale}/statement/download", merchants),
        // Whoever it is proves it in the message itself.
        ("POST", "/v1/payments/callback", all),
        ("GET", "/v1/orders", signed_in),
        ("POST", "/v1/accounts", not_other_sites),
        ("POST", "/v1/sessions", not_other_sites),
        ("GET", "/v1/sessions/current", all),
        ("DELETE", "/v1/sessions/current", not_other_sites),
        // No issuer is configured here.
        ("GET", "/v1/sessions/oidc", [N; 7]),
        ("GET", "/v1/sessions/oidc/callback", [N; 7]),
        ("GET", "/v1/me", signed_in),
        // None of them has an account.
        ("GET", "/v1/me/account", [S, N, N, N, N, S, N]),
        ("GET", "/v1/me/wallets", signed_in),
        // None of them has a wallet, and another's is not there.
        ("GET", "/v1/me/wallets/{currency}/entries", [S, N, N, N, N, S, N]),
    ]
}

#[tokio::test]
async fn every_address_answers_everybody_as_the_table_says_and_has_a_line_there() {
    let edge = Edge::start().await.unwrap();
    let _books = Books::open(&edge).await;
    let sale = edge.sell(draft("deny", 50)).await;
    let order: Value = answered(sale.claim(&sale.session("ann"), "first", 1)).await.json().await.unwrap();
    let id = order["id"].as_str().unwrap();
    // Before the books have the sale there is nothing of it that a merchant could be told.
    eventually(SOON, "the sale in the books", async || {
        let statement = sale.http.get(format!("{}/statement", sale.url)).bearer_auth(sale.merchant("max"));
        let status = statement.send().await?.status();
        ensure!(status == 200, "{status}");
        Ok(())
    })
    .await
    .unwrap();
    let bearer = |token: String| move |request: RequestBuilder| request.bearer_auth(&token);
    let cookie = format!("__Host-sluice={}", sale.session("ann"));
    let people: [(&str, Dress); 7] = [
        ("nobody", Box::new(|request| request)),
        ("a guest", Box::new(bearer(sale.guest("someone")))),
        ("the owner", Box::new(bearer(sale.session("ann")))),
        ("a merchant", Box::new(bearer(sale.merchant("max")))),
        ("another customer", Box::new(bearer(sale.session("eve")))),
        ("somebody expired", Box::new(bearer(sale.expired("ann")))),
        (
            "the owner's browser elsewhere",
            Box::new(move |request| request.header("cookie", &cookie).header("sec-fetch-site", "cross-site")),
        ),
    ];
    let table = table();
    let addresses = edge::app::addresses();
    assert_eq!(addresses.len(), table.len(), "a line of the table has no address");
    for (method, path) in &addresses {
        let line = table.iter().find(|(m, p, _)| (*m, *p) == (method.as_str(), path.as_str()));
        let (_, _, told) = line.unwrap_or_else(|| panic!("who may {method} {path}?"));
        for ((who, dressed), told) in people.iter().zip(told) {
            let answer = answered(dressed(addresses::ask(&edge, &sale, id, method, path))).await;
            let status = answer.status().as_u16();
            assert_eq!(Told::of(status), *told, "{method} {path} by {who}: {status}");
            if *told != Told::Let {
                let (_, _, body) = problem(answer).await;
                assert!(!body.to_string().contains("shoe"), "a stranger is told nothing of an order: {body}");
            }
        }
    }
    for path in ["/admin", "/metrics", "/readyz", "/v1/customers", "/v1/me/wallets/eur/entries"] {
        let answer = sale.http.get(edge.url(path)).bearer_auth(sale.merchant("max")).send().await.unwrap();
        assert_eq!(problem(answer).await.0, 404, "{path}");
    }
}

#[tokio::test]
async fn a_guest_buys_where_guests_are_let_in_and_nowhere_else() {
    let edge = Edge::shared().await;
    let mut welcoming = draft("guests", 50);
    welcoming.guests_allowed = true;
    let (welcoming, closed) = (edge.sell(welcoming).await, edge.sell(draft("closed", 50)).await);
    for (sale, status) in [(&welcoming, 201), (&closed, 403)] {
        assert_eq!(answered(sale.claim(&sale.guest("someone"), "k", 1)).await.status(), status);
    }
}

#[tokio::test]
async fn anothers_order_and_no_order_look_the_same() {
    let sale = Edge::shared().await.sell(draft("same", 5)).await;
    let order: Value = answered(sale.claim(&sale.session("ann"), "k", 1)).await.json().await.unwrap();
    let ask = async |id: &str| {
        problem(answered(sale.http.get(format!("{}/{id}", sale.orders())).bearer_auth(sale.session("eve"))).await).await
    };
    let anothers = ask(order["id"].as_str().unwrap()).await;
    let none = ask(&uuid::Uuid::new_v4().to_string()).await;
    assert_eq!(anothers, none);
    assert_eq!(anothers.2["retry"], "now");
}

#[tokio::test]
async fn a_method_that_an_address_does_not_take_is_a_problem_that_names_those_it_takes() {
    let sale = Edge::shared().await.sell(draft("method", 5)).await;
    for (method, url, allow) in [
        (Method::DELETE, sale.orders(), "GET,HEAD,POST"),
        (Method::POST, sale.url.clone(), "GET,HEAD"),
        (Method::PUT, format!("{}/events", sale.url), "GET,HEAD"),
    ] {
        let answer = sale.http.request(method, url).send().await.unwrap();
        assert_eq!(answer.headers()["allow"], allow);
        let (status, name, _) = problem(answer).await;
        assert_eq!((status, name.as_str()), (405, "method-not-allowed"));
    }
}

#[tokio::test]
async fn a_cookie_is_taken_from_our_own_page_and_for_reading_only_from_others() {
    let sale = Edge::shared().await.sell(draft("cookie", 5)).await;
    let cookie = format!("a=b; __Host-sluice={}", sale.session("ann"));
    let host = Edge::shared().await.address.clone();
    let claim = |name: &'static str, value: String| {
        let request = sale.http.post(sale.orders()).header("cookie", &cookie).header("idempotency-key", "k");
        answered(request.header(name, value).json(&json!({ "sku": "shoe", "quantity": 1 })))
    };
    for (name, value) in [
        ("sec-fetch-site", "cross-site".to_owned()),
        ("sec-fetch-site", "same-site".to_owned()),
        ("sec-fetch-site", "none".to_owned()),
        ("origin", "https://evil.example".to_owned()),
        ("origin", "null".to_owned()),
        ("x-nothing", "said".to_owned()),
    ] {
        let (status, name, body) = problem(claim(name, value).await).await;
        assert_eq!((status, name.as_str()), (403, "forbidden"), "{body}");
    }
    assert_eq!(sale.free().await, 5);
    let reading = answered(sale.http.get(sale.orders()).header("cookie", &cookie)).await;
    assert_eq!(reading.status(), 200);
    for (name, value) in [("sec-fetch-site", "same-origin".to_owned()), ("origin", format!("https://{host}"))] {
        assert_eq!(claim(name, value).await.status(), 201);
    }
    assert_eq!(sale.free().await, 4);
}
