//! A sale with payment: 5,000 people with wallets who pay, wander off, change their minds and get refunded, while the ledger
//! that owns the shard is killed again and again.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use sqlx::Row as _;
use sqlx::postgres::{PgPool, PgPoolOptions};
use testbed::books;
use testbed::installation::Installation;
use testbed::{eventually, people};
use tokio::sync::{Semaphore, watch};

use crate::shoppers::{End, Story, Street, ends};
use crate::{BOUND, alone, installed, opened, sale};

const PEOPLE: usize = 5_000;
const UNITS: i64 = 500;
const PRICE: i64 = 12_900;
const BALANCE: i64 = 50_000;
const HOLD_SECONDS: u32 = 5;

fn paid_sale(name: &str) -> Value {
    let mut resource = sale(name, 500);
    resource["spec"]["items"][0]["price"] = json!({ "amountMinor": PRICE, "currency": "EUR" });
    resource["spec"]["items"][0]["limits"] = json!({ "perOrder": 2, "perCustomer": 2 });
    resource["spec"]["payment"] = json!({ "mode": "Wallet" });
    resource["spec"]["reservation"] = json!({ "holdSeconds": HOLD_SECONDS });
    resource
}

/// Kills the ledger that owns the shard, once so many people are done; then starts it again.
async fn kill_owner(at: &Installation, done: &mut watch::Receiver<usize>, after: usize) -> anyhow::Result<usize> {
    done.wait_for(|done| *done >= after).await?;
    let owner = eventually(Duration::from_secs(30), "somebody to own the shard", async || {
        for (index, ledger) in at.ledgers.iter().enumerate() {
            if ledger.metric("sluice_ledger_owned_shards").await? > 0.0 {
                return Ok(index);
            }
        }
        anyhow::bail!("nobody does")
    })
    .await?;
    let ledger = &at.ledgers[owner];
    ledger.service.kill9().await?;
    ledger.service.restart()?;
    ledger.ready().await?;
    Ok(owner)
}

async fn number(postgres: &PgPool, sql: &'static str) -> anyhow::Result<i64> {
    Ok(sqlx::query_scalar(sql).fetch_one(postgres).await?)
}

