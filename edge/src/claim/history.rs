//! A customer's orders: read from the leader to decide, kept for a while to plan.
//!
//! **What must always hold.** What is kept may plan a claim and never refuse one: earlier orders can only shrink, so a
//! claim that they allow is allowed, and its conditional creation checks that they are all there are.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use protocol::id::ORDERS_PER_CUSTOMER_MAX;
use protocol::key::Key;
use protocol::order::Order;
use protocol::store::{Store, Unavailable};
use protocol::wire::Value;
use protocol::{CustomerId, OrderNumber, Revision};

use super::counter::locked;

/// Customers kept per generation of the memory, of which there are two: about 30 MB per shard at worst.
const KEPT_MAX: usize = 65_536;

/// One order as the leader has it.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Which of the customer's orders.
    pub number: OrderNumber,
    /// The order.
    pub order: Order,
    /// Its newest revision.
    pub revision: Revision,
    /// When its newest state was stored.
    pub at: Timestamp,
}

/// Reads all orders of a customer in this shard from the leader, one after the other until one is absent.
pub(super) async fn read<S: Store>(store: &S, customer: CustomerId) -> Result<Vec<Stored>, Unavailable> {
    let mut orders = Vec::new();
    for number in (0..ORDERS_PER_CUSTOMER_MAX).map(OrderNumber) {
        let Some(stored) = read_one(store, customer, number).await? else { break };
        orders.push(stored);
    }
    Ok(orders)
}

/// Reads one order from the leader.
pub(super) async fn read_one<S: Store>(
    store: &S,
    customer: CustomerId,
    number: OrderNumber,
) -> Result<Option<Stored>, Unavailable> {
    let Some(entry) = store.read(&Key::Order(customer, number)).await? else { return Ok(None) };
    let order = Order::decode(&entry.value)
        .map_err(|error| Unavailable(format!("order {number} of a customer cannot be read: {error}")))?;
    Ok(Some(Stored { number, order, revision: entry.revision, at: entry.time }))
}

/// Orders kept from earlier reads, for a bounded number of customers: when the young generation is full it becomes the
/// old one, so whoever was used recently stays.
#[derive(Default)]
pub(super) struct Memory {
    generations: Mutex<(Generation, Generation)>,
}

type Generation = HashMap<CustomerId, Arc<[Order]>>;

impl Memory {
    pub(super) fn get(&self, customer: &CustomerId) -> Arc<[Order]> {
        let generations = locked(&self.generations);
        let (young, old) = &*generations;
        young.get(customer).or_else(|| old.get(customer)).cloned().unwrap_or_default()
    }

    pub(super) fn keep(&self, customer: CustomerId, orders: Arc<[Order]>) {
        let mut generations = locked(&self.generations);
        let (young, old) = &mut *generations;
        if young.len() >= KEPT_MAX {
            *old = std::mem::take(young);
        }
        young.insert(customer, orders);
    }
}
