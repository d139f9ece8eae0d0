//! Other sites' pages, addresses that ask too often, and a Redis behind TLS.

use anyhow::ensure;
use protocol::sale::RateLimit;
use reqwest::{Client, Method};
use runtime::clock::Clock;
use serde_json::json;
use testbed::{Bed, eventually};

use crate::identity::cookie;
use crate::limits::together;
use crate::provision::draft;
use crate::shop::{Edge, SOON, Sale, answered, problem};

const SHOP: &str = "https://shop.example";

#[tokio::test]
async fn a_listed_sites_page_may_ask_with_its_sessions_and_no_other_is_told_anything() {
    let edge = Edge::with(&["--cors-origins=https://shop.example,http://localhost:5173"]).await;
    let http = Client::new();
    let preflight = |origin: &str| {
        let request = http.request(Method::OPTIONS, edge.url("/v1/sessions")).header("origin", origin);
        request.header("access-control-request-method", "POST").header("access-control-request-headers", "content-type")
    };
    let answer = preflight(SHOP).send().await.unwrap();
    assert_eq!(answer.status(), 204);
    assert_eq!(answer.headers()["access-control-allow-origin"], SHOP);
    assert_eq!(answer.headers()["access-control-allow-credentials"], "true");
    assert!(answer.headers()["access-control-allow-headers"].to_str().unwrap().contains("content-type"));
    let evil = preflight("https://evil.example").send().await.unwrap();
    assert_eq!(evil.status(), 405);
    assert!(evil.headers().get("access-control-allow-origin").is_none());

    let sign_in = |origin: &str, site: &str| {
        let request = http.post(edge.url("/v1/sessions")).header("origin", origin).header("sec-fetch-site", site);
        request.json(&json!({ "guest": true })).send()
    };
    let same_site = sign_in(SHOP, "same-site").await.unwrap();
    assert_eq!(same_site.status(), 201);
    assert_eq!(same_site.headers()["access-control-allow-origin"], SHOP);
    assert!(cookie(&same_site, "__Host-sluice").is_some());
    let cross_site = sign_in(SHOP, "cross-site").await.unwrap();
    assert!(cookie(&cross_site, "__Host-sluice").is_none(), "a browser would not send it back");
    assert!(cross_site.json::<serde_json::Value>().await.unwrap()["token"].is_string());
    let evil = sign_in("https://evil.example", "cross-site").await.unwrap();
    assert!(evil.headers().get("access-control-allow-origin").is_none());
    assert_eq!(problem(evil).await.0, 403);

    // Off unless listed.
    let strict = Edge::shared().await;
    let answer = http.get(strict.url("/v1/sales")).header("origin", SHOP).send().await.unwrap();
    assert!(answer.headers().keys().all(|name| !name.as_str().starts_with("access-control-")));
}

#[tokio::test]
async fn an_address_that_asks_too_often_is_told_when_to_come_back_and_others_are_served() {
    let edge = Edge::with(&["--requests-per-address-per-minute=20", "--trusted-proxy-cidrs=127.0.0.0/8"]).await;
    let http = Client::new();
    let ask = async |forwarded: &str| {
        http.get(edge.url("/v1/sales")).header("x-forwarded-for", forwarded).send().await.unwrap()
    };
    let clock = Clock::system();
    let began = clock.monotonic();
    let (mut allowed, mut limited) = (0, 0);
    for number in 0..40 {
        // What is left of the last hop is the shopper's own invention.
        let answer = ask(&format!("198.51.100.{number}, 203.0.113.9")).await;
        if answer.status() == 200 {
            allowed += 1;
            continue;
        }
        limited += 1;
        assert!(answer.headers()["ratelimit"].to_str().unwrap().starts_with("\"address\";r=0"));
        assert_eq!(answer.headers()["ratelimit-policy"], "\"address\";q=20;w=60");
        let (status, name, body) = problem(answer).await;
        assert_eq!((status, name.as_str(), &body["limit"]), (429, "rate-limited", &20.into()));
    }
    let grown = |began| clock.monotonic().duration_since(began).as_secs() / 3 + 1;
    assert!((20..=20 + grown(began)).contains(&allowed), "{allowed} of 40, one more grows back in three seconds");
    assert_eq!(ask("203.0.113.10").await.status(), 200);
    // One network of IPv6 is one customer of a provider.
    let began = clock.monotonic();
    let mut network = 0;
    for number in 0..30 {
        network += u64::from(ask(&format!("2001:db8::{number:x}")).await.status() == 200);
    }
    assert!((20..=20 + grown(began)).contains(&network), "{network}");
    assert_eq!(ask("2001:db8:0:1::1").await.status(), 200);
    assert!(edge.count("sluice_edge_addresses_limited_total").await >= f64::from(limited));
}

