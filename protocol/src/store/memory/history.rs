//! Whether a log obeyed the laws at every position.
//!
//! **What must always hold**, and is checked here from the messages alone: active units never exceed supply at any
//! position (no oversell); after every batch supply = free + active (conservation); orders of a customer are contiguous,
//! never change what was claimed, only make legal transitions, and no two have the same idempotency key; supply records
//! are contiguous, add up, and their generations never fall; a bucket's generation never falls, and a closed bucket is
//! reopened by a newer generation only.

use std::collections::BTreeMap;

use super::Logged;
use crate::bucket::{self, Bucket};
use crate::conservation::Sums;
use crate::id::{BucketIndex, CustomerId, Generation, IdempotencyKey, Revision, Sku};
use crate::key::Key;
use crate::order::{Order, State};
use crate::supply::Supply;
use crate::wire::Value;

/// A law was broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at {at}: {what}")]
pub struct Broken {
    /// The message that broke it.
    pub at: Revision,
    /// How.
    pub what: String,
}

/// Checks every position of a log that begins with an empty stream.
///
/// # Errors
/// The first law that is broken, and where.
pub fn check_history(log: &[Logged]) -> Result<(), Broken> {
    let mut state = Replay::default();
    let batches_end = log.iter().skip(1).map(|m| m.batch).chain([Revision(0)]);
    for (message, next) in log.iter().zip(batches_end) {
        let broken = |what| Broken { at: message.revision, what };
        state.apply(message).map_err(broken)?;
        state.no_oversell().map_err(broken)?;
        if next != message.batch {
            state.conserves().map_err(broken)?;
        }
    }
    Ok(())
}

#[derive(Default)]
struct Replay {
    buckets: BTreeMap<(Sku, BucketIndex), Bucket>,
    orders: BTreeMap<CustomerId, Vec<Order>>,
    keys: BTreeMap<(CustomerId, IdempotencyKey), usize>,
    supplies: BTreeMap<Sku, (u32, Generation)>,
    sums: BTreeMap<Sku, Sums>,
}

fn read<T: Value>(message: &Logged) -> Result<T, String> {
    T::decode(&message.value).map_err(|error| error.to_string())
}

impl Replay {
    fn apply(&mut self, message: &Logged) -> Result<(), String> {
        match &message.key {
            Key::Meta => Ok(()),
            Key::Bucket(sku, index) => self.bucket(sku, *index, read(message)?),
            Key::Order(customer, number) => self.order(*customer, usize::from(number.0), read(message)?),
            Key::Supply(sku, number) => self.supply(sku, *number, &read(message)?),
        }
    }

    fn bucket(&mut self, sku: &Sku, index: BucketIndex, next: Bucket) -> Result<(), String> {
        let sums = self.sums.entry(sku.clone()).or_default();
        if let Some(before) = self.buckets.get(&(sku.clone(), index)) {
            if next.generation < before.generation {
                return Err(format!("bucket {index} of {sku} fell from {} to {}", before.generation, next.generation));
            }
            let reopened = before.state == bucket::State::Closed && next.state == bucket::State::Open;
            if reopened && next.generation == before.generation {
                return Err(format!("bucket {index} of {sku} was reopened by no newer generation"));
            }
            sums.free -= i64::from(before.free.0);
        }
        sums.add_bucket(next.free);
        self.buckets.insert((sku.clone(), index), next);
        Ok(())
    }

    fn order(&mut self, customer: CustomerId, number: usize, next: Order) -> Result<(), String> {
        let orders = self.orders.entry(customer).or_default();
        let sums = self.sums.entry(next.sku.clone()).or_default();
        let Some(before) = orders.get_mut(number) else {
            if number != orders.len() {
                return Err(format!("order {number} of {customer} leaves out {}", orders.len()));
            }
            if let Some(other) = self.keys.insert((customer, next.key.clone()), number) {
                return Err(format!("orders {other} and {number} of {customer} have the same idempotency key"));
            }
            sums.add_order(&next);
            orders.push(next);
            return Ok(());
        };
        if (&before.key, &before.sku, before.quantity) != (&next.key, &next.sku, next.quantity) {
            return Err(format!("order {number} of {customer} became another one"));
        }
        let legal = match (before.state, next.state) {
            (from, to) if from == to => true,
            (State::Held, State::Confirmed | State::Released) | (State::Confirmed, State::Released) => true,
            _ => false,
        };
        if !legal {
            return Err(format!("order {number} of {customer} went from {:?} to {:?}", before.state, next.state));
        }
        let units = i64::from(before.quantity.0);
        match before.state {
            State::Held => sums.held -= units,
            State::Confirmed => sums.sold -= units,
            State::Released => {}
        }
        sums.orders -= 1;
        sums.add_order(&next);
        *before = next;
        Ok(())
    }

    fn supply(&mut self, sku: &Sku, number: u32, record: &Supply) -> Result<(), String> {
        let sums = self.sums.entry(sku.clone()).or_default();
        let (last, generation) = self.supplies.get(sku).copied().unwrap_or_default();
        if number != last + 1 {
            return Err(format!("supply record {number} of {sku} follows {last}"));
        }
        if record.generation < generation {
            return Err(format!("supply record {number} of {sku} is of an older generation than the one before"));
        }
        sums.add_supply(record);
        if sums.supply != i64::from(record.total.0) {
            return Err(format!("supply record {number} of {sku} says {}, the sum is {}", record.total, sums.supply));
        }
        self.supplies.insert(sku.clone(), (number, record.generation));
        Ok(())
    }

    fn no_oversell(&self) -> Result<(), String> {
        match self.sums.iter().find(|(_, sums)| sums.held + sums.sold > sums.supply) {
            Some((sku, sums)) => Err(format!("oversold {sku}: {sums:?}")),
            None => Ok(()),
        }
    }

    fn conserves(&self) -> Result<(), String> {
        match self.sums.iter().find(|(_, sums)| sums.gap() != 0) {
            Some((sku, sums)) => Err(format!("{sku} has {:+} units against its supply: {sums:?}", sums.gap())),
            None => Ok(()),
        }
    }
}
