//! What a merchant asks for, out of the resource's types and into ours.
//!
//! **What must always hold.** Every value is parsed here, once; what the API server's rules should have refused is
//! refused again, because rules can be absent (an old CRD) and status-dependent ones lag. What this version cannot do is
//! refused by name instead of being ignored.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kube::{Resource as _, ResourceExt as _};
use protocol::deed::Deed;
use protocol::key::Stream;
use protocol::sale::{self, Definition, StreamIdentity};
use protocol::{Epoch, Generation, SaleId, Shard, Sku, Units};

use crate::resource::{self, BUCKETS_PER_SHARD_MAX, FORCE_DELETE, FlashSale, RESUME, RequiredSync};

/// How long an unpaid order is held unless the sale says so.
const HOLD_SECONDS_DEFAULT: u32 = 300;

/// A sale that cannot be provisioned, or not changed, as asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {why}")]
pub struct Refused {
    /// Path of the field.
    pub field: String,
    /// One sentence for the merchant.
    pub why: String,
}

impl Refused {
    pub(crate) fn new(field: impl Into<String>, why: impl Into<String>) -> Self {
        Self { field: field.into(), why: why.into() }
    }
}

/// What is asked of a sale, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The definition as far as the resource alone says: without streams, and with the buckets that a new item gets.
    pub definition: Definition,
    /// Copies of every message, where the resource says so.
    pub replicas: Option<u8>,
    /// What the sale asks of the servers' disks.
    pub required_sync: RequiredSync,
    /// Number of streams.
    pub shards: u16,
    /// Counters per item and shard.
    pub buckets_per_item: u16,
    /// The resource is being deleted.
    pub deleting: bool,
    /// It is to be deleted without waiting for the ledger.
    pub force: bool,
    /// An emergency stop is over.
    pub resume: bool,
}

/// What was provisioned, as the status keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Latch {
    /// The life of the streams.
    pub epoch: Epoch,
    /// One per shard.
    pub streams: Vec<StreamIdentity>,
    /// Copies of every message.
    pub replicas: u8,
    /// Counters per provisioned item.
    pub buckets: BTreeMap<Sku, u16>,
    /// The books were closed.
    pub completed: bool,
}

impl Latch {
    /// Reads the latch from a status; `None` when nothing is provisioned.
    ///
    /// # Errors
    /// When somebody wrote into the status what the operator would not have.
    pub fn of(status: Option<&resource::FlashSaleStatus>) -> Result<Option<Self>, Refused> {
        let Some((status, storage)) = status.and_then(|status| Some((status, status.storage.as_ref()?))) else {
            return Ok(None);
        };
        let wrong = |field: &str| Refused::new(format!("status.{field}"), "is not what the operator wrote");
        let epoch = status.epoch.and_then(|epoch| u32::try_from(epoch).ok()).ok_or_else(|| wrong("epoch"))?;
        let mut streams = Vec::new();
        for stream in &storage.streams {
            let shard = Stream::parse_name(&stream.name).ok_or_else(|| wrong("storage.streams.name"))?.shard;
            let created = stream.created.parse().map_err(|_| wrong("storage.streams.created"))?;
            let first_seq = u64::try_from(stream.first_seq).map_err(|_| wrong("storage.streams.firstSeq"))?;
            streams.push(StreamIdentity { shard, created, first_seq });
        }
        if streams.is_empty() {
            return Err(wrong("storage.streams"));
        }
        let buckets = status.items.iter().map(|item| {
            let sku = Sku::parse(&item.sku).map_err(|_| wrong("items.sku"))?;
            let buckets = u16::try_from(item.buckets).ok().filter(|n| *n > 0).ok_or_else(|| wrong("items.buckets"))?;
            Ok((sku, buckets))
        });
        let replicas = u8::try_from(storage.replicas).map_err(|_| wrong("storage.replicas"))?;
        let completed = status.conditions.iter().any(|c| c.type_ == "Completed" && c.status == "True");
        let buckets = buckets.collect::<Result<_, _>>()?;
        Ok(Some(Self { epoch: Epoch(epoch), streams, replicas, buckets, completed }))
    }
}

impl TryFrom<&FlashSale> for Wanted {
    type Error = Refused;

