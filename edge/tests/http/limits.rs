//! How often a customer may claim, over several edges and with Redis coming and going.

use anyhow::ensure;
use futures::future::join_all;
use protocol::sale::RateLimit;
use serde_json::Value;
use testbed::{Bed, eventually};

use crate::provision::draft;
use crate::shop::{Edge, SOON, Sale, problem};

/// Three edges of one installation that share this Redis, if there is one.
async fn edges(redis: Option<&str>) -> Vec<Edge> {
    let name = Bed::shared().await.unwrap().unique("limits");
    let url = redis.map(|url| format!("--redis-url={url}"));
    let more: Vec<&str> = url.as_deref().into_iter().collect();
    let edges = join_all((0..3).map(|_| async {
        let edge = Edge::of_installation(&name, &more).await.unwrap();
        edge.service.wait_ready(&format!("http://{}", edge.admin)).await.unwrap();
        edge
    }));
    edges.await
}

/// A sale in which everybody may claim ten times an hour, so that nothing grows back while a test runs.
async fn limited(edges: &[Edge], name: &str) -> Sale {
    let mut draft = draft(name, 1_000);
    draft.rate_limit = Some(RateLimit { requests: 10, window_seconds: 3_600 });
    let sale = edges[0].sell(draft).await;
    for edge in edges {
        let url = format!("http://{}/v1/sales/{}", edge.address, sale.definition.sale);
        let known = async || {
            let status = sale.http.get(&url).send().await?.status();
            ensure!(status == 200, "{status}");
            Ok(())
        };
        eventually(SOON, "the sale at every edge", known).await.unwrap();
    }
    sale
}

/// Claims of one customer, one after the other over the edges in turn; the statuses.
async fn hammer(edges: &[Edge], sale: &Sale, who: &str, times: usize) -> Vec<u16> {
    let token = sale.session(who);
    let mut statuses = Vec::new();
    for (number, edge) in edges.iter().cycle().take(times).enumerate() {
        let url = format!("http://{}/v1/sales/{}/orders", edge.address, sale.definition.sale);
        let request = sale.http.post(url).bearer_auth(&token).header("idempotency-key", format!("{who}-{number}"));
        let answer = request.json(&serde_json::json!({ "sku": "shoe", "quantity": 1 })).send().await.unwrap();
        statuses.push(answer.status().as_u16());
    }
    statuses
}

fn allowed(statuses: &[u16]) -> usize {
    statuses.iter().filter(|status| **status != 429).count()
}

/// Somebody new claims at an edge.
async fn once(edge: &Edge, sale: &Sale) {
    hammer(std::slice::from_ref(edge), sale, &uuid::Uuid::new_v4().to_string(), 1).await;
}

/// What an edge judged so.
async fn judged(edge: &Edge, judge: &str) -> f64 {
    edge.count(&format!("sluice_edge_rate_checks_total{{judge=\"{judge}\"}}")).await
}

/// What a run came to in which Redis judged everything. An edge that Redis keeps waiting judges alone for a while, as it
/// should; then the run says nothing about all edges together and is repeated, and has to be about somebody new.
pub(crate) async fn together<T>(edges: &[Edge], ask: impl AsyncFn(&Edge), run: impl AsyncFn(u32) -> T) -> T {
    const RUNS_MAX: u32 = 10;
    let alone = async || join_all(edges.iter().map(|edge| judged(edge, "local"))).await.iter().sum::<f64>();
    for number in 0..RUNS_MAX {
        for edge in edges {
            eventually(SOON, "Redis to judge", async || {
                let before = judged(edge, "redis").await;
                ask(edge).await;
                ensure!(judged(edge, "redis").await > before, "{}", edge.part("redis").await);
                Ok(())
            })
            .await
            .unwrap();
        }
        let before = alone().await;
        let seen = run(number).await;
        if alone().await <= before {
            return seen;
        }
    }
    panic!("in each of {RUNS_MAX} runs Redis kept an edge waiting");
}

#[tokio::test]
async fn ten_an_hour_are_ten_over_three_edges_and_everybody_has_their_own() {
    let redis = Bed::shared().await.unwrap().redis().await.unwrap().url();
    let edges = edges(Some(&redis)).await;
    let sale = limited(&edges, "shared").await;
    let ask = async |edge: &Edge| once(edge, &sale).await;
    for who in ["ann", "eve"] {
        let run = async |number: u32| hammer(&edges, &sale, &format!("{who}-{number}"), 30).await;
        let statuses = together(&edges, ask, run).await;
        assert_eq!(allowed(&statuses), 10, "{statuses:?}");
        assert!(statuses[..10].iter().all(|status| *status == 201), "{statuses:?}");
    }
    // All at once the script is what decides, and it lets nobody slip through.
    let run = async |number: u32| {
        let who = format!("ida-{number}");
        join_all((0..10).map(|_| hammer(&edges, &sale, &who, 6))).await
    };
    let crowd = together(&edges, ask, run).await;
    assert_eq!(crowd.iter().map(|statuses| allowed(statuses)).sum::<usize>(), 10);
}

