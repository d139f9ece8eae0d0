//! Giving units back, and confirming what is held.
//!
//! **What it is for.** An order is cancelled by its customer (at an edge), expires, or is refunded (by the ledger). Each is
//! one atomic batch: a bucket of the item with more units, and orders that are released. Confirming is one order alone.
//! Whoever does it writes through here, so that there is one place where units come back.
//!
//! **What must always hold.** Every order of a batch is conditional on the revision that was read, so its units come back
//! once, whoever else tries: an attempt that arrives late finds the order changed and changes nothing. A closed bucket takes
//! units too, so the sum holds. An unknown outcome needs no burn: the order is read again, and if it is still as it was, the
//! same again is safe.
//!
//! **What it costs.** A leader read of a bucket and one batch, for up to [`GROUP_MAX`] orders of an item.
//!
//! **What is deliberately absent.** Pauses and retries: [`Attempt`] says what happened, and who called decides.

use crate::bucket::Bucket;
use crate::id::{BucketIndex, CustomerId, OrderNumber, Revision, Sku, Units};
use crate::key::Key;
use crate::order::{Illegal, Order, Reason};
use crate::store::{Expect, Outcome, Store, Unavailable, Write};
use crate::wire::Value;

/// Most orders of one batch.
pub const GROUP_MAX: usize = 100;

/// An order that is to change, as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Whose.
    pub customer: CustomerId,
    /// Which of theirs.
    pub number: OrderNumber,
    /// Its newest revision.
    pub revision: Revision,
    /// Its value there.
    pub order: Order,
}

impl Standing {
    /// Reads it from the leader; nothing when there is no such order.
    ///
    /// # Errors
    /// [`Unavailable`] when the leader did not answer, or the value cannot be read.
    pub async fn read<S: Store>(
        store: &S,
        customer: CustomerId,
        number: OrderNumber,
    ) -> Result<Option<Self>, Unavailable> {
        let Some(entry) = store.read(&Key::Order(customer, number)).await? else { return Ok(None) };
        let order = Order::decode(&entry.value)
            .map_err(|error| Unavailable(format!("order {number} of a customer cannot be read: {error}")))?;
        Ok(Some(Self { customer, number, revision: entry.revision, order }))
    }

    fn key(&self) -> Key {
        Key::Order(self.customer, self.number)
    }

    fn write(&self, next: &Order) -> Write {
        Write { key: self.key(), expect: Expect::At(self.revision), value: next.encode(), trace: None }
    }
}

/// What became of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt<T> {
    /// It is stored.
    Done(T),
    /// The order at this place of the group is not as it was read: without it the rest may go.
    Changed(usize),
    /// Nothing was stored, for a passing reason: read again, try again.
    Again(String),
    /// Nobody knows. Orders that are still as they were may be sent again.
    Unknown(String),
}

/// A bucket after units came back to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refilled {
    /// Its revision.
    pub revision: Revision,
    /// Its value.
    pub bucket: Bucket,
}

/// Releases orders of one item into one of its buckets: all of them or none.
///
/// # Errors
/// [`Unavailable`] when the bucket cannot be read.
pub async fn release<S: Store>(
    store: &S,
    sku: &Sku,
    into: BucketIndex,
    group: &[(Standing, Reason)],
) -> Result<Attempt<Refilled>, Unavailable> {
    let key = Key::Bucket(sku.clone(), into);
    let Some(entry) = store.read(&key).await? else {
        return Err(Unavailable(format!("there is no bucket {into} of {sku}")));
    };
    let bucket = Bucket::decode(&entry.value)
        .map_err(|error| Unavailable(format!("bucket {into} of {sku} cannot be read: {error}")))?;
    let (bucket, orders) = match planned(&bucket, group) {
        Ok(planned) => planned,
        Err(place) => return Ok(Attempt::Changed(place)),
    };
    let first = Write { key, expect: Expect::At(entry.revision), value: bucket.encode(), trace: None };
    let batch = std::iter::once(first).chain(orders).collect();
    Ok(match store.commit(batch).await {
        Outcome::Committed(committed) => Attempt::Done(Refilled { revision: committed.revision(0), bucket }),
        Outcome::Conflict(Some(at)) => match changed(store, group, at).await? {
            Some(place) => Attempt::Changed(place),
            None => Attempt::Again("the bucket moved".to_owned()),
        },
        Outcome::Conflict(None) => Attempt::Again("another write is in flight".to_owned()),
        Outcome::NotTaken(why) | Outcome::Fault(why) => Attempt::Again(why),
        Outcome::Unknown(why) => Attempt::Unknown(why),
    })
}

/// The bucket with the units of all, and the orders without them; or the place of the first that cannot be released.
fn planned(bucket: &Bucket, group: &[(Standing, Reason)]) -> Result<(Bucket, Vec<Write>), usize> {
    let mut bucket = bucket.clone();
    let mut orders = Vec::with_capacity(group.len());
    for (place, (standing, reason)) in group.iter().enumerate() {
        let next = standing.order.released(*reason).map_err(|Illegal { .. }| place)?;
        // Units that cannot be counted cannot have been sold either: such an order is not one of ours.
        bucket = bucket.give_back(standing.order.quantity).map_err(|_| place)?;
        orders.push(standing.write(&next));
    }
    Ok((bucket, orders))
}

/// Whose condition failed: the position is the newest revision of the key that it was on.
async fn changed<S: Store>(
    store: &S,
    group: &[(Standing, Reason)],
    at: Revision,
) -> Result<Option<usize>, Unavailable> {
    let key = store.read_at(at).await?.and_then(|entry| entry.key);
    Ok(key.and_then(|key| group.iter().position(|(standing, _)| standing.key() == key)))
}

/// Confirms a held order with a payment.
pub async fn confirm<S: Store>(store: &S, standing: &Standing, payment: uuid::Uuid) -> Attempt<Order> {
    let Ok(next) = standing.order.confirmed(Some(payment)) else { return Attempt::Changed(0) };
    match store.commit(vec![standing.write(&next)]).await {
        Outcome::Committed(_) => Attempt::Done(next),
        Outcome::Conflict(Some(_)) => Attempt::Changed(0),
        Outcome::Conflict(None) => Attempt::Again("another write is in flight".to_owned()),
        Outcome::NotTaken(why) | Outcome::Fault(why) => Attempt::Again(why),
        Outcome::Unknown(why) => Attempt::Unknown(why),
    }
}

/// Units of a group.
#[must_use]
pub fn units(group: &[(Standing, Reason)]) -> Units {
    Units(group.iter().fold(0, |sum, (standing, _)| sum.saturating_add(standing.order.quantity.0)))
}

#[cfg(test)]
mod tests;
