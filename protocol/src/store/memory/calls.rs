//! The port over the log: what one call to the server goes through, faults included.

use std::pin::Pin;
use std::sync::MutexGuard;
use std::task::{Context, Poll};

use super::{Fault, Memory, MemoryFeed, Shared, Ticket};
use crate::id::Revision;
use crate::key::{Key, Keys};
use crate::store::{BATCH_WRITES_MAX, Entry, From, Outcome, Snapshot, Store, Unavailable, Write};

/// Most keys that the server puts into one snapshot.
const SNAPSHOT_KEYS_MAX: usize = 1_024;

/// A caller that waits for its commit. One that goes away leaves the commit on the way: it was sent.
struct Sent<'m> {
    memory: &'m Memory,
    ticket: Ticket,
}

impl Drop for Sent<'_> {
    fn drop(&mut self) {
        self.memory.lock().orphan(self.ticket);
    }
}

/// Lets others run that many times.
struct Pause(u32);

impl Future for Pause {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.0 == 0 {
            return Poll::Ready(());
        }
        self.0 -= 1;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Memory {
    pub(super) async fn pause(&self) {
        let polls = self.lock().dice.pause();
        Pause(polls).await;
    }

    /// Begins a call to the leader.
    async fn ask_leader(&self) -> Result<MutexGuard<'_, Shared>, Unavailable> {
        self.pause().await;
        let mut shared = self.lock();
        shared.tick();
        shared.leader()?;
        Ok(shared)
    }
}

impl Store for Memory {
    type Feed = MemoryFeed;

    async fn commit(&self, batch: Vec<Write>) -> Outcome {
        if batch.is_empty() || batch.len() > BATCH_WRITES_MAX {
            return Outcome::Fault(format!("a batch of {} writes", batch.len()));
        }
        let (fault, sent) = {
            let mut shared = self.lock();
            shared.tick();
            if let Err(Unavailable(why)) = shared.leader() {
                return if shared.dice.coin() { Outcome::Unknown(why) } else { Outcome::NotTaken(why) };
            }
            let fault = shared.fault_for(&batch);
            let ticket = match fault {
                Some(Fault::Lost | Fault::NotTaken | Fault::Clash) => None,
                Some(Fault::AckLost | Fault::Delayed) | None => Some(shared.send(batch)),
            };
            (fault, ticket.map(|ticket| Sent { memory: self, ticket }))
        };
        self.pause().await;
        let unknown = |why: &str| Outcome::Unknown(why.to_owned());
        let outcome = match (fault, &sent) {
            (Some(Fault::NotTaken), _) => Outcome::NotTaken("too many batches in flight".to_owned()),
            (Some(Fault::Clash), _) => Outcome::Conflict(None),
            (Some(Fault::Lost), _) | (_, None) => unknown("nobody answered"),
            (Some(Fault::Delayed), Some(_)) => unknown("nobody answered yet"),
            (Some(Fault::AckLost), Some(sent)) => {
                self.land(sent.ticket);
                unknown("the answer was lost")
            }
            (None, Some(sent)) => self.land(sent.ticket).unwrap_or_else(|| unknown("it was forgotten")),
        };
        drop(sent);
        self.pause().await;
        outcome
    }

    async fn read(&self, key: &Key) -> Result<Option<Entry>, Unavailable> {
        let entry = self.ask_leader().await?.log.newest(key);
        self.pause().await;
        Ok(entry)
    }

    async fn read_at(&self, at: Revision) -> Result<Option<Entry>, Unavailable> {
        let entry = self.ask_leader().await?.log.kept_at(at);
        self.pause().await;
        Ok(entry)
    }

    async fn snapshot(&self, keys: &[Keys]) -> Result<Snapshot, Unavailable> {
        self.pause().await;
        let snapshot = {
            let mut shared = self.lock();
            shared.tick();
            let last = shared.log.last();
            let at = match shared.stale_at {
                Some(at) => at.min(last),
                None => Revision(last.0.saturating_sub(shared.dice.replica_lag())),
            };
            shared.log.snapshot(keys, at)
        };
        self.pause().await;
        if snapshot.entries.len() > SNAPSHOT_KEYS_MAX {
            return Err(Unavailable("too many keys for one snapshot".to_owned()));
        }
        Ok(snapshot)
    }

    async fn position(&self) -> Result<Revision, Unavailable> {
        let position = self.ask_leader().await?.log.last();
        self.pause().await;
        Ok(position)
    }

    async fn follow(&self, keys: &Keys, from: From) -> Result<MemoryFeed, Unavailable> {
        self.pause().await;
        Ok(MemoryFeed::start(self.clone(), keys.clone(), from))
    }
}
