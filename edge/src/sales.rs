//! What is for sale, as the operator last published it.
//!
//! **What must always hold.** A definition that cannot be used is told about and changes nothing: the one before stays. A
//! lost connection changes nothing either. The fence of every bucket, not this snapshot, keeps an edge with an old
//! definition from selling by it.
//!
//! A definition that was [asked for](Sales::learn) is as good as one that the watch told of; whichever is newer in the table
//! stays.
//!
//! **What it costs.** A lookup is one atomic load and one hash; a change copies a map of pointers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwapOption;
use protocol::sale::Definition;
use protocol::wire::{Value as _, WireError};
use protocol::{Revision, SaleId};
use runtime::readiness::Part;
use runtime::registry::{Change, Table};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;

/// Every sale that is known at a moment.
pub type Snapshot = HashMap<SaleId, Arc<Definition>>;

/// This edge has just started, and has not read the table of sales to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the table of sales was not read yet")]
pub struct NotReadYet;

/// The sales that this edge knows.
#[derive(Default)]
pub struct Sales {
    /// Nothing until the table was read to its end once.
    current: ArcSwapOption<Snapshot>,
    changes: watch::Sender<Arc<Snapshot>>,
    known: Mutex<Known>,
}

/// What was learnt so far.
#[derive(Default)]
struct Known {
    definitions: Snapshot,
    /// Where in the table each of them was written.
    revisions: HashMap<SaleId, Revision>,
    /// Before everything is known a sale that is not must not look deleted.
    caught_up: bool,
}

impl Sales {
    /// One sale, if there is such a sale.
    ///
    /// # Errors
    /// [`NotReadYet`]: then nobody may be told that there is none.
    pub fn get(&self, sale: &SaleId) -> Result<Option<Arc<Definition>>, NotReadYet> {
        Ok(self.current.load().as_ref().ok_or(NotReadYet)?.get(sale).cloned())
    }

    /// All of them, in no order.
    ///
    /// # Errors
    /// [`NotReadYet`].
    pub fn list(&self) -> Result<Vec<Arc<Definition>>, NotReadYet> {
        Ok(self.current.load().as_ref().ok_or(NotReadYet)?.values().cloned().collect())
    }

    /// Tells of every change.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.changes.subscribe()
    }

    /// Follows the table until told to stop.
    pub async fn follow(
        &self,
        table: &Table<Definition>,
        part: &Part,
        metrics: &Metrics,
        stopping: &CancellationToken,
    ) {
        let mut watch = table.watch();
        while let Some(change) = stopping.run_until_cancelled(watch.next()).await {
            match change {
                Change::CaughtUp => {
                    part.set_ok();
                    let mut known = self.known();
                    known.caught_up = true;
                    self.show(&known, metrics);
                }
                Change::Interrupted(error) if self.known().caught_up => {
                    tracing::warn!("the table of sales cannot be read now, what is known stays: {error}");
                }
                Change::Interrupted(error) => part.set_failed(error.to_string()),
                other => self.change(other, metrics),
            }
        }
    }

    /// Takes in what the table has under a sale's key, for somebody who asked. Only of a sale that is known: one that was
    /// deleted meanwhile does not come back.
    pub fn learn(&self, sale: &SaleId, definition: Definition, revision: Revision, metrics: &Metrics) {
        if self.known().definitions.contains_key(sale) {
            self.change(Change::Put(sale.to_string(), Ok(definition), revision), metrics);
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: Change<Definition>, metrics: &Metrics) {
        let mut known = self.known();
        match apply(&mut known, change) {
            // Shown before the next one is let in, so that nothing older is ever shown after it.
            Ok(()) => self.show(&known, metrics),
            Err(unusable) => {
                metrics.definitions_unusable.inc();
                tracing::error!("{unusable}");
            }
        }
    }

    fn show(&self, known: &Known, metrics: &Metrics) {
        if known.caught_up {
            metrics.sales.set(i64::try_from(known.definitions.len()).unwrap_or(i64::MAX));
            self.publish(&known.definitions);
        }
    }

    pub(crate) fn publish(&self, known: &Snapshot) {
        let snapshot = Arc::new(known.clone());
        self.current.store(Some(Arc::clone(&snapshot)));
        self.changes.send_replace(snapshot);
    }
}

/// A definition that cannot be used.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("the definition of sale {0:?} cannot be used, the one before stays: {1}")]
    Definition(String, #[source] WireError),
    #[error("the definition under {0:?} is of sale {1}, the one before stays")]
    Misplaced(String, SaleId),
}

fn apply(known: &mut Known, change: Change<Definition>) -> Result<(), Unusable> {
    match change {
        Change::Put(key, definition, revision) => {
            // The table reads the shape; what the rest of the code relies on is checked by the definition itself.
            let definition = definition
                .and_then(|definition| Definition::parse(&definition.encode()))
                .map_err(|error| Unusable::Definition(key.clone(), error))?;
            if definition.sale.as_str() != key {
                return Err(Unusable::Misplaced(key, definition.sale));
            }
            if known.revisions.get(&definition.sale).is_some_and(|newer| *newer >= revision) {
                return Ok(());
            }
            tracing::info!(sale = %definition.sale, generation = %definition.generation, "a sale was defined");
            known.revisions.insert(definition.sale.clone(), revision);
            known.definitions.insert(definition.sale.clone(), Arc::new(definition));
        }
        Change::Deleted(key) => {
            if let Ok(sale) = SaleId::parse(&key)
                && known.definitions.remove(&sale).is_some()
            {
                known.revisions.remove(&sale);
                tracing::info!(%sale, "a sale was deleted");
            }
        }
        Change::Reset => {
            tracing::warn!("the table of sales was deleted and made again: every sale is forgotten");
            known.definitions.clear();
            known.revisions.clear();
        }
        Change::CaughtUp | Change::Interrupted(_) => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests;
