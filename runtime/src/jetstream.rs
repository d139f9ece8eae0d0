//! One shard's stream over JetStream: [`protocol::store::Store`] on the wire.
//!
//! **What must always hold.** A batch of several messages is published on one connection, the last as a request, so it
//! takes one round trip and arrives in order. Only the answer to that last one tells what became of it, and [`answer`]
//! alone reads it. Reads that decide go to the stream's leader; direct gets are used for [`Store::snapshot`] only, whose
//! position the caller compares.
//!
//! **What is deliberately absent.** Retries: a lane, a follower and an operator each know better what to do next.

mod answer;
pub(crate) mod feed;
mod info;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_nats::jetstream::stream::RawMessageErrorKind;
use async_nats::{HeaderMap, Request, RequestErrorKind, jetstream};
use bytes::Bytes;
use futures::StreamExt as _;
use jiff::Timestamp;
use protocol::Revision;
use protocol::key::{Key, Keys, Stream};
use protocol::sale::StreamIdentity;
use protocol::store::{Entry, Expect, Feed, From, Outcome, Snapshot, Store, Unavailable, Write};
use protocol::trace::{HEADER, TraceContext};

use crate::trace;

pub use info::{StreamCluster, StreamConfig, StreamInfo, StreamPeer, StreamState, stream_info};

/// How long a commit is waited for before its outcome counts as unknown. A healthy commit takes milliseconds, a stream
/// without a leader 4–9 s; settling starts earlier than that so that nobody waits for both.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a read is waited for.
const READ_TIMEOUT: Duration = Duration::from_secs(2);
/// Most keys that the server puts into one snapshot.
const SNAPSHOT_KEYS_MAX: usize = 1_024;

/// A stream could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is no such stream.
    #[error("stream {0} does not exist")]
    Missing(String),
    /// There is one, but not the one that was provisioned.
    #[error("stream {name} was created at {found}, not at {expected}: its stock is not this sale's")]
    OtherLife {
        /// The stream's name.
        name: String,
        /// When the provisioned one was created.
        expected: Timestamp,
        /// When this one was.
        found: Timestamp,
    },
    /// It does not take atomic batches.
    #[error("stream {0} does not allow atomic publish: it was not made by this version of the operator")]
    NotAtomic(String),
    /// Nobody answered.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// One shard's stream.
#[derive(Clone)]
pub struct JetStream {
    shared: Arc<Shared>,
}

struct Shared {
    client: async_nats::Client,
    context: jetstream::Context,
    handle: jetstream::stream::Stream<()>,
    stream: Stream,
    name: String,
    prefix: String,
    info: StreamInfo,
    batch_prefix: u64,
    batches: AtomicU64,
}