    fn try_from(sale: &FlashSale) -> Result<Self, Refused> {
        let (name, spec) = (sale.name_any(), &sale.spec);
        let uid = sale.uid().unwrap_or_default();
        let id = SaleId::of_resource(&name, &uid).map_err(|e| Refused::new("metadata.name", e.to_string()))?;
        let deleting = sale.meta().deletion_timestamp.is_some();
        let shards = number("spec.sharding.shards", spec.sharding.shards)?;
        let shards = u16::try_from(shards).map_err(|_| Refused::new("spec.sharding.shards", "is too large"))?;
        let buckets_per_item = number("spec.sharding.bucketsPerItem", spec.sharding.buckets_per_item)?;
        let buckets_per_item = u16::try_from(buckets_per_item.max(1))
            .map_err(|_| Refused::new("spec.sharding.bucketsPerItem", "is too large"))?;
        let items = spec.items.iter().map(|item| parse_item(item, buckets_per_item));
        let generation = sale.meta().generation.and_then(|g| u64::try_from(g).ok()).unwrap_or_default();
        let definition = Definition {
            sale: id,
            namespace: sale.namespace().unwrap_or_default(),
            display_name: if spec.display_name.is_empty() { name.clone() } else { spec.display_name.clone() },
            name,
            uid,
            generation: Generation(generation),
            epoch: Epoch(1),
            streams: Vec::new(),
            desired_state: if deleting { sale::DesiredState::Closed } else { desired_state(spec.desired_state) },
            stopped: false,
            withdrawn: None,
            start: spec.schedule.start_time.0,
            end: spec.schedule.end_time.0,
            per_customer: optional("spec.limits.perCustomer", spec.limits.per_customer)?,
            items: items.collect::<Result<_, _>>()?,
            payment: payment(&spec.payment)?,
            hold_seconds: hold_seconds(spec.reservation.as_ref())?,
            guests_allowed: spec.access.guests == resource::Guests::Allow,
            rate_limit: rate_limit(spec.rate_limit.as_ref())?,
            acknowledge: match spec.acknowledge {
                resource::Acknowledge::Stream => sale::Acknowledge::Stream,
                resource::Acknowledge::Ledger => sale::Acknowledge::Ledger,
            },
        };
        let replicas = match spec.storage.replicas {
            None => None,
            Some(replicas @ (1 | 3 | 5)) => u8::try_from(replicas).ok(),
            Some(_) => return Err(Refused::new("spec.storage.replicas", "is 1, 3 or 5")),
        };
        let says = |annotation| sale.annotations().get(annotation).is_some_and(|value| value == "true");
        let (force, resume) = (says(FORCE_DELETE), says(RESUME));
        let required_sync = spec.storage.required_sync;
        let wanted = Self { definition, replicas, required_sync, shards, buckets_per_item, deleting, force, resume };
        wanted.consistent()?;
        Ok(wanted)
    }
}

impl Wanted {
    /// What the rules of the CRD say as well, and what this version cannot do.
    fn consistent(&self) -> Result<(), Refused> {
        let definition = &self.definition;
        if definition.end <= definition.start {
            return Err(Refused::new("spec.schedule.endTime", "must be after startTime"));
        }
        if definition.items.is_empty() {
            return Err(Refused::new("spec.items", "a sale needs an item"));
        }
        let mut skus: Vec<_> = definition.items.iter().map(|item| &item.sku).collect();
        skus.sort_unstable();
        if skus.windows(2).any(|pair| pair.first() == pair.last()) {
            return Err(Refused::new("spec.items", "two items have the same sku"));
        }
        if definition.items.len() * usize::from(self.buckets_per_item) > BUCKETS_PER_SHARD_MAX {
            return Err(Refused::new("spec.sharding.bucketsPerItem", "too many counters for this many items"));
        }
        if self.shards != 1 {
            return Err(Refused::new("spec.sharding.shards", "more than one shard is not available yet: use 1"));
        }
        if definition.acknowledge == sale::Acknowledge::Ledger {
            return Err(Refused::new("spec.acknowledge", "acknowledge Ledger is not available yet: use Stream"));
        }
        Ok(())
    }

    /// The same, as the sale that the deed of its name says it is.
    #[must_use]
    pub fn held_by(mut self, deed: &Deed) -> Self {
        let definition = &mut self.definition;
        (definition.sale, definition.uid) = (deed.sale.clone(), deed.uid.clone());
        definition.generation.0 = definition.generation.0.saturating_add(deed.base.0);
        self
    }

    /// The stream of a shard in this life.
    #[must_use]
    pub fn stream(&self, epoch: Epoch, shard: Shard) -> Stream {
        Stream { sale: self.definition.sale.clone(), epoch, shard }
    }

