//! A crowd for the running demo, and the books afterwards.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;
use testbed::crowd::{Arrival, Crowd};
use testbed::viewers::{self, Viewers};

use super::state::State;

/// How many sessions are made by one command: its output has to fit into memory twice.
const SESSIONS_AT_ONCE: usize = 100_000;

/// How long the last event may take to reach every viewer; far beyond any delay that is not a fault.
const SEEN_WITHIN: Duration = Duration::from_secs(30);

/// What is counted on each side.
const COLUMNS: [&str; 5] = ["supply", "free", "held", "sold", "orders"];

pub(crate) async fn run(wish: super::Crowd) -> anyhow::Result<()> {
    let state = State::read()?;
    let access = state.installation();
    let resource = access.sale(&wish.sale).await?;
    let id = resource.pointer("/status/saleID").and_then(Value::as_str);
    let id = id.with_context(|| format!("{} is not provisioned yet", wish.sale))?.to_owned();
    let first = resource.pointer("/spec/items/0/sku").and_then(Value::as_str);
    let sku = wish.sku.clone().or_else(|| first.map(ToOwned::to_owned)).context("the sale has no items")?;
    let count = usize::try_from(wish.shoppers)?;
    println!("making {count} sessions");
    let prefix = format!("shopper-{}", uuid::Uuid::new_v4().simple());
    let mut sessions = Vec::with_capacity(count);
    for chunk in 0..count.div_ceil(SESSIONS_AT_ONCE) {
        let some = SESSIONS_AT_ONCE.min(count - chunk * SESSIONS_AT_ONCE);
        sessions.extend(access.sessions(&format!("{prefix}-{chunk}"), some).await?);
    }
    ensure!(sessions.len() == count, "the edge made {} sessions instead of {count}", sessions.len());
    let crowd = Crowd {
        edges: access.edges.clone(),
        sale: id.clone(),
        sku,
        quantity: wish.quantity,
        sends: usize::from(wish.sends),
        connections: usize::try_from(wish.connections)?,
        arrival: wish.rate.map_or(Arrival::Burst, Arrival::PerSecond),
        patience: Duration::from_secs(wish.patience),
    };
    let viewers = match usize::try_from(wish.viewers)? {
        0 => None,
        count => {
            println!("opening {count} event streams");
            Some(Viewers::open(&access.edges, &id, count).await?)
        }
    };
    at_the_door(&resource).await?;
    let bar = ProgressBar::new(u64::from(wish.shoppers) * u64::from(wish.sends));
    bar.set_style(ProgressStyle::with_template("{bar:40} {pos}/{len} answered, {elapsed} ")?);
    let history = crowd.run(&sessions, |done| bar.set_position(done as u64)).await?;
    bar.finish_and_clear();
    println!("{}\n", history.report());
    let orders = history.orders()?;
    println!("{} shoppers were told that they have an order; comparing the books", orders.len());
    let books = access.reconcile(&id).await?;
    println!("{}", books_table(&books));
    if let Some(viewers) = viewers {
        let truth = free(&books);
        // What they saw is shown whether or not it was right.
        let waited = viewers.all_see(&truth, SEEN_WITHIN).await;
        println!("\n{}", viewers.report(&truth));
        waited?;
    }
    Ok(())
}

/// The free units of every item, as the ledger knows them.
fn free(books: &Value) -> viewers::Stock {
    let mut free = viewers::Stock::new();
    for item in items(books) {
        let of_shard = item.pointer("/ledger/free").and_then(Value::as_u64).unwrap_or_default();
        *free.entry(item["sku"].as_str().unwrap_or_default().to_owned()).or_default() += of_shard;
    }
    free
}

/// Every item of every shard.
fn items(books: &Value) -> impl Iterator<Item = &Value> {
    books["shards"].as_array().into_iter().flatten().flat_map(|shard| shard["items"].as_array()).flatten()
}

/// Waits for a sale that opens in a moment.
async fn at_the_door(resource: &Value) -> anyhow::Result<()> {
    let start =
        resource.pointer("/spec/schedule/startTime").and_then(Value::as_str).context("the sale has no start")?;
    let start: jiff::Timestamp = start.parse()?;
    let Ok(wait) = Duration::try_from(start.duration_since(super::up::now())) else { return Ok(()) };
    println!("the sale opens at {start}: the crowd waits for {} s", wait.as_secs() + 1);
    tokio::time::sleep(wait).await;
    Ok(())
}

/// Both sides of every item, as the ledger's own command compared them at one position of the log.
fn books_table(books: &Value) -> String {
    let mut out = format!("{:<34}", "units");
    for column in COLUMNS {
        let _ = write!(out, "{column:>10}");
    }
    for item in items(books) {
        for (side, label) in [("stream", "in NATS"), ("ledger", "in Postgres")] {
            let _ = write!(out, "\n  {:<20}{label:<12}", item["sku"].as_str().unwrap_or_default());
            for column in COLUMNS {
                let _ = write!(out, "{:>10}", item[side].get(column).and_then(Value::as_i64).unwrap_or_default());
            }
        }
    }
    let verdict = if books["balanced"] == true { "balanced: equal on both sides" } else { "NOT balanced" };
    format!("{out}\n{verdict}, supply = free + held + sold")
}
