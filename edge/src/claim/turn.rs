//! One claim of a customer at a time, per edge.
//!
//! **What it is for.** A thousand duplicates of one request would each fail a batch on the same order key. In turn, the
//! first makes the order and the others find it. Correctness does not rest on it: the conditional creation does.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use protocol::CustomerId;
use tokio::sync::{Mutex as Turn, OwnedMutexGuard};

use super::counter::locked;

/// Most requests of one customer that wait at one edge.
const WAITING_MAX: usize = 1_024;
const PARTS: usize = 64;

/// Who is having a turn. In parts, so that customers do not wait for one another's bookkeeping.
pub(super) struct Turns {
    parts: Vec<Part>,
}

type Part = Mutex<HashMap<CustomerId, Arc<Turn<()>>>>;

/// The turn; dropping it lets the next one go.
pub(super) struct Guard<'a> {
    turns: &'a Turns,
    customer: CustomerId,
    held: Option<OwnedMutexGuard<()>>,
}

impl Turns {
    pub(super) fn new() -> Self {
        Self { parts: (0..PARTS).map(|_| Mutex::default()).collect() }
    }

    fn part(&self, customer: &CustomerId) -> Option<&Part> {
        let part = usize::try_from(customer.hash64() % PARTS as u64).unwrap_or(0);
        self.parts.get(part)
    }

    /// Waits for the customer's turn; `None` when too many wait already.
    pub(super) async fn take(&self, customer: CustomerId) -> Option<Guard<'_>> {
        // Made before waiting, so that a caller who gives up while waiting cleans up as well.
        let mut guard = Guard { turns: self, customer, held: None };
        let turn = {
            let mut part = locked(self.part(&customer)?);
            let turn = part.entry(customer).or_default();
            if Arc::strong_count(turn) > WAITING_MAX {
                return None;
            }
            Arc::clone(turn)
        };
        guard.held = Some(turn.lock_owned().await);
        Some(guard)
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.held = None;
        if let Some(part) = self.turns.part(&self.customer) {
            let mut part = locked(part);
            // The map's own reference is the last one: nobody has or waits for the turn.
            if part.get(&self.customer).is_some_and(|turn| Arc::strong_count(turn) == 1) {
                part.remove(&self.customer);
            }
        }
    }
}
