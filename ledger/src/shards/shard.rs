//! One shard of a replica: whether it is wanted, held and followed.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use protocol::key::{Installation, Stream};
use protocol::sale::{Definition, StreamIdentity};
use protocol::status::SaleStatus;
use runtime::Process;
use runtime::backoff::Backoff;
use runtime::clock::Instant;
use runtime::jetstream::{JetStream, OpenError};
use tokio::sync::watch;
use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;

use super::known::{Known, Rows};
use crate::expire::{Expiry, buckets};
use crate::follow::{End, Follower};
use crate::metrics::LedgerMetrics;
use crate::places::Places;
use crate::repo::Repo;
use crate::status;

/// Between tries of a shard whose stream or rows went away.
const RETRY: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(10));

/// A shard that should be followed, or still is.
pub(super) struct Shard {
    pub(super) stream: Stream,
    pub(super) identity: StreamIdentity,
    /// The newest definition that names it.
    pub(super) definition: Arc<Definition>,
    pub(super) wanted: bool,
    pub(super) following: Option<Following>,
    /// Whether the session holds its lock.
    pub(super) owned: bool,
    pub(super) failures: u32,
    pub(super) halted: bool,
    pub(super) not_before: Option<Instant>,
    /// What is told of it, from one follower to the next.
    pub(super) known: Known,
}

pub(super) struct Following {
    pub(super) task: Id,
    pub(super) stopping: CancellationToken,
    pub(super) board: watch::Receiver<Option<SaleStatus>>,
    /// Since when something that came from the stream waits for its commit.
    pub(super) taken: watch::Receiver<Option<Instant>>,
    /// The oldest deadline that has passed of an order that is still held.
    pub(super) overdue: watch::Receiver<Option<Instant>>,
    pub(super) since: Instant,
}

/// What a follower is made from.
pub(super) struct Job {
    pub(super) client: async_nats::Client,
    pub(super) places: Places,
    pub(super) installation: Installation,
    pub(super) repo: Repo,
    pub(super) process: Process,
    pub(super) metrics: LedgerMetrics,
}

impl Shard {
    pub(super) fn new(stream: Stream, definition: &Arc<Definition>, identity: &StreamIdentity) -> Self {
        Self {
            stream,
            identity: identity.clone(),
            definition: Arc::clone(definition),
            wanted: true,
            following: None,
            owned: false,
            failures: 0,
            halted: false,
            not_before: None,
            known: Known::default(),
        }
    }

    /// Whether its pause is over, if it has one.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.not_before.is_none_or(|at| at <= now)
    }

    /// Takes in what its follower shows at this moment. One that hangs after the lock was lost may hang for long while
    /// another replica keeps the books: nothing is known from it.
    pub(super) fn look(&mut self, now: Instant, wall: Timestamp) {
        let Some(following) = self.following.as_ref().filter(|_| self.owned) else { return };
        // Before the board: what is committed in between is told as waiting once more, and never the other way round.
        let taken = *following.taken.borrow();
        let status = following.board.borrow();
        let rows = Rows::of(status.as_ref(), following.since, now, wall);
        self.known.behind = rows.behind(self.known.behind, taken);
        self.known.overdue = *following.overdue.borrow();
        self.known.hear(status.as_ref(), now);
    }

    /// Its follower ended and another one tries, later each time.
    pub(super) fn interrupted(&mut self, now: Instant, why: &str) {
        self.failures = self.failures.saturating_add(1);
        self.not_before = Some(now + RETRY.random_pause(self.failures));
        if self.failures == 1 {
            tracing::warn!(shard = self.stream.name(), "following is interrupted and goes on from the cursor: {why}");
        }
    }

    pub(super) fn stop(&self) {
        if let Some(following) = &self.following {
            following.stopping.cancel();
        }
    }

    pub(super) fn follow(&mut self, job: Job, followers: &mut JoinSet<End>, since: Instant) {
        let (board, seen) = watch::channel(None);
        let (take, taken) = watch::channel(None);
        // What was overdue still is, until somebody has looked.
        let (late, overdue) = watch::channel(self.known.overdue);
        let stopping = CancellationToken::new();
        let published =
            status::publish(job.client.clone(), job.installation.clone(), self.stream.clone(), seen.clone());
        // Ends when the follower drops its board; what it says last is worth a moment, but not the process's end.
        let end = job.process.drain.stopping();
        job.process.drain.tasks().spawn(async move { end.run_until_cancelled(published).await });
        let follower = follow(
            job,
            self.stream.clone(),
            self.identity.clone(),
            Arc::clone(&self.definition),
            (board, take, late),
            stopping.clone(),
        );
        let task = followers.spawn(follower).id();
        self.following = Some(Following { task, stopping, board: seen, taken, overdue, since });
    }
}

async fn follow(
    job: Job,
    stream: Stream,
    identity: StreamIdentity,
    definition: Arc<Definition>,
    (board, taken, overdue): (status::Board, watch::Sender<Option<Instant>>, watch::Sender<Option<Instant>>),
    stopping: CancellationToken,
) -> End {
    let Job { client, places, repo, process, metrics, .. } = job;
    let opened = stopping.run_until_cancelled(JetStream::open(client, &stream, Some(&identity))).await;
    let store = match opened {
        None => return End::Stopped,
        Some(Ok(store)) => store,
        Some(Err(OpenError::Unavailable(lost))) => return End::Lost(lost.to_string()),
        Some(Err(OpenError::Missing(name))) => return End::Missing(format!("stream {name} does not exist")),
        Some(Err(refused)) => return End::Halted(refused.to_string()),
    };
    let (uid, clock, tracer) = (definition.uid.clone(), process.clock, process.tracer);
    let expiry = definition.holds().then(|| Expiry {
        store: store.clone(),
        stream: stream.clone(),
        buckets: buckets(&definition),
        repo: repo.clone(),
        places,
        clock: clock.clone(),
        metrics: metrics.clone(),
        overdue,
    });
    let follower = Follower { store, repo, stream, identity, uid, clock, metrics, tracer, board, taken };
    // A shard that is not followed is not trusted: nothing in it expires until somebody follows it again.
    let followed = CancellationToken::new();
    let expiring = async {
        if let Some(expiry) = expiry {
            expiry.run(followed.clone()).await;
        }
    };
    let following = async {
        let end = follower.run(stopping).await;
        followed.cancel();
        end
    };
    tokio::join!(following, expiring).0
}
