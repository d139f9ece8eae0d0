//! What the operator says about a sale.
//!
//! Totals never carry bucket detail: etcd is no place for what changes thousands of times a second. `storage` and the
//! number of buckets per item are the *latch*: written once, by compare-and-set, and what later tells a lost stream from
//! one that was never made.

use super::{Condition, Deserialize, JsonSchema, RequiredSync, Serialize, Time};

/// What was seen, and what was done.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FlashSaleStatus {
    /// The generation that is in force everywhere and cannot be undone by a laggard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub observed_generation: Option<i64>,
    /// What URLs and streams call the sale.
    #[serde(default, rename = "saleID", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub sale_id: Option<String>,
    /// Which life of its streams the sale is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub epoch: Option<i32>,
    /// When the sale opened first; from then on start, prices and limits are fixed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened_at: Option<Time>,
    /// When the clock changes the state next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_transition_time: Option<Time>,
    /// Where the stock is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<StorageStatus>,
    /// Every item that was ever provisioned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 1024),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["sku"])
    )]
    pub items: Vec<ItemStatus>,
    /// Over all items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub totals: Option<Totals>,
    /// How far the books are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger: Option<LedgerStatus>,
    /// Ready, Provisioned, SupplyApplied, Durable, StockConserved, LedgerInSync, SoldOut, Paused, Completed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 32),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"])
    )]
    pub conditions: Vec<Condition>,
}

/// Where the stock is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StorageStatus {
    /// Copies of every message.
    #[schemars(range(min = 1))]
    pub replicas: i32,
    /// What the sale asks of the servers' disks.
    pub required_sync: RequiredSync,
    /// One per shard.
    #[schemars(length(max = 64))]
    pub streams: Vec<StreamStatus>,
}

/// The identity of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StreamStatus {
    /// Its name.
    #[schemars(length(max = 100))]
    pub name: String,
    /// When the server created it, to the nanosecond: another creation is another stream.
    #[schemars(length(max = 40))]
    pub created: String,
    /// Its first sequence, unique to this life.
    #[schemars(range(min = 1))]
    pub first_seq: i64,
}

/// Units of one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ItemStatus {
    /// Which item.
    #[schemars(length(max = 40))]
    pub sku: String,
    /// Counters that its free units are split into in each shard, fixed when it was provisioned.
    #[schemars(range(min = 1))]
    pub buckets: i32,
    /// Units that exist.
    #[schemars(range(min = 0))]
    pub quantity: i32,
    /// Units among them that are not for sale.
    #[schemars(range(min = 0))]
    pub withheld: i32,
    /// Units that can be claimed.
    #[schemars(range(min = 0))]
    pub free: i32,
    /// Units of orders that are not paid yet.
    #[schemars(range(min = 0))]
    pub held: i32,
    /// Units of confirmed orders.
    #[schemars(range(min = 0))]
    pub sold: i32,
    /// Units that a decrease could not take back, because they are sold or held.
    #[schemars(range(min = 0))]
    pub shortfall: i32,
    /// What a shopper meets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub availability: Option<Availability>,
}

/// What a shopper meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Availability {
    /// There are free units.
    Available,
    /// None is free, but some may come back.
    AllUnitsHeld,
    /// Every unit is sold.
    SoldOut,
}

/// Units over all items.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    /// Units that exist.
    #[schemars(range(min = 0))]
    pub quantity: i64,
    /// Units among them that are not for sale.
    #[schemars(range(min = 0))]
    pub withheld: i64,
    /// Units that can be claimed.
    #[schemars(range(min = 0))]
    pub free: i64,
    /// Units of orders that are not paid yet.
    #[schemars(range(min = 0))]
    pub held: i64,
    /// Units of confirmed orders.
    #[schemars(range(min = 0))]
    pub sold: i64,
    /// Units that a decrease could not take back.
    #[schemars(range(min = 0))]
    pub shortfall: i64,
    /// Units that the books cannot place, at the newest exact cut; 0 is the law. Absent before the first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unaccounted: Option<i64>,
}

/// How far the books are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LedgerStatus {
    /// How far Postgres is behind the stream.
    #[schemars(range(min = 0))]
    pub lag_seconds: i64,
    /// When both sides were compared last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audited_at: Option<Time>,
}
