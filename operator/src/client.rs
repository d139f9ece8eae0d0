//! The way to the API server: how long an answer is waited for, and how often a busy server is asked again.
//!
//! **What must always hold.** Nothing waits for ever for a server that keeps its connections open and says nothing. A
//! server that is busy (429) or not there for a moment (503, 504) is asked again after as long as it says, a few times;
//! after that the failure is ours to handle, by a pause that is bounded. Left to itself, the client would sleep for up to
//! a minute after the server is back.
//!
//! **What is deliberately absent.** Repeating what had no answer: whether it was done is seen at the next look.

use std::time::Duration;

use kube::client::ClientBuilder;
use kube::client::retry::RetryPolicy;
use tower::buffer::BufferLayer;
use tower::retry::RetryLayer;

/// How long the server may say nothing on a connection. Watches are renewed before that.
const SILENCE_MAX: Duration = Duration::from_secs(25);
/// How long a watch lasts; also how long one that has fallen silent is believed in, but for the client's margin.
pub(crate) const WATCH_SECONDS: u32 = 20;
/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Requests under way at the same time: every look, its events, the Lease and the watches, many times over.
const REQUESTS_MAX: usize = 1_024;
/// Pauses between the tries of a request that was refused for the moment, where the server does not name a longer one.
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_LONGEST: Duration = Duration::from_secs(2);
/// How often it is tried again.
const RETRIES_MAX: u32 = 4;

/// A client with these bounds.
pub(crate) fn connect(mut config: kube::Config) -> anyhow::Result<kube::Client> {
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.read_timeout = Some(SILENCE_MAX);
    config.reset_reader_on_write = true;
    config.default_retry = false;
    let retries = RetryPolicy::new(RETRY_FIRST, RETRY_LONGEST, RETRIES_MAX, true)?;
    let client = ClientBuilder::try_from(config)?;
    Ok(client.with_layer(&BufferLayer::new(REQUESTS_MAX)).with_layer(&RetryLayer::new(retries)).build())
}
