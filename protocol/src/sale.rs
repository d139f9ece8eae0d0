//! The definition of a sale as the operator publishes it, and what the time makes of it.
//!
//! **What it is for.** Edges and the ledger have no Kubernetes access. All that they know of a sale is this one value
//! under the sale's id in the `sales` bucket. **What must always hold**: a definition names the exact streams, by
//! creation time and first sequence, that its buckets were provisioned in; whoever finds another stream under the same
//! name refuses it. **What it costs**: one message per change of the resource.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{Epoch, Generation, SaleId, Shard, Sku, Units};
use crate::key::Stream;
use crate::wire::{Value, WireError};

/// What the merchant wants the sale to be doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DesiredState {
    /// Follow the schedule.
    Scheduled,
    /// Take no claims until resumed.
    Paused,
    /// Over, for good.
    Closed,
}

/// Money in minor units of its currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Money {
    /// In cents, pence, yen …; never negative in a price.
    #[cfg_attr(feature = "openapi", schema(examples(12_900)))]
    pub amount_minor: i64,
    /// ISO 4217, three capitals.
    #[cfg_attr(feature = "openapi", schema(pattern = "^[A-Z]{3}$", examples("EUR")))]
    pub currency: String,
}

/// How an order becomes confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Payment {
    /// At once.
    None,
    /// Held until paid from the customer's wallet.
    Wallet,
    /// Held until a provider reports success; the template has `{order}`.
    External {
        /// Where the shopper goes to pay.
        checkout_url: String,
    },
}

/// What must be durable before the shopper hears yes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Acknowledge {
    /// The stream, as replicated and synced as the sale asks.
    Stream,
    /// The stream and the row in Postgres.
    Ledger,
}

/// Most claims a customer may send in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateLimit {
    /// Requests per window, at least 1.
    pub requests: u32,
    /// Length of the window, at least 1.
    pub window_seconds: u32,
}

/// One thing that is for sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Its key within the sale.
    pub sku: Sku,
    /// For people.
    pub display_name: String,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_url: Option<String>,
    /// Units that exist.
    pub quantity: Units,
    /// Units among them that are not for sale for now.
    pub withheld: Units,
    /// What one unit costs; `None` for free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Money>,
    /// Most units in one order.
    pub per_order: Units,
    /// Most active units of this item per customer; `None` for no limit but the order's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_customer: Option<Units>,
    /// Buckets in each shard, fixed when the item was provisioned.
    pub buckets: u16,
}

impl Item {
    /// Units that the supply must come to.
    #[must_use]
    pub fn target(&self) -> Units {
        Units(self.quantity.0.saturating_sub(self.withheld.0))
    }
}

/// The identity of one provisioned stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamIdentity {
    /// Which shard it is.
    pub shard: Shard,
    /// The server's creation time; a stream that was deleted and made again has another.
    pub created: Timestamp,
    /// First sequence, unique to this life, so that a revision of another life never matches.
    pub first_seq: u64,
}

/// A sale, as everybody but the operator knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// Its id.
    pub sale: SaleId,
    /// Namespace of the resource.
    pub namespace: String,
    /// Name of the resource.
    pub name: String,
    /// Uid of the resource.
    pub uid: String,
    /// The version of the resource that this was made from. An edge claims only from buckets stamped with this or an
    /// older one.
    pub generation: Generation,
    /// The life of the streams.
    pub epoch: Epoch,
    /// One per shard, in order; never empty.
    pub streams: Vec<StreamIdentity>,
    /// For people.
    pub display_name: String,
    /// What the merchant wants.
    pub desired_state: DesiredState,
    /// Set by the emergency stop, cleared only by an explicit resume.
    #[serde(default)]
    pub stopped: bool,
    /// Why no edge may follow the streams, when something is wrong with them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn: Option<String>,
    /// First instant at which claims are taken.
    pub start: Timestamp,
    /// First instant at which they are not taken any more.
    pub end: Timestamp,
    /// Most active units per customer over all items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_customer: Option<Units>,
    /// What is for sale, by distinct sku.
    pub items: Vec<Item>,
    /// How an order becomes confirmed.
    pub payment: Payment,
    /// How long an unpaid order is held.
    pub hold_seconds: u32,
    /// Whether an anonymous session may claim.
    pub guests_allowed: bool,
    /// Claims per customer and window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimit>,
    /// What is durable before the yes.
    pub acknowledge: Acknowledge,
}