#[tokio::test]
async fn a_refusal_tells_its_numbers_and_when_to_come_back() {
    let edges = edges(None).await;
    let sale = limited(&edges[..1], "numbers").await;
    let clock = runtime::clock::Clock::system();
    let began = clock.monotonic();
    let first = sale.claim(&sale.session("ann"), "k", 1).send().await.unwrap();
    assert_eq!(first.headers()["ratelimit-policy"], "\"customer\";q=10;w=3600");
    assert_eq!(first.headers()["ratelimit"], "\"customer\";r=9;t=360");
    hammer(&edges[..1], &sale, "ann", 9).await;
    let refused = sale.claim(&sale.session("ann"), "k", 1).send().await.unwrap();
    assert!(refused.headers()["ratelimit"].to_str().unwrap().starts_with("\"customer\";r=0;t=3"));
    let after: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    let passed = clock.monotonic().duration_since(began).as_secs() + 1;
    assert!((360 - passed..=360).contains(&after), "one more grows back in a tenth of the window: {after}");
    let (status, name, body) = problem(refused).await;
    assert_eq!((status, name.as_str(), &body["retry"]), (429, "rate-limited", &Value::from("later")));
    assert_eq!((&body["limit"], &body["windowSeconds"]), (&10.into(), &3_600.into()));
    // Reading is not claiming.
    let mine = sale.http.get(sale.orders()).bearer_auth(sale.session("ann")).send().await.unwrap();
    assert_eq!(mine.status(), 200);
}

#[tokio::test]
async fn without_redis_each_edge_applies_the_whole_limit_by_itself() {
    let edges = edges(None).await;
    let sale = limited(&edges, "alone").await;
    assert_eq!(allowed(&hammer(&edges, &sale, "ann", 45).await), 30);
}

#[tokio::test]
async fn a_redis_that_dies_under_load_stops_nothing_and_is_used_again_when_it_is_back() {
    // A server of its own: other tests need theirs.
    let bed = Bed::builder().start().await.unwrap();
    let redis = bed.redis().await.unwrap();
    let edges = edges(Some(&redis.url())).await;
    let sale = limited(&edges, "dies").await;
    let ask = async |edge: &Edge| once(edge, &sale).await;
    let before =
        together(&edges, ask, async |number: u32| hammer(&edges, &sale, &format!("before-{number}"), 20).await);
    assert_eq!(allowed(&before.await), 10);

    let load = join_all((0..20).map(|number| {
        let (edges, sale) = (&edges, &sale);
        async move { hammer(edges, sale, &format!("meanwhile-{number}"), 12).await }
    }));
    let (during, killed) = tokio::join!(load, redis.kill9());
    killed.unwrap();
    for statuses in &during {
        assert!(
            statuses.iter().all(|status| [201, 429].contains(status)),
            "no answer but yes and too soon: {statuses:?}"
        );
    }
    // Alone each edge knows what it let through itself, from before too.
    assert!(allowed(&hammer(&edges, &sale, "alone", 45).await) <= 30);
    assert_ready(&edges, "redis").await;

    redis.restart().await.unwrap();
    eventually(SOON, "Redis to be shared again", async || {
        for edge in &edges {
            once(edge, &sale).await;
            let body = sale.http.get(format!("http://{}/readyz", edge.admin)).send().await?.text().await?;
            let parts: Value = serde_json::from_str(&body)?;
            ensure!(failed(&parts, "redis").is_none(), "{body}");
        }
        Ok(())
    })
    .await
    .unwrap();
    let after = together(&edges, ask, async |number: u32| hammer(&edges, &sale, &format!("after-{number}"), 30).await);
    assert_eq!(allowed(&after.await), 10);
}

/// The reason why a part of readiness fails, if it does.
fn failed(report: &Value, part: &str) -> Option<String> {
    let text = report.to_string();
    let found = report["parts"].as_array()?.iter().find(|found| found["name"] == part)?;
    (found["ok"] != true).then_some(text)
}

/// Every edge is ready although this part is not.
async fn assert_ready(edges: &[Edge], part: &str) {
    for edge in edges {
        let answer = reqwest::get(format!("http://{}/readyz", edge.admin)).await.unwrap();
        assert_eq!(answer.status(), 200);
        let report: Value = answer.json().await.unwrap();
        assert!(failed(&report, part).is_some(), "{report}");
    }
}

#[tokio::test]
async fn an_address_that_is_no_redis_is_refused_at_the_start_in_one_sentence() {
    for (url, told) in [("http://127.0.0.1:1", "--redis-url"), ("rubbish", "--redis-url")] {
        let edge = Edge::spawn(&[&format!("--redis-url={url}")]).await.unwrap();
        assert!(!edge.service.wait(SOON).await.unwrap().success());
        assert!(edge.service.log().contains(told), "{}", edge.service.log());
    }
}
