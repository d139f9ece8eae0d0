//! Killed in the middle: nothing is missing, nothing is there twice.

use protocol::order::State;
use testbed::eventually;

use crate::shop::{BOUND, Shop, customer, order};

/// Orders beside which something is killed.
const ORDERS: usize = 300;

async fn exact(shop: &Shop) {
    let status = shop.drained().await;
    assert_eq!(status.items[0].sums.sold, i64::try_from(ORDERS).unwrap());
    assert_eq!(shop.number("SELECT count(*) FROM orders").await, i64::try_from(ORDERS).unwrap());
    assert_eq!(shop.number("SELECT count(DISTINCT customer) FROM orders").await, i64::try_from(ORDERS).unwrap());
    assert_eq!(shop.number("SELECT sum(units)::bigint FROM balances").await, 0);
    let sold = "SELECT sum(units)::bigint FROM entries JOIN accounts ON accounts.id = debit WHERE kind = 'sold'";
    assert_eq!(shop.number(sold).await, i64::try_from(ORDERS).unwrap());
}

async fn sell(shop: &Shop, from: usize, to: usize) {
    for number in from..to {
        shop.claim(customer(number), 0, &order("k", 1, State::Confirmed)).await;
    }
}

#[tokio::test]
async fn another_replica_goes_on_where_a_killed_one_was() {
    let shop = Shop::of("takeover", 4 * 400).await;
    let replicas = [shop.ledger(0, &[]), shop.ledger(1, &[])];
    sell(&shop, 0, 100).await;
    let owner = eventually(BOUND, "somebody to follow", async || {
        for (number, replica) in replicas.iter().enumerate() {
            let page = reqwest::get(format!("{}/metrics", replica.admin)).await?.text().await?;
            if page.lines().any(|line| line == "sluice_ledger_owned_shards 1") {
                return Ok(number);
            }
        }
        anyhow::bail!("nobody follows yet")
    })
    .await
    .unwrap();
    let writing = sell(&shop, 100, 300);
    let killing = async { replicas[owner].service.kill9().await.unwrap() };
    tokio::join!(writing, killing);
    exact(&shop).await;
    let page = reqwest::get(format!("{}/metrics", replicas[1 - owner].admin)).await.unwrap().text().await.unwrap();
    assert!(page.lines().any(|line| line == "sluice_ledger_owned_shards 1"), "the other one follows now: {page}");
}

#[tokio::test]
async fn a_postgres_that_is_killed_and_comes_back_gets_everything_once() {
    // A server of its own: other tests need theirs.
    let bed = testbed::Bed::builder().start().await.unwrap();
    let mut shop = Shop::of("pgkill", 4 * 400).await;
    shop.database = bed.postgres().await.unwrap().create_database("ledger").await.unwrap();
    let ledger = shop.ledger(0, &[]);
    sell(&shop, 0, 100).await;
    shop.drained().await;
    let postgres = bed.postgres().await.unwrap();
    let writing = sell(&shop, 100, 300);
    let killing = async {
        postgres.kill9().await.unwrap();
        postgres.restart().await.unwrap();
    };
    tokio::join!(writing, killing);
    exact(&shop).await;
    ledger.service.stop().await.unwrap();
}

#[tokio::test]
async fn a_ledger_that_is_killed_again_and_again_posts_nothing_twice() {
    let shop = Shop::of("again", 4 * 400).await;
    let ledger = shop.ledger(0, &[]);
    for round in 0..6 {
        sell(&shop, round * 50, round * 50 + 50).await;
        ledger.service.kill9().await.unwrap();
        ledger.service.restart().unwrap();
    }
    exact(&shop).await;
}

#[tokio::test]
async fn a_password_that_is_replaced_is_taken_up_without_a_restart() {
    let shop = Shop::of("rotate", 100).await;
    let admin = shop.postgres().await;
    let role = format!("rotor_{}", std::process::id());
    let run = async |sql: String| {
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&admin).await.unwrap();
    };
    run(format!("CREATE ROLE {role} LOGIN SUPERUSER PASSWORD 'the first one'")).await;
    let file = shop.bed.folder().join(format!("{role}.password"));
    std::fs::write(&file, "the first one").unwrap();
    let (scheme, rest) = shop.database.split_once("://").unwrap();
    let (_, place) = rest.split_once('@').unwrap();
    let by_role = Shop { database: format!("{scheme}://{role}@{place}"), ..shop.clone() };
    let password = format!("--postgres-password-file={}", file.display());
    let _ledger = by_role.ledger(0, &[&password]);
    shop.claim(customer(1), 0, &order("k", 1, State::Confirmed)).await;
    // The schema is made by the ledger, so nothing can be asked of it before.
    eventually(BOUND, "the ledger to begin", async || Ok(shop.status().await.map(drop)?)).await.unwrap();
    shop.drained().await;

    std::fs::write(&file, "the second one").unwrap();
    run(format!("ALTER ROLE {role} PASSWORD 'the second one'")).await;
    run(format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}'")).await;
    shop.claim(customer(2), 0, &order("k", 1, State::Confirmed)).await;
    assert_eq!(shop.drained().await.items[0].sums.sold, 2);
    let by_it = format!("SELECT count(*) FROM pg_stat_activity WHERE usename = '{role}'");
    let count: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(by_it)).fetch_one(&admin).await.unwrap();
    assert!(count > 0, "the ledger is connected as somebody else");
}
