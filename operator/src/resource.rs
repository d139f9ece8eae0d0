//! The `FlashSale` kind: what a platform team writes, and what the operator answers.
//!
//! **What it is for.** The custom resource definition is generated from these types, so what the API server accepts,
//! what `kubectl explain` shows and what the operator reads cannot drift apart.
//!
//! **What must always hold.** Defaults make a sale of five lines complete, and every default is in the schema. A rule
//! refuses with a sentence that a merchant understands. Counts are `int32` and money is `int64`, each at least 0, every
//! list and text is bounded, so that the cost of every rule is.
//!
//! **What is deliberately absent.** Judgement that needs to know what is stored: the status lags, so the rules about an
//! opened sale are a courtesy, and [`crate::plan`] compares with the published definition. These types go no further
//! than [`crate::wanted`].

#![expect(unreachable_pub, reason = "the derived schemas repeat these types inside a function")]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod payment;
mod status;

pub use payment::{Payment, PaymentMode, Reservation};
pub use status::{Availability, FlashSaleStatus, ItemStatus, LedgerStatus, StorageStatus, StreamStatus, Totals};

/// Keeps a deleted sale until its books are complete.
pub const FINALIZER: &str = "sluice.dev/finalizer";
/// Annotation: `"true"` deletes a sale without waiting for the ledger.
pub const FORCE_DELETE: &str = "sluice.dev/force-delete";
/// Annotation: `"true"` ends an emergency stop; it is taken away once that is done.
pub const RESUME: &str = "sluice.dev/resume";
/// Annotation: the id of a sale of an earlier resource of this name that this one goes on with.
pub const ADOPT: &str = "sluice.dev/adopt";
/// Annotation: the id of a sale of an earlier resource of this name that this one replaces, with new stock.
pub const START_OVER: &str = "sluice.dev/start-over";
/// The field manager of everything that the operator writes.
pub const FIELD_MANAGER: &str = "sluice-operator";
/// Most buckets that a sale may have in a shard: what one read of the stream shows at one moment.
pub const BUCKETS_PER_SHARD_MAX: usize = 1_024;

