//! Small typed tables in KV: the definitions of sales, and what the ledger says about them.
//!
//! **What must always hold.** A watch reports every key's newest value, forever: it survives lost connections, servers
//! and a table that does not exist yet, and goes on from the last revision it saw. A value that cannot be read is
//! reported as such and never as a deletion.

use std::marker::PhantomData;
use std::time::Duration;

use async_nats::jetstream::kv;
use async_nats::jetstream::stream::RawMessageErrorKind;
use async_nats::{HeaderMap, Request, jetstream};
use jiff::Timestamp;
use protocol::Revision;
use protocol::store::Unavailable;
use protocol::wire::{Value, WireError};

use crate::jetstream::feed::{Delivered, RawFeed};
use crate::jetstream::{context, read_answer, stream_info};

/// Pause before a broken watch is started again; short, because a pause or a restock waits for it.
const REWATCH_AFTER: Duration = Duration::from_millis(250);

/// A table of values by key.
pub struct Table<T> {
    client: async_nats::Client,
    context: jetstream::Context,
    bucket: String,
    values: PhantomData<fn() -> T>,
}

impl<T> Clone for Table<T> {
    fn clone(&self) -> Self {
        Self {
            client: self.client.clone(),
            context: self.context.clone(),
            bucket: self.bucket.clone(),
            values: PhantomData,
        }
    }
}

/// A write with a condition was not made.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Somebody else wrote first.
    #[error("the key changed meanwhile")]
    Conflict,
    /// Nobody knows whether it was made: read the key.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// A value could not be had.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is there but cannot be read.
    #[error("key {0}: {1}")]
    Unreadable(String, WireError),
    /// Nobody answered.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl<T: Value> Table<T> {
    /// The table in this KV bucket, which need not exist yet.
    #[must_use]
    pub fn new(client: async_nats::Client, bucket: impl Into<String>) -> Self {
        Self { context: context(&client), client, bucket: bucket.into(), values: PhantomData }
    }

    /// Creates the KV bucket unless it is there; an existing one is left as it is.
    ///
    /// # Errors
    /// [`Unavailable`] when it could not be made.
    pub async fn create(&self, replicas: usize) -> Result<(), Unavailable> {
        if stream_info(&self.client, &self.stream()).await?.is_some() {
            return Ok(());
        }
        let config =
            kv::Config { bucket: self.bucket.clone(), history: 1, num_replicas: replicas, ..kv::Config::default() };
        let created = self.context.create_key_value(config).await;
        created.map(drop).map_err(|e| Unavailable(format!("cannot create table {}: {e}", self.bucket)))
    }

    fn stream(&self) -> String {
        format!("KV_{}", self.bucket)
    }

    fn subject(&self, key: &str) -> String {
        format!("$KV.{}.{key}", self.bucket)
    }

    /// The newest value of a key, from the leader, with its revision.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn get(&self, key: &str) -> Result<Option<(T, Revision)>, ReadError> {
        let (value, revision) = self.find(key).await?;
        Ok(value.map(|value| (value, revision)))
    }

    /// The same, with the revision of nothing as well: that of the deletion, or 0 for a key that was never written. An
    /// [`update`](Self::update) that expects it fails once anything was written in between, a deletion included.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn find(&self, key: &str) -> Result<(Option<T>, Revision), ReadError> {
        let lost = |e: &dyn std::fmt::Display| Unavailable(format!("cannot read table {}: {e}", self.bucket));
        let handle = self.context.get_stream_no_info(self.stream()).await.map_err(|e| lost(&e))?;
        match handle.get_last_raw_message_by_subject(&self.subject(key)).await {
            Ok(message) if deleted(&message.headers) => Ok((None, Revision(message.sequence))),
            Ok(message) => match T::decode(&message.payload) {
                Ok(value) => Ok((Some(value), Revision(message.sequence))),
                Err(error) => Err(ReadError::Unreadable(key.to_owned(), error)),
            },
            Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok((None, Revision(0))),
            Err(error) => Err(lost(&error).into()),
        }
    }

    /// Writes a key, whatever it held.
    ///
    /// # Errors
    /// [`Unavailable`] when it is not known to be written.
    pub async fn put(&self, key: &str, value: &T) -> Result<Revision, Unavailable> {
        match self.write(key, value, None).await {
            Ok(revision) => Ok(revision),
            Err(WriteError::Unavailable(lost)) => Err(lost),
            Err(conflict @ WriteError::Conflict) => Err(Unavailable(conflict.to_string())),
        }
    }

    /// Writes a key if its newest revision is this one, as [`find`](Self::find) tells it.
    ///
    /// # Errors
    /// [`WriteError`].
    pub async fn update(&self, key: &str, value: &T, expected: Revision) -> Result<Revision, WriteError> {
        self.write(key, value, Some(expected)).await
    }

    async fn write(&self, key: &str, value: &T, expected: Option<Revision>) -> Result<Revision, WriteError> {
        self.publish(key, conditional(expected), value.encode()).await
    }

    async fn publish(&self, key: &str, headers: HeaderMap, value: bytes::Bytes) -> Result<Revision, WriteError> {
        use protocol::store::Outcome;
        let lost = |e: &dyn std::fmt::Display| Unavailable(format!("cannot write table {}: {e}", self.bucket));
        let request = Request::new().headers(headers).payload(value);
        let answer = self.client.send_request(self.subject(key), request).await.map_err(|e| lost(&e))?;
        match read_answer(&answer.payload) {
            Outcome::Committed(committed) => Ok(committed.last),
            Outcome::Conflict(_) => Err(WriteError::Conflict),
            Outcome::NotTaken(why) | Outcome::Fault(why) | Outcome::Unknown(why) => Err(lost(&why).into()),
        }
    }

    /// Deletes a key; a watch reports it.
    ///
    /// # Errors
    /// [`Unavailable`] when it is not known to be deleted.
    pub async fn delete(&self, key: &str) -> Result<(), Unavailable> {
        match self.remove(key, None).await {
            Ok(()) => Ok(()),
            Err(WriteError::Unavailable(lost)) => Err(lost),
            Err(conflict @ WriteError::Conflict) => Err(Unavailable(conflict.to_string())),
        }
    }

    /// Deletes a key if its newest revision is this one.
    ///
    /// # Errors
    /// [`WriteError`].
    pub async fn delete_at(&self, key: &str, expected: Revision) -> Result<(), WriteError> {
        self.remove(key, Some(expected)).await
    }

    async fn remove(&self, key: &str, expected: Option<Revision>) -> Result<(), WriteError> {
        let mut headers = conditional(expected);
        headers.insert("KV-Operation", "DEL");
        self.publish(key, headers, bytes::Bytes::new()).await.map(drop)
    }

    /// Watches every key.
    #[must_use]
    pub fn watch(&self) -> Watch<T> {
        Watch {
            table: self.clone(),
            feed: None,
            seen: 0,
            created: None,
            catching_up: CatchingUp::Reading,
            interrupted: false,
        }
    }
}

