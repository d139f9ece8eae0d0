//! A resource that stands for a sale whose stock is gone: what became of it, from its tombstone.

use jiff::Timestamp;
use protocol::deed::{Deed, Ended, EndedItem};
use protocol::{Sku, Units};

use super::condition::{Kind, no, set, unknown, yes};
use super::{count, sums};
use crate::resource::{FlashSaleStatus, ItemStatus, START_OVER};

/// The status of a resource whose deed is a tombstone. What is not known any more is said to be so.
#[must_use]
pub fn over(old: &FlashSaleStatus, deed: &Deed, generation: i64, now: Timestamp) -> FlashSaleStatus {
    let Some(ended) = &deed.ended else { return old.clone() };
    let items: Vec<ItemStatus> = ended.items.iter().map(shown).collect();
    let totals = sums(&items);
    let mut status = FlashSaleStatus {
        observed_generation: Some(generation),
        sale_id: Some(deed.sale.to_string()),
        epoch: None,
        opened_at: old.opened_at.clone(),
        next_transition_time: None,
        storage: None,
        items,
        totals: Some(totals),
        ledger: None,
        conditions: old.conditions.clone(),
    };
    let (sale, at) = (&deed.sale, Timestamp::from_second(ended.at.as_second()).unwrap_or(ended.at));
    // Under its own uid nothing can begin again: the ledger has orders under that id.
    let who = if deed.owner == deed.uid { "make the resource anew with the annotation" } else { "annotate" };
    let about = format!(
        "sale {sale} was deleted at {at}; its orders are in the ledger and nothing is for sale: {who} \
         {START_OVER}={sale} to sell new stock"
    );
    let removed = || unknown("Removed", "its streams were removed with its first resource");
    for kind in Kind::ALL {
        let known = match kind {
            Kind::Ready => yes("Completed", about.clone()),
            Kind::Provisioned => no("Removed", removed().message),
            Kind::Paused => no("NotPaused", "nothing is for sale"),
            Kind::Completed if ended.certain => yes("BooksClosed", "the sale is over and its stock was closed"),
            Kind::Completed => unknown("Removed", "it was deleted before its stock was read to the end"),
            _ => removed(),
        };
        set(&mut status.conditions, kind, known, generation, now);
    }
    status
}

/// The end of a sale, as it was shown last.
#[must_use]
pub fn ended(items: &[ItemStatus], certain: bool, at: Timestamp) -> Ended {
    let units = |count: i32| Units(u32::try_from(count).unwrap_or(0));
    let item = |item: &ItemStatus| {
        Some(EndedItem {
            sku: Sku::parse(&item.sku).ok()?,
            quantity: units(item.quantity),
            withheld: units(item.withheld),
            free: units(item.free),
            held: units(item.held),
            sold: units(item.sold),
            shortfall: units(item.shortfall),
        })
    };
    Ended { at, certain, items: items.iter().filter_map(item).collect() }
}

fn shown(item: &EndedItem) -> ItemStatus {
    let count = |units: Units| count(i64::from(units.0));
    ItemStatus {
        sku: item.sku.to_string(),
        buckets: 1,
        quantity: count(item.quantity),
        withheld: count(item.withheld),
        free: count(item.free),
        held: count(item.held),
        sold: count(item.sold),
        shortfall: count(item.shortfall),
        availability: None,
    }
}
