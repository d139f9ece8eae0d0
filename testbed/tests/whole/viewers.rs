//! Thousands who only look on, beside a crowd that buys; two of them with a real page in a real browser.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use testbed::books;
use testbed::crowd::Arrival;
use testbed::installation::{Installation, Plan, built_page};
use testbed::onlookers::Onlookers;
use testbed::viewers::{Seen, Stock, Viewers, stock};

use crate::{BOUND, alone, crowd, opened, sale};

const VIEWERS: usize = 2_000;
const UNITS: u32 = 1_000;
/// How many shoppers come in a second: so that the stock moves for ten seconds, and viewers can be sent too much.
const ARRIVALS_PER_SECOND: f64 = 100.0;
/// Who comes too late to buy.
const LATE: usize = 100;
/// What viewers are promised at most.
const EVENTS_PER_SECOND: f64 = 2.0;
/// Events that were under way when it was begun to count, and when it was ended.
const EVENTS_UNDER_WAY: f64 = 3.0;
/// Of some twenty while the stock moves: who is shown less saw it jump, not move.
const EVENTS_LEAST: u32 = 4;

/// The free units by both sides of the books, which have to agree, and by the page of every edge, which has to come to it.
async fn truth(at: &Installation, id: &str) -> anyhow::Result<Stock> {
    let books = at.reconcile(id).await?;
    let mut free = Stock::new();
    for item in
        books["shards"].as_array().context("no shards")?.iter().flat_map(|shard| shard["items"].as_array()).flatten()
    {
        let (stream, ledger) = (item["stream"]["free"].as_u64(), item["ledger"]["free"].as_u64());
        ensure!(stream == ledger, "the sides differ: {item}");
        *free.entry(item["sku"].as_str().context("no sku")?.to_owned()).or_default() += ledger.context("no stock")?;
    }
    for edge in &at.access().edges {
        testbed::eventually(BOUND, "the page to show what the books say", async || {
            let page: Value = reqwest::get(format!("{edge}/v1/sales/{id}")).await?.json().await?;
            ensure!(stock(&page)? == free, "{page}");
            Ok(())
        })
        .await?;
    }
    Ok(free)
}

/// Nobody was shown more between two looks than was promised, and nobody hardly anything.
fn paced(before: &[Seen], after: &[Seen]) {
    assert_eq!((before.len(), after.len()), (VIEWERS, VIEWERS));
    for (before, after) in before.iter().zip(after) {
        let shown = u32::try_from(after.events - before.events).unwrap();
        let seconds = (after.watched - before.watched).as_secs_f64();
        assert!(shown >= EVENTS_LEAST, "{shown} in {seconds} s: {after:?}");
        assert!(
            f64::from(shown) <= EVENTS_PER_SECOND * seconds + EVENTS_UNDER_WAY,
            "{shown} in {seconds} s: {after:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_viewers_and_two_pages_of_a_sale_that_sells_out_and_is_restocked_all_see_the_right_end() {
    let (_alone, bed) = alone().await;
    let mut plan = Plan::on(bed).await.unwrap();
    plan.page = Some(built_page().context("the page is not built: run make page").unwrap());
    let at = Installation::start(bed, plan).await.unwrap();
    let mut resource = sale("watched", UNITS);
    let id = opened(&at, &resource).await.unwrap();
    let viewers = Viewers::open(&at.access().edges, &id, VIEWERS).await.unwrap();
    viewers.all_see(&Stock::from([("UNIT".to_owned(), UNITS.into())]), BOUND).await.unwrap();
    let mut pages = Onlookers::open(&at.access().edges, &id).await.unwrap();
    pages.see(UNITS.into()).await.unwrap();

    let sessions = at.sessions("shopper", UNITS as usize + LATE).await.unwrap();
    let mut crowd = crowd(&at, &id);
    crowd.arrival = Arrival::PerSecond(ARRIVALS_PER_SECOND);
    let before = viewers.seen();
    let history = crowd.run(&sessions, |_| {}).await.unwrap();
    books::checked(&at, &id, &history, UNITS as usize).await.unwrap();
    let sold_out = truth(&at, &id).await.unwrap();
    assert_eq!(sold_out["UNIT"], 0);
    viewers.all_see(&sold_out, BOUND).await.unwrap();
    paced(&before, &viewers.seen());
    pages.see(0).await.unwrap();

    let mut items = resource["spec"]["items"].take();
    items[0]["quantity"] = json!(UNITS + 500);
    at.patch("watched", &json!({ "spec": { "items": items } })).await.unwrap();
    viewers.all_see(&Stock::from([("UNIT".to_owned(), 500)]), BOUND).await.unwrap();
    pages.see(500).await.unwrap();
    let history = crowd.run(&at.sessions("late", 300).await.unwrap(), |_| {}).await.unwrap();
    assert_eq!(history.orders().unwrap().len(), 300, "{}", history.report());
    let end = truth(&at, &id).await.unwrap();
    assert_eq!(end["UNIT"], 200);
    viewers.all_see(&end, BOUND).await.unwrap();
    pages.see(200).await.unwrap();
    pages.close().await.unwrap();

    let report = viewers.report(&end);
    println!("{report}");
    assert_eq!((report.viewers, report.right, report.cuts), (VIEWERS, VIEWERS, 0));
    drop(viewers);
    at.stop().await.unwrap();
}
