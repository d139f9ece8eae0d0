//! Comparing both sides on an exact cut.
//!
//! **What it is for.** The law of conservation, per shard and item, from Postgres and against the stream. The stream's
//! side is read afresh through a consumer of its own, never taken from what the follower has seen: two sides that share
//! a mistake would agree.
//!
//! **What must always hold.** A result is about one position. The leader named it before anything was read, the cursor
//! was there when the rows were read, the stream was read up to it, and the leader named it again after everything
//! was read. If any of these moved, there is no result.
//!
//! **What it costs.** A read of every key, about 100 bytes of memory for each while it lasts. The follower paces itself
//! by how long the newest took, so that audits take about a twentieth of the time whatever the size of the sale.

pub mod money;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use protocol::conservation::{Sides, Sums};
use protocol::key::Keys;
use protocol::order::State;
use protocol::status::Audit;
use protocol::store::{Feed as _, From, Store, Unavailable};
use protocol::{BucketIndex, CustomerId, OrderNumber, Revision, Sku, Units};

use crate::post::{Broken, Content, Message};
use crate::repo::books::Totals;
use crate::repo::{self, Repo, ShardRows};

/// Most breaches that are told one by one; the rest are counted.
const BREACHES_MAX: usize = 20;

/// An order as far as the books care.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptOrder {
    /// What was claimed.
    pub sku: Sku,
    /// How many units of it.
    pub quantity: Units,
    /// Where it is in its life.
    pub state: State,
    /// Its newest position.
    pub revision: Revision,
}

/// Everything that one side knows of a shard.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Side {
    /// Orders.
    pub orders: HashMap<(CustomerId, OrderNumber), KeptOrder>,
    /// Free units per bucket.
    pub buckets: HashMap<(Sku, BucketIndex), Units>,
    /// What each supply record moved.
    pub supplies: HashMap<(Sku, u32), i64>,
}

impl Side {
    /// Reads the newest value of every key, up to this position of the stream; nothing when there is more than that.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn read<S: Store>(store: &S, position: Revision, first: Revision) -> Result<Option<Self>, Trouble> {
        let mut side = Self::default();
        if position < first {
            return Ok(Some(side));
        }
        let mut feed = store.follow(&Keys::All, From::Newest).await?;
        let mut names: BTreeMap<Sku, Sku> = BTreeMap::new();
        loop {
            let entry = feed.next().await?;
            if entry.revision > position {
                return Ok(None);
            }
            // Nothing is ever deleted, so the last message is the newest of its key and is always there.
            let last = entry.revision == position;
            match Message::read(&entry)?.content {
                Content::Bucket(sku, index, bucket) => {
                    side.buckets.insert((sku, index), bucket.free);
                }
                Content::Supply(sku, number, supply) => {
                    side.supplies.insert((sku, number), supply.delta);
                }
                Content::Order(customer, number, order) => {
                    // One text per item rather than one per order.
                    let sku = names.entry(order.sku.clone()).or_insert(order.sku).clone();
                    let (quantity, state, revision) = (order.quantity, order.state, entry.revision);
                    side.orders.insert((customer, number), KeptOrder { sku, quantity, state, revision });
                }
                Content::Meta(_) | Content::Unknown => {}
            }
            if last {
                return Ok(Some(side));
            }
        }
    }

    /// What it comes to, per item.
    #[must_use]
    pub fn sums(&self) -> BTreeMap<Sku, Sums> {
        let mut sums: BTreeMap<Sku, Sums> = BTreeMap::new();
        for ((sku, _), free) in &self.buckets {
            sums.entry(sku.clone()).or_default().add_bucket(*free);
        }
        for ((sku, _), delta) in &self.supplies {
            sums.entry(sku.clone()).or_default().supply += delta;
        }
        for order in self.orders.values() {
            let sums = sums.entry(order.sku.clone()).or_default();
            sums.orders += 1;
            match order.state {
                State::Held => sums.held += i64::from(order.quantity.0),
                State::Confirmed => sums.sold += i64::from(order.quantity.0),
                State::Released => {}
            }
        }
        sums
    }
}

/// There is no result, for a reason other than that something moved.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The stream did not answer.
    #[error("the stream cannot be read: {0}")]
    Stream(#[from] Unavailable),
    /// A value in it cannot be read.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// The rows cannot be read.
    #[error("postgres: {0}")]
    Rows(#[from] repo::Error),
}

/// Audits a shard at the position where its cursor is, which the leader named a moment ago; nothing when it moved.
///
/// # Errors
/// [`Trouble`].
pub async fn audit<S: Store>(
    store: &S,
    repo: &Repo,
    shard: &ShardRows,
    cut: Cut,
    at: Timestamp,
) -> Result<Option<Audit>, Trouble> {
    let Some(side) = Side::read(store, cut.position, cut.first).await? else { return Ok(None) };
    let Some(totals) = repo.totals(shard, cut.position).await? else { return Ok(None) };
    if store.position().await? != cut.position {
        return Ok(None);
    }
    let money = money::breaches(&repo.money(shard.sale()).await?);
    let breaches = breaches(&side.sums(), &totals).into_iter().chain(money).collect();
    Ok(Some(Audit { at, position: cut.position, breaches }))
}

/// Where both sides are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// The position.
    pub position: Revision,
    /// The first position that the stream can have; an empty one is below it.
    pub first: Revision,
}

/// What is wrong, one sentence per breach; none when the books balance.
#[must_use]
pub fn breaches(stream: &BTreeMap<Sku, Sums>, ledger: &Totals) -> Vec<String> {
    let skus: BTreeSet<&Sku> =
        stream.keys().chain(ledger.rows.keys()).chain(ledger.balances.keys()).chain(ledger.in_flight.keys()).collect();
    let mut found = Vec::new();
    for sku in skus {
        let of = |sums: &BTreeMap<Sku, Sums>| sums.get(sku).copied().unwrap_or_default();
        let (stream, rows, balances) = (of(stream), of(&ledger.rows), of(&ledger.balances));
        if let Err(breach) = (Sides { stream, ledger: rows }).check() {
            found.push(format!("{sku}: {breach}"));
        }
        if balances != (Sums { orders: 0, ..rows }) {
            found.push(format!("{sku}: accounts and rows differ: {balances:?} against {rows:?}"));
        }
        match ledger.in_flight.get(sku) {
            None | Some(0) => {}
            Some(units) => found.push(format!("{sku}: {units} units are in flight although everything was followed")),
        }
    }
    let more = found.len().saturating_sub(BREACHES_MAX);
    found.truncate(BREACHES_MAX);
    if more > 0 {
        found.push(format!("and {more} more"));
    }
    found
}

#[cfg(test)]
mod tests;
