//! Killed in the middle of telling: everybody is told, and last of the last state.

use std::collections::HashSet;
use std::time::Duration;

use protocol::order::State;
use testbed::eventually;

use crate::receiver::{Mood, Receiver, told_all};
use crate::shop::{Shop, customer, order};
use crate::told::{id, refund};

/// Leases of the dead end after 20 s, so this takes longer than other things.
const BOUND: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_ledger_that_is_killed_again_and_again_tells_of_every_order_and_last_of_its_end() {
    const ORDERS: usize = 240;
    let (shop, receiver) = (Shop::of("killed", 1_600).await, Receiver::start().await);
    // Slow enough to be killed with its hands full.
    receiver.set(Mood::Slow(Duration::from_millis(30)));
    let ledger = receiver.ledger(&shop, 0, &[]);
    ledger.ready().await;
    for round in 0..4 {
        let of = |number: usize| round * ORDERS / 4 + number;
        for number in 0..ORDERS / 4 {
            shop.claim(customer(of(number)), 0, &order("k", 1, State::Confirmed)).await;
        }
        for number in (0..ORDERS / 4).step_by(3) {
            refund(&shop, of(number)).await;
        }
        let heard = receiver.got().len();
        eventually(BOUND, "something to be told", async || {
            anyhow::ensure!(receiver.got().len() > heard, "nothing yet");
            Ok(())
        })
        .await
        .unwrap();
        ledger.service.kill9().await.unwrap();
        ledger.service.restart().unwrap();
    }
    receiver.set(Mood::Well);
    shop.drained().await;
    told_all(&shop).await;
    let heard: Vec<_> = receiver.got();
    let orders: HashSet<String> = heard.iter().map(|got| got.order.clone()).collect();
    assert_eq!(orders, (0..ORDERS).map(|of| id(&shop, of)).collect(), "at least once each, and nobody else's");
    for of in 0..ORDERS {
        let id = id(&shop, of);
        let last = heard.iter().rfind(|got| got.order == id).unwrap();
        let released = (of % (ORDERS / 4)).is_multiple_of(3);
        assert_eq!(last.event == "order.released", released, "order {of} ended as {}", last.event);
        let first_release = heard.iter().position(|got| got.order == id && got.event == "order.released");
        let late = heard.iter().skip(first_release.unwrap_or(heard.len()));
        assert!(late.filter(|got| got.order == id).all(|got| got.event == "order.released"), "order {of} went back");
    }
    receiver.nothing_wrong();
    // One that is killed is not asked to be exact, but neither does it tell everything again and again.
    assert!(heard.len() < ORDERS * 3, "{} messages for {ORDERS} orders", heard.len());
}
