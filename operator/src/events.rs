//! What `kubectl describe` tells: pure.
//!
//! An event is the difference of two statuses, so it is told once per change of level however often a sale is looked at.
//! It is emitted after the new status was written by compare-and-set, so by exactly one operator; a crash in between
//! loses the telling, never the fact.

use kube::runtime::events::{Event, EventType};

use crate::resource::FlashSaleStatus;
use crate::status::{Kind, find};

/// The events that a change of status is worth.
#[must_use]
pub fn between(old: &FlashSaleStatus, new: &FlashSaleStatus) -> Vec<Event> {
    let level = |status: &FlashSaleStatus, kind| find(status, kind).map(|c| c.status.clone()).unwrap_or_default();
    let reason = |status: &FlashSaleStatus, kind| find(status, kind).map(|c| c.reason.clone()).unwrap_or_default();
    let became = |kind, to: &str| level(old, kind) != to && level(new, kind) == to;
    let note = |kind| find(new, kind).map(|c| c.message.clone()).unwrap_or_default();
    let mut events = Vec::new();
    if became(Kind::Provisioned, "True") {
        events.push(normal("Provisioned", note(Kind::Provisioned)));
    }
    if old.opened_at.is_none() && new.opened_at.is_some() {
        events.push(normal("Opened", note(Kind::Ready)));
    }
    events.extend(stock(old, new));
    if became(Kind::SupplyApplied, "False") {
        events.push(warning("ShortOfDecrease", note(Kind::SupplyApplied)));
    }
    if became(Kind::Paused, "True") {
        events.push(normal("Paused", note(Kind::Paused)));
    }
    if level(old, Kind::Paused) == "True" && became(Kind::Paused, "False") {
        events.push(normal("Resumed", note(Kind::Ready)));
    }
    if became(Kind::SoldOut, "True") {
        events.push(normal("SoldOut", note(Kind::SoldOut)));
    }
    if level(old, Kind::SoldOut) == "True" && became(Kind::SoldOut, "False") {
        events.push(normal("BackInStock", note(Kind::SoldOut)));
    }
    let over = |status| matches!(reason(status, Kind::Ready).as_str(), "Closed" | "Draining" | "Completed");
    if over(new) && !over(old) {
        events.push(normal("Closed", note(Kind::Ready)));
    }
    if became(Kind::Completed, "True") {
        events.push(normal("Completed", note(Kind::Completed)));
    }
    if became(Kind::StockConserved, "False") {
        events.push(warning("ConservationBroken", note(Kind::StockConserved)));
    }
    if reason(new, Kind::Ready) == "StorageLost" && reason(old, Kind::Ready) != "StorageLost" {
        events.push(warning("StorageLost", note(Kind::Ready)));
    }
    if became(Kind::Durable, "False") {
        events.push(warning("StorageNotDurable", note(Kind::Durable)));
    }
    let refused = |status| find(status, Kind::Ready).filter(|c| c.reason == "Refused").map(|c| c.message.clone());
    if let Some(why) = refused(new).filter(|why| refused(old).as_ref() != Some(why)) {
        events.push(warning("Refused", why));
    }
    events
}

/// Changes of an item's quantity and of what is withheld of it; the first fill is part of `Provisioned`.
fn stock(old: &FlashSaleStatus, new: &FlashSaleStatus) -> Vec<Event> {
    let mut events = Vec::new();
    if old.totals.is_none() {
        return events;
    }
    for item in &new.items {
        let Some(before) = old.items.iter().find(|before| before.sku == item.sku) else { continue };
        if before.quantity != item.quantity {
            let note = format!("quantity of {}: {} → {}", item.sku, before.quantity, item.quantity);
            events.push(told_apart(normal("Restocked", note), &item.sku, before.quantity, item.quantity));
        }
        if before.withheld != item.withheld {
            let note = format!("withheld of {}: {} → {}", item.sku, before.withheld, item.withheld);
            events.push(told_apart(normal("WithheldChanged", note), &item.sku, before.withheld, item.withheld));
        }
    }
    events
}

/// Events of one reason and action within minutes are counted under the first one's note. Two changes of stock are two
/// stories, so their actions differ.
fn told_apart(event: Event, sku: &str, before: i32, after: i32) -> Event {
    Event { action: format!("Supply {sku} {before} to {after}"), ..event }
}

/// An event of something that went as asked.
#[must_use]
pub fn normal(reason: &str, note: String) -> Event {
    event(EventType::Normal, reason, note)
}

/// An event that somebody should look at.
#[must_use]
pub fn warning(reason: &str, note: String) -> Event {
    event(EventType::Warning, reason, note)
}

fn event(type_: EventType, reason: &str, mut note: String) -> Event {
    // The API server takes 1,024 bytes.
    note.truncate(note.char_indices().nth(250).map_or(note.len(), |(at, _)| at));
    Event { type_, reason: reason.to_owned(), note: Some(note), action: "Reconcile".to_owned(), secondary: None }
}

#[cfg(test)]
mod tests;
