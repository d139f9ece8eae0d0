//! What the leader of a stream says about it.

use async_nats::Request;
use jiff::Timestamp;
use protocol::store::Unavailable;
use serde::Deserialize;

use super::READ_TIMEOUT;

/// The part of a stream's info that we use.
#[derive(Debug, Clone, Deserialize)]
pub struct StreamInfo {
    /// When the server created it.
    pub created: Timestamp,
    /// Its configuration.
    pub config: StreamConfig,
    /// Its positions.
    pub state: StreamState,
    /// Which servers hold it; nothing where a server is on its own.
    pub cluster: Option<StreamCluster>,
    /// When the leader said so, by its own clock.
    pub ts: Option<Timestamp>,
}

/// The part of a stream's configuration that we check.
#[derive(Debug, Clone, Deserialize)]
pub struct StreamConfig {
    /// Copies of every message.
    #[serde(default)]
    pub num_replicas: u8,
    /// `file` or `memory`.
    #[serde(default)]
    pub storage: String,
    /// Whether it takes atomic batches.
    #[serde(default)]
    pub allow_atomic: bool,
    /// The first sequence that it was made with; 0 when it was not said.
    #[serde(default)]
    pub first_seq: u64,
}

/// The positions of a stream.
#[derive(Debug, Clone, Deserialize)]
pub struct StreamState {
    /// First position that is kept, or would be.
    #[serde(default)]
    pub first_seq: u64,
    /// Last position.
    #[serde(default)]
    pub last_seq: u64,
    /// How many messages are kept.
    #[serde(default)]
    pub messages: u64,
}

/// The servers that hold a stream.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct StreamCluster {
    /// The cluster's name.
    #[serde(default)]
    pub name: String,
    /// The leader's name; empty while there is none.
    #[serde(default)]
    pub leader: String,
    /// Since when it leads.
    pub leader_since: Option<Timestamp>,
    /// All the others.
    #[serde(default)]
    pub replicas: Vec<StreamPeer>,
}

/// A server that follows a stream's leader.
#[derive(Debug, Clone, Deserialize)]
pub struct StreamPeer {
    /// Its name.
    pub name: String,
    /// Whether it has everything that is committed.
    #[serde(default)]
    pub current: bool,
    /// Whether the leader has not heard of it for 10 s.
    #[serde(default)]
    pub offline: bool,
    /// Whether it is about to join or to leave.
    #[serde(default)]
    pub pending: bool,
    /// Nanoseconds since it was last heard of.
    #[serde(default)]
    pub active: i64,
    /// Writes that it does not have yet.
    #[serde(default)]
    pub lag: u64,
}

/// What the stream's leader says about it; `None` when there is no such stream.
///
/// # Errors
/// [`Unavailable`] when nobody answered.
pub async fn stream_info(client: &async_nats::Client, name: &str) -> Result<Option<StreamInfo>, Unavailable> {
    #[derive(Deserialize)]
    struct Answer {
        error: Option<Error>,
    }
    #[derive(Deserialize)]
    struct Error {
        #[serde(default)]
        err_code: u32,
        #[serde(default)]
        description: String,
    }
    const STREAM_NOT_FOUND: u32 = 10_059;
    let lost = |e: &dyn std::fmt::Display| Unavailable(format!("cannot ask about stream {name}: {e}"));
    let request = Request::new().timeout(Some(READ_TIMEOUT));
    let subject = format!("$JS.API.STREAM.INFO.{name}");
    let message = client.send_request(subject, request).await.map_err(|e| lost(&e))?;
    match serde_json::from_slice::<Answer>(&message.payload).map_err(|e| lost(&e))?.error {
        Some(error) if error.err_code == STREAM_NOT_FOUND => Ok(None),
        Some(error) => Err(lost(&error.description)),
        None => serde_json::from_slice(&message.payload).map(Some).map_err(|e| lost(&e)),
    }
}
