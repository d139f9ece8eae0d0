//! How soon a restock can be bought, fifty times over.
//!
//! The test asserts that it can, everywhere and to the unit; how long it took is printed, because a bound on time would only
//! say how busy the machine was.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use testbed::books;
use testbed::installation::Installation;
use testbed::{Stopwatch, eventually};

use crate::{BOUND, alone, answered, crowd, installed, opened, sale};

const ROUNDS: usize = 50;
/// Units of each restock, in as many orders as there are buckets: so every order takes a bucket's whole share.
const UNITS: u32 = 1_000;
const ORDERS: u32 = 20;
const UNITS_PER_ORDER: u32 = UNITS / ORDERS;
/// Between two looks at a page.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(2);

/// Waits until this edge's page shows the new units, then buys some there; when they were shown and when bought.
async fn bought(
    client: &Client,
    edge: &str,
    id: &str,
    session: &str,
    watch: &Stopwatch,
) -> anyhow::Result<(Duration, Duration)> {
    let shows = async {
        loop {
            let page: Value = client.get(format!("{edge}/v1/sales/{id}")).send().await?.json().await?;
            let free = page["items"][0]["free"].as_u64().context("the page shows no stock")?;
            ensure!(free <= u64::from(UNITS), "{free} free units of {UNITS}");
            // Somebody may have bought at the other edge already.
            if free >= u64::from(UNITS - UNITS_PER_ORDER) {
                return Ok(watch.elapsed());
            }
            tokio::time::sleep(LOOK_AGAIN_AFTER).await;
        }
    };
    let shown = tokio::time::timeout(BOUND, shows).await.context("the edge shows no new units")??;
    let buy = client.post(format!("{edge}/v1/sales/{id}/orders")).bearer_auth(session);
    let buy = buy.header("idempotency-key", "probe").json(&json!({ "sku": "UNIT", "quantity": UNITS_PER_ORDER }));
    let (status, _, body) = answered(buy).await?;
    ensure!(status == StatusCode::CREATED, "units were shown and could not be bought: {status} {body}");
    Ok((shown, watch.elapsed()))
}

async fn sold_out(at: &Installation, client: &Client, id: &str) -> anyhow::Result<()> {
    for edge in &at.access().edges {
        eventually(BOUND, "the edge to show that nothing is free", async || {
            let page: Value = client.get(format!("{edge}/v1/sales/{id}")).send().await?.json().await?;
            ensure!(page["items"][0]["free"] == 0, "{page}");
            Ok(())
        })
        .await?;
    }
    Ok(())
}

fn told(what: &str, mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |quantile: usize| times[(times.len() * quantile).div_ceil(100).clamp(1, times.len()) - 1];
    format!("{what}: min {:?}, median {:?}, p99 {:?}, max {:?}", at(0), at(50), at(99), at(100))
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_restocks_of_a_sale_that_is_sold_out_are_shown_and_bought_at_both_edges_to_the_unit() {
    let (_alone, bed) = alone().await;
    let at = installed(bed).await;
    let mut resource = sale("restocks", UNITS);
    resource["spec"]["items"][0]["limits"] = json!({ "perOrder": UNITS_PER_ORDER });
    resource["spec"]["sharding"] = json!({ "bucketsPerItem": ORDERS });
    let id = opened(&at, &resource).await.unwrap();
    let sales = bed.kubernetes().await.unwrap().flash_sales(&at.access().namespace).unwrap();
    let client = Client::new();
    let probes = at.sessions("probe", ROUNDS * at.access().edges.len()).await.unwrap();
    let buyers = at.sessions("buyer", (ROUNDS + 1) * ORDERS as usize).await.unwrap();
    let mut buyers = buyers.chunks(ORDERS as usize);
    let mut crowd = crowd(&at, &id);
    (crowd.quantity, crowd.sends) = (UNITS_PER_ORDER, 1);

    let (mut shown, mut bought_at) = (Vec::new(), Vec::new());
    let (mut quantity, mut buys) = (UNITS, ORDERS as usize);
    for probes in probes.chunks(at.access().edges.len()) {
        let all = crowd.run(&buyers.next().unwrap()[..buys], |_| {}).await.unwrap();
        assert_eq!(all.orders().unwrap().len(), buys, "{}", all.report());
        sold_out(&at, &client, &id).await.unwrap();
        quantity += UNITS;
        buys = ORDERS as usize - probes.len();
        let mut items = resource["spec"]["items"].clone();
        items[0]["quantity"] = json!(quantity);
        sales.patch("restocks", &json!({ "spec": { "items": items } })).await.unwrap();
        let watch = Stopwatch::start();
        let edges = at.access().edges.iter().zip(probes);
        let everywhere = edges.map(|(edge, session)| bought(&client, edge, &id, session, &watch));
        let times = futures::future::try_join_all(everywhere).await.unwrap();
        shown.extend(times.iter().map(|(shown, _)| *shown).max());
        bought_at.extend(times.iter().map(|(_, bought)| *bought).max());
    }
    println!("{}", told("a restock is shown by both edges after", shown));
    println!("{}", told("and bought at both after", bought_at));

    at.wait_for("restocks", "SupplyApplied", 30).await.unwrap();
    let all = crowd.run(&buyers.next().unwrap()[..buys], |_| {}).await.unwrap();
    assert_eq!(all.orders().unwrap().len(), buys, "{}", all.report());
    sold_out(&at, &client, &id).await.unwrap();
    let stored = crate::stored::read(&at, &id).await.unwrap();
    stored.conserved().unwrap();
    assert_eq!(stored.orders.len(), (ROUNDS + 1) * ORDERS as usize);
    books::reconciled(&at, &id).await.unwrap();
    at.stop().await.unwrap();
}
