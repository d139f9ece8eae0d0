//! When a change of a resource was first seen, until it is in force: what shoppers wait for after a pause or a restock.

use std::time::Duration;

use runtime::clock::Instant;

use crate::resource::FlashSale;

/// The newest generation that was looked at, and since when it waits, unless it is in force.
#[derive(Debug, Clone, Default)]
pub(super) struct Pending {
    generation: i64,
    since: Option<Instant>,
}

impl Pending {
    /// A look at this resource begins.
    pub(super) fn look(&mut self, sale: &FlashSale, now: Instant) {
        let generation = sale.metadata.generation.unwrap_or_default();
        let in_force = sale.status.as_ref().and_then(|status| status.observed_generation);
        if generation > self.generation {
            self.generation = generation;
            // After a restart of ours everything is new to us, but not to the sale.
            self.since = (in_force != Some(generation)).then_some(now);
        }
    }

    /// This resource is in force: how long it took, said once.
    pub(super) fn in_force(&mut self, sale: &FlashSale, now: Instant) -> Option<Duration> {
        let seen = sale.metadata.generation.unwrap_or_default() >= self.generation;
        self.since.take_if(|_| seen).map(|since| now - since)
    }
}

#[cfg(test)]
mod tests;