/// A sale: what is for sale, when, to whom, under which limits.
#[derive(Debug, Clone, PartialEq, CustomResource, KubeSchema, Serialize, Deserialize)]
#[kube(
    group = "sluice.dev",
    version = "v1alpha1",
    kind = "FlashSale",
    namespaced,
    status = "FlashSaleStatus",
    shortname = "fs",
    shortname = "drop",
    category = "sluice",
    derive = "PartialEq",
    doc = "A flash sale: stock that many people want in the same second, sold exactly once, unit by unit.",
    printcolumn(name = "STATE", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].reason"),
    printcolumn(name = "START", type_ = "string", json_path = ".spec.schedule.startTime"),
    printcolumn(name = "STOCK", type_ = "integer", json_path = ".status.totals.quantity"),
    printcolumn(name = "FREE", type_ = "integer", json_path = ".status.totals.free"),
    printcolumn(name = "HELD", type_ = "integer", json_path = ".status.totals.held"),
    printcolumn(name = "SOLD", type_ = "integer", json_path = ".status.totals.sold"),
    printcolumn(name = "AGE", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "CONSERVED",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='StockConserved')].status",
        priority = "1"
    ),
    printcolumn(
        name = "DURABLE",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Durable')].status",
        priority = "1"
    ),
    printcolumn(name = "ENDS", type_ = "string", json_path = ".spec.schedule.endTime", priority = "1"),
    validation = Rule::new("size(self.metadata.name) <= 40")
        .message("the name of a sale has at most 40 characters, because it is part of the names of its streams"),
    validation = Rule::new("!self.metadata.name.contains('.')")
        .message("the name of a sale has letters, digits and dashes only, no dots, because it is part of its addresses"),
    validation = Rule::new(
        "!has(oldSelf.status) || !has(oldSelf.status.openedAt) || self.spec.schedule.startTime == oldSelf.spec.schedule.startTime"
    ).message("startTime cannot change any more: the sale has opened"),
    validation = Rule::new(
        "!has(oldSelf.status) || !has(oldSelf.status.openedAt) || self.spec.limits == oldSelf.spec.limits"
    ).message("the limits of the sale cannot change any more: the sale has opened"),
    validation = Rule::new(
        "!has(oldSelf.status) || !has(oldSelf.status.openedAt) || oldSelf.spec.items.all(o, self.spec.items.exists(i, i.sku == o.sku))"
    ).message("an item cannot be removed any more: the sale has opened; withhold what is left of it instead"),
    validation = Rule::new(
        "!has(oldSelf.status) || !has(oldSelf.status.openedAt) || oldSelf.spec.items.all(o, self.spec.items.all(i, i.sku != o.sku || (has(i.price) == has(o.price) && (!has(i.price) || i.price == o.price))))"
    ).message("the price of an item cannot change any more: the sale has opened"),
    validation = Rule::new(
        "!has(oldSelf.status) || !has(oldSelf.status.openedAt) || oldSelf.spec.items.all(o, self.spec.items.all(i, i.sku != o.sku || i.limits == o.limits))"
    ).message("the limits of an item cannot change any more: the sale has opened"),
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("oldSelf.desiredState != 'Closed' || self.desiredState == 'Closed'")
        .message("desiredState Closed is final: a closed sale does not open again, make a new one"),
    validation = Rule::new("!has(self.reservation) || self.payment.mode != 'None'")
        .message("reservation.holdSeconds is only for sales with payment: without one an order is confirmed at once"),
    validation = Rule::new("self.items.size() * self.sharding.bucketsPerItem <= 1024")
        .message("the number of items times sharding.bucketsPerItem is at most 1024"),
)]
pub struct FlashSaleSpec {
    /// What shoppers read; the resource's name when empty.
    #[serde(default)]
    #[schemars(length(max = 200))]
    pub display_name: String,
    /// Scheduled follows the schedule, Paused takes no claims until changed back, Closed ends the sale for good.
    #[serde(default)]
    pub desired_state: DesiredState,
    /// When claims are taken, in UTC.
    pub schedule: Schedule,
    /// Limits over all items.
    #[serde(default)]
    pub limits: SaleLimits,
    /// What is for sale.
    #[schemars(
        length(min = 1, max = 64),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["sku"])
    )]
    pub items: Vec<Item>,
    /// How the stock is split. Cannot change.
    #[serde(default)]
    #[x_kube(validation = Rule::new("self == oldSelf")
        .message("sharding cannot change: the stock is already split"))]
    pub sharding: Sharding,
    /// How an order becomes confirmed.
    #[serde(default)]
    pub payment: Payment,
    /// How long an unpaid order is held; 300 seconds when not given. Only with payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reservation: Option<Reservation>,
    /// Who may claim.
    #[serde(default)]
    pub access: Access,
    /// Most claims of a customer in a window; no limit when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimit>,
    /// What is durable before a shopper hears yes: Stream, the replicated stream; Ledger, the row in Postgres too.
    #[serde(default)]
    pub acknowledge: Acknowledge,
    /// How the stock is kept. Cannot change.
    #[serde(default)]
    #[x_kube(validation = Rule::new("self == oldSelf")
        .message("storage cannot change: the streams are already made"))]
    pub storage: Storage,
}

/// What the merchant wants the sale to be doing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DesiredState {
    /// Follow the schedule.
    #[default]
    Scheduled,
    /// Take no claims until resumed.
    Paused,
    /// Over, for good.
    Closed,
}

/// The window in which claims are taken.
#[derive(Debug, Clone, PartialEq, Eq, KubeSchema, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.endTime > self.startTime").message("endTime must be after startTime"))]
pub struct Schedule {
    /// First instant at which claims are taken.
    pub start_time: Time,
    /// First instant at which they are not taken any more.
    pub end_time: Time,
}

/// Limits over all items of a sale.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SaleLimits {
    /// Most units that one customer may have over all items; no limit when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub per_customer: Option<i32>,
}

/// One thing that is for sale.
#[derive(Debug, Clone, PartialEq, Eq, KubeSchema, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.withheld <= self.quantity")
    .message("withheld cannot be more than quantity: only what exists can be withheld"))]
