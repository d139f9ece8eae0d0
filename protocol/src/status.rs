//! What the ledger tells operator and edges about a shard, at most once a second.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::conservation::Sums;
use crate::id::{Revision, Sku};
use crate::wire::Value;

/// One item of one shard, as Postgres has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemStatus {
    /// Which item.
    pub sku: Sku,
    /// Its sums at the cursor.
    pub sums: Sums,
}

/// The result of comparing both sides on an exact cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    /// When it was made.
    pub at: Timestamp,
    /// The position at which both sides were summed.
    pub position: Revision,
    /// What is wrong, one sentence per breach; empty when the books balance.
    pub breaches: Vec<String>,
}

/// A shard as the ledger sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SaleStatus {
    /// Everything up to here is in Postgres.
    pub cursor: Revision,
    /// When this was written.
    pub at: Timestamp,
    /// How far the newest row is behind the stream, in seconds; 0 when drained.
    pub lag_seconds: f64,
    /// Whether nothing was pending at the cursor and the leader named the same position before and after: only then
    /// may "sold out" be concluded from `free` = `held` = 0.
    pub exact: bool,
    /// Per item, at the cursor.
    pub items: Vec<ItemStatus>,
    /// Payments of the sale that are not at their end: taken and neither settled nor returned, or of an order that was
    /// taken back. Counted with every audit, and again until there are none.
    #[serde(default)]
    pub payments_open: u64,
    /// The newest audit, if there was one yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit: Option<Audit>,
    /// Why the ledger stopped following this shard, when it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub halted: Option<String>,
}

impl Value for SaleStatus {
    const WHAT: &'static str = "sale status";
}
