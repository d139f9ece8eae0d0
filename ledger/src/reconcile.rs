//! `sluice-ledger reconcile`: both sides of a sale, read in full and compared key by key.
//!
//! **What must always hold.** Nothing is taken from a running ledger but its rows: the command reads the stream through
//! a consumer of its own and Postgres in one snapshot, at a position that the leader named before and after. Without such
//! a moment within the time given there is no verdict, and it says so instead of comparing what cannot be compared.
//!
//! **What it costs.** About 200 bytes of memory per order of the shard at hand.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::Context as _;
use jiff::Timestamp;
use protocol::conservation::{Sides, Sums};
use protocol::key::Key;
use protocol::sale::{Definition, StreamIdentity};
use protocol::store::Store as _;
use protocol::{Revision, Sku};
use runtime::clock::{Clock, Instant};
use runtime::jetstream::JetStream;
use runtime::registry::Table;
use serde::Serialize;

use crate::args::{ReconcileArgs, ReconcileFormat};
use crate::audit::{self, Side, breaches};
use crate::repo::Repo;

/// Between two looks for a moment at which nothing is under way.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// What was found.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The sale.
    pub sale: String,
    /// The life of its streams.
    pub epoch: u32,
    /// When it was compared.
    pub at: Timestamp,
    /// Whether every shard was compared, balances and is equal on both sides.
    pub balanced: bool,
    /// Whether every shard was compared at an exact cut.
    pub exact: bool,
    /// Each shard.
    pub shards: Vec<ShardReport>,
}

/// What was found in a shard.
#[derive(Debug, Serialize)]
pub struct ShardReport {
    /// Which one.
    pub shard: u16,
    /// Where both sides were compared; nothing when there was no exact cut.
    pub position: Option<u64>,
    /// Why there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inexact: Option<String>,
    /// Each item.
    pub items: Vec<ItemReport>,
    /// What is wrong, in sentences.
    pub breaches: Vec<String>,
    /// Keys that differ, as many as were asked for.
    pub differences: Vec<Difference>,
    /// How many there are.
    pub differences_total: usize,
}

/// Both sides of an item.
#[derive(Debug, Serialize)]
pub struct ItemReport {
    /// Which item.
    pub sku: Sku,
    /// As the stream has it.
    pub stream: Sums,
    /// As Postgres has it.
    pub ledger: Sums,
    /// Whether each side satisfies the law and they are equal.
    pub balanced: bool,
}

/// A key with two values.
#[derive(Debug, Serialize)]
pub struct Difference {
    /// The key.
    pub key: String,
    /// What the stream says.
    pub stream: Option<String>,
    /// What Postgres says.
    pub ledger: Option<String>,
}

/// Compares every shard of a sale.
///
/// # Errors
/// When the sale is unknown, or NATS or Postgres does not answer.
pub async fn reconcile(
    args: &ReconcileArgs,
    client: &async_nats::Client,
    repo: &Repo,
    clock: &Clock,
) -> anyhow::Result<Report> {
    let table = Table::<Definition>::new(client.clone(), args.nats.args.installation.sales_bucket());
    let known = table.get(args.sale.as_str()).await?;
    let (definition, _) = known.with_context(|| format!("there is no sale {} in this installation", args.sale))?;
    let deadline = clock.monotonic() + Duration::from_secs(args.wait_seconds);
    let mut shards = Vec::new();
    for identity in &definition.streams {
        let mut report = shard(&definition, identity, client, repo, clock, deadline).await?;
        report.differences.truncate(args.differences_max);
        shards.push(report);
    }
    let exact = shards.iter().all(|shard| shard.position.is_some());
    let clean = |shard: &ShardReport| shard.breaches.is_empty() && shard.differences_total == 0;
    let balanced = exact && shards.iter().all(clean);
    let sale = definition.sale.to_string();
    Ok(Report { sale, epoch: definition.epoch.0, at: clock.now(), balanced, exact, shards })
}

