//! Who is told: an address and the keys that prove that it is us.
//!
//! **What must always hold.** What is sent goes to the configured address and nowhere else: redirects are answers like any
//! other, and proxies of the environment are not used. The address is never shown, because its query may be a secret; user
//! and password do not belong into it and are refused. Without TLS it goes to this machine only, or in a demonstration.
//!
//! **What it costs.** A try ends after [`ANSWER_WITHIN`], and at most [`ANSWER_BYTES_MAX`] of an answer are read: enough to
//! use the connection again, and nothing of it is believed but its status.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, HeaderName};
use reqwest::redirect::Policy;
use reqwest::{Client, Url};

use super::message::Message;
use super::metrics::Outcome;
use crate::signature::{Keys, sign};

/// Longest that a try may take.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Most bytes of an answer that are read.
const ANSWER_BYTES_MAX: usize = 4_096;
/// What happened.
const EVENT: HeaderName = HeaderName::from_static("sluice-event");
/// What repetitions have in common.
const DELIVERY: HeaderName = HeaderName::from_static("sluice-delivery");
/// When it was sent, in seconds since 1970.
const TIMESTAMP: HeaderName = HeaderName::from_static("sluice-timestamp");
/// That it is us: one signature per key.
const SIGNATURE: HeaderName = HeaderName::from_static("sluice-signature");

/// Whoever fulfils orders.
pub struct Receiver {
    client: Client,
    url: Url,
    keys: Keys,
}

/// How a try ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// 2xx.
    Taken,
    /// 410.
    Gone,
    /// Anything else that it answered.
    Refused(u16),
    /// Nothing within [`ANSWER_WITHIN`].
    Late,
    /// It cannot be reached; why.
    Away(String),
    /// It was never sent; why.
    Unsent(String),
}

impl Answer {
    /// How it is counted.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Taken => Outcome::Taken,
            Self::Gone => Outcome::Gone,
            Self::Refused(_) => Outcome::Refused,
            Self::Late => Outcome::Late,
            Self::Away(_) | Self::Unsent(_) => Outcome::Away,
        }
    }

    /// Why it has to be tried again, if it has.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        match self {
            Self::Taken | Self::Gone => None,
            Self::Refused(status) => Some(format!("the receiver answered {status}")),
            Self::Late => Some(format!("the receiver did not answer within {} s", ANSWER_WITHIN.as_secs())),
            Self::Away(why) => Some(format!("the receiver cannot be reached: {why}")),
            Self::Unsent(why) => Some(format!("the message cannot be sent: {why}")),
        }
    }
}

/// The address, if it is one that may be told; `plain` allows one without TLS anywhere. Errors never show it.
///
/// # Errors
/// Which rule it breaks, in one sentence.
pub fn address(text: &str, plain: bool) -> anyhow::Result<Url> {
    let url: Url = text.parse().ok().context("--webhook-url is no URL of the form https://host/path")?;
    ensure!(
        url.username().is_empty() && url.password().is_none(),
        "--webhook-url must not contain a user or a password: messages are signed with --webhook-key-file"
    );
    match url.scheme() {
        "https" => {}
        "http" if plain || is_loopback(&url) => {}
        "http" => bail!("--webhook-url needs https://; http:// is for this machine, or with --dev"),
        _ => bail!("--webhook-url has to begin with https://"),
    }
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

impl Receiver {
    /// At this address; everything is signed with each of these keys.
    ///
    /// # Errors
    /// When there can be no HTTP client.
    pub fn new(url: Url, keys: Keys) -> anyhow::Result<Self> {
        let client = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .timeout(ANSWER_WITHIN)
            .https_only(url.scheme() == "https")
            .user_agent(concat!("sluice-ledger/", env!("CARGO_PKG_VERSION")))
            .build()
            .context("no HTTP client for the webhook")?;
        Ok(Self { client, url, keys })
    }

    /// Sends a message once.
    pub async fn send(&self, message: &Message, now: Timestamp) -> Answer {
        // Read anew, so that a key that is replaced is used without a restart.
        let keys = match self.keys.read() {
            Ok(keys) => keys,
            Err(error) => return Answer::Unsent(error.to_string()),
        };
        let timestamp = now.as_second().to_string();
        let signatures: Vec<String> = keys.iter().filter_map(|key| sign(key, &timestamp, &message.body)).collect();
        let request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(EVENT, &message.event)
            .header(DELIVERY, message.id.to_string())
            .header(SIGNATURE, signatures.join(","))
            .header(TIMESTAMP, timestamp)
            .body(message.body.clone());
        let mut answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) if error.is_timeout() => return Answer::Late,
            Err(error) => return Answer::Away(cause(&error.without_url())),
        };
        let status = answer.status().as_u16();
        let mut read = 0;
        while read < ANSWER_BYTES_MAX {
            // Its status is all that matters: an answer that breaks off was one.
            let Ok(Some(chunk)) = answer.chunk().await else { break };
            read += chunk.len();
        }
        match status {
            200..300 => Answer::Taken,
            410 => Answer::Gone,
            other => Answer::Refused(other),
        }
    }
}

/// The innermost reason, as "connection refused"; the outer ones only say that it was a request.
fn cause(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests;
