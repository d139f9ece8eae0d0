//! What the claim engine counts.

use std::time::Duration;

use prometheus::{Histogram, IntCounter};
use protocol::store::Outcome;
use runtime::metrics::{By, Error, Metrics as Registry, SECONDS};

use super::engine::Engine;

runtime::label! {
    /// What became of a batch.
    pub(super) enum Ending as "outcome" {
        /// All of it is stored.
        Committed = "committed",
        /// None of it is: somebody else wrote first.
        Conflict = "conflict",
        /// None of it is, for a passing reason.
        NotTaken = "not_taken",
        /// None of it is, and never will be.
        Fault = "fault",
        /// Nobody knows yet.
        Unknown = "unknown",
    }
}

runtime::label! {
    /// Why a claim was told to come back before it was sent.
    pub(super) enum Shed as "reason" {
        /// As many wait as may.
        Full = "full",
        /// It would have waited longer than it may.
        Slow = "slow",
        /// It has waited as long as it may.
        Late = "late",
        /// As many of its customer's wait as may.
        Turn = "turn",
        /// The edge is about to end, or gives the shard up.
        Stopping = "stopping",
    }
}

/// Shows how many claims wait and how many lanes work, whenever somebody looks.
///
/// # Errors
/// When a name is taken.
pub fn show_load(registry: &Registry, engine: &Engine) -> Result<(), Error> {
    let (queued, lanes) = (engine.clone(), engine.clone());
    let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    registry.gauge_of("sluice_edge_claims_waiting", "Claims that wait for a lane.", move || number(queued.load().0))?;
    registry.gauge_of("sluice_edge_lanes", "Lanes that work on claims.", move || number(lanes.load().1))
}

/// Handles, resolved once.
pub struct Metrics {
    batches: By<Ending, IntCounter>,
    claims: IntCounter,
    seconds: Histogram,
    size: Histogram,
    settled: IntCounter,
    burns: IntCounter,
    shed: By<Shed, IntCounter>,
    /// From when a claim was queued until it was sent first.
    pub(super) queue_seconds: Histogram,
}

impl Metrics {
    /// Registers them.
    ///
    /// # Errors
    /// When a name is taken.
    pub fn new(registry: &Registry) -> Result<Self, Error> {
        let doubling = |start, count| prometheus::exponential_buckets(start, 2.0, count);
        Ok(Self {
            batches: registry.counter_by("sluice_edge_batches_total", "Batches of claims by what became of them.")?,
            claims: registry.counter("sluice_edge_claims_committed_total", "Claims in committed batches.")?,
            seconds: registry.histogram(
                "sluice_edge_batch_seconds",
                "Time from sending a batch to its outcome.",
                &doubling(0.000_25, 14)?,
            )?,
            size: registry.histogram("sluice_edge_batch_claims", "Claims per batch.", &doubling(1.0, 9)?)?,
            settled: registry.counter("sluice_edge_unknown_settled_total", "Unknown outcomes that were settled.")?,
            burns: registry.counter("sluice_edge_burns_total", "Revisions burned to settle.")?,
            shed: registry.counter_by(
                "sluice_edge_claims_shed_total",
                "Claims that were told to come back before they were sent, by reason.",
            )?,
            queue_seconds: registry.histogram(
                "sluice_edge_queue_seconds",
                "From when a claim was queued until its batch was sent.",
                SECONDS,
            )?,
        })
    }

    pub(super) fn batch(&self, outcome: &Outcome, took: Duration, claims: usize) {
        let ending = match outcome {
            Outcome::Committed(_) => {
                self.claims.inc_by(claims as u64);
                self.size.observe(f64::from(u32::try_from(claims).unwrap_or(u32::MAX)));
                Ending::Committed
            }
            Outcome::Conflict(_) => Ending::Conflict,
            Outcome::NotTaken(_) => Ending::NotTaken,
            Outcome::Fault(_) => Ending::Fault,
            Outcome::Unknown(_) => Ending::Unknown,
        };
        self.batches[ending].inc();
        self.seconds.observe(took.as_secs_f64());
    }

    pub(super) fn settled(&self) {
        self.settled.inc();
    }

    pub(super) fn burn(&self) {
        self.burns.inc();
    }

    pub(super) fn shed(&self, why: Shed) {
        self.shed[why].inc();
    }
}
