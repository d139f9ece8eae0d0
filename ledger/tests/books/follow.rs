//! Everything that a stream holds, in rows that balance.

use protocol::order::State;

use crate::shop::{Shop, customer, order, shoe};

#[tokio::test]
async fn claims_and_releases_are_exactly_their_rows_and_the_books_balance() {
    let shop = Shop::of("rows", 100).await;
    let ledger = shop.ledger(0, &[]);
    let (sold, held) = (order("sold", 2, State::Confirmed), order("held", 1, State::Held));
    shop.claim(customer(1), 0, &sold).await;
    shop.claim(customer(1), 1, &held).await;
    let given_back = order("back", 2, State::Confirmed);
    let at = shop.claim(customer(2), 0, &given_back).await;
    shop.release(customer(2), 0, &given_back, at).await;

    let status = shop.drained().await;
    let [item] = status.items.as_slice() else { panic!("{status:?}") };
    assert_eq!(item.sku, shoe());
    let sums = item.sums;
    assert_eq!((sums.supply, sums.free, sums.held, sums.sold, sums.orders), (100, 97, 1, 2, 3));
    assert!(status.halted.is_none());

    let rows: Vec<(String, i16, i64, String, Option<String>)> =
        sqlx::query_as("SELECT idempotency_key, n, quantity, state, reason FROM orders ORDER BY idempotency_key")
            .fetch_all(&shop.postgres().await)
            .await
            .unwrap();
    let row = |key: &str, n, quantity, state: &str, reason: Option<&str>| {
        (key.to_owned(), n, quantity, state.to_owned(), reason.map(ToOwned::to_owned))
    };
    assert_eq!(
        rows,
        [
            row("back", 0, 2, "released", Some("cancelled")),
            row("held", 1, 1, "held", None),
            row("sold", 0, 2, "confirmed", None),
        ]
    );
    assert_eq!(shop.number("SELECT sum(free)::bigint FROM buckets").await, 97);
    assert_eq!(shop.number("SELECT sum(delta)::bigint FROM supplies").await, 100);
    assert_eq!(shop.number("SELECT sum(units)::bigint FROM balances").await, 0, "what one account gives another gets");
    let of = "SELECT coalesce(sum(units), 0)::bigint FROM balances JOIN accounts ON id = account_id WHERE kind = 'in-flight'";
    assert_eq!(shop.number(of).await, 0);
    let apart = "SELECT count(*) FROM balances WHERE units <> (
                     SELECT coalesce(sum(CASE WHEN debit = account_id THEN entries.units ELSE -entries.units END), 0)
                     FROM entries WHERE account_id IN (debit, credit))";
    assert_eq!(shop.number(apart).await, 0, "every balance is the sum of its entries");
    assert_eq!(shop.number("SELECT seq FROM cursors").await, i64::try_from(status.cursor.0).unwrap());
    ledger.service.stop().await.unwrap();
}

#[tokio::test]
async fn a_ledger_that_comes_late_finds_everything_that_still_matters() {
    let shop = Shop::of("late", 100).await;
    for number in 0..20 {
        shop.claim(customer(number), 0, &order("k", 1, State::Confirmed)).await;
    }
    // Buckets keep their newest value only, so most of what happened is never seen by this ledger.
    let _ledger = shop.ledger(0, &[]);
    let status = shop.drained().await;
    assert_eq!((status.items[0].sums.sold, status.items[0].sums.free), (20, 80));
    assert_eq!(shop.number("SELECT count(*) FROM orders").await, 20);
}

#[tokio::test]
async fn two_sales_of_one_installation_are_shared_by_two_replicas() {
    let shop = Shop::of("shared", 10).await;
    let other = shop.beside("second", 10).await;
    let (one, two) = (shop.ledger(0, &[]), shop.ledger(1, &[]));
    one.ready().await;
    two.ready().await;
    let owned = async |ledger: &crate::shop::Ledger| {
        let page = reqwest::get(format!("{}/metrics", ledger.admin)).await?.text().await?;
        let line = page.lines().find_map(|line| line.strip_prefix("sluice_ledger_owned_shards "));
        anyhow::Ok(line.unwrap_or("0").parse::<u32>()?)
    };
    testbed::eventually(crate::shop::BOUND, "each to follow one shard", async || {
        let (first, second) = (owned(&one).await?, owned(&two).await?);
        anyhow::ensure!((first, second) == (1, 1), "{first} and {second}");
        Ok(())
    })
    .await
    .unwrap();
    shop.claim(customer(1), 0, &order("k", 1, State::Confirmed)).await;
    other.claim(customer(2), 0, &order("k", 2, State::Confirmed)).await;
    assert_eq!(shop.drained().await.items[0].sums.sold, 1);
    assert_eq!(other.drained().await.items[0].sums.sold, 2);
}
