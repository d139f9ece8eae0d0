//! One shard of a sale, from its stream into Postgres.
//!
//! **What it is for.** Everything after the cursor comes in the order of the log, is gathered for a moment, and becomes
//! one transaction. While nothing comes, the follower asks the leader where the stream is, says so when its rows are
//! exact, and audits.
//!
//! **What must always hold.** The cursor and the rows move together or not at all, so a follower that is killed between
//! any two lines is continued by another from the cursor. The book in memory is what the rows come to: it is replaced
//! only by what a commit returned, and a commit whose outcome is unknown ends the follower. A message that arrives
//! during an audit ends the audit, not the other way round.
//!
//! **What is deliberately absent.** Retries: an [`End`] says what happened and [`crate::shards`] decides when to begin
//! again.

mod catch_up;
mod quiet;
mod traced;

use std::time::Duration;

use jiff::Timestamp;
use protocol::key::{Keys, Stream};
use protocol::sale::StreamIdentity;
use protocol::status::{Audit, ItemStatus, SaleStatus};
use protocol::store::{Entry, Feed, From, Store};
use runtime::clock::{Clock, Instant};
use runtime::trace::Tracer;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::metrics::{LedgerMetrics, Table};
use crate::post::{Book, Identity, Message};
use crate::repo::books::Stored;
use crate::repo::{Error, Opened, Repo, ShardRows};
use crate::status::Board;
use quiet::Quiet;

/// Most messages in a transaction: past it the time per message does not fall any more.
pub const MESSAGES_MAX: usize = 1_000;
/// Longest that a message waits for others.
const GATHER: Duration = Duration::from_millis(50);

/// Why a shard is not followed any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// It was asked to stop; what was under way is finished.
    Stopped,
    /// Another follower moved the cursor.
    Moved,
    /// Stream or Postgres went away: begin again from the cursor.
    Lost(String),
    /// There is no such stream: it is not made yet, or gone.
    Missing(String),
    /// A message or a row is refused: the same again fails again.
    Halted(String),
}

impl std::convert::From<Error> for End {
    fn from(error: Error) -> Self {
        match error {
            Error::Unavailable(error) => Self::Lost(format!("postgres: {error}")),
            Error::Broken(why) => Self::Halted(why),
        }
    }
}

/// What following a shard needs.
#[derive(Debug)]
pub struct Follower<S> {
    /// Its stream.
    pub store: S,
    /// Where the rows are.
    pub repo: Repo,
    /// Which stream it is.
    pub stream: Stream,
    /// Which of the streams of that name.
    pub identity: StreamIdentity,
    /// Uid of the sale's resource.
    pub uid: String,
    /// What time it is.
    pub clock: Clock,
    /// What is counted.
    pub metrics: LedgerMetrics,
    /// Told of messages that are traced.
    pub tracer: Tracer,
    /// Where the newest status goes.
    pub board: Board,
    /// Since when something that came from the stream waits for its commit.
    pub taken: watch::Sender<Option<Instant>>,
}

impl<S: Store> Follower<S> {
    /// Follows until there is a reason not to.
    pub async fn run(self, stopping: CancellationToken) -> End {
        // A database that does not answer is waited for inside; being asked to stop ends that wait. Nothing is half done
        // by then: the transaction that opens a shard writes at most its empty cursor.
        let opened = stopping.run_until_cancelled(self.open()).await;
        let (opened, payments_open) = match opened {
            None => return End::Stopped,
            Some(Ok(opened)) => opened,
            Some(Err(error)) => return self.ended(error.into(), None),
        };
        tracing::info!(shard = self.stream.name(), cursor = opened.book.cursor.0, "following");
        let mut following = Following::new(&self, opened, payments_open);
        let end = tokio::select! {
            biased;
            end = following.follow(&stopping) => end,
            // Never ends, and begins after the cursor was read: whatever a replica without a webhook stores from here on moves
            // the cursor away from ours, which ends this follower and begins another one.
            never = catch_up::catch_up(&self.repo, &self.stream) => match never {},
        };
        let Following { book, audit, .. } = following;
        self.ended(end, Some((book, audit)))
    }

    /// The rows, and the payments that are not at their end: counted after the newest audit, or whoever reads both would
    /// take a sale for complete whose money is still on its way.
    async fn open(&self) -> Result<(Opened, u64), Error> {
        let opened = self.repo.open(&self.stream, &self.identity).await?;
        let payments_open = self.repo.payments_open(&self.stream.sale).await?;
        Ok((opened, payments_open))
    }

    /// Leaves the reason on the board when the shard halted.
    fn ended(&self, end: End, known: Option<(Book, Option<Audit>)>) -> End {
        if let End::Halted(why) = &end {
            let (book, audit) = known.unwrap_or_default();
            let status = status(&book, self.clock.now(), 0.0, false, audit);
            self.board.send_replace(Some(SaleStatus { halted: Some(why.clone()), ..status }));
        }
        end
    }
}

/// A shard being followed: the rows, what they come to, and what was said about it.
struct Following<'a, S> {
    follower: &'a Follower<S>,
    identity: Identity,
    rows: ShardRows,
    book: Book,
    /// The newest one, at first that of whoever followed before. Its position says what it is about.
    audit: Option<Audit>,
    /// Counted at the beginning and with every audit.
    payments_open: u64,
    quiet: Quiet,
    /// When the newest transaction was committed.
    committed_at: Option<Instant>,
}

