//! What was seen, as conditions and totals: pure.
//!
//! **What must always hold.** Every condition is present from the first visit, `Unknown` until something is known. What
//! is not known is never `True`. `Completed` is said only of a closed sale whose books are complete, and stays said.
//!
//! **What it costs.** [`change`] says how much a new status matters, so that a busy sale writes a few bytes into etcd every
//! two seconds and an idle one nothing.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use protocol::Sku;
use protocol::sale::{Definition, Gate, Payment};
use protocol::status::{ItemStatus as LedgerItem, SaleStatus};

use crate::durability::Servers;
use crate::plan::{self, Shelf, Standing, Stock};
use crate::resource::{
    Availability, FlashSaleStatus, ItemStatus, LedgerStatus, RequiredSync, StorageStatus, StreamStatus, Totals,
};
use crate::wanted::Latch;

mod condition;
mod over;
mod told;

pub use condition::{Kind, Known, of as condition, set};
pub(crate) use condition::{no, unknown, yes};
pub use over::{ended, over};
use told::conditions;
pub use told::open_end;

/// Seconds that the ledger may be behind before `LedgerInSync` is `False`.
pub const LAG_SECONDS_MAX: i64 = 5;

/// What a status is made of.
#[derive(Debug)]
pub struct View<'a> {
    /// `metadata.generation` of the resource.
    pub generation: i64,
    /// When the resource was created.
    pub created: Timestamp,
    /// The status as it was read.
    pub old: &'a FlashSaleStatus,
    /// How things stand.
    pub standing: &'a Standing,
    /// What is provisioned.
    pub latch: Option<&'a Latch>,
    /// The stream.
    pub shelf: Option<&'a Shelf>,
    /// What the ledger says about it.
    pub ledger: Option<&'a SaleStatus>,
    /// What the sale asks of the servers' disks.
    pub required_sync: RequiredSync,
    /// What the servers say of themselves.
    pub servers: &'a Servers,
    /// What time it is.
    pub now: Timestamp,
}

/// The status to be shown.
#[must_use]
pub fn status(view: &View<'_>) -> FlashSaleStatus {
    let definition = view.standing.definition.as_deref();
    let mut status = view.old.clone();
    if view.standing.refused.is_none() {
        status.observed_generation = Some(view.generation);
    }
    if let Some(definition) = definition {
        status.sale_id = Some(definition.sale.to_string());
        status.next_transition_time = definition.next_transition(view.now).map(Time);
        let opens = definition.start.max(view.created);
        if status.opened_at.is_none() && view.standing.lost.is_none() && definition.gate(view.now) == Gate::Open {
            status.opened_at = Some(Time(whole_seconds(opens)));
        }
        if let Some(shelf) = view.shelf.filter(|_| view.standing.lost.is_none()) {
            status.items = items(definition, view, shelf);
            status.totals = Some(totals(&status.items, view));
        }
    }
    if let Some(ledger) = view.ledger {
        status.ledger = Some(LedgerStatus {
            lag_seconds: lag_seconds(view, ledger),
            audited_at: ledger.audit.as_ref().map(|audit| Time(whole_seconds(audit.at))),
        });
    }
    for (kind, known) in conditions(view, &status) {
        set(&mut status.conditions, kind, known, view.generation, view.now);
    }
    status
}

/// The part of the status that is written once, when a sale or an item is provisioned.
#[must_use]
pub fn latched(old: &FlashSaleStatus, definition: &Definition, latch: &Latch, sync: RequiredSync) -> FlashSaleStatus {
    let streams = latch.streams.iter().map(|identity| StreamStatus {
        name: definition.stream(identity.shard).name(),
        created: identity.created.to_string(),
        first_seq: i64::try_from(identity.first_seq).unwrap_or(i64::MAX),
    });
    let item = |(sku, buckets): (&Sku, &u16)| {
        let known = old.items.iter().find(|item| item.sku == sku.as_str()).cloned();
        known.unwrap_or_else(|| ItemStatus {
            sku: sku.to_string(),
            buckets: i32::from(*buckets),
            quantity: 0,
            withheld: 0,
            free: 0,
            held: 0,
            sold: 0,
            shortfall: 0,
            availability: None,
        })
    };
    FlashSaleStatus {
        sale_id: Some(definition.sale.to_string()),
        epoch: i32::try_from(latch.epoch.0).ok(),
        storage: Some(StorageStatus {
            replicas: i32::from(latch.replicas),
            required_sync: sync,
            streams: streams.collect(),
        }),
        items: latch.buckets.iter().map(item).collect(),
        ..old.clone()
    }
}

/// What is said while nothing could be done: what was known stays, and why it is not brought on.
#[must_use]
pub fn troubled(old: &FlashSaleStatus, why: &str, generation: i64, now: Timestamp) -> FlashSaleStatus {
    let mut status = old.clone();
    let ready = condition::of(&old.conditions, Kind::Ready);
    let reason = ready.map_or("Pending", |ready| ready.reason.as_str()).to_owned();
    let in_force = old.observed_generation == Some(generation);
    let known = if in_force {
        unknown(reason, why)
    } else {
        no(if old.storage.is_none() { "Pending".to_owned() } else { reason }, why)
    };
    set(&mut status.conditions, Kind::Ready, known, generation, now);
    for kind in Kind::ALL {
        if condition::of(&status.conditions, kind).is_none() {
            set(&mut status.conditions, kind, unknown("NotKnownYet", "nothing is known yet"), generation, now);
        }
    }
    status
}

