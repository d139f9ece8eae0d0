//! What is for sale, as the operator last published it.
//!
//! **What must always hold.** A definition that cannot be used is told about and changes nothing: the one before stays. A
//! lost connection changes nothing either. The fence of every bucket, not this snapshot, keeps an edge with an old
//! definition from selling by it.
//!
//! **What it costs.** A lookup is one atomic load and one hash; a change copies a map of pointers.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use protocol::SaleId;
use protocol::sale::Definition;
use protocol::wire::{Value as _, WireError};
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
        let mut known = Snapshot::new();
        let mut caught_up = false;
        while let Some(change) = stopping.run_until_cancelled(watch.next()).await {
            match change {
                Change::CaughtUp => {
                    caught_up = true;
                    part.set_ok();
                }
                Change::Interrupted(error) if caught_up => {
                    tracing::warn!("the table of sales cannot be read now, what is known stays: {error}");
                    continue;
                }
                Change::Interrupted(error) => {
                    part.set_failed(error.to_string());
                    continue;
                }
                other => {
                    if let Err(unusable) = apply(&mut known, other) {
                        metrics.definitions_unusable.inc();
                        tracing::error!("{unusable}");
                        continue;
                    }
                }
            }
            // Before everything is known a sale that is not must not look deleted.
            if caught_up {
                metrics.sales.set(i64::try_from(known.len()).unwrap_or(i64::MAX));
                self.publish(&known);
            }
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

fn apply(known: &mut Snapshot, change: Change<Definition>) -> Result<(), Unusable> {
    match change {
        Change::Put(key, definition, _) => {
            // The table reads the shape; what the rest of the code relies on is checked by the definition itself.
            let definition = definition
                .and_then(|definition| Definition::parse(&definition.encode()))
                .map_err(|error| Unusable::Definition(key.clone(), error))?;
            if definition.sale.as_str() != key {
                return Err(Unusable::Misplaced(key, definition.sale));
            }
            tracing::info!(sale = %definition.sale, generation = %definition.generation, "a sale was defined");
            known.insert(definition.sale.clone(), Arc::new(definition));
        }
        Change::Deleted(key) => {
            if let Ok(sale) = SaleId::parse(&key)
                && known.remove(&sale).is_some()
            {
                tracing::info!(%sale, "a sale was deleted");
            }
        }
        Change::Reset => {
            tracing::warn!("the table of sales was deleted and made again: every sale is forgotten");
            known.clear();
        }
        Change::CaughtUp | Change::Interrupted(_) => {}
    }
    Ok(())
}
