//! Who may do what: every route with everybody, and nobody by default.

use reqwest::Method;
use serde_json::{Value, json};

use crate::provision::draft;
use crate::shop::{Edge, problem};

#[tokio::test]
async fn every_route_answers_everybody_as_the_table_says() {
    let edge = Edge::shared().await;
    let sale = edge.sell(draft("deny", 50)).await;
    let mut welcoming = draft("guests", 50);
    welcoming.guests_allowed = true;
    let welcoming = edge.sell(welcoming).await;
    let (ann, eve, guest) = (sale.session("ann"), sale.session("eve"), sale.guest("someone"));
    let order: Value = sale.claim(&ann, "first", 1).send().await.unwrap().json().await.unwrap();
    let id = order["id"].as_str().unwrap();
    let root = format!("http://{}", edge.address);

    // Nobody, the owner, somebody else, a guest.
    let table = [
        (Method::GET, format!("{root}/"), [200, 200, 200, 200]),
        (Method::GET, format!("{root}/v1/sales"), [200, 200, 200, 200]),
        (Method::GET, sale.url.clone(), [200, 200, 200, 200]),
        (Method::GET, format!("{}/events", sale.url), [200, 200, 200, 200]),
        (Method::POST, sale.orders(), [401, 201, 201, 403]),
        (Method::GET, sale.orders(), [401, 200, 200, 403]),
        (Method::GET, format!("{}/{id}", sale.orders()), [401, 200, 404, 403]),
        (Method::POST, welcoming.orders(), [401, 201, 201, 201]),
        (Method::GET, welcoming.orders(), [401, 200, 200, 200]),
        (Method::GET, format!("{}/{id}", welcoming.orders()), [401, 404, 404, 404]),
        (Method::GET, format!("{root}/v1/orders"), [404, 404, 404, 404]),
        (Method::GET, format!("{root}/admin"), [404, 404, 404, 404]),
        (Method::GET, format!("{root}/metrics"), [404, 404, 404, 404]),
    ];
    for (method, url, statuses) in table {
        let people = [None, Some(&ann), Some(&eve), Some(&guest)];
        for (number, (who, expected)) in people.into_iter().zip(statuses).enumerate() {
            let mut request = sale.http.request(method.clone(), &url);
            if let Some(token) = who {
                request = request.bearer_auth(token);
            }
            if method == Method::POST {
                request = request.header("idempotency-key", "table").json(&json!({ "sku": "shoe", "quantity": 1 }));
            }
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), expected, "{method} {url} by person {number}");
            if expected >= 400 {
                let (_, name, body) = problem(answer).await;
                let names = [(401, "not-signed-in"), (403, "forbidden"), (404, "not-found")];
                assert!(names.contains(&(expected, name.as_str())), "{body}");
                assert!(!body.to_string().contains("shoe"), "a stranger is told nothing of an order: {body}");
            }
        }
    }
}

#[tokio::test]
async fn anothers_order_and_no_order_look_the_same() {
    let sale = Edge::shared().await.sell(draft("same", 5)).await;
    let order: Value = sale.claim(&sale.session("ann"), "k", 1).send().await.unwrap().json().await.unwrap();
    let ask = async |id: &str| {
        let request = sale.http.get(format!("{}/{id}", sale.orders())).bearer_auth(sale.session("eve"));
        problem(request.send().await.unwrap()).await
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
        request.header(name, value).json(&json!({ "sku": "shoe", "quantity": 1 })).send()
    };
    for (name, value) in [
        ("sec-fetch-site", "cross-site".to_owned()),
        ("sec-fetch-site", "same-site".to_owned()),
        ("sec-fetch-site", "none".to_owned()),
        ("origin", "https://evil.example".to_owned()),
        ("origin", "null".to_owned()),
        ("x-nothing", "said".to_owned()),
    ] {
        let (status, name, body) = problem(claim(name, value).await.unwrap()).await;
        assert_eq!((status, name.as_str()), (403, "forbidden"), "{body}");
    }
    assert_eq!(sale.free().await, 5);
    let reading = sale.http.get(sale.orders()).header("cookie", &cookie).send().await.unwrap();
    assert_eq!(reading.status(), 200);
    for (name, value) in [("sec-fetch-site", "same-origin".to_owned()), ("origin", format!("https://{host}"))] {
        assert_eq!(claim(name, value).await.unwrap().status(), 201);
    }
    assert_eq!(sale.free().await, 4);
}
