//! Killed in the middle: nothing is missing, nothing is there twice.

use anyhow::{Context as _, ensure};
use protocol::order::State;
use testbed::{Proxy, eventually};

use crate::shop::{BOUND, Ledger, Shop, customer, order};

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
    eventually(BOUND, "the other one to say that it follows now", async || {
        let owned = replicas[1 - owner].gauge("sluice_ledger_owned_shards").await?;
        ensure!((owned - 1.0).abs() < f64::EPSILON, "{owned}");
        Ok(())
    })
    .await
    .unwrap();
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

/// Waits until the seconds that the rows are told to be late are like this.
async fn lag(ledger: &Ledger, what: &str, so: impl Fn(f64) -> bool) {
    eventually(BOUND, what, async || {
        let lag = ledger.gauge("sluice_ledger_lag_seconds").await?;
        ensure!(so(lag), "{lag}");
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_transaction_that_hangs_is_told_as_lag_until_it_is_committed() {
    let shop = Shop::of("hangs", 100).await;
    let ledger = shop.ledger(0, &[]);
    shop.claim(customer(1), 0, &order("k", 1, State::Confirmed)).await;
    shop.drained().await;
    let admin = shop.postgres().await;
    let mut locked = admin.begin().await.unwrap();
    sqlx::query("LOCK TABLE orders IN EXCLUSIVE MODE").execute(&mut *locked).await.unwrap();
    shop.claim(customer(2), 0, &order("k", 1, State::Confirmed)).await;
    lag(&ledger, "the rows to be told as late", |lag| lag > 2.0).await;
    locked.rollback().await.unwrap();
    lag(&ledger, "the rows to be told as complete", |lag| lag == 0.0).await;
    assert_eq!(shop.drained().await.items[0].sums.sold, 2);
}

#[tokio::test]
async fn a_postgres_that_takes_no_rows_is_told_as_lag_however_often_it_is_tried() {
    let shop = Shop::of("readonly", 100).await;
    let ledger = shop.ledger(0, &[]);
    shop.claim(customer(1), 0, &order("k", 1, State::Confirmed)).await;
    shop.drained().await;
    let admin = shop.postgres().await;
    let writable = async |writable: bool| {
        let alter = format!(
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = {}', current_database()); END $$",
            if writable { "off" } else { "on" }
        );
        sqlx::query(sqlx::AssertSqlSafe(alter)).execute(&admin).await.unwrap();
        // It holds for sessions that begin; the one of the locks goes on.
        let sessions = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                        WHERE datname = current_database() AND application_name = 'sluice-ledger'";
        sqlx::query(sessions).execute(&admin).await.unwrap();
    };
    writable(false).await;
    shop.claim(customer(2), 0, &order("k", 1, State::Confirmed)).await;
    lag(&ledger, "the rows to be told as late", |lag| lag > 5.0).await;
    writable(true).await;
    assert_eq!(shop.drained().await.items[0].sums.sold, 2);
    lag(&ledger, "the rows to be told as complete", |lag| lag == 0.0).await;
}

#[tokio::test]
async fn what_the_newest_audit_found_stays_told_when_another_ledger_follows() {
    let shop = Shop::of("breach", 100).await;
    let first = shop.ledger(0, &[]);
    shop.claim(customer(1), 0, &order("k", 1, State::Confirmed)).await;
    let before = shop.drained().await;
    first.service.stop().await.unwrap();
    let admin = shop.postgres().await;
    let found = "INSERT INTO audits (cursor_id, at, position, breaches)
                 SELECT id, now(), seq, ARRAY['a unit too few'] FROM cursors";
    sqlx::query(found).execute(&admin).await.unwrap();
    // Nobody tries it, so it is under way for as long as this test.
    let under_way = "INSERT INTO payments (id, sale, order_id, customer, n, mode, amount_minor, currency, state, tried_at)
                     SELECT id, sale, id, customer, n, 'wallet', 0, 'EUR', 'pending', now() + interval '1 day' FROM orders";
    sqlx::query(under_way).execute(&admin).await.unwrap();
    // An audit waits for this table, and nothing before it does.
    let mut locked = admin.begin().await.unwrap();
    sqlx::query("LOCK TABLE supplies IN ACCESS EXCLUSIVE MODE").execute(&mut *locked).await.unwrap();
    let next = shop.ledger(1, &[]);
    eventually(BOUND, "the breach to be told", async || {
        let breaches = next.gauge("sluice_ledger_breaches").await?;
        ensure!((breaches - 1.0).abs() < f64::EPSILON, "{breaches} breaches");
        let status = shop.status().await?;
        let audit = status.audit.as_ref().context("no audit")?;
        ensure!(audit.position == before.cursor && audit.breaches == ["a unit too few"], "{audit:?}");
        ensure!(status.at > before.at && status.payments_open == 1, "a payment is under way: {status:?}");
        Ok(())
    })
    .await
    .unwrap();
    locked.rollback().await.unwrap();
    shop.drained().await;
    eventually(BOUND, "the next audit to be told", async || {
        let breaches = next.gauge("sluice_ledger_breaches").await?;
        ensure!(breaches == 0.0, "{breaches} breaches");
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_table_of_sales_that_could_not_be_read_for_a_moment_leaves_its_ledger_ready() {
    let mut shop = Shop::of("silent", 10).await;
    let proxy = Proxy::nats(&shop.bed.nats().await.unwrap().address()).await.unwrap();
    shop.nats = proxy.url("nats");
    let ledger = shop.ledger(0, &[]);
    ledger.ready().await;
    // Heartbeats come this way too.
    proxy.silence("_INBOX.");
    eventually(BOUND, "the table to be missed", async || {
        ensure!(ledger.service.log().contains("the table of sales cannot be read"), "it is not");
        Ok(())
    })
    .await
    .unwrap();
    proxy.heal();
    ledger.ready().await;
}