    /// What is published once the sale is provisioned as the latch says.
    #[must_use]
    pub fn published_as(&self, latch: &Latch) -> Definition {
        let mut definition = self.definition.clone();
        definition.epoch = latch.epoch;
        definition.streams.clone_from(&latch.streams);
        for item in &mut definition.items {
            if let Some(buckets) = latch.buckets.get(&item.sku) {
                item.buckets = *buckets;
            }
        }
        definition
    }

    /// When the clock changes the state next.
    #[must_use]
    pub fn next_transition(&self, now: Timestamp) -> Option<Timestamp> {
        self.definition.next_transition(now)
    }
}

fn parse_item(item: &resource::Item, buckets_per_item: u16) -> Result<sale::Item, Refused> {
    let field = |name: &str| format!("spec.items[{}].{name}", item.sku);
    let sku = Sku::parse(&item.sku).map_err(|e| Refused::new("spec.items.sku", e.to_string()))?;
    let quantity = Units(number(&field("quantity"), item.quantity)?);
    let withheld = Units(number(&field("withheld"), item.withheld)?);
    if withheld > quantity {
        return Err(Refused::new(field("withheld"), "is more than quantity"));
    }
    let per_order = Units(number(&field("limits.perOrder"), item.limits.per_order)?);
    let per_customer = optional(&field("limits.perCustomer"), item.limits.per_customer)?;
    if per_order == Units::ZERO || per_customer.is_some_and(|limit| limit < per_order) {
        return Err(Refused::new(field("limits.perOrder"), "is at least 1 and at most limits.perCustomer"));
    }
    let price = item.price.as_ref().map(|price| {
        if price.amount_minor < 0 {
            return Err(Refused::new(field("price.amountMinor"), "is negative"));
        }
        Ok(sale::Money { amount_minor: price.amount_minor, currency: price.currency.clone() })
    });
    let target = quantity.0.saturating_sub(withheld.0);
    Ok(sale::Item {
        sku,
        display_name: if item.display_name.is_empty() { item.sku.clone() } else { item.display_name.clone() },
        image_url: item.image_url.clone(),
        quantity,
        withheld,
        price: price.transpose()?,
        per_order,
        per_customer,
        // A counter that never had a unit only costs every reader a look.
        buckets: u16::try_from(target.max(1)).unwrap_or(u16::MAX).min(buckets_per_item),
    })
}

fn desired_state(state: resource::DesiredState) -> sale::DesiredState {
    match state {
        resource::DesiredState::Scheduled => sale::DesiredState::Scheduled,
        resource::DesiredState::Paused => sale::DesiredState::Paused,
        resource::DesiredState::Closed => sale::DesiredState::Closed,
    }
}

fn payment(payment: &resource::Payment) -> Result<sale::Payment, Refused> {
    match (payment.mode, &payment.checkout_url) {
        (resource::PaymentMode::None, _) => Ok(sale::Payment::None),
        (resource::PaymentMode::Wallet, _) => Ok(sale::Payment::Wallet),
        (resource::PaymentMode::External, Some(url)) => Ok(sale::Payment::External { checkout_url: url.clone() }),
        (resource::PaymentMode::External, None) => Err(Refused::new("spec.payment.checkoutURL", "is missing")),
    }
}

fn hold_seconds(reservation: Option<&resource::Reservation>) -> Result<u32, Refused> {
    reservation.map_or(Ok(HOLD_SECONDS_DEFAULT), |r| number("spec.reservation.holdSeconds", r.hold_seconds))
}

fn rate_limit(limit: Option<&resource::RateLimit>) -> Result<Option<sale::RateLimit>, Refused> {
    let parse = |limit: &resource::RateLimit| {
        Ok(sale::RateLimit {
            requests: number("spec.rateLimit.requests", limit.requests)?.max(1),
            window_seconds: number("spec.rateLimit.windowSeconds", limit.window_seconds)?.max(1),
        })
    };
    limit.map(parse).transpose()
}

fn number(field: &str, number: i32) -> Result<u32, Refused> {
    u32::try_from(number).map_err(|_| Refused::new(field, "is negative"))
}

fn optional(field: &str, limit: Option<i32>) -> Result<Option<Units>, Refused> {
    limit.map(|limit| number(field, limit).map(Units)).transpose()
}

#[cfg(test)]
mod tests;