pub struct Item {
    /// Its key within the sale: letters, digits, dashes and underscores, at most 40.
    #[schemars(length(max = 64))]
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z0-9_-]{1,40}$')")
        .message("a sku has 1 to 40 letters, digits, dashes or underscores"))]
    pub sku: String,
    /// What shoppers read; the sku when empty.
    #[serde(default)]
    #[schemars(length(max = 200))]
    pub display_name: String,
    /// A picture.
    #[serde(default, rename = "imageURL", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2000))]
    pub image_url: Option<String>,
    /// Units that exist.
    #[schemars(range(min = 0))]
    pub quantity: i32,
    /// Units among them that are not for sale until this is lowered.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub withheld: i32,
    /// What one unit costs; free when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// How many units one order and one customer may have.
    #[serde(default)]
    pub limits: ItemLimits,
}

/// Money in minor units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Price {
    /// In cents, pence, yen …
    #[schemars(range(min = 0))]
    pub amount_minor: i64,
    /// ISO 4217, three capitals.
    #[schemars(length(max = 3), regex(pattern = r"^[A-Z]{3}$"))]
    pub currency: String,
}

/// Limits of one item.
#[derive(Debug, Clone, PartialEq, Eq, KubeSchema, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.perCustomer) || self.perOrder <= self.perCustomer")
    .message("limits.perOrder cannot be more than limits.perCustomer"))]
pub struct ItemLimits {
    /// Most units in one order.
    #[serde(default = "one")]
    #[schemars(range(min = 1))]
    pub per_order: i32,
    /// Most units of this item that one customer may have; no limit when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub per_customer: Option<i32>,
}

impl Default for ItemLimits {
    fn default() -> Self {
        Self { per_order: one(), per_customer: None }
    }
}

/// How the stock is split.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Sharding {
    /// Streams of the sale; a customer always belongs to one of them.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 64))]
    pub shards: i32,
    /// Counters per item and shard; at least twice the number of edges is a good choice. Never more than units.
    #[serde(default = "buckets_per_item")]
    #[schemars(range(min = 1, max = 128))]
    pub buckets_per_item: i32,
}

impl Default for Sharding {
    fn default() -> Self {
        Self { shards: one(), buckets_per_item: buckets_per_item() }
    }
}

/// Who may claim.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Access {
    /// Whether an anonymous session may claim.
    #[serde(default)]
    pub guests: Guests,
}

/// Whether an anonymous session may claim.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Guests {
    /// It may not.
    #[default]
    Deny,
    /// It may.
    Allow,
}

/// Most claims of a customer in a window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RateLimit {
    /// Claims per window.
    #[serde(default = "ten")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub requests: i32,
    /// Length of the window.
    #[serde(default = "sixty")]
    #[schemars(range(min = 1, max = 86400))]
    pub window_seconds: i32,
}

/// What is durable before a shopper hears yes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Acknowledge {
    /// The stream, as replicated and synced as the sale asks.
    #[default]
    Stream,
    /// The stream and the row in Postgres.
    Ledger,
}

/// How the stock is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, KubeSchema, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Storage {
    /// Copies of every message: 1, 3 or 5; the operator's --default-replicas when not given, shown in the status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    #[x_kube(validation = Rule::new("self in [1, 3, 5]")
        .message("storage.replicas is 1, 3 or 5: an even number survives no more failures than the odd one below it"))]
    pub replicas: Option<i32>,
    /// Whether every server must write to disk before it acknowledges.
    #[serde(default)]
    pub required_sync: RequiredSync,
}

/// Whether every server must write to disk before it acknowledges.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RequiredSync {
    /// It must: an acknowledged order survives a power cut of all servers.
    #[default]
    Always,
    /// It need not: an acknowledged order survives the loss of a minority of servers.
    Relaxed,
}

/// A status in which nothing is known.
pub static NO_STATUS: FlashSaleStatus = FlashSaleStatus {
    observed_generation: None,
    sale_id: None,
    epoch: None,
    opened_at: None,
    next_transition_time: None,
    storage: None,
    items: Vec::new(),
    totals: None,
    ledger: None,
    conditions: Vec::new(),
};

fn one() -> i32 {
    1
}

fn ten() -> i32 {
    10
}

fn sixty() -> i32 {
    60
}

fn buckets_per_item() -> i32 {
    16
}
