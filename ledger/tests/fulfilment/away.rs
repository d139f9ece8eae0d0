//! Receivers that fail, in every way that receivers fail.

use std::time::Duration;

use protocol::order::State;
use serde_json::Value;
use testbed::eventually;

use crate::receiver::{Mood, Receiver, told_all};
use crate::shop::{BOUND, Ledger, Shop, customer, order};
use crate::told::refund;

async fn sell(shop: &Shop, orders: std::ops::Range<usize>) {
    for of in orders {
        shop.claim(customer(of), 0, &order("k", 1, State::Confirmed)).await;
    }
}

async fn part(ledger: &Ledger) -> anyhow::Result<Value> {
    let report: Value = reqwest::get(format!("{}/readyz", ledger.admin)).await?.json().await?;
    let parts = report["parts"].as_array().cloned().unwrap_or_default();
    let found = parts.into_iter().find(|part| part["name"] == "webhook");
    found.ok_or_else(|| anyhow::anyhow!("no part of that name: {report}"))
}

async fn metric(ledger: &Ledger, name: &str) -> anyhow::Result<f64> {
    let page = reqwest::get(format!("{}/metrics", ledger.admin)).await?.text().await?;
    let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|value| value.parse().ok()).ok_or_else(|| anyhow::anyhow!("no {name} in {page}"))
}

#[tokio::test]
async fn an_answer_that_is_no_yes_is_tried_again_under_the_same_id() {
    for (name, mood) in [("fails", Mood::Says(500)), ("denies", Mood::Says(404)), ("moved", Mood::Moved)] {
        let (shop, receiver) = (Shop::of(name, 10).await, Receiver::start().await);
        receiver.set(mood);
        let _ledger = receiver.ledger(&shop, 0, &[]);
        sell(&shop, 0..1).await;
        let tries = eventually(BOUND, "two tries", async || {
            let got = receiver.got();
            anyhow::ensure!(got.len() >= 2, "{got:?}");
            Ok(got)
        });
        let tries = tries.await.unwrap();
        assert_eq!((&tries[0].body["attempt"], &tries[1].body["attempt"]), (&1.into(), &2.into()));
        receiver.set(Mood::Well);
        let taken = receiver.took(1).await;
        told_all(&shop).await;
        assert!(receiver.got().iter().all(|got| got.id == taken[0].id), "receivers tell repetitions by it");
        assert_eq!(receiver.taken().len(), 1);
        // Had the redirect been followed, it would have been told so.
        receiver.nothing_wrong();
    }
}

#[tokio::test]
async fn a_receiver_that_is_away_for_a_while_gets_one_message_per_order_when_it_is_back() {
    let (shop, mut receiver) = (Shop::of("away", 400).await, Receiver::start().await);
    let ledger = receiver.ledger(&shop, 0, &[]);
    sell(&shop, 0..5).await;
    receiver.took(5).await;
    // Whoever leaves before what it said is written down hears it again.
    told_all(&shop).await;
    receiver.leave();
    sell(&shop, 5..60).await;
    for of in 0..5 {
        refund(&shop, of).await;
    }
    shop.drained().await;
    let told = eventually(BOUND, "whoever is on call to be told", async || {
        let part = part(&ledger).await?;
        anyhow::ensure!(part["ok"] == false, "{part}");
        Ok(part)
    });
    let told = told.await.unwrap();
    assert_eq!(told["required"], false, "nobody is turned away for it");
    assert!(told["detail"].as_str().is_some_and(|why| why.contains("cannot be reached")), "{told}");
    ledger.ready().await;
    eventually(BOUND, "the backlog to be shown", async || {
        let (left, oldest) = (
            metric(&ledger, "sluice_ledger_webhook_backlog").await?,
            metric(&ledger, "sluice_ledger_webhook_oldest_seconds").await?,
        );
        anyhow::ensure!(left > 59.5 && oldest > 1.0, "{left} orders, the oldest for {oldest} s");
        Ok(())
    })
    .await
    .unwrap();
    receiver.come_back().await;
    told_all(&shop).await;
    assert_eq!(receiver.taken().len(), 5 + 60);
    assert_eq!(receiver.last().values().filter(|event| *event == "order.released").count(), 5);
    receiver.nothing_wrong();
    eventually(BOUND, "the end of it to be told", async || {
        let (part, left) = (part(&ledger).await?, metric(&ledger, "sluice_ledger_webhook_backlog").await?);
        anyhow::ensure!(part["ok"] == true && left < 0.5, "{part} {left}");
        Ok(())
    })
    .await
    .unwrap();
    let log = ledger.service.log();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("webhook is not well")).collect();
    assert_eq!(lines.len(), 1, "once per outage: {lines:?}");
    assert!(!log.contains("a-secret-of-the-query"), "{log}");
}

#[tokio::test]
async fn a_receiver_that_takes_too_long_is_asked_again_and_holds_up_nobody_for_ever() {
    let (shop, receiver) = (Shop::of("slow", 40).await, Receiver::start().await);
    receiver.set(Mood::Slow(Duration::from_secs(60)));
    let ledger = receiver.ledger(&shop, 0, &["--webhook-concurrency=2"]);
    sell(&shop, 0..4).await;
    eventually(BOUND, "tries that are given up", async || {
        let late = metric(&ledger, "sluice_ledger_webhook_deliveries_total{outcome=\"late\"}").await?;
        anyhow::ensure!(late > 1.5, "{late}");
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(receiver.most_at_once(), 2, "no more at once than was allowed");
    receiver.set(Mood::Well);
    told_all(&shop).await;
    assert_eq!(receiver.last().len(), 4);
    receiver.nothing_wrong();
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let (shop, receiver) = (Shop::of("chatty", 400).await, Receiver::start().await);
    receiver.set(Mood::Chatty);
    let _ledger = receiver.ledger(&shop, 0, &[]);
    sell(&shop, 0..20).await;
    receiver.took(20).await;
    told_all(&shop).await;
    assert_eq!(receiver.got().len(), 20, "what it says beside its status changes nothing");
    receiver.nothing_wrong();
}

#[tokio::test]
async fn an_order_that_is_gone_for_the_receiver_is_never_told_again() {
    let (shop, receiver) = (Shop::of("gone", 40).await, Receiver::start().await);
    receiver.set(Mood::Says(410));
    let _ledger = receiver.ledger(&shop, 0, &[]);
    sell(&shop, 0..1).await;
    shop.drained().await;
    eventually(BOUND, "the no to be noted", async || {
        let gone = shop.number("SELECT count(*) FROM outbox WHERE gone").await;
        anyhow::ensure!(gone == 1, "{gone}");
        Ok(())
    })
    .await
    .unwrap();
    receiver.set(Mood::Well);
    refund(&shop, 0).await;
    sell(&shop, 1..2).await;
    shop.drained().await;
    told_all(&shop).await;
    assert_eq!(receiver.got().len(), 2, "the first no, and another order");
    assert_eq!(receiver.taken().len(), 1);
}
