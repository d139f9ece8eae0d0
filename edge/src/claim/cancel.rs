//! A customer gives a held order back.
//!
//! **What it is for.** The units are on sale again at once, with neither ledger nor Postgres asked: the edge releases the
//! order itself, in the same atomic batch in which a bucket takes the units.
//!
//! **What must always hold.** Of a cancellation and a payment that race, the order's revision lets one win; the other reads
//! who did. Cancelling again finds the order released.

use std::sync::Arc;
use std::time::Duration;

use protocol::order::{Reason, State};
use protocol::release::{Attempt, Standing, release};
use protocol::store::{Store, Unavailable};
use protocol::{BucketIndex, CustomerId, OrderId};

use super::desk::Desk;
use super::history::{self, Stored};
use super::lane::jittered;

/// Pause before the next try: a release meets the lanes of every edge at its bucket.
const PAUSE: Duration = Duration::from_millis(8);

/// What became of it.
#[derive(Debug, Clone)]
pub enum Cancelled {
    /// The order is released, by this or by whatever came first; whether it was by this.
    Released(Stored, bool),
    /// It is paid: only a merchant can take it back.
    Paid,
    /// There is no such order.
    Absent,
    /// It was sent and nobody knows yet.
    Settling,
}

/// Cancels within a budget of time.
///
/// # Errors
/// [`Unavailable`] when the stream did not answer and nothing was sent.
pub(super) async fn cancel<S: Store>(
    desk: &Arc<Desk<S>>,
    customer: CustomerId,
    id: OrderId,
    budget: Duration,
) -> Result<Cancelled, Unavailable> {
    let mut sent = false;
    let ended = tokio::time::timeout(budget, cancelling(desk, customer, id, &mut sent)).await;
    match ended {
        Ok(Ok(cancelled)) => Ok(cancelled),
        Ok(Err(_)) | Err(_) if sent => Ok(Cancelled::Settling),
        Ok(Err(unavailable)) => Err(unavailable),
        Err(_elapsed) => Err(Unavailable("the stream took none of the attempts in time".to_owned())),
    }
}

async fn cancelling<S: Store>(
    desk: &Arc<Desk<S>>,
    customer: CustomerId,
    id: OrderId,
    sent: &mut bool,
) -> Result<Cancelled, Unavailable> {
    loop {
        let definition = desk.definition();
        let stored = history::read(&desk.store, customer).await?;
        let mine = stored.into_iter().find(|s| OrderId::derive(&definition.uid, &customer, &s.order.key) == id);
        let Some(mut mine) = mine else { return Ok(Cancelled::Absent) };
        match mine.order.state {
            State::Held => {}
            State::Confirmed => return Ok(Cancelled::Paid),
            State::Released => return Ok(Cancelled::Released(mine, false)),
        }
        let sku = mine.order.sku.clone();
        let buckets = definition.item(&sku).map_or(1, |item| item.buckets.max(1));
        let into = BucketIndex(rand::random_range(0..buckets));
        let standing = Standing { customer, number: mine.number, revision: mine.revision, order: mine.order.clone() };
        // From here on an interruption leaves an outcome that nobody knows.
        let before = std::mem::replace(sent, true);
        let attempt = release(&desk.store, &sku, into, &[(standing, Reason::Cancelled)]).await;
        let attempt = attempt.inspect_err(|_| {
            // What it could not read was read before anything was sent, or after a definite no.
            *sent = before;
        })?;
        match attempt {
            Attempt::Done(refilled) => {
                desk.view.learn(&sku, into, refilled.revision, &refilled.bucket);
                if let Ok(released) = mine.order.released(Reason::Cancelled) {
                    mine.order = released;
                }
                return Ok(Cancelled::Released(mine, true));
            }
            Attempt::Changed(_) | Attempt::Again(_) => *sent = before,
            Attempt::Unknown(why) => tracing::debug!(%why, "a cancellation of unknown outcome is read again"),
        }
        tokio::time::sleep(jittered(PAUSE)).await;
    }
}
