//! What cannot be true stops a shard with a sentence, and no other.

use std::time::Duration;

use anyhow::ensure;
use bytes::Bytes;
use protocol::OrderNumber;
use protocol::key::Key;
use protocol::order::{Order, State};
use protocol::store::{Expect, Store as _};
use protocol::wire::Value as _;
use testbed::eventually;

use crate::shop::{BOUND, Shop, customer, order};

/// A halted shard is tried again once a minute.
const TRIED_AGAIN: Duration = Duration::from_secs(60);

async fn halted(shop: &Shop) -> String {
    eventually(BOUND, "the shard to halt", async || {
        let status = shop.status().await?;
        status.halted.ok_or_else(|| anyhow::anyhow!("it is followed"))
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn what_cannot_be_true_halts_its_shard_with_a_sentence_and_changes_nothing() {
    type Lie = (&'static str, fn(&Order) -> Bytes, &'static str);
    let lies: [Lie; 4] = [
        ("unreadable", |_| Bytes::from_static(b"not json"), "not a valid order"),
        ("newer", |_| Bytes::from_static(br#"{"v":9}"#), "upgrade it first"),
        ("quantity", |honest| Order { quantity: protocol::Units(9), ..honest.clone() }.encode(), "was claimed as"),
        (
            "backwards",
            |honest| Order { state: State::Held, ..honest.clone() }.encode(),
            "a confirmed order became held",
        ),
    ];
    for (name, lie, sentence) in lies {
        let shop = Shop::of(name, 40).await;
        let other = shop.beside("bystander", 40).await;
        let ledger = shop.ledger(0, &[]);
        let honest = order("k", 1, State::Confirmed);
        let at = shop.claim(customer(1), 0, &honest).await;
        let before = shop.drained().await;
        shop.write(Key::Order(customer(1), OrderNumber(0)), Expect::At(at), lie(&honest)).await;

        let why = halted(&shop).await;
        assert!(why.contains(sentence), "{name}: {why}");
        assert!(why.contains(&Key::Order(customer(1), OrderNumber(0)).to_string()), "{name} names the key: {why}");
        assert_eq!(shop.number("SELECT quantity FROM orders").await, 1, "{name}");
        assert_eq!(shop.cursor().await, before.cursor.0, "{name}");
        // The other sale goes on.
        other.claim(customer(2), 0, &order("later", 1, State::Confirmed)).await;
        assert_eq!(other.drained().await.items[0].sums.sold, 1, "{name}");
        assert_eq!(shop.cursor().await, before.cursor.0, "{name} still");
        ledger.service.stop().await.unwrap();
    }
}

#[tokio::test]
async fn an_idempotency_key_that_made_two_orders_halts_the_shard() {
    let shop = Shop::of("twice", 40).await;
    let _ledger = shop.ledger(0, &[]);
    shop.claim(customer(1), 0, &order("k", 1, State::Confirmed)).await;
    shop.drained().await;
    shop.claim(customer(1), 1, &order("k", 1, State::Confirmed)).await;
    let why = halted(&shop).await;
    assert!(why.contains("orders_id_unique"), "{why}");
    assert_eq!(shop.number("SELECT count(*) FROM orders").await, 1);
    assert!(shop.store.position().await.unwrap().0 > shop.cursor().await);
}

#[tokio::test]
async fn a_shard_that_was_mended_is_followed_again_and_not_told_as_halted() {
    let shop = Shop::of("mended", 40).await;
    let ledger = shop.ledger(0, &[]);
    shop.claim(customer(1), 0, &order("k", 1, State::Confirmed)).await;
    shop.drained().await;
    let admin = shop.postgres().await;
    let refuse = "ALTER TABLE orders ADD CONSTRAINT refused CHECK (quantity < 2)";
    sqlx::query(refuse).execute(&admin).await.unwrap();
    shop.claim(customer(2), 0, &order("k", 2, State::Confirmed)).await;
    assert!(halted(&shop).await.contains("refused"));
    eventually(BOUND, "the gauges to say that it halted, and not that it is late as well", async || {
        let (halted, lag) =
            (ledger.gauge("sluice_ledger_halted_shards").await?, ledger.gauge("sluice_ledger_lag_seconds").await?);
        ensure!(halted > 0.0 && lag == 0.0, "{halted} halted, {lag} s late");
        Ok(())
    })
    .await
    .unwrap();

    sqlx::query("ALTER TABLE orders DROP CONSTRAINT refused").execute(&admin).await.unwrap();
    eventually(TRIED_AGAIN + BOUND, "the gauges to say that it goes on", async || {
        let (halted, lag) =
            (ledger.gauge("sluice_ledger_halted_shards").await?, ledger.gauge("sluice_ledger_lag_seconds").await?);
        ensure!(halted == 0.0 && lag == 0.0, "{halted} halted, {lag} s late");
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(shop.drained().await.items[0].sums.sold, 3);
    assert!((ledger.gauge("sluice_ledger_owned_shards").await.unwrap() - 1.0).abs() < f64::EPSILON);
}
