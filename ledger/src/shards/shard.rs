//! One shard of a replica: whether it is wanted, held and followed.

use std::sync::Arc;
use std::time::Duration;

use protocol::key::{Installation, Stream};
use protocol::sale::{Definition, StreamIdentity};
use protocol::status::SaleStatus;
use runtime::Process;
use runtime::clock::Instant;
use runtime::jetstream::{JetStream, OpenError};
use tokio::sync::watch;
use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;

use super::measure::Unaudited;
use crate::expire::{Expiry, buckets};
use crate::follow::{End, Follower};
use crate::metrics::LedgerMetrics;
use crate::places::Places;
use crate::repo::Repo;
use crate::status;

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
    pub(super) unaudited: Option<Unaudited>,
}

pub(super) struct Following {
    pub(super) task: Id,
    pub(super) stopping: CancellationToken,
    pub(super) board: watch::Receiver<Option<SaleStatus>>,
    /// How far the oldest order that is still held is past its deadline.
    pub(super) overdue: watch::Receiver<Duration>,
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
            unaudited: None,
        }
    }

    pub(super) fn stop(&self) {
        if let Some(following) = &self.following {
            following.stopping.cancel();
        }
    }

    pub(super) fn follow(&mut self, job: Job, followers: &mut JoinSet<End>, since: Instant) {
        let (board, seen) = watch::channel(None);
        let (late, overdue) = watch::channel(Duration::ZERO);
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
            (board, late),
            stopping.clone(),
        );
        let task = followers.spawn(follower).id();
        self.following = Some(Following { task, stopping, board: seen, overdue, since });
    }
}

async fn follow(
    job: Job,
    stream: Stream,
    identity: StreamIdentity,
    definition: Arc<Definition>,
    (board, overdue): (status::Board, watch::Sender<Duration>),
    stopping: CancellationToken,
) -> End {
    let Job { client, places, repo, process, metrics, .. } = job;
    let opened = stopping.run_until_cancelled(JetStream::open(client, &stream, Some(&identity))).await;
    let store = match opened {
        None => return End::Stopped,
        Some(Ok(store)) => store,
        Some(Err(OpenError::Unavailable(lost))) => return End::Lost(lost.to_string()),
        Some(Err(OpenError::Missing(name))) => return End::Lost(format!("stream {name} does not exist")),
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
    let follower = Follower { store, repo, stream, identity, uid, clock, metrics, tracer, board };
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