async fn shard(
    definition: &Definition,
    identity: &StreamIdentity,
    client: &async_nats::Client,
    repo: &Repo,
    clock: &Clock,
    deadline: Instant,
) -> anyhow::Result<ShardReport> {
    let stream = definition.stream(identity.shard);
    let store = JetStream::open(client.clone(), &stream, Some(identity)).await?;
    loop {
        let why = match repo.find(&stream).await? {
            None => "no ledger has followed it yet".to_owned(),
            Some((rows, cursor)) => {
                let position = store.position().await?;
                if position == cursor {
                    let first = Revision(identity.first_seq);
                    let kept = Side::read(&store, cursor, first).await?;
                    let (ledger, totals) = (repo.side(&rows, cursor).await?, repo.totals(&rows, cursor).await?);
                    let unmoved = store.position().await? == cursor;
                    match (kept, ledger, totals) {
                        (Some(kept), Some(ledger), Some(totals)) if unmoved => {
                            let money = audit::money::breaches(&repo.money(&definition.sale).await?);
                            let all = audit::money::imbalances(&repo.all_money().await?);
                            let units = breaches(&kept.sums(), &totals);
                            let breaches = units.into_iter().chain(money).chain(all).collect();
                            return Ok(report(identity.shard.0, cursor, breaches, &kept, &ledger));
                        }
                        _ => "it changed while it was read".to_owned(),
                    }
                } else {
                    format!("the stream is at position {position}, Postgres at {cursor}")
                }
            }
        };
        if clock.monotonic() + LOOK_AGAIN > deadline {
            return Ok(ShardReport {
                shard: identity.shard.0,
                position: None,
                inexact: Some(why),
                items: Vec::new(),
                breaches: Vec::new(),
                differences: Vec::new(),
                differences_total: 0,
            });
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

fn report(shard: u16, position: Revision, breaches: Vec<String>, stream: &Side, ledger: &Side) -> ShardReport {
    let (kept, rows) = (stream.sums(), ledger.sums());
    let skus: BTreeSet<&Sku> = kept.keys().chain(rows.keys()).collect();
    let items = skus.into_iter().map(|sku| {
        let of = |sums: &BTreeMap<Sku, Sums>| sums.get(sku).copied().unwrap_or_default();
        let sides = Sides { stream: of(&kept), ledger: of(&rows) };
        let balanced = sides.check().is_ok();
        ItemReport { sku: sku.clone(), stream: sides.stream, ledger: sides.ledger, balanced }
    });
    let items = items.collect();
    let differences = differences(stream, ledger);
    let differences_total = differences.len();
    ShardReport { shard, position: Some(position.0), inexact: None, items, breaches, differences, differences_total }
}

/// Every key whose value differs, in the order of the keys.
fn differences(stream: &Side, ledger: &Side) -> Vec<Difference> {
    let mut found: BTreeMap<Key, (Option<String>, Option<String>)> = BTreeMap::new();
    compare(&stream.orders, &ledger.orders, |(customer, number)| Key::Order(*customer, *number), &mut found);
    compare(&stream.buckets, &ledger.buckets, |(sku, index)| Key::Bucket(sku.clone(), *index), &mut found);
    compare(&stream.supplies, &ledger.supplies, |(sku, number)| Key::Supply(sku.clone(), *number), &mut found);
    let told = |(key, (stream, ledger)): (Key, _)| Difference { key: key.to_string(), stream, ledger };
    found.into_iter().map(told).collect()
}

fn compare<K: Eq + std::hash::Hash, V: PartialEq + Told>(
    stream: &std::collections::HashMap<K, V>,
    ledger: &std::collections::HashMap<K, V>,
    key: impl Fn(&K) -> Key,
    found: &mut BTreeMap<Key, (Option<String>, Option<String>)>,
) {
    for name in stream.keys().chain(ledger.keys().filter(|name| !stream.contains_key(name))) {
        let (kept, row) = (stream.get(name), ledger.get(name));
        if kept != row {
            found.insert(key(name), (kept.map(Told::told), row.map(Told::told)));
        }
    }
}

/// A value in a line of a report.
trait Told {
    fn told(&self) -> String;
}

impl Told for crate::audit::KeptOrder {
    fn told(&self) -> String {
        format!("{} × {} {} at {}", self.quantity, self.sku, self.state.as_str(), self.revision)
    }
}

impl Told for protocol::Units {
    fn told(&self) -> String {
        format!("{self} free")
    }
}

impl Told for i64 {
    fn told(&self) -> String {
        format!("{self:+} units")
    }
}

/// The report as it was asked for.
///
/// # Errors
/// When it cannot be said in JSON.
pub fn print(report: &Report, format: ReconcileFormat) -> anyhow::Result<String> {
    match format {
        ReconcileFormat::Json => Ok(serde_json::to_string_pretty(report)? + "\n"),
        ReconcileFormat::Csv => Ok(csv(report)),
        ReconcileFormat::Text => Ok(text(report)),
    }
}

fn csv(report: &Report) -> String {
    let mut out = "shard,position,sku,side,supply,free,held,sold,orders,balanced\n".to_owned();
    for shard in &report.shards {
        let position = shard.position.map(|position| position.to_string()).unwrap_or_default();
        for item in &shard.items {
            for (side, sums) in [("stream", item.stream), ("ledger", item.ledger)] {
                let Sums { supply, free, held, sold, orders } = sums;
                let (shard, sku, balanced) = (shard.shard, &item.sku, item.balanced);
                let numbers = format!("{supply},{free},{held},{sold},{orders}");
                out.push_str(&format!("{shard},{position},{sku},{side},{numbers},{balanced}\n"));
            }
        }
    }
    out
}

fn text(report: &Report) -> String {
    let mut out = format!("sale {} epoch {} at {}\n", report.sale, report.epoch, report.at);
    for shard in &report.shards {
        match (shard.position, &shard.inexact) {
            (Some(position), _) => out.push_str(&format!("shard {} at position {position}\n", shard.shard)),
            (None, why) => {
                let why = why.as_deref().unwrap_or_default();
                out.push_str(&format!("shard {}: no exact cut was found: {why}\n", shard.shard));
            }
        }
        for item in &shard.items {
            for (side, sums) in [("stream", item.stream), ("ledger", item.ledger)] {
                let Sums { supply, free, held, sold, orders } = sums;
                let line = format!("supply {supply} = free {free} + held {held} + sold {sold}; {orders} orders");
                out.push_str(&format!("  {:<40} {side}  {line}\n", item.sku.as_str()));
            }
        }
        for breach in &shard.breaches {
            out.push_str(&format!("  BROKEN {breach}\n"));
        }
        for Difference { key, stream, ledger } in &shard.differences {
            let (stream, ledger) = (stream.as_deref().unwrap_or("nothing"), ledger.as_deref().unwrap_or("nothing"));
            out.push_str(&format!("  {key}: stream {stream}, ledger {ledger}\n"));
        }
        let more = shard.differences_total.saturating_sub(shard.differences.len());
        if more > 0 {
            out.push_str(&format!("  and {more} more keys differ\n"));
        }
    }
    out.push_str(match (report.exact, report.balanced) {
        (false, _) => "no verdict: a shard was never at rest\n",
        (true, true) => "balanced\n",
        (true, false) => "NOT balanced\n",
    });
    out
}
