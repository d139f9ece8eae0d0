//! Asking every nats-server how it keeps what it acknowledges: the rim.
//!
//! **What it is for.** A server says at `/varz` of its monitoring endpoint what its name is, which version it is, and
//! whether it syncs every write. One task asks all of them for all sales together and publishes what it heard; a look at
//! a sale reads that and never waits.
//!
//! **What must always hold.** Every server is asked, and not whichever answers: a name is resolved anew each time and each
//! of its addresses is asked, as a headless service has one per pod. What cannot be read is a failure with its address and
//! a reason; none makes this process unready. Nothing is published that was published before.
//!
//! **What it costs.** One request to each server every [`EVERY`], at most [`ADDRESSES_MAX`], [`AT_ONCE`] at a time; at most
//! [`ANSWER_BYTES_MAX`] of an answer are read, and none is waited for longer than [`ANSWER_WITHIN`].
//!
//! **What is deliberately absent.** `/jsz`: all that it says of a server's settings is in `/varz` as well, and what it says
//! of streams their leaders say with every look.

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use futures::{StreamExt as _, stream};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Url};
use runtime::backoff::Backoff;
use runtime::readiness::Part;
use serde::Deserialize;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{Failure, Server, Servers, Syncs};
use crate::metrics::OperatorMetrics;

/// Pause between two rounds; half of it is left to chance, so that replicas of the operator do not ask together.
const EVERY: Backoff = Backoff::new(Duration::from_secs(15), Duration::from_secs(15));
/// Pause before an address is asked again that did not answer: one lost packet is not worth a change of every sale.
const AGAIN: Duration = Duration::from_millis(500);
/// How often an address is asked in a round.
const TRIES: u32 = 2;
/// How long a name or an answer is waited for.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// Most bytes of an answer; a server in a cluster of three says 5 KB.
const ANSWER_BYTES_MAX: usize = 1_024 * 1_024;
/// Most addresses that are asked: far more servers than ever hold one stream.
const ADDRESSES_MAX: usize = 64;
/// Most addresses that are asked at the same time.
const AT_ONCE: usize = 16;

/// Whom to ask.
pub struct Monitor {
    urls: Vec<Url>,
    certificates: Vec<Certificate>,
    clients: HashMap<Target, Client>,
    part: Part,
    metrics: OperatorMetrics,
}

/// One address of one of the URLs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Target {
    url: Url,
    address: SocketAddr,
}