impl JetStream {
    /// Opens the stream; with an identity, only that very stream and not another one under its name.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(
        client: async_nats::Client,
        stream: &Stream,
        identity: Option<&StreamIdentity>,
    ) -> Result<Self, OpenError> {
        let context = context(&client);
        let name = stream.name();
        let info = stream_info(&client, &name).await?.ok_or_else(|| OpenError::Missing(name.clone()))?;
        if let Some(identity) = identity
            && identity.created != info.created
        {
            return Err(OpenError::OtherLife { name, expected: identity.created, found: info.created });
        }
        if !info.config.allow_atomic {
            return Err(OpenError::NotAtomic(name));
        }
        let unreachable = |e| Unavailable(format!("stream {name}: {e}"));
        let handle = context.get_stream_no_info(&name).await.map_err(|e| unreachable(e.to_string()))?;
        let shared = Shared {
            client,
            context,
            handle,
            stream: stream.clone(),
            prefix: stream.prefix(),
            name,
            info,
            batch_prefix: rand::random(),
            batches: AtomicU64::new(0),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Which stream it is.
    #[must_use]
    pub fn stream(&self) -> &Stream {
        &self.shared.stream
    }

    /// When the server created it.
    #[must_use]
    pub fn created(&self) -> Timestamp {
        self.shared.info.created
    }

    /// What the server said of it when it was opened.
    #[must_use]
    pub fn info(&self) -> &StreamInfo {
        &self.shared.info
    }

    async fn request(&self, subject: String, headers: HeaderMap, value: Bytes) -> Result<Bytes, Outcome> {
        let request = Request::new().headers(headers).payload(value).timeout(Some(COMMIT_TIMEOUT));
        match self.shared.client.send_request(subject, request).await {
            Ok(message) => Ok(message.payload),
            Err(error) => Err(match error.kind() {
                RequestErrorKind::NoResponders => Outcome::NotTaken("the stream has no leader".to_owned()),
                RequestErrorKind::InvalidSubject | RequestErrorKind::MaxPayloadExceeded => {
                    Outcome::Fault(error.to_string())
                }
                RequestErrorKind::TimedOut | RequestErrorKind::Other => Outcome::Unknown(error.to_string()),
            }),
        }
    }

    fn entry(&self, message: jetstream::message::StreamMessage) -> Result<Entry, Unavailable> {
        let time = Timestamp::from_nanosecond(message.time.unix_timestamp_nanos())
            .map_err(|e| Unavailable(format!("a message has no usable time: {e}")))?;
        Ok(Entry {
            key: self.key_of(&message.subject),
            revision: Revision(message.sequence),
            time,
            trace: traced(Some(&message.headers)),
            value: message.payload,
            pending: 0,
        })
    }

    fn key_of(&self, subject: &str) -> Option<Key> {
        subject.strip_prefix(self.shared.prefix.as_str()).and_then(Key::parse)
    }

    fn raw(
        &self,
        answer: Result<jetstream::message::StreamMessage, jetstream::stream::RawMessageError>,
    ) -> Result<Option<Entry>, Unavailable> {
        match answer {
            Ok(message) => self.entry(message).map(Some),
            Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(Unavailable(format!("cannot read from {}: {error}", self.shared.name))),
        }
    }
}

fn conditions(write: &Write) -> HeaderMap {
    let revision = match write.expect {
        Expect::Absent => 0,
        Expect::At(revision) => revision.0,
    };
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Expected-Last-Subject-Sequence", revision.to_string());
    if let Some(trace) = write.trace.or_else(trace::current) {
        headers.insert(HEADER, trace.to_string());
    }
    headers
}

/// Which trace a message belongs to.
#[must_use]
pub fn traced(headers: Option<&HeaderMap>) -> Option<TraceContext> {
    TraceContext::parse(headers?.get(HEADER)?.as_str())
}

impl Store for JetStream {
    type Feed = JetStreamFeed;

    async fn commit(&self, mut batch: Vec<Write>) -> Outcome {
        let Some(last) = batch.pop() else {
            return Outcome::Fault("a batch needs a write".to_owned());
        };
        let subject = |key: &Key| format!("{}{key}", self.shared.prefix);
        if batch.is_empty() {
            // One message needs no batch: the same condition, without the server's staging.
            return match self.request(subject(&last.key), conditions(&last), last.value).await {
                Ok(answer) => answer::read(&answer, None, 1),
                Err(outcome) => outcome,
            };
        }
        let number = self.shared.batches.fetch_add(1, Ordering::Relaxed);
        let id = format!("{:016x}-{number:x}", self.shared.batch_prefix);
        let headers = |write: &Write, position: usize| {
            let mut headers = conditions(write);
            headers.insert("Nats-Batch-Id", id.as_str());
            headers.insert("Nats-Batch-Sequence", position.to_string());
            headers
        };
        let count = batch.len() + 1;
        for (write, position) in batch.into_iter().zip(1..) {
            let headers = headers(&write, position);
            let published = self.shared.client.publish_with_headers(subject(&write.key), headers, write.value).await;
            if let Err(error) = published {
                // The commit is never sent, so nothing of this is ever stored.
                return Outcome::NotTaken(error.to_string());
            }
        }
        let mut headers = headers(&last, count);
        headers.insert("Nats-Batch-Commit", "1");
        match self.request(subject(&last.key), headers, last.value).await {
            Ok(answer) => answer::read(&answer, Some(&id), count as u64),
            Err(outcome) => outcome,
        }
    }

    async fn read(&self, key: &Key) -> Result<Option<Entry>, Unavailable> {
        let subject = format!("{}{key}", self.shared.prefix);
        self.raw(self.shared.handle.get_last_raw_message_by_subject(&subject).await)
    }

    async fn read_at(&self, at: Revision) -> Result<Option<Entry>, Unavailable> {
        self.raw(self.shared.handle.get_raw_message(at.0).await)
    }

    async fn snapshot(&self, keys: &[Keys]) -> Result<Snapshot, Unavailable> {
        let Shared { client, name, stream, .. } = &*self.shared;
        let lost = |e: &dyn std::fmt::Display| Unavailable(format!("no snapshot of {name}: {e}"));
        let filters: Vec<String> = keys.iter().map(|keys| stream.filter(keys)).collect();
        let ask = serde_json::json!({ "multi_last": filters, "batch": SNAPSHOT_KEYS_MAX });
        let inbox = client.new_inbox();
        let mut answers = client.subscribe(inbox.clone()).await.map_err(|e| lost(&e))?;
        let subject = format!("$JS.API.DIRECT.GET.{name}");
        client.publish_with_reply(subject, inbox, ask.to_string().into()).await.map_err(|e| lost(&e))?;
        let collect = async {
            let mut entries = Vec::new();
            while let Some(message) = answers.next().await {
                let header = |key: &str| message.headers.as_ref().and_then(|h| h.get(key)).map(|v| v.as_str());
                match message.status.map(|s| s.as_u16()) {
                    None => entries.push(self.direct(&message, header)?),
                    Some(204) => {
                        let up_to = header("Nats-UpTo-Sequence").and_then(|n| n.parse().ok()).map(Revision);
                        let up_to = up_to.ok_or_else(|| lost(&"it does not say up to where it is complete"))?;
                        return Ok(Snapshot { entries, up_to });
                    }
                    // None of the keys has a value; nothing says as of when, so it proves nothing.
                    Some(404) => return Ok(Snapshot { entries, up_to: Revision(0) }),
                    Some(status) => return Err(lost(&format!("status {status}"))),
                }
            }
            Err(lost(&"the connection closed"))
        };
        tokio::time::timeout(READ_TIMEOUT, collect).await.map_err(|_| lost(&"nobody answered in time"))?
    }

    async fn position(&self) -> Result<Revision, Unavailable> {
        let Shared { client, name, info: opened, .. } = &*self.shared;
        let info = stream_info(client, name).await?;
        let info = info.ok_or_else(|| Unavailable(format!("stream {name} does not exist any more")))?;
        if info.created != opened.created {
            return Err(Unavailable(format!("stream {name} was deleted and made again")));
        }
        Ok(Revision(info.state.last_seq))
    }

    async fn follow(&self, keys: &Keys, from: From) -> Result<JetStreamFeed, Unavailable> {
        // One value is kept per key, so everything that is kept is the newest of each.
        let after = match from {
            From::Newest => 0,
            From::After(revision) => revision.0,
        };
        let Shared { context, name, stream, .. } = &*self.shared;
        let feed = feed::RawFeed::start(context, name, stream.filter(keys), after).await?;
        Ok(JetStreamFeed { feed, store: self.clone(), after })
    }
}

impl JetStream {
    fn direct<'m>(
        &self,
        message: &'m async_nats::Message,
        header: impl Fn(&str) -> Option<&'m str>,
    ) -> Result<Entry, Unavailable> {
        let entry = || {
            Some(Entry {
                key: self.key_of(header("Nats-Subject")?),
                revision: Revision(header("Nats-Sequence")?.parse().ok()?),
                time: header("Nats-Time-Stamp")?.parse().ok()?,
                value: message.payload.clone(),
                trace: traced(message.headers.as_ref()),
                pending: 0,
            })
        };
        entry().ok_or_else(|| Unavailable(format!("a direct answer of {} lacks a header", self.shared.name)))
    }
}

