//! Unpaid orders go back on sale, once, and never one that was paid.

use anyhow::ensure;
use protocol::order::{Order, Reason, State};
use protocol::sale::{Definition, Payment};
use runtime::clock::Clock;
use testbed::{eventually, provision};

use crate::shop::{BOUND, Shop, customer, order};

async fn paid(name: &str, units: u32) -> Shop {
    let draft = Definition { payment: Payment::Wallet, hold_seconds: 5, ..provision::draft(name, units) };
    Shop::selling(name, draft).await
}

/// A held order whose deadline is this many seconds from now.
fn held(key: &str, quantity: u32, seconds: i64) -> Order {
    let expires_at = Some(Clock::system().now().as_second() + seconds);
    Order { expires_at, ..order(key, quantity, State::Held) }
}

async fn stored(shop: &Shop, of: usize) -> Order {
    shop.standing(customer(of)).await.order
}

#[tokio::test]
async fn overdue_orders_are_released_and_the_others_stay() {
    let shop = paid("overdue", 100).await;
    let _ledger = shop.ledger(0, &[]);
    let mut watching =
        shop.client.subscribe(shop.installation.order_hint(&shop.definition.sale, &customer(3))).await.unwrap();
    shop.client.flush().await.unwrap();
    shop.claim(customer(1), 0, &held("later", 2, 3_600)).await;
    shop.claim(customer(2), 0, &held("paid", 2, 3_600)).await;
    shop.confirm(customer(2), uuid::Uuid::from_u128(1)).await;
    for late in 3..10 {
        shop.claim(customer(late), 0, &held("late", 1, -1)).await;
    }
    eventually(BOUND, "seven orders to expire", async || {
        let status = shop.status().await?;
        let sums = status.items[0].sums;
        ensure!((sums.held, sums.sold, sums.free) == (2, 2, 96), "{sums:?}");
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!((stored(&shop, 5).await.state, stored(&shop, 5).await.reason), (State::Released, Some(Reason::Expired)));
    assert_eq!(stored(&shop, 1).await.state, State::Held);
    assert_eq!(stored(&shop, 2).await.state, State::Confirmed);
    assert_eq!(shop.number("SELECT count(*) FROM orders WHERE reason = 'expired'").await, 7);
    let hint = tokio::time::timeout(BOUND, futures::StreamExt::next(&mut watching)).await.unwrap();
    assert!(hint.is_some(), "whoever watches the order is told to look");
    shop.drained().await;
}

#[tokio::test]
async fn two_thousand_orders_that_are_due_at_once_come_back_in_groups() {
    let shop = paid("storm", 2_500).await;
    for first in (0..2_000).step_by(200) {
        let orders: Vec<_> = (first..first + 200).map(|n| (customer(n), held("k", 1, 4))).collect();
        shop.claim_all(&orders).await;
    }
    let ledger = shop.ledger(0, &[]);
    let drained = async || {
        let sums = shop.status().await?.items.first().map(|item| item.sums).unwrap_or_default();
        ensure!((sums.held, sums.free) == (0, 2_500), "{sums:?}");
        Ok(())
    };
    eventually(BOUND, "every order to expire", drained).await.unwrap();
    assert_eq!(shop.number("SELECT count(*) FROM orders WHERE state = 'released'").await, 2_000);
    // A release whose answer came too late is found done by the next try, and how late it was is measured by nobody.
    let measured = ledger.gauge("sluice_ledger_release_late_seconds_count").await.unwrap();
    assert!(measured > 0.0 && measured <= 2_000.0, "{measured}");
    shop.drained().await;
}

#[tokio::test]
async fn an_owner_that_is_killed_while_orders_expire_is_followed_by_one_that_goes_on() {
    let shop = paid("killed", 800).await;
    for first in (0..500).step_by(100) {
        let orders: Vec<_> = (first..first + 100).map(|n| (customer(n), held("k", 1, 2))).collect();
        shop.claim_all(&orders).await;
    }
    let (one, _two) = (shop.ledger(0, &[]), shop.ledger(1, &[]));
    eventually(BOUND, "the first orders to expire", async || {
        let sums = shop.status().await?.items.first().map(|item| item.sums).unwrap_or_default();
        ensure!(sums.orders == 500 && sums.held < 500, "{sums:?}");
        Ok(())
    })
    .await
    .unwrap();
    one.service.kill9().await.unwrap();
    eventually(BOUND, "every order to expire", async || {
        let sums = shop.status().await?.items.first().map(|item| item.sums).unwrap_or_default();
        ensure!((sums.held, sums.free) == (0, 800), "{sums:?}");
        Ok(())
    })
    .await
    .unwrap();
    shop.drained().await;
}

#[tokio::test]
async fn in_a_sale_without_payment_nothing_expires() {
    let shop = Shop::of("nopay", 10).await;
    let _ledger = shop.ledger(0, &[]);
    let forgotten = held("k", 1, -10);
    shop.claim(customer(1), 0, &forgotten).await;
    let status = shop.drained().await;
    assert_eq!((status.items[0].sums.held, stored(&shop, 1).await), (1, forgotten));
}