/// How much a new status matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// Not at all.
    Nothing,
    /// Only the time of the newest audit.
    Audit,
    /// Numbers.
    Numbers,
    /// A condition, or what is in force.
    Level,
}

/// How much the difference of two statuses matters.
#[must_use]
pub fn change(old: &FlashSaleStatus, new: &FlashSaleStatus) -> Change {
    if old == new {
        return Change::Nothing;
    }
    let level = |status: &FlashSaleStatus| {
        let conditions = status.conditions.iter();
        let conditions: Vec<_> =
            conditions.map(|c| (c.type_.clone(), c.status.clone(), c.reason.clone(), c.observed_generation)).collect();
        (status.observed_generation, status.opened_at.clone(), status.storage.clone(), conditions)
    };
    if level(old) != level(new) || old.next_transition_time != new.next_transition_time {
        return Change::Level;
    }
    let without_audit = |status: &FlashSaleStatus| {
        let mut status = status.clone();
        if let Some(ledger) = &mut status.ledger {
            ledger.audited_at = None;
        }
        status.conditions.retain(|condition| condition.type_ != Kind::StockConserved.name());
        status
    };
    if without_audit(old) == without_audit(new) { Change::Audit } else { Change::Numbers }
}

/// Whether an item that has no free unit can be called sold out.
fn is_sold_out(definition: &Definition, view: &View<'_>, item: &ItemStatus) -> bool {
    if item.free > 0 || item.sold == 0 {
        return false;
    }
    // Without payment nothing is ever held, and the buckets were seen as the leader has them.
    let exact = |ledger: &SaleStatus| ledger.exact && view.shelf.is_some_and(|shelf| ledger.cursor >= shelf.position);
    definition.payment == Payment::None || (item.held == 0 && view.ledger.is_some_and(exact))
}

fn items(definition: &Definition, view: &View<'_>, shelf: &Shelf) -> Vec<ItemStatus> {
    let buckets = view.latch.map(|latch| latch.buckets.iter());
    let item = |(sku, buckets): (&Sku, &u16)| {
        let empty = Stock::default();
        let stock = shelf.items.get(sku).unwrap_or(&empty);
        let target = plan::target(definition, sku);
        let active = (stock.supply() - stock.free()).max(0);
        let books = view.ledger.and_then(|ledger| ledger.items.iter().find(|item| item.sku == *sku));
        let current = view.ledger.is_some_and(|ledger| ledger.cursor >= shelf.position);
        // Books that are behind still tell what is held; everything else that is active then counts as sold.
        let held = match books {
            Some(LedgerItem { sums, .. }) if definition.holds() => sums.held.min(active),
            _ => 0,
        };
        let sold = books.filter(|_| current).map_or(active - held, |books| books.sums.sold);
        let mut status = ItemStatus {
            sku: sku.to_string(),
            buckets: i32::from(*buckets),
            quantity: count(i64::from(target.quantity.0)),
            withheld: count(i64::from(target.withheld.0)),
            free: count(stock.free()),
            held: count(held),
            sold: count(sold),
            shortfall: count(i64::from(plan::shortfall(definition, sku, stock).0)),
            availability: None,
        };
        status.availability = Some(if status.free > 0 {
            Availability::Available
        } else if is_sold_out(definition, view, &status) {
            Availability::SoldOut
        } else {
            Availability::AllUnitsHeld
        });
        if status.free == 0 && status.held == 0 && status.sold == 0 {
            status.availability = None;
        }
        status
    };
    buckets.map(|buckets| buckets.map(item).collect()).unwrap_or_default()
}

fn totals(items: &[ItemStatus], view: &View<'_>) -> Totals {
    let gap = view.ledger.filter(|ledger| ledger.exact).map(|ledger| ledger.items.iter().map(|i| -i.sums.gap()).sum());
    let unaccounted = gap.or_else(|| view.old.totals.as_ref().and_then(|totals| totals.unaccounted));
    Totals { unaccounted, ..sums(items) }
}

fn sums(items: &[ItemStatus]) -> Totals {
    let sum = |of: fn(&ItemStatus) -> i32| items.iter().map(|item| i64::from(of(item))).sum();
    Totals {
        quantity: sum(|item| item.quantity),
        withheld: sum(|item| item.withheld),
        free: sum(|item| item.free),
        held: sum(|item| item.held),
        sold: sum(|item| item.sold),
        shortfall: sum(|item| item.shortfall),
        unaccounted: None,
    }
}

/// A count never leaves its bounds, whatever is stored.
fn count(units: i64) -> i32 {
    i32::try_from(units.max(0)).unwrap_or(i32::MAX)
}

fn whole_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

/// 0 when nothing is missing, however old the status is.
fn lag_seconds(view: &View<'_>, ledger: &SaleStatus) -> i64 {
    if view.shelf.is_none_or(|shelf| ledger.cursor >= shelf.position) {
        return 0;
    }
    let silent = view.now.as_second() - ledger.at.as_second();
    // A ledger that has stopped writing says nothing about its lag any more.
    silent.max(whole(ledger.lag_seconds)).max(0)
}

fn whole(seconds: f64) -> i64 {
    i64::try_from(std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default().as_secs()).unwrap_or(i64::MAX)
}

/// A condition of a status.
#[must_use]
pub fn find(status: &FlashSaleStatus, kind: Kind) -> Option<&Condition> {
    condition::of(&status.conditions, kind)
}

#[cfg(test)]
mod tests;
