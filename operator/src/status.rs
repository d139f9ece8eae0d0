//! What was seen, as conditions and totals: pure.
//!
//! **What must always hold.** Every condition is present from the first visit, `Unknown` until something is known. What
//! is not known is never `True`. `Completed` is said only of a closed sale whose books are complete, and stays said.
//!
//! **What it costs.** [`change`] says how much a new status matters, so that a busy sale writes a few bytes into etcd every
//! two seconds and an idle one nothing.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use protocol::sale::{Definition, Gate, Payment};
use protocol::status::{ItemStatus as LedgerItem, SaleStatus};
use protocol::{Shard, Sku};

use crate::plan::{self, Shelf, Standing, Stock};
use crate::resource::{
    Availability, FlashSaleStatus, ItemStatus, LedgerStatus, RequiredSync, StorageStatus, StreamStatus, Totals,
};
use crate::wanted::Latch;

mod condition;

pub use condition::{Kind, Known, of as condition, set};
use condition::{no, unknown, yes};

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
    let sum = |of: fn(&ItemStatus) -> i32| items.iter().map(|item| i64::from(of(item))).sum();
    let gap = view.ledger.filter(|ledger| ledger.exact).map(|ledger| ledger.items.iter().map(|i| -i.sums.gap()).sum());
    Totals {
        quantity: sum(|item| item.quantity),
        withheld: sum(|item| item.withheld),
        free: sum(|item| item.free),
        held: sum(|item| item.held),
        sold: sum(|item| item.sold),
        shortfall: sum(|item| item.shortfall),
        unaccounted: gap.or_else(|| view.old.totals.as_ref().and_then(|totals| totals.unaccounted)),
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

fn conditions(view: &View<'_>, status: &FlashSaleStatus) -> Vec<(Kind, Known)> {
    let completed = completed(view);
    vec![
        (Kind::Ready, ready(view, completed.status == "True")),
        (Kind::Provisioned, provisioned(view)),
        (Kind::SupplyApplied, supply_applied(view, status)),
        (Kind::Durable, durable(view)),
        (Kind::StockConserved, conserved(view)),
        (Kind::LedgerInSync, in_sync(view, status)),
        (Kind::SoldOut, sold_out(view, status)),
        (Kind::Paused, paused(view)),
        (Kind::Completed, completed),
    ]
}

fn ready(view: &View<'_>, completed: bool) -> Known {
    if let Some(refused) = &view.standing.refused {
        let goes_on = if view.standing.definition.is_some() { "; the sale goes on as it was" } else { "" };
        return no("Refused", format!("{refused}{goes_on}"));
    }
    if let Some(lost) = &view.standing.lost {
        return no("StorageLost", lost.clone());
    }
    let Some(definition) = view.standing.definition.as_deref() else {
        return no("Pending", "the sale is not provisioned yet");
    };
    match definition.gate(view.now) {
        Gate::Withdrawn => no("StorageLost", "the streams may not be used"),
        Gate::NotOpenYet => yes("Scheduled", format!("opens at {}", definition.start)),
        Gate::Open => yes("Open", format!("claims are taken until {}", definition.end)),
        Gate::Paused if definition.stopped => yes("Paused", "an emergency stop holds the sale"),
        Gate::Paused => yes("Paused", "no claims are taken until desiredState is Scheduled"),
        Gate::Closed if completed => yes("Completed", "the sale is over and its books are closed"),
        Gate::Closed if view.shelf.is_some_and(|shelf| plan::all_closed(definition, shelf)) => {
            yes("Draining", "no claims are taken any more; the books are being completed")
        }
        Gate::Closed => no("Closed", "the buckets are being closed"),
    }
}

fn provisioned(view: &View<'_>) -> Known {
    match (&view.standing.lost, view.latch, view.standing.definition.as_deref()) {
        (Some(lost), ..) => no("StorageLost", lost.clone()),
        (None, Some(_), Some(definition)) => {
            let name = definition.stream(Shard(0)).name();
            yes("Provisioned", format!("stream {name} holds the stock and the definition is published"))
        }
        _ if view.standing.refused.is_some() => no("Refused", "the sale cannot be provisioned as asked"),
        _ => no("Pending", "the sale is not provisioned yet"),
    }
}

fn supply_applied(view: &View<'_>, status: &FlashSaleStatus) -> Known {
    if view.standing.lost.is_some() || view.latch.is_none() || view.standing.definition.is_none() {
        return unknown("NotProvisioned", "there is no stock to compare with");
    }
    let short: Vec<_> = status.items.iter().filter(|item| item.shortfall > 0).map(short_of).collect();
    if short.is_empty() {
        yes("Applied", "the stock is what was asked for")
    } else {
        no("ShortOfDecrease", short.join("; "))
    }
}

fn short_of(item: &ItemStatus) -> String {
    let ItemStatus { sku, quantity, withheld, sold, held, shortfall, .. } = item;
    let asked = quantity - withheld;
    format!(
        "{shortfall} units of {sku} could not be taken back: {asked} are asked for, {sold} are sold and {held} held"
    )
}

fn durable(view: &View<'_>) -> Known {
    let Some(shelf) = view.shelf.filter(|_| view.standing.lost.is_none()) else {
        return unknown("NotProvisioned", "there is no stream yet");
    };
    if !shelf.on_disk {
        return no("MemoryStorage", "the stream is kept in memory: a restart of the server loses the sale");
    }
    if shelf.replicas < 3 {
        return no("SingleReplica", "the stream has one copy: losing its server's disk loses the sale");
    }
    if view.required_sync == RequiredSync::Relaxed {
        return yes("Replicated", format!("{} copies; a power cut of all servers may lose seconds", shelf.replicas));
    }
    unknown(
        "SyncNotChecked",
        format!("{} copies; whether every server syncs each write is not checked", shelf.replicas),
    )
}

fn conserved(view: &View<'_>) -> Known {
    let Some((ledger, audit)) = view.ledger.and_then(|ledger| Some((ledger, ledger.audit.as_ref()?))) else {
        return unknown("NotAuditedYet", "the ledger has not compared both sides yet");
    };
    let at = whole_seconds(audit.at);
    if audit.breaches.is_empty() {
        let sum = |of: fn(&LedgerItem) -> i64| ledger.items.iter().map(of).sum::<i64>();
        let (free, held) = (sum(|item| item.sums.free), sum(|item| item.sums.held));
        let (sold, supply) = (sum(|item| item.sums.sold), sum(|item| item.sums.supply));
        return yes(
            "Balanced",
            format!("{free} free + {held} held + {sold} sold = {supply} supplied; audited at {at}"),
        );
    }
    let mut told = audit.breaches.join("; ");
    told.truncate(told.char_indices().nth(1_000).map_or(told.len(), |(at, _)| at));
    no("Breach", format!("{told}; audited at {at}"))
}

fn in_sync(view: &View<'_>, status: &FlashSaleStatus) -> Known {
    let Some(ledger) = view.ledger else { return unknown("NoLedger", "no ledger follows the sale yet") };
    if let Some(halted) = &ledger.halted {
        return no("Halted", halted.clone());
    }
    let lag = status.ledger.as_ref().map_or(0, |ledger| ledger.lag_seconds);
    if lag > LAG_SECONDS_MAX {
        return no("Lagging", format!("the books are more than {LAG_SECONDS_MAX} s behind the stream"));
    }
    yes("InSync", "the books follow the stream")
}

fn sold_out(view: &View<'_>, status: &FlashSaleStatus) -> Known {
    let Some(definition) = view.standing.definition.as_deref().filter(|_| view.latch.is_some()) else {
        return unknown("NotProvisioned", "there is no stock yet");
    };
    if view.standing.lost.is_some() {
        return unknown("StorageLost", "the stock is lost");
    }
    let Some(totals) = &status.totals else { return unknown("NotKnownYet", "nothing is known yet") };
    if totals.free > 0 {
        return no("UnitsFree", "there are free units");
    }
    if totals.sold + totals.held == 0 {
        return no("NothingForSale", "no unit is for sale");
    }
    let sold = status.items.iter().filter(|item| item.sold + item.held > 0);
    if sold.clone().all(|item| is_sold_out(definition, view, item)) {
        return yes("AllSold", "every unit is sold");
    }
    if totals.held > 0 {
        no("UnitsHeld", "no unit is free, but some may come back")
    } else {
        unknown("NoExactCut", "the books are being followed")
    }
}

fn paused(view: &View<'_>) -> Known {
    let Some(definition) = view.standing.definition.as_deref() else {
        return no("NotPaused", "nothing is in force yet");
    };
    match definition.gate(view.now) {
        Gate::Paused if definition.stopped => yes("Stopped", "an emergency stop holds the sale"),
        Gate::Paused => yes("Paused", "desiredState is Paused, and every bucket refuses older definitions"),
        _ => no("NotPaused", "the sale follows its schedule"),
    }
}

fn completed(view: &View<'_>) -> Known {
    let (Some(definition), Some(shelf)) = (view.standing.definition.as_deref(), view.shelf) else {
        return unknown("NotClosed", "the sale is not over");
    };
    if view.latch.is_some_and(|latch| latch.completed) && definition.gate(view.now) == Gate::Closed {
        return yes("BooksClosed", "the sale is over and its books balance");
    }
    if definition.gate(view.now) != Gate::Closed || view.standing.lost.is_some() {
        return unknown("NotClosed", "the sale is not over");
    }
    match open_end(definition, shelf, view.ledger) {
        Some(why) => unknown("Draining", why),
        None => yes("BooksClosed", "the sale is over and its books balance"),
    }
}

/// What is missing until a closed sale is complete; `None` when it is.
#[must_use]
pub fn open_end(definition: &Definition, shelf: &Shelf, ledger: Option<&SaleStatus>) -> Option<&'static str> {
    if !plan::all_closed(definition, shelf) {
        return Some("the buckets are being closed");
    }
    let Some(ledger) = ledger else { return Some("no ledger follows the sale yet") };
    if !ledger.exact || ledger.cursor < shelf.position {
        return Some("the ledger does not have everything yet");
    }
    if ledger.items.iter().any(|item| item.sums.held > 0) {
        return Some("orders still wait for a payment");
    }
    match &ledger.audit {
        Some(audit) if !audit.breaches.is_empty() => Some("the books do not balance"),
        Some(audit) if audit.position >= shelf.position => None,
        _ => Some("the books are not audited to the end yet"),
    }
}

/// A condition of a status.
#[must_use]
pub fn find(status: &FlashSaleStatus, kind: Kind) -> Option<&Condition> {
    condition::of(&status.conditions, kind)
}

#[cfg(test)]
mod tests;