/// Where a server can be asked, if this is such a place.
///
/// # Errors
/// Which rule it breaks, in one sentence.
pub fn monitor_url(text: &str) -> Result<Url, String> {
    let url: Url = text.parse().map_err(|error| format!("it is no URL of the form http://host:8222: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err("it has to be of the form http://host:8222 or https://host:8222".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err("it must not have a user, a password, a query or a fragment".to_owned());
    }
    Ok(url)
}

impl Monitor {
    /// Asks at these URLs; `certificates` (PEM) replace the system's when there are any. `part` and the metrics tell how it
    /// goes.
    ///
    /// # Errors
    /// When the certificates cannot be read.
    pub fn new(
        urls: Vec<Url>,
        certificates: Option<&[u8]>,
        part: Part,
        metrics: OperatorMetrics,
    ) -> anyhow::Result<Self> {
        let certificates = certificates.map(Certificate::from_pem_bundle).transpose();
        let certificates = certificates.context("the certificates to trust cannot be read")?.unwrap_or_default();
        Ok(Self { urls, certificates, clients: HashMap::new(), part, metrics })
    }

    /// Asks again and again until `stopping`.
    pub async fn run(mut self, servers: watch::Sender<Servers>, stopping: CancellationToken) {
        let rounds = async {
            loop {
                let (answers, failures) = self.ask().await;
                self.tell(&failures);
                let heard = Servers::Asked { answers, failures };
                servers.send_if_modified(|known| {
                    let changed = *known != heard;
                    *known = heard;
                    changed
                });
                tokio::time::sleep(EVERY.random_pause(1)).await;
            }
        };
        stopping.run_until_cancelled(rounds).await;
    }

    fn tell(&self, failures: &[Failure]) {
        self.metrics.monitors_silent.set(i64::try_from(failures.len()).unwrap_or(i64::MAX));
        let told: Vec<_> = failures.iter().map(|Failure { address, why }| format!("{address}: {why}")).collect();
        if told.is_empty() { self.part.set_ok() } else { self.part.set_failed(told.join("; ")) }
    }

    /// One round: everybody once, and whoever did not answer once more.
    async fn ask(&mut self) -> (Vec<Server>, Vec<Failure>) {
        let (targets, mut failures) = targets(&self.urls).await;
        self.clients.retain(|target, _| targets.contains(target));
        let mut asked = Vec::new();
        for target in targets {
            match self.client(&target) {
                Ok(client) => asked.push((client, target)),
                Err(error) => failures.push(Failure { address: target.to_string(), why: cause(&error) }),
            }
        }
        let answers = stream::iter(asked).map(async |(client, target)| {
            let answer = ask_twice(&client, &target).await;
            answer.map_err(|why| Failure { address: target.to_string(), why })
        });
        let mut servers = BTreeSet::new();
        let answers: Vec<_> = answers.buffer_unordered(AT_ONCE).collect().await;
        for answer in answers {
            match answer {
                Ok(server) => servers.extend(server),
                Err(failure) => failures.push(failure),
            }
        }
        failures.sort_unstable();
        (servers.into_iter().collect(), failures)
    }

    /// A client that takes the URL's name for this address and no other.
    fn client(&mut self, target: &Target) -> reqwest::Result<Client> {
        if let Some(client) = self.clients.get(target) {
            return Ok(client.clone());
        }
        let mut builder = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .timeout(ANSWER_WITHIN)
            .resolve(target.url.host_str().unwrap_or_default(), target.address)
            .user_agent(concat!("sluice-operator/", env!("CARGO_PKG_VERSION")));
        if !self.certificates.is_empty() {
            builder = builder.tls_certs_only(self.certificates.iter().cloned());
        }
        let client = builder.build()?;
        self.clients.insert(target.clone(), client.clone());
        Ok(client)
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let url = self.url.as_str().trim_end_matches('/');
        let ip = self.address.ip();
        if self.url.host_str().is_some_and(|host| host.trim_matches(['[', ']']) == ip.to_string()) {
            write!(out, "{url}")
        } else {
            write!(out, "{url} ({ip})")
        }
    }
}

/// Every address of every URL, and the URLs that have none.
async fn targets(urls: &[Url]) -> (Vec<Target>, Vec<Failure>) {
    let (mut targets, mut failures) = (BTreeSet::new(), Vec::new());
    for url in urls {
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let port = url.port_or_known_default().unwrap_or_default();
        let found = tokio::time::timeout(ANSWER_WITHIN, tokio::net::lookup_host((host, port))).await;
        let why = match found {
            Ok(Ok(addresses)) => {
                let mut addresses = addresses.map(|address| Target { url: url.clone(), address }).peekable();
                if addresses.peek().is_some() {
                    targets.extend(addresses);
                    continue;
                }
                "the name has no address".to_owned()
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("the name was not resolved within {} s", ANSWER_WITHIN.as_secs()),
        };
        failures.push(Failure { address: url.as_str().trim_end_matches('/').to_owned(), why });
    }
    let mut targets: Vec<_> = targets.into_iter().collect();
    for left in targets.drain(ADDRESSES_MAX.min(targets.len())..) {
        failures.push(Failure { address: left.to_string(), why: format!("more than {ADDRESSES_MAX} are not asked") });
    }
    (targets, failures)
}

async fn ask_twice(client: &Client, target: &Target) -> Result<Option<Server>, String> {
    let mut tries = 1;
    loop {
        match ask(client, &target.url).await {
            Err(_) if tries < TRIES => tokio::time::sleep(AGAIN).await,
            settled => return settled,
        }
        tries += 1;
    }
}

/// What the server says; nothing when it keeps no streams.
async fn ask(client: &Client, url: &Url) -> Result<Option<Server>, String> {
    let varz = format!("{}/varz", url.as_str().trim_end_matches('/'));
    let told = |error: reqwest::Error| {
        if error.is_timeout() { format!("nothing within {} s", ANSWER_WITHIN.as_secs()) } else { cause(&error) }
    };
    let mut answer = client.get(varz).send().await.map_err(told)?;
    if !answer.status().is_success() {
        return Err(format!("{} is not how a nats-server's monitoring endpoint answers", answer.status()));
    }
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(told)? {
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(format!("more than {ANSWER_BYTES_MAX} bytes are not read"));
        }
        body.extend_from_slice(&chunk);
    }
    let varz: Varz = serde_json::from_slice(&body)
        .map_err(|_| "what answers is not a nats-server's monitoring endpoint".to_owned())?;
    Ok(varz.into())
}

/// What a server says at `/varz`, as far as it is used.
#[derive(Debug, Deserialize)]
struct Varz {
    server_name: String,
    version: String,
    #[serde(default)]
    cluster: VarzCluster,
    #[serde(default)]
    jetstream: VarzJetStream,
}

#[derive(Debug, Default, Deserialize)]
struct VarzCluster {
    #[serde(default)]
    name: String,
}

#[derive(Debug, Default, Deserialize)]
struct VarzJetStream {
    config: Option<VarzStore>,
}

/// Left out are a setting that is off and a pause of nothing.
#[derive(Debug, Deserialize)]
struct VarzStore {
    #[serde(default)]
    sync_always: bool,
    #[serde(default)]
    sync_interval: u64,
}

impl From<Varz> for Option<Server> {
    fn from(varz: Varz) -> Self {
        let Varz { server_name: name, version, cluster, jetstream } = varz;
        let store = jetstream.config?;
        let every = Duration::from_nanos(store.sync_interval);
        let syncs = if store.sync_always { Syncs::Always } else { Syncs::Every(every) };
        Some(Server { name, cluster: cluster.name, version, syncs })
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
