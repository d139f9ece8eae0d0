//! `/`, `/v1/sales` and `/v1/sales/{sale}`

use anyhow::ensure;
use testbed::eventually;

use crate::document::success;
use crate::provision::{draft, item};
use crate::shop::{Edge, SOON, answered};

#[tokio::test]
async fn a_sale_shows_its_items_their_prices_and_what_is_left() {
    let mut two = draft("show", 5);
    two.items.push(item("boot", 0));
    let sale = Edge::shared().await.sell(two).await;
    let body = success("get", sale.http.get(&sale.url).send().await.unwrap()).await;
    assert_eq!(body["id"], sale.definition.sale.as_str());
    assert_eq!(body["state"], "open");
    assert!(body["serverTime"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
    let [shoe, boot] = body["items"].as_array().unwrap().as_slice() else { panic!("{body}") };
    assert_eq!((&shoe["free"], &shoe["availability"]), (&5.into(), &"available".into()));
    assert_eq!((&boot["free"], &boot["availability"]), (&0.into(), &"none-free".into()));
    assert_eq!(shoe["price"], serde_json::json!({ "amountMinor": 12_900, "currency": "EUR" }));
}

#[tokio::test]
async fn an_etag_holds_while_nothing_changes_and_changes_with_the_stock() {
    let sale = Edge::shared().await.sell(draft("etag", 5)).await;
    let first = sale.http.get(&sale.url).send().await.unwrap();
    assert_eq!(first.headers()["cache-control"], "public, max-age=1");
    let etag = first.headers()["etag"].clone();
    let again = || sale.http.get(&sale.url).header("if-none-match", etag.clone()).send();
    let unchanged = again().await.unwrap();
    assert_eq!((unchanged.status().as_u16(), &unchanged.headers()["etag"]), (304, &etag));
    assert_eq!(unchanged.bytes().await.unwrap().len(), 0);

    assert_eq!(answered(sale.claim(&sale.session("ann"), "k", 1)).await.status(), 201);
    eventually(SOON, "another etag", async || {
        let changed = again().await?;
        ensure!(changed.status() == 200, "{}", changed.status());
        ensure!(changed.headers()["etag"] != etag);
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn open_sales_are_listed_before_upcoming_ones_and_those_before_ended_ones() {
    let edge = Edge::start().await.unwrap();
    let mut ended = draft("ended", 1);
    ended.end = ended.start + std::time::Duration::from_secs(60);
    let mut upcoming = draft("upcoming", 1);
    upcoming.start = upcoming.end - std::time::Duration::from_secs(60);
    let mut url = String::new();
    for each in [ended, upcoming, draft("open", 1)] {
        url = edge.sell(each).await.url;
    }
    let (all, _) = url.rsplit_once('/').unwrap();
    let body = success("get", reqwest::get(all).await.unwrap()).await;
    let states: Vec<&str> = body["sales"].as_array().unwrap().iter().map(|s| s["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["open", "upcoming", "ended"]);
    assert!(edge.service.stop().await.unwrap().success());
}

#[tokio::test]
async fn a_deleted_sale_is_gone_and_a_definition_that_cannot_be_used_changes_nothing() {
    let edge = Edge::shared().await;
    let mut sale = edge.sell(draft("delete", 1)).await;
    let bucket = edge.installation.sales_bucket();
    let subject = format!("$KV.{bucket}.{}", sale.definition.sale);
    sale.nats.publish(subject.clone(), "{\"v\":1,\"sale\":7}".into()).await.unwrap();
    sale.nats.flush().await.unwrap();
    // The table is read in order: once the marker is there, so was the bad one.
    let marker = edge.sell(draft("marker", 1)).await;
    assert_eq!(sale.http.get(&sale.url).send().await.unwrap().status(), 200);
    assert_eq!(answered(sale.claim(&sale.session("ann"), "k", 1)).await.status(), 201);
    drop(marker);

    sale.redefine(|_| {}).await;
    sale.delete().await;
    eventually(SOON, "the deletion", async || {
        let status = sale.http.get(&sale.url).send().await?.status();
        ensure!(status == 404, "{status}");
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn every_answer_tells_browsers_what_they_may_do_with_it() {
    let edge = Edge::shared().await;
    let answer = reqwest::get(format!("http://{}/", edge.address)).await.unwrap();
    assert_eq!(answer.status(), 200);
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert_eq!(header("content-security-policy"), "default-src 'none'; frame-ancestors 'none'");
    assert!(header("strict-transport-security").starts_with("max-age="));
    assert_eq!(header("cache-control"), "no-store");
    assert_eq!(header("x-request-id").len(), 16);
}
