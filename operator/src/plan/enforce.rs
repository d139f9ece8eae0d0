//! The stages between a definition that is allowed and one that is in force.

use jiff::Timestamp;
use protocol::bucket::State;
use protocol::sale::{Definition, Gate};
use protocol::supply::{self, Target};
use protocol::{Sku, Units};

use super::{Shelf, Step, Stock, seed};
use crate::wanted::Latch;

/// The stages after the latch; empty when the definition is in force.
pub(super) fn enforce(
    definition: &Definition,
    latch: &Latch,
    shelf: &Shelf,
    published: Option<&Definition>,
    now: Timestamp,
    resume: bool,
) -> Vec<Step> {
    let mut seeds: Vec<Step> = Vec::new();
    let mut buckets = latch.buckets.clone();
    for item in definition.items.iter().filter(|item| !latch.buckets.contains_key(&item.sku)) {
        let there = shelf.items.get(&item.sku).and_then(|s| u16::try_from(s.buckets.len()).ok()).filter(|n| *n > 0);
        if there.is_none() {
            seeds.push(seed(item, definition.generation));
        }
        buckets.insert(item.sku.clone(), there.unwrap_or(item.buckets));
    }
    if buckets != latch.buckets {
        seeds.push(Step::Latch { buckets });
        return seeds;
    }
    let is_new = |sku: &Sku| published.is_none_or(|published| published.item(sku).is_none());
    let (new, known): (Vec<_>, Vec<_>) = supplies(definition, latch, shelf)
        .into_iter()
        .partition(|(sku, _)| is_new(sku) && definition.item(sku).is_some());
    let supply = |(sku, target)| Step::Supply { sku, target };
    let mut steps: Vec<Step> = Vec::new();
    let stamp = stamp(definition, shelf, now);
    if published.is_none() {
        // Nobody claims yet, so the order matters only to whoever reruns this.
        steps.extend(stamp.clone());
    }
    steps.extend(new.into_iter().map(supply));
    if published != Some(definition) {
        steps.push(Step::Publish(Box::new(definition.clone())));
    }
    if published.is_some() {
        steps.extend(stamp);
    }
    steps.extend(known.into_iter().map(supply));
    // Last: until the buckets are free again, nobody sells by a definition that is only half in force.
    if resume && shelf.items.values().flat_map(|stock| &stock.buckets).any(|(_, bucket)| bucket.stopped) {
        steps.push(Step::Resume);
    }
    steps
}

/// The stamp, where a bucket lacks it.
fn stamp(definition: &Definition, shelf: &Shelf, now: Timestamp) -> Option<Step> {
    let closed = definition.gate(now) == Gate::Closed;
    let generation = definition.generation;
    let lacks = shelf.items.iter().any(|(sku, stock)| {
        let state = bucket_state(definition, sku, closed);
        stock.buckets.iter().any(|(_, bucket)| bucket.stamp(generation, state).is_ok_and(|next| next.is_some()))
    });
    lacks.then(|| Step::Stamp { definition: Box::new(definition.clone()), closed })
}

/// The state of an item's buckets: closed with the sale, and when the item is not for sale any more.
#[must_use]
pub fn bucket_state(definition: &Definition, sku: &Sku, closed: bool) -> State {
    supply::bucket_state(closed || definition.item(sku).is_none())
}

/// What is asked of every provisioned item, a removed one included, where the records do not say it yet.
fn supplies(definition: &Definition, latch: &Latch, shelf: &Shelf) -> Vec<(Sku, Target)> {
    let open = latch.buckets.keys().filter_map(|sku| {
        let stock = shelf.items.get(sku)?;
        let target = target(definition, sku);
        let last = stock.supplied.as_ref().map(|(number, supply)| (*number, supply));
        matches!(supply::plan(last, &target, &stock.buckets), supply::Plan::Write(_)).then(|| (sku.clone(), target))
    });
    open.collect()
}

/// What is asked of an item: nothing of one that is not for sale any more.
#[must_use]
pub fn target(definition: &Definition, sku: &Sku) -> Target {
    let (quantity, withheld) =
        definition.item(sku).map_or((Units::ZERO, Units::ZERO), |item| (item.quantity, item.withheld));
    Target { generation: definition.generation, quantity, withheld }
}

/// Units beyond the target that are sold or held.
#[must_use]
pub fn shortfall(definition: &Definition, sku: &Sku, stock: &Stock) -> Units {
    let over = stock.supply() - i64::from(target(definition, sku).total().0);
    Units(u32::try_from(over).unwrap_or(0))
}

/// Whether every bucket refuses claims for good under this definition.
#[must_use]
pub fn all_closed(definition: &Definition, shelf: &Shelf) -> bool {
    let mut buckets = shelf.items.values().flat_map(|stock| &stock.buckets);
    buckets.all(|(_, bucket)| bucket.state == State::Closed && bucket.generation == definition.generation)
}
