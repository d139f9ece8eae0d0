//! A webhook that comes late hears of what it missed, and not of what is over.

use protocol::order::State;
use protocol::sale::Definition;
use runtime::clock::Clock;
use testbed::{eventually, provision};

use crate::receiver::{Receiver, told_all};
use crate::shop::{BOUND, Shop, customer, order};
use crate::told::{id, refund};

async fn noted(shop: &Shop, count: i64) {
    eventually(BOUND, "orders to be noted", async || {
        let noted = shop.number("SELECT count(*) FROM outbox").await;
        anyhow::ensure!(noted == count, "{noted}");
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn the_first_webhook_hears_of_every_order_of_sales_that_are_not_over() {
    let (shop, receiver) = (Shop::of("first", 4_000).await, Receiver::start().await);
    let now = Clock::system().now();
    let over = Definition { end: now - std::time::Duration::from_secs(60), ..provision::draft("over", 40) };
    let over = shop.also(over).await;
    shop.claim(customer(2_500), 0, &order("k", 1, State::Held)).await;
    // More than are looked through in one statement.
    for group in (0..2_500).collect::<Vec<_>>().chunks(250) {
        let orders: Vec<_> = group.iter().map(|of| (customer(*of), order("k", 1, State::Confirmed))).collect();
        shop.claim_all(&orders).await;
    }
    over.claim(customer(1), 0, &order("k", 1, State::Confirmed)).await;
    let ledger = shop.ledger(0, &[]);
    shop.drained().await;
    over.drained().await;
    ledger.service.stop().await.unwrap();
    assert_eq!(shop.number("SELECT count(*) FROM outbox").await, 0);

    let ledger = receiver.ledger(&shop, 0, &[]);
    noted(&shop, 2_500).await;
    told_all(&shop).await;
    let told = receiver.last();
    assert_eq!(told.len(), 2_500);
    assert!(!told.contains_key(&id(&over, 1)), "its sale was over before there was a webhook");
    // Whatever happens from now on is told, in sales that are over too.
    refund(&over, 1).await;
    receiver.took(2_501).await;
    assert_eq!(receiver.last()[&id(&over, 1)], "order.released");
    receiver.nothing_wrong();
    assert_eq!(receiver.got().len(), 2_501);
    ledger.service.stop().await.unwrap();
}

#[tokio::test]
async fn what_a_replica_without_a_webhook_stored_is_found_by_the_next_one_that_has_one() {
    let (shop, receiver) = (Shop::of("between", 40).await, Receiver::start().await);
    let first = receiver.ledger(&shop, 0, &[]);
    for of in 0..3 {
        shop.claim(customer(of), 0, &order("k", 1, State::Confirmed)).await;
    }
    receiver.took(3).await;
    told_all(&shop).await;
    first.service.stop().await.unwrap();

    let without = shop.ledger(1, &[]);
    shop.claim(customer(3), 0, &order("k", 1, State::Confirmed)).await;
    refund(&shop, 0).await;
    shop.drained().await;
    // The sale ends meanwhile; that there has been a webhook before is not forgotten.
    let ended = "UPDATE sales SET ends_at = now() - interval '1 day'";
    sqlx::query(ended).execute(&shop.postgres().await).await.unwrap();
    without.service.stop().await.unwrap();
    assert_eq!(receiver.got().len(), 3);

    let third = receiver.ledger(&shop, 2, &[]);
    receiver.took(5).await;
    told_all(&shop).await;
    let told = receiver.last();
    assert_eq!((told[&id(&shop, 0)].as_str(), told[&id(&shop, 3)].as_str()), ("order.released", "order.confirmed"));
    assert_eq!(receiver.got().len(), 5, "nothing else again");
    receiver.nothing_wrong();
    third.service.stop().await.unwrap();
}
