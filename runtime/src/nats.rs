//! A connection to a NATS that can do what we need, or one sentence that says why not.
//!
//! **What it is for.** A service connects once for claims and once for following, so that neither waits behind the
//! other; each connection has a `purpose`, which is part of its name on the server and of its readiness part. A service
//! waits for a server that is not there yet; a command does not.
//!
//! **What must always hold.** Nobody gets a connection to a server without atomic batches or an account without
//! JetStream: both would only show in the middle of a sale. The password or credentials are read from their file at every
//! connect, so they can be replaced without a restart.
//!
//! **What it costs.** A peer that died without a word is noticed within 6 s; the next server of the list is tried within
//! one.
//!
//! **What is deliberately absent.** Whether a *stream* takes atomic batches is its own setting and is checked where it is
//! opened. A version is checked when a connection is made first, not at every reconnect: nobody downgrades a store under
//! a sale, and such a store would not start.

mod login;
mod version;

use std::fmt;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::{AuthError, Client, ConnectErrorKind, ConnectOptions, Event, Request, RequestErrorKind, ServerAddr};
use serde::Deserialize;

use crate::args::{NatsArgs, SecretError, SecretFile};
use crate::backoff::Backoff;
use crate::process::Process;
use crate::readiness::Part;
use login::Login;
pub use version::{OLDEST, Version};

/// How long a request is waited for unless it says otherwise; a healthy server answers within milliseconds.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);
/// How long one server may take to let us in before the next one is tried.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// The same for a command, which tries once: it has nobody to hurry for, and on a busy machine a slow yes beats a quick no.
const COMMAND_PATIENCE: Duration = Duration::from_secs(10);
/// How often a silent connection is tested; the third test without an answer ends it. A connection that is cut without
/// a word must not cost more than the loss of a stream's leader, which is 4–9 s.
const PING_INTERVAL: Duration = Duration::from_secs(2);
/// Pauses before a service tries again to connect first.
const CONNECT: Backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(5));
/// Pauses before a lost connection is made again; short, because shoppers wait for it.
const RECONNECT: Backoff = Backoff::new(Duration::from_millis(20), Duration::from_secs(1));

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The servers are named together with a password.
    #[error("--nats-url has a password in it, which others can read: use --nats-user and --nats-password-file")]
    PasswordInUrl,
    /// The password or the credentials cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// There is something else in the file.
    #[error("{0} has no NATS credentials in it: expected the JWT and the key of a user")]
    NotCredentials(SecretFile),
    /// Nobody answers.
    #[error("nats at {address} not reachable: {reason}")]
    Unreachable {
        /// Where.
        address: String,
        /// What happened.
        reason: String,
    },
    /// The server does not know us.
    #[error("nats at {address} does not let us in: {reason}")]
    Unauthorized {
        /// Where.
        address: String,
        /// What happened.
        reason: String,
    },
    /// The server is too old.
    #[error("nats-server {version} at {address} cannot do atomic batches: Sluice needs {OLDEST} or newer")]
    TooOld {
        /// Where.
        address: String,
        /// What it says that it is.
        version: String,
    },
    /// The account has no streams.
    #[error("nats at {address} has no JetStream for this account: enable it in the configuration of nats-server")]
    NoJetStream {
        /// Where.
        address: String,
    },
}

impl Error {
    /// Whether the same may work a little later, without anybody changing our arguments.
    fn may_pass(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Unauthorized { .. })
    }
}

/// Connects a service; waits for a server that is not there yet, telling the readiness part `nats-<purpose>` why.
///
/// # Errors
/// [`Error`], when waiting does not help.
pub async fn connect(args: &NatsArgs, process: &Process, purpose: &str) -> Result<Client, Error> {
    let part = process.readiness.part(format!("nats-{purpose}"), true);
    let target = Target::new(args, format!("{} {purpose}", process.component))?;
    let client = persist(&part, async || target.dial(Some(&part), CONNECT_TIMEOUT).await).await?;
    persist(&part, async || require_atomic_publish(&client).await).await?;
    // What was told of a try in vain is over. A connection that was lost meanwhile tells when there is another one.
    if client.connection_state() == State::Connected {
        part.set_ok();
    }
    Ok(client)
}

/// Connects a command: one try at every server.
///
/// # Errors
/// [`Error`].
pub async fn connect_once(args: &NatsArgs, component: &str, purpose: &str) -> Result<Client, Error> {
    let client = Target::new(args, format!("{component} {purpose}"))?.dial(None, COMMAND_PATIENCE).await?;
    atomic_publish_within(&client, COMMAND_PATIENCE).await?;
    Ok(client)
}

async fn persist<T>(part: &Part, mut attempt: impl AsyncFnMut() -> Result<T, Error>) -> Result<T, Error> {
    let mut failures = 0_u32;
    loop {
        match attempt().await {
            Err(error) if error.may_pass() => {
                failures = failures.saturating_add(1);
                part.set_failed(format!("{error}; trying again"));
                tokio::time::sleep(CONNECT.random_pause(failures)).await;
            }
            settled => return settled,
        }
    }
}

/// Asks what only a server of this or a later version and an account with JetStream can do.
///
/// # Errors
/// [`Error::TooOld`], [`Error::NoJetStream`], or that nobody answered.
pub async fn require_atomic_publish(client: &Client) -> Result<(), Error> {
    atomic_publish_within(client, REQUEST_TIMEOUT).await
}

