//! An ordered feed of a stream, over a pull consumer without acknowledgements.
//!
//! **What must always hold.** Messages arrive in the order of the log; the consumer's own sequence proves that none was
//! lost on the way. A feed that cannot prove it any more ends with an error, and its owner follows again from the last
//! position it has. So there is one way to recover, and it is exercised by every test that breaks a connection.
//!
//! **What it costs.** One in-memory consumer on one server, gone 30 s after its reader. A dead feed is noticed within
//! two heartbeats.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, PullConsumer, pull};
use async_nats::jetstream::{self, Message};
use futures::StreamExt as _;
use jiff::Timestamp;
use protocol::store::Unavailable;

/// How often the server says that it is alive while nothing happens; two missed ones end the feed.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// How long one pull request lasts before it is renewed.
const PULL_EXPIRES: Duration = Duration::from_secs(30);
/// Most messages asked for at once: what the reader may have to hold in memory.
const PULL_MESSAGES_MAX: usize = 2_000;
/// How long the server keeps the consumer of a reader that went away.
const ORPHAN_KEPT: Duration = Duration::from_secs(30);

/// A feed as the server sends it.
pub(crate) struct RawFeed {
    messages: pull::Stream,
    delivered: u64,
    /// Messages that matched when the feed began.
    pub(crate) pending_at_start: u64,
}

/// One message with what its reply subject says about it.
pub(crate) struct Delivered {
    pub(crate) message: Message,
    pub(crate) sequence: u64,
    pub(crate) pending: u64,
    pub(crate) time: Timestamp,
}

impl RawFeed {
    /// Follows `filter` of the stream from the message after `after`.
    pub(crate) async fn start(
        context: &jetstream::Context,
        stream: &str,
        filter: String,
        after: u64,
    ) -> Result<Self, Unavailable> {
        let deliver_policy = match after {
            0 => DeliverPolicy::All,
            _ => DeliverPolicy::ByStartSequence { start_sequence: after + 1 },
        };
        let config = pull::Config {
            deliver_policy,
            ack_policy: AckPolicy::None,
            max_deliver: 1,
            filter_subject: filter,
            inactive_threshold: ORPHAN_KEPT,
            memory_storage: true,
            num_replicas: 1,
            ..pull::Config::default()
        };
        let lost = |what: &str, error: &dyn std::fmt::Display| Unavailable(format!("{what} {stream}: {error}"));
        let consumer: PullConsumer =
            context.create_consumer_on_stream(config, stream).await.map_err(|e| lost("cannot follow", &e))?;
        let pending_at_start = consumer.cached_info().num_pending;
        let messages = consumer
            .stream()
            .heartbeat(HEARTBEAT)
            .expires(PULL_EXPIRES)
            .max_messages_per_batch(PULL_MESSAGES_MAX)
            .messages()
            .await
            .map_err(|e| lost("cannot follow", &e))?;
        Ok(Self { messages, delivered: 0, pending_at_start })
    }

    /// The next message; safe to drop and call again.
    pub(crate) async fn next(&mut self) -> Result<Delivered, Unavailable> {
        let message = match self.messages.next().await {
            Some(Ok(message)) => message,
            Some(Err(error)) => return Err(Unavailable(format!("the feed broke: {error}"))),
            None => return Err(Unavailable("the feed ended".to_owned())),
        };
        let info = message.info().map_err(|e| Unavailable(format!("not a message of a stream: {e}")))?;
        if info.consumer_sequence != self.delivered + 1 {
            return Err(Unavailable("the feed lost a message on the way".to_owned()));
        }
        let (sequence, pending) = (info.stream_sequence, info.pending);
        let time = Timestamp::from_nanosecond(info.published.unix_timestamp_nanos())
            .map_err(|e| Unavailable(format!("a message has no usable time: {e}")))?;
        self.delivered += 1;
        Ok(Delivered { message, sequence, pending, time })
    }
}
