//! How many connections each address has.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::network::Network;
use crate::limit::counted;

/// Connections by address. An entry lives as long as its connections, so the map is bounded by theirs.
pub(super) struct Sources {
    max: u32,
    proxies: Vec<Network>,
    counts: Counts,
}

type Counts = Arc<Mutex<HashMap<IpAddr, u32>>>;

/// A connection's place, until dropped.
pub(super) struct Place(Option<(IpAddr, Counts)>);

impl Sources {
    pub(super) fn new(max: u32, proxies: Vec<Network>) -> Self {
        Self { max, proxies, counts: Counts::default() }
    }

    /// A place for one more connection of this address, unless it has too many.
    pub(super) fn enter(&self, address: IpAddr) -> Option<Place> {
        let address = address.to_canonical();
        // Behind a proxy everybody has the proxy's address.
        if self.proxies.iter().any(|network| network.contains(address)) {
            return Some(Place(None));
        }
        let address = counted(address);
        let mut counts = lock(&self.counts);
        let count = counts.entry(address).or_default();
        if *count >= self.max {
            return None;
        }
        *count += 1;
        Some(Place(Some((address, Arc::clone(&self.counts)))))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((address, counts)) = self.0.take() else { return };
        if let Entry::Occupied(mut count) = lock(&counts).entry(address) {
            *count.get_mut() = count.get().saturating_sub(1);
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

fn lock(counts: &Counts) -> MutexGuard<'_, HashMap<IpAddr, u32>> {
    // Nothing that holds the lock leaves the map half written.
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
