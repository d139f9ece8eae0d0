//! Desks know the newest definitions, and are open before the crowd is there.
//!
//! **What it is for.** The first request of a sale would otherwise pay for opening its streams, and the first page would
//! show no stock. A sale far in the future costs nothing until then.
//!
//! **What must always hold.** A definition is passed on at once: a pause must not wait until another sale's stream answers.
//! So passing on and opening are two loops, and one sale that hangs holds up nobody else's opening.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use jiff::Timestamp;
use protocol::sale::{Definition, Gate};
use protocol::store::Unavailable;
use runtime::clock::Clock;
use tokio_util::sync::CancellationToken;

use crate::claim::Engine;
use crate::sales::{Sales, Snapshot};

/// How long before its start a sale is made ready.
const BEFORE_START: Duration = Duration::from_secs(120);
/// How often starts are looked for, and desks are compared with the definitions.
const LOOK_AFTER: Duration = Duration::from_secs(1);
/// How long one sale is waited for before it is tried again with the others.
const OPEN_WITHIN: Duration = Duration::from_secs(3);
/// Most sales that are being opened at a time: their streams share one connection with the claims.
const OPENING_MAX: usize = 8;

/// What has desks.
trait Desks: Sync {
    /// Applies the newest definitions. Never waits.
    fn redefine(&self, definitions: &Snapshot);
    /// Whether the desks of a sale are open and know their stock.
    fn is_open(&self, definition: &Definition) -> bool;
    /// Opens them.
    fn open(&self, definition: &Arc<Definition>) -> impl Future<Output = Result<(), Unavailable>> + Send;
}

impl Desks for Engine {
    fn redefine(&self, definitions: &Snapshot) {
        Self::redefine(self, definitions);
    }

    fn is_open(&self, definition: &Definition) -> bool {
        self.stock(definition).is_some()
    }

    async fn open(&self, definition: &Arc<Definition>) -> Result<(), Unavailable> {
        self.look_at(definition).await
    }
}

/// Passes definitions on to the engine and opens what is about to be needed, until told to stop.
pub async fn keep(engine: &Engine, sales: &Sales, clock: &Clock, stopping: &CancellationToken) {
    let keep = async { tokio::join!(pass_on(engine, sales), open(engine, sales, clock)) };
    stopping.run_until_cancelled(keep).await;
}

/// At once whenever they change; and now and then, because a desk that was being opened meanwhile has an older one.
async fn pass_on(desks: &impl Desks, sales: &Sales) {
    let mut changes = sales.changes();
    loop {
        let snapshot = Arc::clone(&changes.borrow_and_update());
        desks.redefine(&snapshot);
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(LOOK_AFTER) => {}
        }
    }
}

async fn open(desks: &impl Desks, sales: &Sales, clock: &Clock) {
    let mut changes = sales.changes();
    loop {
        let snapshot = Arc::clone(&changes.borrow_and_update());
        let now = clock.now();
        let wanted = snapshot.values().filter(|sale| is_near(sale, now) && !desks.is_open(sale));
        futures::stream::iter(wanted).for_each_concurrent(OPENING_MAX, |sale| open_one(desks, sale)).await;
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(LOOK_AFTER) => {}
        }
    }
}

async fn open_one(desks: &impl Desks, definition: &Arc<Definition>) {
    match tokio::time::timeout(OPEN_WITHIN, desks.open(definition)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(sale = %definition.sale, %error, "not open yet"),
        Err(_) => tracing::debug!(sale = %definition.sale, "too slow to open"),
    }
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
