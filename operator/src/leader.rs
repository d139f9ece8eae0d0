//! Which replica acts.
//!
//! **What it is for.** Two operators do not harm each other: everything they write carries a condition. They would only
//! get in each other's way, so a Lease says whose turn it is.
//!
//! **What must always hold.** A leader that cannot renew in time stops acting before another one begins, as far as clocks
//! run at the same speed. Expiry is judged by how long the Lease has looked the same from here, never by comparing
//! somebody else's clock with ours. Stopping hands the Lease over at once.
//!
//! **What is deliberately absent.** A library: `kube-lease-manager` compares wall clocks and lets a handed-over lease lie
//! until it expires; this is the same size as wiring it.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{Api, ObjectMeta, PostParams};
use runtime::clock::{Clock, Instant};
use runtime::readiness::Part;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How long a Lease holds without renewal. With [`RENEW_EVERY`] it bounds how long nobody acts after a crash.
const LEASE_HOLDS: Duration = Duration::from_secs(10);
/// How often the leader renews and the others look.
const RENEW_EVERY: Duration = Duration::from_secs(2);
/// How long before the end of its Lease a leader that could not renew stops acting.
const STOP_BEFORE: Duration = Duration::from_secs(2);
/// How long one request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(3);

/// A candidate.
pub struct Candidate {
    /// Where the Lease lies.
    pub api: Api<Lease>,
    /// Its name.
    pub name: String,
    /// Ours.
    pub identity: String,
    /// What time it is.
    pub clock: Clock,
    /// Well while the Lease can be read and written, whoever holds it.
    pub part: Part,
}

/// What was seen of the Lease, and since when it has looked like that.
struct Sight {
    version: Option<String>,
    since: Instant,
}

impl Candidate {
    /// Says in `leads` whether we act, until `stopping`; then hands the Lease over.
    pub async fn run(&self, leads: watch::Sender<bool>, stopping: CancellationToken) {
        let mut sight = Sight { version: None, since: self.clock.monotonic() };
        let mut renewed: Option<Instant> = None;
        loop {
            let begun = self.clock.monotonic();
            match tokio::time::timeout(REQUEST_TIMEOUT, self.turn(&mut sight, renewed.is_some())).await {
                Ok(Ok(ours)) => {
                    renewed = ours.then_some(begun);
                    self.part.set_ok();
                }
                Ok(Err(error)) => {
                    self.part.set_failed(format!("the Lease {} cannot be had: {error}; trying again", self.name));
                }
                Err(_) => self.part.set_failed("the API server does not answer; trying again"),
            }
            let holds = renewed.is_some_and(|at| self.clock.monotonic() - at < LEASE_HOLDS - STOP_BEFORE);
            leads.send_if_modified(|leads| std::mem::replace(leads, holds) != holds);
            let pause = tokio::time::sleep(RENEW_EVERY);
            if stopping.run_until_cancelled(pause).await.is_none() {
                break;
            }
        }
        leads.send_replace(false);
    }

    /// Hands the Lease over, once nothing is done any more.
    pub async fn resign(&self) {
        let Ok(Ok(Some(mut lease))) = tokio::time::timeout(REQUEST_TIMEOUT, self.api.get_opt(&self.name)).await else {
            return;
        };
        let Some(spec) = lease.spec.as_mut().filter(|spec| spec.holder_identity.as_ref() == Some(&self.identity))
        else {
            return;
        };
        spec.holder_identity = None;
        let params = PostParams::default();
        let replace = self.api.replace(&self.name, &params, &lease);
        if let Ok(Err(error)) = tokio::time::timeout(REQUEST_TIMEOUT, replace).await {
            tracing::debug!("the Lease could not be handed over: {error}");
        }
    }

    /// Looks at the Lease and takes or renews it; whether it is ours.
    async fn turn(&self, sight: &mut Sight, ours: bool) -> Result<bool, kube::Error> {
        let now = self.clock.monotonic();
        let Some(mut lease) = self.api.get_opt(&self.name).await? else {
            let metadata = ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() };
            let lease = Lease { metadata, spec: Some(self.spec(None)) };
            return taken(self.api.create(&PostParams::default(), &lease).await);
        };
        if sight.version != lease.metadata.resource_version {
            *sight = Sight { version: lease.metadata.resource_version.clone(), since: now };
        }
        let spec = lease.spec.take();
        let holder = spec.as_ref().and_then(|spec| spec.holder_identity.clone()).filter(|holder| !holder.is_empty());
        let held = spec.as_ref().and_then(|spec| spec.lease_duration_seconds).and_then(|s| u64::try_from(s).ok());
        let held = held.map_or(LEASE_HOLDS, Duration::from_secs);
        let theirs = holder.as_ref().is_some_and(|holder| *holder != self.identity);
        if theirs && now - sight.since < held {
            return Ok(false);
        }
        if theirs || !ours {
            tracing::info!(
                lease = self.name,
                "taking the Lease{}",
                holder.map(|h| format!(" from {h}")).unwrap_or_default()
            );
        }
        lease.spec = Some(self.spec(spec));
        taken(self.api.replace(&self.name, &PostParams::default(), &lease).await)
    }

    fn spec(&self, old: Option<LeaseSpec>) -> LeaseSpec {
        let now = MicroTime(Timestamp::from_microsecond(self.clock.now().as_microsecond()).unwrap_or_default());
        let old = old.unwrap_or_default();
        let same = old.holder_identity.as_ref() == Some(&self.identity);
        let transitions = old.lease_transitions.unwrap_or_default();
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(LEASE_HOLDS.as_secs()).ok(),
            acquire_time: if same { old.acquire_time } else { Some(now.clone()) },
            renew_time: Some(now),
            lease_transitions: Some(if same { transitions } else { transitions.saturating_add(1) }),
            ..LeaseSpec::default()
        }
    }
}

/// Losing a race for the Lease is an answer.
fn taken(outcome: Result<Lease, kube::Error>) -> Result<bool, kube::Error> {
    match outcome {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(false),
        Err(error) => Err(error),
    }
}