/// A feed of a shard's stream.
pub struct JetStreamFeed {
    feed: feed::RawFeed,
    store: JetStream,
    after: u64,
}

impl JetStreamFeed {
    /// How many messages matched when the feed began; 0 means that it is caught up from the start.
    #[must_use]
    pub fn pending_at_start(&self) -> u64 {
        self.feed.pending_at_start
    }
}

impl Feed for JetStreamFeed {
    async fn next(&mut self) -> Result<Entry, Unavailable> {
        loop {
            let delivered = self.feed.next().await?;
            if delivered.sequence <= self.after {
                continue;
            }
            return Ok(Entry {
                key: self.store.key_of(&delivered.message.subject),
                revision: Revision(delivered.sequence),
                time: delivered.time,
                value: delivered.message.message.payload.clone(),
                trace: traced(delivered.message.message.headers.as_ref()),
                pending: delivered.pending,
            });
        }
    }
}

/// A JetStream context whose requests give up after [`READ_TIMEOUT`].
#[must_use]
pub fn context(client: &async_nats::Client) -> jetstream::Context {
    let mut context = jetstream::new(client.clone());
    context.set_timeout(READ_TIMEOUT);
    context
}

/// What became of a plain publish.
pub(crate) fn read_answer(payload: &[u8]) -> Outcome {
    answer::read(payload, None, 1)
}