impl<'a, S: Store> Following<'a, S> {
    fn new(follower: &'a Follower<S>, opened: Opened, payments_open: u64) -> Self {
        let Opened { rows, book, audit } = opened;
        let identity = Identity { uid: follower.uid.clone(), epoch: follower.stream.epoch };
        let quiet = Quiet::new(follower.clock.monotonic());
        Self { follower, identity, rows, book, audit, payments_open, quiet, committed_at: None }
    }

    async fn follow(&mut self, stopping: &CancellationToken) -> End {
        let started = self.follower.store.follow(&Keys::All, From::After(self.book.cursor));
        let mut feed = match stopping.run_until_cancelled(started).await {
            None => return End::Stopped,
            Some(Ok(feed)) => feed,
            Some(Err(lost)) => return End::Lost(lost.to_string()),
        };
        loop {
            let first = tokio::select! {
                biased;
                () = stopping.cancelled() => return End::Stopped,
                entry = feed.next() => match entry {
                    Ok(entry) => entry,
                    Err(lost) => return End::Lost(lost.to_string()),
                },
                // Dropped when a message comes: whatever it was about to say is about a position that has passed.
                end = self.quiet() => match end {
                    Ok(()) => continue,
                    Err(end) => return end,
                },
            };
            self.follower.taken.send_replace(Some(self.follower.clock.monotonic()));
            let (entries, broken) = self.gather(&mut feed, first).await;
            // From here to its commit nothing cancels it: a stop waits for the transaction.
            if let Err(end) = self.store(&entries).await {
                return end;
            }
            self.follower.taken.send_replace(None);
            if let Some(lost) = broken {
                return End::Lost(lost);
            }
        }
    }

    /// What has arrived: up to a full group, waiting for more only while the newest transaction is fresh. So a single
    /// order in a quiet sale is stored at once, and a flood makes twenty transactions a second or full ones.
    async fn gather(&self, feed: &mut S::Feed, first: Entry) -> (Vec<Entry>, Option<String>) {
        let now = self.follower.clock.monotonic();
        let fresh_until = self.committed_at.map_or(now, |at| at + GATHER);
        let mut pending = first.pending;
        let mut entries = Vec::with_capacity(MESSAGES_MAX.min(usize::try_from(pending).unwrap_or(MESSAGES_MAX) + 1));
        entries.push(first);
        while entries.len() < MESSAGES_MAX {
            let until = if pending > 0 { now + GATHER } else { fresh_until.min(now + GATHER) };
            match tokio::time::timeout_at(until, feed.next()).await {
                Ok(Ok(entry)) => {
                    pending = entry.pending;
                    entries.push(entry);
                }
                Ok(Err(lost)) => return (entries, Some(lost.to_string())),
                Err(_elapsed) => break,
            }
        }
        (entries, None)
    }

    /// One transaction. What is not past the cursor is dropped: a feed that began again may repeat itself.
    async fn store(&mut self, entries: &[Entry]) -> Result<(), End> {
        let Follower { clock, metrics, repo, .. } = self.follower;
        let fresh = entries.iter().filter(|entry| entry.revision > self.book.cursor);
        let messages = fresh.map(Message::read).collect::<Result<Vec<_>, _>>();
        let messages = messages.map_err(|broken| End::Halted(broken.0))?;
        let (Some(newest), Some(last)) = (messages.last(), entries.last()) else { return Ok(()) };
        let (began, before) = (clock.monotonic(), self.book.cursor);
        match repo.store(&mut self.rows, &self.book, &self.identity, &messages).await? {
            Stored::Moved => return Err(End::Moved),
            Stored::Committed(book) => self.book = book,
        }
        let now = clock.monotonic();
        metrics.transaction_seconds.observe((now - began).as_secs_f64());
        metrics.messages.inc_by(messages.len() as u64);
        count(metrics, &messages);
        traced::tell(self.follower, entries.iter().filter(|entry| entry.revision > before), now - began);
        self.committed_at = Some(now);
        let behind = clock.now().duration_since(newest.at).as_secs_f64().max(0.0);
        let lag = if last.pending == 0 { 0.0 } else { behind };
        self.quiet.moved(now);
        self.say(lag, false);
        Ok(())
    }

    fn say(&self, lag_seconds: f64, exact: bool) {
        let Follower { clock, board, .. } = self.follower;
        let status = status(&self.book, clock.now(), lag_seconds, exact, self.audit.clone());
        board.send_replace(Some(SaleStatus { payments_open: self.payments_open, ..status }));
    }
}

fn count(metrics: &LedgerMetrics, messages: &[Message]) {
    use crate::post::Content;
    for message in messages {
        match message.content {
            Content::Order(..) => metrics.rows[Table::Orders].inc(),
            Content::Bucket(..) => metrics.rows[Table::Buckets].inc(),
            Content::Supply(..) => metrics.rows[Table::Supplies].inc(),
            Content::Meta(_) | Content::Unknown => {}
        }
    }
}

fn status(book: &Book, at: Timestamp, lag_seconds: f64, exact: bool, audit: Option<Audit>) -> SaleStatus {
    let items = book.sums.iter().map(|(sku, sums)| ItemStatus { sku: sku.clone(), sums: *sums }).collect();
    SaleStatus { cursor: book.cursor, at, lag_seconds, exact, items, payments_open: 0, audit, halted: None }
}