#[tokio::test]
async fn edges_that_share_a_redis_count_an_address_together() {
    let bed = Bed::shared().await.unwrap();
    let (name, url) = (bed.unique("together"), format!("--redis-url={}", bed.redis().await.unwrap().url()));
    let arguments = [url.as_str(), "--requests-per-address-per-minute=20", "--trusted-proxy-cidrs=127.0.0.0/8"];
    let edges = [
        Edge::of_installation(&name, &arguments).await.unwrap(),
        Edge::of_installation(&name, &arguments).await.unwrap(),
    ];
    for edge in &edges {
        edge.service.wait_ready(&format!("http://{}", edge.admin)).await.unwrap();
    }
    let http = Client::new();
    let ask = async |edge: &Edge, source: &str| {
        let request = http.get(edge.url("/v1/sales")).header("x-forwarded-for", source);
        request.send().await.unwrap().status().as_u16()
    };
    let somebody = async |edge: &Edge| {
        ask(edge, &format!("192.0.2.{}", rand_octet())).await;
    };
    let clock = Clock::system();
    let run = async |number: u32| {
        let began = clock.monotonic();
        let (mut allowed, source) = (0, format!("203.0.113.{number}"));
        for edge in edges.iter().cycle().take(60) {
            allowed += u64::from(ask(edge, &source).await == 200);
        }
        (allowed, clock.monotonic().duration_since(began).as_secs())
    };
    let (allowed, seconds) = together(&edges, somebody, run).await;
    assert!((20..=20 + seconds / 3 + 1).contains(&allowed), "{allowed} of 60 over two edges in {seconds} s");
}

fn rand_octet() -> u8 {
    uuid::Uuid::new_v4().as_bytes()[0]
}

#[tokio::test]
async fn a_stranger_cannot_choose_the_address_that_is_counted() {
    let edge = Edge::with(&["--requests-per-address-per-minute=5"]).await;
    let http = Client::new();
    let clock = Clock::system();
    let began = clock.monotonic();
    let mut allowed = 0;
    for number in 0..15 {
        let request = http.get(edge.url("/v1/sales")).header("x-forwarded-for", format!("203.0.113.{number}"));
        allowed += u64::from(request.send().await.unwrap().status() == 200);
    }
    // One grows back in twelve seconds; the wait for its readiness asks the other port.
    let grown = clock.monotonic().duration_since(began).as_secs() / 12 + 1;
    assert!((5..=5 + grown).contains(&allowed), "{allowed}");
}

#[tokio::test]
async fn redis_is_reached_over_tls_by_whoever_trusts_it_and_not_by_others() {
    let redis = Bed::shared().await.unwrap().redis().await.unwrap();
    let (url, trust) =
        (format!("--redis-url={}", redis.tls_url()), format!("--redis-ca-file={}", redis.authority().display()));
    let (trusting, other) = (Edge::with(&[&url, &trust]).await, Edge::with(&[&url]).await);
    let judged = async |edge: &Edge, sale: &Sale, judge: &str| {
        let somebody = sale.session(&uuid::Uuid::new_v4().to_string());
        assert_eq!(answered(sale.claim(&somebody, "k", 1)).await.status(), 201);
        edge.count(&format!("sluice_edge_rate_checks_total{{judge=\"{judge}\"}}")).await
    };
    let limited = async |edge: &Edge| {
        let mut draft = draft("tls", 500);
        draft.rate_limit = Some(RateLimit { requests: 10, window_seconds: 3_600 });
        edge.sell(draft).await
    };
    let sale = limited(&trusting).await;
    // The first connection may take longer than a claim waits for it.
    eventually(SOON, "Redis to judge", async || {
        let (judged, part) = (judged(&trusting, &sale, "redis").await, trusting.part("redis").await);
        ensure!(judged > 0.5 && part["ok"] == true, "{part}");
        Ok(())
    })
    .await
    .unwrap();

    let sale = limited(&other).await;
    eventually(SOON, "the edge to find that it does not trust", async || {
        assert!(judged(&other, &sale, "redis").await < 0.5);
        ensure!(judged(&other, &sale, "local").await > 2.5, "few claims yet");
        ensure!(other.part("redis").await["ok"] == false, "it has not noticed");
        Ok(())
    })
    .await
    .unwrap();
}
