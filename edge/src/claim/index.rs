//! The shared read index: how a refusal is made true of a moment after the request.
//!
//! **What it is for.** A refusal is given only from a view that has reached a position which the stream's leader named
//! after the request arrived (the ReadIndex of Raft; Ongaro 2014, §6.4). One small read serves everybody who waits.
//!
//! **What it costs.** Per interval, not per request: the next read starts when the previous has returned, and not more
//! than 1,000 times a second.

use std::sync::Mutex;
use std::time::Duration;

use protocol::store::{Store, Unavailable};
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;

use super::counter::locked;
use super::view::View;

/// Shortest time between two reads.
const INTERVAL: Duration = Duration::from_millis(1);
/// Pause after the leader did not answer.
const UNAVAILABLE_PAUSE: Duration = Duration::from_millis(50);
/// Most who wait for the next position: as many as can wait for units of an item.
const WAITING_MAX: usize = super::counter::QUEUE_MAX;

/// The view has reached a position that was named after the wait began.
#[derive(Debug)]
struct Passed;

/// Those who wait for the next position.
#[derive(Default)]
pub(super) struct ReadIndex {
    waiting: Mutex<Vec<oneshot::Sender<Passed>>>,
    stirred: Notify,
}

impl ReadIndex {
    /// Waits until the view has reached a position that was named after this call. Callers bound the wait.
    ///
    /// # Errors
    /// [`Unavailable`] when too many wait already.
    pub(super) async fn pass(&self) -> Result<(), Unavailable> {
        let (tell, told) = oneshot::channel();
        {
            let mut waiting = locked(&self.waiting);
            if waiting.len() >= WAITING_MAX {
                // While no leader names a position, those who gave up are still on the list.
                waiting.retain(|tell| !tell.is_closed());
            }
            if waiting.len() >= WAITING_MAX {
                return Err(Unavailable("too many wait for the stream's leader".to_owned()));
            }
            waiting.push(tell);
        }
        self.stirred.notify_one();
        // The sender is dropped only when the shard is given up; the caller's bound ends the wait then.
        if told.await.is_err() {
            std::future::pending::<()>().await;
        }
        Ok(())
    }

    /// Serves until cancelled.
    pub(super) async fn serve<S: Store>(&self, store: &S, view: &View, stop: &CancellationToken) {
        let serve = async {
            loop {
                self.stirred.notified().await;
                let waiting = std::mem::take(&mut *locked(&self.waiting));
                let position = loop {
                    match store.position().await {
                        Ok(position) => break position,
                        Err(error) => {
                            tracing::debug!(%error, "no read index");
                            tokio::time::sleep(UNAVAILABLE_PAUSE).await;
                        }
                    }
                };
                view.reached(position).await;
                for tell in waiting {
                    drop(tell.send(Passed));
                }
                tokio::time::sleep(INTERVAL).await;
            }
        };
        tokio::select! {
            () = serve => {}
            () = stop.cancelled() => {}
        }
    }
}