/// What a watch reports.
#[derive(Debug)]
pub enum Change<T> {
    /// A key has this value.
    Put(String, Result<T, WireError>, Revision),
    /// A key has no value any more.
    Deleted(String),
    /// Everything that was there when the watch began has been reported. Said once.
    CaughtUp,
    /// The table cannot be read now; the watch goes on trying. Said once per interruption.
    Interrupted(Unavailable),
    /// The table was deleted and made again: forget everything, what follows is all there is.
    Reset,
}

/// An endless watch of a table.
pub struct Watch<T> {
    table: Table<T>,
    feed: Option<RawFeed>,
    /// Newest revision reported.
    seen: u64,
    /// When the table that it was reported from was created.
    created: Option<Timestamp>,
    catching_up: CatchingUp,
    interrupted: bool,
}

#[derive(PartialEq)]
enum CatchingUp {
    Reading,
    /// Everything is reported, that it was everything is not.
    Announce,
    Done,
}

impl<T: Value> Watch<T> {
    /// The next change; waits for it. Safe to drop and call again.
    pub async fn next(&mut self) -> Change<T> {
        loop {
            if self.catching_up == CatchingUp::Announce {
                self.catching_up = CatchingUp::Done;
                return Change::CaughtUp;
            }
            let step = match self.feed.as_mut() {
                None => self.start().await,
                Some(feed) => match feed.next().await {
                    Ok(delivered) => return self.change(delivered),
                    Err(lost) => Err(lost),
                },
            };
            match step {
                Ok(None) => {}
                Ok(Some(reset)) => return reset,
                Err(lost) => {
                    self.feed = None;
                    if !std::mem::replace(&mut self.interrupted, true) {
                        return Change::Interrupted(lost);
                    }
                    tokio::time::sleep(REWATCH_AFTER).await;
                }
            }
        }
    }

    async fn start(&mut self) -> Result<Option<Change<T>>, Unavailable> {
        let Table { client, context, bucket, .. } = &self.table;
        let name = self.table.stream();
        let info = stream_info(client, &name).await?;
        let info = info.ok_or_else(|| Unavailable(format!("table {bucket} does not exist yet")))?;
        if self.created.replace(info.created).is_some_and(|created| created != info.created) {
            self.seen = 0;
            return Ok(Some(Change::Reset));
        }
        let feed = RawFeed::start(context, &name, self.table.subject(">"), self.seen).await?;
        if feed.pending_at_start == 0 {
            self.caught_up();
        }
        self.feed = Some(feed);
        self.interrupted = false;
        Ok(None)
    }

    fn caught_up(&mut self) {
        if self.catching_up == CatchingUp::Reading {
            self.catching_up = CatchingUp::Announce;
        }
    }

    fn change(&mut self, delivered: Delivered) -> Change<T> {
        self.seen = self.seen.max(delivered.sequence);
        if delivered.pending == 0 {
            self.caught_up();
        }
        let prefix = self.table.subject("");
        let message = &delivered.message.message;
        let key = message.subject.strip_prefix(&prefix).unwrap_or_default().to_owned();
        if message.headers.as_ref().is_some_and(deleted) {
            return Change::Deleted(key);
        }
        Change::Put(key, T::decode(&message.payload), Revision(delivered.sequence))
    }
}

fn conditional(expected: Option<Revision>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Some(expected) = expected {
        headers.insert("Nats-Expected-Last-Subject-Sequence", expected.0.to_string());
    }
    headers
}

fn deleted(headers: &HeaderMap) -> bool {
    headers.get("KV-Operation").is_some_and(|operation| matches!(operation.as_str(), "DEL" | "PURGE"))
}
