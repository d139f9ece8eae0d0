//! The port to one shard's stream.
//!
//! **What it is for.** Lanes, settling, releases, the supply loop and the follower are written against this trait: over
//! JetStream in production, over the in-memory twin with faults in simulation.
//!
//! **What must always hold.** A commit is all or nothing. Its outcome is one of four, and an implementation that is not
//! certain says [`Outcome::Unknown`]: a timeout is not a no.

use std::future::Future;

use bytes::Bytes;
use jiff::Timestamp;

use crate::id::Revision;
use crate::key::{Key, Keys};
use crate::trace::TraceContext;

#[cfg(any(test, feature = "test-util"))]
pub mod memory;

/// Condition on a key for a write to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Expect {
    /// It was never written.
    Absent,
    /// Its newest value has this revision.
    At(Revision),
}

/// One message of an atomic batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// What to write.
    pub key: Key,
    /// Under which condition.
    pub expect: Expect,
    /// The whole new value.
    pub value: Bytes,
    /// Which trace it belongs to; decides nothing.
    pub trace: Option<TraceContext>,
}

/// Most messages in a batch; the server takes 1,000.
pub const BATCH_WRITES_MAX: usize = 256;

/// A committed batch: its messages have contiguous revisions, in order, so the next compare-and-set needs no read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// Revision of the last message.
    pub last: Revision,
    /// How many messages.
    pub count: u64,
}

impl Committed {
    /// Revision of the message at `index`, from 0.
    #[must_use]
    pub fn revision(&self, index: usize) -> Revision {
        Revision((self.last.0 + 1 + index as u64).saturating_sub(self.count))
    }
}

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// All of it is stored.
    Committed(Committed),
    /// None of it is, because a condition failed. The position is the last revision of the key whose condition failed,
    /// where the server names it; `None` is a clash with a write still in flight: wait a moment and read.
    Conflict(Option<Revision>),
    /// None of it is, for a passing reason: back off, same plan.
    NotTaken(String),
    /// None of it is, and the same again will fail the same way.
    Fault(String),
    /// Nobody knows yet: burn the bucket's revision, then read.
    Unknown(String),
}

/// A stored value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its key; `None` for one that this version does not know.
    pub key: Option<Key>,
    /// Its revision.
    pub revision: Revision,
    /// When the server stored it.
    pub time: Timestamp,
    /// The value.
    pub value: Bytes,
    /// Which trace its write belongs to.
    pub trace: Option<TraceContext>,
    /// In a feed: how many more are known to follow.
    pub pending: u64,
}

/// A read got no answer, or none that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(pub String);

/// Several keys as they were at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Every key of the asked sets that has a value, without duplicates.
    pub entries: Vec<Entry>,
    /// The position up to which it is complete.
    pub up_to: Revision,
}

/// Where a feed begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// The newest value of every key, then every write.
    Newest,
    /// Every value still kept after this position, then every write.
    After(Revision),
}

/// One shard's stream.
pub trait Store: Clone + Send + Sync + 'static {
    /// What [`follow`](Self::follow) returns.
    type Feed: Feed;

    /// Writes all or nothing; every condition is checked at the commit against the state before the batch. At least one
    /// write, at most [`BATCH_WRITES_MAX`], each key once.
    fn commit(&self, batch: Vec<Write>) -> impl Future<Output = Outcome> + Send;

    /// The newest value of a key, from the stream's leader.
    ///
    /// # Errors
    /// [`Unavailable`] when the leader did not answer.
    fn read(&self, key: &Key) -> impl Future<Output = Result<Option<Entry>, Unavailable>> + Send;

    /// The message at a position, from the stream's leader; `None` when it was superseded or never was.
    ///
    /// # Errors
    /// [`Unavailable`] when the leader did not answer.
    fn read_at(&self, at: Revision) -> impl Future<Output = Result<Option<Entry>, Unavailable>> + Send;

    /// Several keys at one moment, possibly from a replica that is behind: compare `up_to`. At most 1,024 keys.
    ///
    /// # Errors
    /// [`Unavailable`] when nobody answered, or there are too many.
    fn snapshot(&self, keys: &[Keys]) -> impl Future<Output = Result<Snapshot, Unavailable>> + Send;

    /// The last position, named by the leader after this call began: the read index.
    ///
    /// # Errors
    /// [`Unavailable`] when the leader did not answer.
    fn position(&self) -> impl Future<Output = Result<Revision, Unavailable>> + Send;

    /// Follows a set of keys in the order of the log, without gaps other than superseded values.
    ///
    /// # Errors
    /// [`Unavailable`] when it could not be started.
    fn follow(&self, keys: &Keys, from: From) -> impl Future<Output = Result<Self::Feed, Unavailable>> + Send;
}

/// An endless, ordered feed.
pub trait Feed: Send + 'static {
    /// The next value; waits for it. Safe to drop and call again.
    ///
    /// # Errors
    /// [`Unavailable`] when the feed broke: follow again from the last position.
    fn next(&mut self) -> impl Future<Output = Result<Entry, Unavailable>> + Send;
}