/// Everything that must hold of money and units, and of what everybody was told.
async fn checked(postgres: &PgPool, stories: &[Story]) -> anyhow::Result<()> {
    let zero = [
        ("all money together", "SELECT coalesce(sum(balance), 0)::bigint FROM purses"),
        (
            "money under way",
            "SELECT coalesce(sum(balance), 0)::bigint FROM purses WHERE kind IN ('pending', 'refunds')",
        ),
        ("payments under way", "SELECT count(*) FROM payments WHERE state = 'pending'"),
        (
            "orders paid twice",
            "SELECT count(*) FROM (SELECT FROM payments WHERE state = 'settled' GROUP BY order_id HAVING count(*) > 1) t",
        ),
        (
            "confirmed orders without their payment",
            "SELECT count(*) FROM orders o LEFT JOIN payments p ON p.id = o.payment AND p.state = 'settled'
                 AND p.order_id = o.id AND p.amount_minor = o.quantity * 12900
             WHERE o.state = 'confirmed' AND p.id IS NULL",
        ),
        (
            "released orders whose money was kept",
            "SELECT count(*) FROM orders o JOIN payments p ON p.order_id = o.id
             WHERE o.state = 'released' AND p.state IN ('pending', 'settled')",
        ),
        ("orders still held", "SELECT count(*) FROM orders WHERE state = 'held'"),
        (
            "purses that are not the sum of their transfers",
            "SELECT count(*) FROM purses LEFT JOIN (
                 SELECT id, sum(amount)::bigint AS total FROM (
                     SELECT debit AS id, amount_minor AS amount FROM transfers
                     UNION ALL SELECT credit, -amount_minor FROM transfers) AS legs GROUP BY id
             ) AS sums USING (id) WHERE balance <> coalesce(total, 0)",
        ),
    ];
    for (what, sql) in zero {
        let found = number(postgres, sql).await?;
        ensure!(found == 0, "{what}: {found}");
    }
    let sold =
        number(postgres, "SELECT coalesce(sum(quantity), 0)::bigint FROM orders WHERE state = 'confirmed'").await?;
    let revenue =
        number(postgres, "SELECT coalesce(sum(balance), 0)::bigint FROM purses WHERE kind = 'revenue'").await?;
    let wallets = number(postgres, "SELECT sum(balance)::bigint FROM purses WHERE kind = 'wallet'").await?;
    ensure!(revenue == sold * PRICE, "{sold} units were sold for {revenue}");
    ensure!(wallets == i64::try_from(PEOPLE)? * BALANCE - revenue, "wallets hold {wallets}");
    let free = number(postgres, "SELECT sum(free)::bigint FROM buckets").await?;
    ensure!(free + sold == UNITS, "{free} units are free, {sold} sold");

    let rows =
        sqlx::query("SELECT id::text, state, coalesce(reason, '') AS reason FROM orders").fetch_all(postgres).await?;
    let rows: HashMap<String, (String, String)> =
        rows.iter().map(|row| (row.get("id"), (row.get("state"), row.get("reason")))).collect();
    for story in stories {
        let Some(id) = &story.order else { continue };
        let (state, reason) = rows.get(id).with_context(|| format!("{id} was promised and is not there"))?;
        let right = match story.end {
            End::Paid => state == "confirmed",
            End::Cancelled => reason == "cancelled" || reason == "expired",
            End::Abandoned | End::TooLate => reason == "expired",
            End::Refunded => reason == "refunded",
            End::Without => false,
        };
        ensure!(right, "somebody was told {:?} of {id}, which is {state} {reason}", story.end);
    }
    let told: u64 = stories.iter().filter(|story| story.end == End::Paid).map(|story| story.units).sum();
    ensure!(i64::try_from(told)? == sold, "people were told that they paid for {told} units, {sold} are sold");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn five_thousand_wallets_and_every_cent_though_the_owner_of_the_books_is_killed_three_times() {
    let (_alone, bed) = alone().await;
    let at = installed(bed).await;
    let id = opened(&at, &paid_sale("paid")).await.unwrap();
    let postgres = PgPoolOptions::new().max_connections(2).connect(&at.postgres).await.unwrap();
    let loaded = at.load_people(bed.folder(), PEOPLE, BALANCE).await.unwrap();
    println!("{}", loaded.trim());
    let sessions = at.sessions(&people::email("{}"), PEOPLE).await.unwrap();

    let seed = rand::random();
    println!("seed {seed}");
    let (done, mut seen) = watch::channel(0);
    let street = Street {
        edges: at.access().edges.clone(),
        sale: id.clone(),
        merchant: at.merchant().await.unwrap(),
        client: reqwest::Client::new(),
        seats: Semaphore::new(128),
        done,
        seed,
    };
    let kills = async {
        let mut owners = Vec::new();
        for after in [100, 600, 1_500] {
            owners.push(kill_owner(&at, &mut seen, after).await?);
        }
        anyhow::Ok(owners)
    };
    let (stories, owners) = tokio::try_join!(street.visited(&sessions), kills).unwrap();
    println!("{:?}; killed ledgers {owners:?}", ends(&stories));
    let ended = ends(&stories);
    for end in [End::Paid, End::Abandoned, End::Cancelled, End::Refunded] {
        assert!(ended.contains_key(&end), "nobody ended {end:?}: {ended:?}");
    }

    eventually(BOUND, "nothing to be held or under way", async || {
        // Until both sides are equal, a hold may be on its way to Postgres that nobody counts yet.
        books::reconciled(&at, &id).await?;
        let held = number(&postgres, "SELECT count(*) FROM orders WHERE state = 'held'").await?;
        let pending = number(&postgres, "SELECT count(*) FROM payments WHERE state = 'pending'").await?;
        ensure!((held, pending) == (0, 0), "{held} held, {pending} pending");
        Ok(())
    })
    .await
    .unwrap();
    books::reconciled(&at, &id).await.unwrap();
    checked(&postgres, &stories).await.unwrap();
    books::shown_to_merchants(&at, &id).await.unwrap();
    at.patch("paid", &json!({ "spec": { "desiredState": "Closed" } })).await.unwrap();
    at.wait_for("paid", "Completed", 60).await.unwrap();
    at.stop().await.unwrap();
}
