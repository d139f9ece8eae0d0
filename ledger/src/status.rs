//! What the ledger tells operator and edges about a shard.
//!
//! **What must always hold.** A status is written at most once a second, and besides that at the moment at which a shard
//! becomes exact, because an edge may be waiting for that word to say that a sale is sold out. It is written against the
//! revision that was read, so a replica that lost its shard and does not know it never overwrites a newer cursor, and one
//! that has not heard that the sale is deleted never brings its status back.
//!
//! **What it costs.** A task per owned shard; the newest status wins, nothing queues. The table is the operator's: until
//! it is there, statuses wait.

use std::time::Duration;

use protocol::Revision;
use protocol::key::{Installation, Stream, status_key};
use protocol::status::SaleStatus;
use runtime::backoff::Backoff;
use runtime::registry::{ReadError, Table, WriteError};
use tokio::sync::watch;

/// Shortest pause between two writes of a status that says nothing urgent.
const PAUSE: Duration = Duration::from_secs(1);
/// Shortest pause before a status that has just become exact or halted.
const PAUSE_URGENT: Duration = Duration::from_millis(100);
/// Between tries while the table is away.
const RETRY: Backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(5));

/// Where a follower leaves its shard's newest status.
pub type Board = watch::Sender<Option<SaleStatus>>;

/// Publishes what is left on the board until the board is dropped and its last status is written.
pub async fn publish(
    client: async_nats::Client,
    installation: Installation,
    stream: Stream,
    mut board: watch::Receiver<Option<SaleStatus>>,
) {
    let table = Table::<SaleStatus>::new(client, installation.status_bucket());
    let key = status_key(&stream);
    let mut written: Option<SaleStatus> = None;
    let mut revision = None;
    let mut failures = 0;
    while board.changed().await.is_ok() {
        let Some(status) = board.borrow_and_update().clone() else { continue };
        if written.as_ref().is_some_and(|written| same(written, &status)) {
            continue;
        }
        let became_urgent = urgent(&status) && !written.as_ref().is_some_and(urgent);
        match write(&table, &key, &status, &mut revision).await {
            Ok(()) => failures = 0,
            Err(why) => {
                failures += 1;
                if failures == 1 {
                    tracing::warn!(shard = key, "the status of {key} waits: {why}");
                }
                board.mark_changed();
                tokio::time::sleep(RETRY.random_pause(failures)).await;
                continue;
            }
        }
        written = Some(status);
        pause(&mut board, became_urgent).await;
    }
}

/// Waits until the next status may be written: a moment for one that is urgent, a second for others.
async fn pause(board: &mut watch::Receiver<Option<SaleStatus>>, was_urgent: bool) {
    tokio::time::sleep(PAUSE_URGENT).await;
    if was_urgent {
        return;
    }
    // Any change to urgent ends the pause early; that the board was dropped ends it as well.
    let early = board.wait_for(|status| status.as_ref().is_some_and(urgent));
    drop(tokio::time::timeout(PAUSE - PAUSE_URGENT, early).await);
    board.mark_changed();
}

/// Whether somebody may be waiting for it.
fn urgent(status: &SaleStatus) -> bool {
    status.exact || status.halted.is_some()
}

/// Whether the second one says nothing new.
fn same(written: &SaleStatus, status: &SaleStatus) -> bool {
    SaleStatus { at: status.at, ..written.clone() } == *status
}

async fn write(
    table: &Table<SaleStatus>,
    key: &str,
    status: &SaleStatus,
    revision: &mut Option<Revision>,
) -> Result<(), String> {
    let expected = match *revision {
        Some(revision) => revision,
        None => match table.get(key).await {
            Ok(Some((stored, _))) if stored.cursor > status.cursor => return Ok(()),
            Ok(Some((_, found))) => found,
            Ok(None) => Revision(0),
            // What an older release cannot read it must not overwrite either.
            Err(ReadError::Unreadable(key, error)) => return Err(format!("{key} cannot be read: {error}")),
            Err(ReadError::Unavailable(lost)) => return Err(lost.to_string()),
        },
    };
    match table.update(key, status, expected).await {
        Ok(now) => {
            *revision = Some(now);
            Ok(())
        }
        Err(WriteError::Conflict) => {
            *revision = None;
            // A key that has no value and is not new was deleted, with its sale: there is nothing to tell any more.
            let deleted = expected == Revision(0) && matches!(table.get(key).await, Ok(None));
            if deleted { Ok(()) } else { Err("another replica wrote it".to_owned()) }
        }
        Err(WriteError::Unavailable(lost)) => {
            *revision = None;
            Err(lost.to_string())
        }
    }
}
