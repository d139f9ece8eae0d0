//! What each condition says, and why.

use protocol::Shard;
use protocol::sale::{Definition, Gate};
use protocol::status::{ItemStatus as LedgerItem, SaleStatus};

use super::condition::{Kind, Known, no, of, unknown, yes};
use super::{LAG_SECONDS_MAX, View, is_sold_out, whole_seconds};
use crate::durability;
use crate::plan::{self, Shelf};
use crate::resource::{FlashSaleStatus, ItemStatus};

/// Every condition, in the order in which they are told.
pub(super) fn conditions(view: &View<'_>, status: &FlashSaleStatus) -> Vec<(Kind, Known)> {
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
    let copies = view.latch.map_or(shelf.kept.replicas, |latch| latch.replicas);
    let verdict = durability::verdict(&shelf.kept, copies, view.required_sync, view.servers);
    // Until the servers were asked, what another process heard of them stays: a restart changes no server.
    let heard = || of(&view.old.conditions, Kind::Durable).and_then(Known::of);
    let not_yet = || unknown("NotAskedYet", "the servers that hold the copies have not been asked yet");
    verdict.or_else(heard).unwrap_or_else(not_yet)
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
    if view.standing.lost.is_some() {
        return unknown("StorageLost", "there is nothing to follow");
    }
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
    if ledger.payments_open > 0 {
        return Some("payments are not at their end yet");
    }
    match &ledger.audit {
        Some(audit) if !audit.breaches.is_empty() => Some("the books do not balance"),
        Some(audit) if audit.position >= shelf.position => None,
        _ => Some("the books are not audited to the end yet"),
    }
}
