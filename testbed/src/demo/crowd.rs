//! A crowd for the running demo, and the books afterwards.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;
use testbed::crowd::{Arrival, Asked, Crowd, Page};
use testbed::installation::Access;
use testbed::viewers::Viewers;
use testbed::window::Window;

use super::state::State;

/// How many sessions are made by one command: its output has to fit into memory twice.
const SESSIONS_AT_ONCE: usize = 100_000;

/// How long the last event may take to reach every viewer; far beyond any delay that is not a fault.
const SEEN_WITHIN: Duration = Duration::from_secs(30);

pub(crate) async fn run(wish: super::Crowd) -> anyhow::Result<()> {
    let state = State::read()?;
    let access = state.installation();
    let resource = access.sale(&wish.sale).await?;
    let id = resource.pointer("/status/saleID").and_then(Value::as_str);
    let id = id.with_context(|| format!("{} is not provisioned yet", wish.sale))?.to_owned();
    let first = resource.pointer("/spec/items/0/sku").and_then(Value::as_str);
    let sku = wish.sku.clone().or_else(|| first.map(ToOwned::to_owned)).context("the sale has no items")?;
    let count = usize::try_from(wish.shoppers)?;
    let sessions = sessions(access, count).await?;
    let crowd = told(&wish, access, &id, sku)?;
    let viewers = match usize::try_from(wish.viewers)? {
        0 => None,
        count => {
            println!("opening {count} event streams");
            Some(Viewers::open(&access.edges, &id, count).await?)
        }
    };
    let window = Window::of(&access.edges, &id, &crowd.sku)?;
    at_the_door(&resource).await?;
    let bar = ProgressBar::new(u64::from(wish.shoppers) * u64::from(wish.sends));
    bar.set_style(ProgressStyle::with_template("{bar:40} {pos}/{len} answered, {elapsed} ")?);
    let began = super::up::now();
    let run = crowd.run(&sessions, |done| bar.set_position(done as u64));
    // Who wants no report needs nobody who looks on.
    let (history, glances) = match &wish.report {
        Some(_) => window.during(run).await,
        None => (run.await, Vec::new()),
    };
    let history = history?;
    bar.finish_and_clear();
    println!("{}\n", history.report());
    let orders = history.orders();
    if let Ok(orders) = &orders {
        println!("{} shoppers were told that they have an order; comparing the books", orders.len());
    }
    let books = access.compared(&id).await;
    if let Ok(books) = &books {
        println!("{books}");
    }
    let seen = match (viewers, &books) {
        (Some(viewers), Ok(books)) => {
            let truth = books.free();
            // What they saw is shown whether or not it was right.
            let waited = viewers.all_see(&truth, SEEN_WITHIN).await;
            let seen = viewers.report(&truth);
            println!("\n{seen}");
            Some((seen, waited))
        }
        _ => None,
    };
    if let Some(file) = &wish.report {
        let name = resource.pointer("/spec/displayName").and_then(Value::as_str).unwrap_or(&wish.sale);
        let page = Page {
            asked: Asked { sale: name, crowd: &crowd, began, version: runtime::release::stamp() },
            history: &history,
            glances: &glances,
            books: books.as_ref().map_err(|error| format!("{error:#}")),
            viewers: seen.as_ref().map(|(seen, _)| seen),
        };
        write(file, &page.html())?;
        println!("\nthe same as a page with pictures: {}", file.display());
    }
    // What went wrong was shown first.
    orders?;
    ensure!(books?.balanced, "the books of {} differ", wish.sale);
    seen.map_or(Ok(()), |(_, waited)| waited)
}

/// The crowd that was wished for.
fn told(wish: &super::Crowd, access: &Access, id: &str, sku: String) -> anyhow::Result<Crowd> {
    Ok(Crowd {
        edges: access.edges.clone(),
        sale: id.to_owned(),
        sku,
        quantity: wish.quantity,
        sends: usize::from(wish.sends),
        connections: usize::try_from(wish.connections)?,
        arrival: wish.rate.map_or(Arrival::Burst, Arrival::PerSecond),
        patience: Duration::from_secs(wish.patience),
    })
}

/// A session for each of so many people whom nobody knows yet.
async fn sessions(access: &Access, count: usize) -> anyhow::Result<Vec<String>> {
    println!("making {count} sessions");
    let prefix = format!("shopper-{}", uuid::Uuid::new_v4().simple());
    let mut sessions = Vec::with_capacity(count);
    for chunk in 0..count.div_ceil(SESSIONS_AT_ONCE) {
        let some = SESSIONS_AT_ONCE.min(count - chunk * SESSIONS_AT_ONCE);
        sessions.extend(access.sessions(&format!("{prefix}-{chunk}"), some).await?);
    }
    ensure!(sessions.len() == count, "the edge made {} sessions instead of {count}", sessions.len());
    Ok(sessions)
}

fn write(file: &Path, page: &str) -> anyhow::Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    std::fs::write(file, page).with_context(|| format!("cannot write {}", file.display()))
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