impl Value for Definition {
    const WHAT: &'static str = "sale definition";
}

/// What the time and the merchant's wish make of a sale, before anything is known about its stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Gate {
    /// The streams may not be used.
    Withdrawn,
    /// The window has not begun.
    NotOpenYet,
    /// Claims are taken.
    Open,
    /// The merchant, or an emergency stop, holds it.
    Paused,
    /// Over: by the clock or by the merchant.
    Closed,
}

impl Definition {
    /// Reads a stored definition and checks what the rest of the code relies on.
    ///
    /// # Errors
    /// [`WireError`] when it is unreadable or contradicts itself.
    pub fn parse(bytes: &[u8]) -> Result<Self, WireError> {
        let definition = Self::decode(bytes)?;
        let wrong = |why: &str| Err(WireError::Content { what: Self::WHAT, why: why.to_owned() });
        if definition.streams.is_empty() || definition.streams.len() > usize::from(u16::MAX) {
            return wrong("it names no streams");
        }
        if !definition.streams.iter().zip(0..).all(|(stream, shard)| stream.shard == Shard(shard)) {
            return wrong("its streams are not in order");
        }
        let twice = |(i, item): (usize, &Item)| definition.items.iter().take(i).any(|other| other.sku == item.sku);
        if definition.items.iter().enumerate().any(twice) {
            return wrong("two items have one sku");
        }
        if definition.end <= definition.start {
            return wrong("it ends before it starts");
        }
        if definition.items.iter().any(|i| i.buckets == 0 || i.withheld > i.quantity) {
            return wrong("an item has no bucket or withholds more than exists");
        }
        Ok(definition)
    }

    /// What a claim that arrives at `now` meets.
    #[must_use]
    pub fn gate(&self, now: Timestamp) -> Gate {
        if self.withdrawn.is_some() {
            Gate::Withdrawn
        } else if self.desired_state == DesiredState::Closed || now >= self.end {
            Gate::Closed
        } else if now < self.start {
            Gate::NotOpenYet
        } else if self.desired_state == DesiredState::Paused || self.stopped {
            Gate::Paused
        } else {
            Gate::Open
        }
    }

    /// When [`gate`](Self::gate) next changes by the clock alone.
    #[must_use]
    pub fn next_transition(&self, now: Timestamp) -> Option<Timestamp> {
        if self.desired_state == DesiredState::Closed || self.withdrawn.is_some() {
            return None;
        }
        [self.start, self.end].into_iter().find(|at| *at > now)
    }

    /// Number of shards, at least 1.
    #[must_use]
    pub fn shards(&self) -> u16 {
        u16::try_from(self.streams.len()).unwrap_or(u16::MAX)
    }

    /// The name of a shard's stream.
    #[must_use]
    pub fn stream(&self, shard: Shard) -> Stream {
        Stream { sale: self.sale.clone(), epoch: self.epoch, shard }
    }

    /// The item with this sku.
    #[must_use]
    pub fn item(&self, sku: &Sku) -> Option<&Item> {
        self.items.iter().find(|item| item.sku == *sku)
    }

    /// Whether an order waits for a payment before it is confirmed.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.payment != Payment::None
    }
}

/// What can never change in an epoch: written once into each stream, so that a stream tells whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// Uid of the resource.
    pub uid: String,
    /// Which life.
    pub epoch: Epoch,
    /// Number of shards of the sale.
    pub shards: u16,
    /// SHA-256 over what can never change (sharding, storage, payment mode), in hex.
    pub digest: String,
}

impl Value for Meta {
    const WHAT: &'static str = "stream meta";
}

#[cfg(test)]
mod tests;
