//! Where the units of a shard are, as the log says at the position that was read last: free, held, or sold.
//!
//! **What it is for.** In a sale with payment "no unit is free" is not "sold out": what is held may come back. A thorough
//! view reads every order anyway, so it can count what is held and when the next of it must be paid, exactly and with no
//! ledger's help.
//!
//! **What must always hold.** A claim is one batch but several messages, and between two of them a unit has left its bucket
//! and is in no order yet. So a count is given only at a cut, where everything that was ever supplied is accounted for.
//!
//! **What it costs.** Some 100 bytes per held order and 16 per sold one, in sales with payment alone.

use std::collections::{BTreeMap, HashMap, HashSet};

use protocol::bucket::Bucket;
use protocol::order::{Order, State};
use protocol::supply::Supply;
use protocol::{BucketIndex, CustomerId, OrderNumber, Sku, Units};

/// The units of an item at a cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Count {
    pub(super) free: Units,
    pub(super) held: Units,
    /// When the first of the held ones must be paid, in seconds since 1970.
    pub(super) next_expiry: Option<i64>,
}

/// Units of an item that may come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Held {
    /// How many.
    pub units: Units,
    /// When the first of them must be paid, in seconds since 1970.
    pub next_expiry: Option<i64>,
}

impl Held {
    /// With those of another shard.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let next_expiry = [self.next_expiry, other.next_expiry].into_iter().flatten().min();
        Self { units: Units(self.units.0.saturating_add(other.units.0)), next_expiry }
    }
}

/// An order among all of a shard: 64 bits of its customer's hash, and its number.
type Name = (u64, OrderNumber);

#[derive(Debug, Default)]
struct Item {
    supplied: i64,
    /// In held and sold orders.
    active: i64,
    buckets: HashMap<BucketIndex, Units>,
    /// Held units by deadline.
    held: BTreeMap<i64, u32>,
}

impl Item {
    fn held(&self) -> Held {
        let units = self.held.values().fold(0, |sum: u32, units| sum.saturating_add(*units));
        let next_expiry = self.held.keys().next().copied().filter(|at| *at != i64::MAX);
        Held { units: Units(units), next_expiry }
    }
}

/// Every unit of a shard.
#[derive(Debug, Default)]
pub(super) struct Tally {
    items: HashMap<Sku, Item>,
    held: HashMap<Name, (i64, Units)>,
    sold: HashSet<Name>,
}

impl Tally {
    /// Takes in the newest value of a bucket.
    pub(super) fn bucket(&mut self, sku: &Sku, index: BucketIndex, bucket: &Bucket) {
        self.items.entry(sku.clone()).or_default().buckets.insert(index, bucket.free);
    }

    /// Takes in a supply record; each is written once.
    pub(super) fn supply(&mut self, sku: &Sku, supply: &Supply) {
        self.items.entry(sku.clone()).or_default().supplied += supply.delta;
    }

    /// Takes in the newest value of an order.
    pub(super) fn order(&mut self, customer: &CustomerId, number: OrderNumber, order: &Order) {
        let name = (customer.hash64(), number);
        let item = self.items.entry(order.sku.clone()).or_default();
        let units = i64::from(order.quantity.0);
        if let Some((deadline, units)) = self.held.remove(&name) {
            item.active -= i64::from(units.0);
            if let Some(sum) = item.held.get_mut(&deadline) {
                *sum = sum.saturating_sub(units.0);
                if *sum == 0 {
                    item.held.remove(&deadline);
                }
            }
        } else if self.sold.remove(&name) {
            item.active -= units;
        }
        match order.state {
            State::Held => {
                let deadline = order.expires_at.unwrap_or(i64::MAX);
                item.active += units;
                *item.held.entry(deadline).or_default() += order.quantity.0;
                self.held.insert(name, (deadline, order.quantity));
            }
            State::Confirmed => {
                item.active += units;
                self.sold.insert(name);
            }
            State::Released => {}
        }
    }

    /// The units of an item; nothing in the middle of a batch.
    pub(super) fn count(&self, sku: &Sku) -> Option<Count> {
        let item = self.items.get(sku)?;
        let free = item.buckets.values().fold(0, |sum: u32, units| sum.saturating_add(units.0));
        let Held { units: held, next_expiry } = item.held();
        let cut = i64::from(free) + item.active == item.supplied;
        cut.then_some(Count { free: Units(free), held, next_expiry })
    }

    /// How many orders are on hold.
    pub(super) fn held_orders(&self) -> usize {
        self.held.len()
    }

    /// What is on hold of an item, cut or not.
    pub(super) fn held(&self, sku: &Sku) -> Held {
        self.items.get(sku).map(Item::held).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