async fn atomic_publish_within(client: &Client, bound: Duration) -> Result<(), Error> {
    #[derive(Deserialize)]
    struct Answer {
        error: Option<Refusal>,
    }
    #[derive(Deserialize)]
    struct Refusal {
        #[serde(default)]
        err_code: u32,
        #[serde(default)]
        description: String,
    }
    const NOT_ENABLED: u32 = 10_076;
    const NOT_ENABLED_FOR_ACCOUNT: u32 = 10_039;

    let address = connected_to(client, bound).await;
    let version = client.server_info().version;
    if Version::parse(&version).is_none_or(|version| version < OLDEST) {
        return Err(Error::TooOld { address, version });
    }
    let request = Request::new().timeout(Some(bound));
    let refusal = match client.send_request("$JS.API.INFO", request).await {
        Ok(message) => serde_json::from_slice::<Answer>(&message.payload).map(|answer| answer.error),
        Err(error) if error.kind() == RequestErrorKind::NoResponders => return Err(Error::NoJetStream { address }),
        Err(error) => return Err(Error::Unreachable { address, reason: format!("JetStream: {error}") }),
    };
    match refusal {
        Ok(None) => Ok(()),
        Ok(Some(Refusal { err_code: NOT_ENABLED | NOT_ENABLED_FOR_ACCOUNT, .. })) => {
            Err(Error::NoJetStream { address })
        }
        Ok(Some(Refusal { description, .. })) => {
            Err(Error::Unreachable { address, reason: format!("JetStream: {description}") })
        }
        Err(error) => Err(Error::Unreachable { address, reason: format!("JetStream: {error}") }),
    }
}

/// The server at the other end, as far as it is known which one of the list it is.
async fn connected_to(client: &Client, bound: Duration) -> String {
    // A client that has lost its connection answers when it has another one.
    let servers = tokio::time::timeout(bound, client.server_pool()).await;
    let servers = servers.ok().and_then(Result::ok).unwrap_or_default();
    let connected: Vec<ServerAddr> =
        servers.into_iter().filter(|server| server.did_connect).map(|server| server.addr).collect();
    if connected.is_empty() { "an unknown address".to_owned() } else { Addresses(&connected).to_string() }
}

/// Servers without what else their URLs may hold.
struct Addresses<'a>(&'a [ServerAddr]);

impl fmt::Display for Addresses<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, server) in self.0.iter().enumerate() {
            let comma = if position == 0 { "" } else { ", " };
            write!(out, "{comma}{}:{}", server.host(), server.port())?;
        }
        Ok(())
    }
}

/// Where to connect, and as whom.
struct Target<'a> {
    args: &'a NatsArgs,
    name: String,
    login: Login,
}

impl<'a> Target<'a> {
    fn new(args: &'a NatsArgs, name: String) -> Result<Self, Error> {
        if args.nats_url.iter().any(|server| server.password().is_some() || server.username().is_some()) {
            return Err(Error::PasswordInUrl);
        }
        let login = Login::new(args);
        // A secret that is missing now is a mistake and not something to wait for.
        login.auth(&[])?;
        Ok(Self { args, name, login })
    }

    async fn dial(&self, part: Option<&Part>, connects_within: Duration) -> Result<Client, Error> {
        let login = self.login.clone();
        let part = part.cloned();
        let mut options = match &login {
            Login::Nobody => ConnectOptions::new(),
            _ => ConnectOptions::with_auth_callback(move |nonce| {
                let auth = login.auth(&nonce).map_err(AuthError::new);
                async { auth }
            }),
        };
        if let Some(file) = &self.args.nats_ca_file {
            options = options.add_root_certificates(file.clone());
        }
        let connected = options
            .name(&self.name)
            .connection_timeout(connects_within)
            .request_timeout(Some(REQUEST_TIMEOUT))
            .ping_interval(PING_INTERVAL)
            .reconnect_delay_callback(|attempts| RECONNECT.random_pause(u32::try_from(attempts).unwrap_or(u32::MAX)))
            .event_callback(move |event| {
                tell(part.as_ref(), &event);
                std::future::ready(())
            })
            .connect(&*self.args.nats_url)
            .await;
        connected.map_err(|error| {
            let (address, reason) = (Addresses(&self.args.nats_url).to_string(), error.to_string());
            match error.kind() {
                ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
                    Error::Unauthorized { address, reason }
                }
                _ => Error::Unreachable { address, reason },
            }
        })
    }
}

/// What becomes of a connection after it was made. Its part tells whoever reads the log.
fn tell(part: Option<&Part>, event: &Event) {
    let failed = |reason: String| {
        if let Some(part) = part {
            part.set_failed(reason);
        }
    };
    match event {
        Event::Connected => {
            if let Some(part) = part {
                part.set_ok();
            }
        }
        Event::Disconnected => failed("disconnected".to_owned()),
        Event::Closed => failed("closed".to_owned()),
        Event::ClientError(error) => failed(format!("cannot reconnect: {error}")),
        Event::ServerError(error) => tracing::warn!("nats refused something: {error}"),
        Event::SlowConsumer(_) => tracing::warn!("a subscription lost messages: its reader is too slow"),
        Event::LameDuckMode => tracing::info!("nats is about to stop; it will be replaced by another one of the list"),
        Event::Draining => {}
    }
}

#[cfg(test)]
mod tests;
