//! Telling events, beside the looks.
//!
//! **What it is for.** An API server that refuses events, or lets them wait, must not hold up the sale that they tell of.
//!
//! **What must always hold.** Events of one sale are told in their order. What cannot be told is lost, never the fact: that
//! is in the status.

use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::runtime::events::{Event, Recorder};
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;

/// Events that may wait; further ones are lost.
const EVENTS_MAX: usize = 1_024;
/// How long one may take: a busy server names a second or two.
const EVENT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the last ones may take, once nothing else is done.
const LAST_TIMEOUT: Duration = Duration::from_secs(1);

type Told = (Event, ObjectReference);

/// Tells events one after the other.
pub(super) struct Teller {
    recorder: Recorder,
    queue: mpsc::Sender<Told>,
    waiting: Mutex<mpsc::Receiver<Told>>,
}

impl Teller {
    pub(super) fn new(recorder: Recorder) -> Self {
        let (queue, waiting) = mpsc::channel(EVENTS_MAX);
        Self { recorder, queue, waiting: Mutex::new(waiting) }
    }

    /// Has it told soon.
    pub(super) fn tell(&self, event: Event, reference: ObjectReference) {
        if self.queue.try_send((event, reference)).is_err() {
            tracing::debug!("an event was not told: too many wait");
        }
    }

    /// Tells until `done`, and then what still waits.
    pub(super) async fn run(&self, done: &CancellationToken) {
        let mut waiting = self.waiting.lock().await;
        while let Some(Some(told)) = done.run_until_cancelled(waiting.recv()).await {
            self.publish(told).await;
        }
        let last = async {
            while let Ok(told) = waiting.try_recv() {
                self.publish(told).await;
            }
        };
        if tokio::time::timeout(LAST_TIMEOUT, last).await.is_err() {
            tracing::debug!("the last events could not be told in time");
        }
    }

    async fn publish(&self, (event, reference): Told) {
        match tokio::time::timeout(EVENT_TIMEOUT, self.recorder.publish(&event, &reference)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!("an event could not be told: {error}"),
            Err(_) => tracing::debug!("an event could not be told in time"),
        }
    }
}
