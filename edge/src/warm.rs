//! Desks are open before the crowd is there.
//!
//! The first request of a sale would otherwise pay for opening its streams, and the first page would show no stock. A sale
//! far in the future costs nothing until then.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use protocol::sale::{Definition, Gate};
use runtime::clock::Clock;
use tokio_util::sync::CancellationToken;

use crate::claim::Engine;
use crate::sales::Sales;

/// How long before its start a sale is made ready.
const BEFORE_START: Duration = Duration::from_secs(120);
/// How often starts are looked for.
const LOOK_AFTER: Duration = Duration::from_secs(1);
/// How long one sale may hold up the others.
const OPEN_WITHIN: Duration = Duration::from_secs(3);

/// Passes definitions on to the engine and opens what is about to be needed, until told to stop.
pub async fn keep(engine: &Engine, sales: &Arc<Sales>, clock: &Clock, stopping: &CancellationToken) {
    let mut changes = sales.changes();
    let keep = async {
        loop {
            let snapshot = Arc::clone(&changes.borrow_and_update());
            engine.redefine(&snapshot);
            let now = clock.now();
            for definition in snapshot.values().filter(|definition| is_near(definition, now)) {
                if engine.stock(definition).is_some() {
                    continue;
                }
                match tokio::time::timeout(OPEN_WITHIN, engine.look_at(definition)).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => tracing::debug!(sale = %definition.sale, %error, "not open yet"),
                    Err(_) => tracing::debug!(sale = %definition.sale, "too slow to open"),
                }
            }
            tokio::select! {
                changed = changes.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(LOOK_AFTER) => {}
            }
        }
    };
    stopping.run_until_cancelled(keep).await;
}

/// Whether claims are about to come.
fn is_near(definition: &Definition, now: Timestamp) -> bool {
    match definition.gate(now) {
        Gate::Open | Gate::Paused => true,
        Gate::NotOpenYet => definition.start.duration_since(now).unsigned_abs() <= BEFORE_START,
        Gate::Withdrawn | Gate::Closed => false,
    }
}

#[cfg(test)]
mod tests;
