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

use crate::error;

/// How long a Lease holds without renewal. With [`RENEW_EVERY`] it bounds how long nobody acts after a crash.
const LEASE_HOLDS: Duration = Duration::from_secs(10);
/// How often the leader renews and the others look.
const RENEW_EVERY: Duration = Duration::from_secs(2);
/// How soon a leader tries again that could not renew: its term goes on, and a failure or two must not end it.
const RENEW_AGAIN: Duration = Duration::from_millis(500);
/// How long before the end of its Lease a leader that could not renew stops acting.
pub(crate) const STOP_BEFORE: Duration = Duration::from_secs(2);
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

/// What a look at the Lease came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Ours,
    Theirs,
    /// Somebody wrote it at the same moment, or what was written here arrived twice: the next look tells.
    Unclear,
}

impl Candidate {
    /// Says in `leads` whether we act, until `stopping`; then hands the Lease over.
    pub async fn run(&self, leads: watch::Sender<bool>, stopping: CancellationToken) {
        let mut sight = Sight { version: None, since: self.clock.monotonic() };
        let mut renewed: Option<Instant> = None;
        loop {
            let begun = self.clock.monotonic();
            let turn = tokio::time::timeout(REQUEST_TIMEOUT, self.turn(&mut sight, renewed.is_some()));
            let trouble = match self.meanwhile(renewed, &leads, turn).await {
                Ok(Ok(Turn::Ours)) => {
                    renewed = Some(begun);
                    None
                }
                Ok(Ok(Turn::Theirs)) => {
                    renewed = None;
                    None
                }
                Ok(Ok(Turn::Unclear)) => None,
                Ok(Err(error)) => Some(error::plain(&error)),
                Err(_) => Some(format!("no answer within {} s", REQUEST_TIMEOUT.as_secs())),
            };
            match trouble {
                None => self.part.set_ok(),
                Some(why) => {
                    self.part.set_failed(format!("the Lease {} cannot be had: {why}; trying again", self.name))
                }
            }
            let holds = renewed.is_some_and(|at| self.clock.monotonic() < term_ends(at));
            say(&leads, holds);
            let pause = if holds && renewed != Some(begun) { RENEW_AGAIN } else { RENEW_EVERY };
            let pause = stopping.run_until_cancelled(tokio::time::sleep(pause));
            if self.meanwhile(renewed, &leads, pause).await.is_none() {
                break;
            }
        }
        leads.send_replace(false);
    }

    /// Does this; when the term ends meanwhile, that is said at the moment it ends and not when this is done. After a
    /// sleep of the whole process both are over: then the term's end comes first.
    async fn meanwhile<T>(
        &self,
        renewed: Option<Instant>,
        leads: &watch::Sender<bool>,
        work: impl Future<Output = T>,
    ) -> T {
        let mut work = std::pin::pin!(work);
        if let Some(at) = renewed {
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(term_ends(at)) => say(leads, false),
                done = &mut work => return done,
            }
        }
        work.await
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

    /// Looks at the Lease and takes or renews it.
    async fn turn(&self, sight: &mut Sight, ours: bool) -> Result<Turn, kube::Error> {
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
            return Ok(Turn::Theirs);
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

/// When a leader stops acting that has renewed last at this moment.
fn term_ends(renewed: Instant) -> Instant {
    renewed + (LEASE_HOLDS - STOP_BEFORE)
}

fn say(leads: &watch::Sender<bool>, holds: bool) {
    leads.send_if_modified(|leads| std::mem::replace(leads, holds) != holds);
}

/// Losing a race for the Lease is an answer. It says nothing about who holds it: a renewal that the server made and whose
/// answer was lost loses against itself when it is sent again.
fn taken(outcome: Result<Lease, kube::Error>) -> Result<Turn, kube::Error> {
    match outcome {
        Ok(_) => Ok(Turn::Ours),
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(Turn::Unclear),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
