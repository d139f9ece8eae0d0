//! What the claim engine counts.

use std::time::Duration;

use prometheus::{Histogram, IntCounter, IntCounterVec};
use protocol::store::Outcome;

/// Handles, resolved once.
pub struct Metrics {
    committed: IntCounter,
    conflict: IntCounter,
    not_taken: IntCounter,
    fault: IntCounter,
    unknown: IntCounter,
    claims: IntCounter,
    seconds: Histogram,
    size: Histogram,
    settled: IntCounter,
    burns: IntCounter,
}

impl Metrics {
    /// Registers them.
    ///
    /// # Errors
    /// When a name is taken.
    pub fn register(registry: &prometheus::Registry) -> Result<Self, prometheus::Error> {
        let options = |name: &str, help: &str| prometheus::Opts::new(name, help);
        let batches = IntCounterVec::new(
            options("sluice_edge_batches_total", "Batches of claims by what became of them."),
            &["outcome"],
        )?;
        let claims =
            IntCounter::with_opts(options("sluice_edge_claims_committed_total", "Claims in committed batches."))?;
        let seconds = Histogram::with_opts(
            prometheus::HistogramOpts::new("sluice_edge_batch_seconds", "Time from sending a batch to its outcome.")
                .buckets(prometheus::exponential_buckets(0.000_25, 2.0, 14)?),
        )?;
        let size = Histogram::with_opts(
            prometheus::HistogramOpts::new("sluice_edge_batch_claims", "Claims per batch.")
                .buckets(prometheus::exponential_buckets(1.0, 2.0, 9)?),
        )?;
        let settled =
            IntCounter::with_opts(options("sluice_edge_unknown_settled_total", "Unknown outcomes that were settled."))?;
        let burns = IntCounter::with_opts(options("sluice_edge_burns_total", "Revisions burned to settle."))?;
        registry.register(Box::new(batches.clone()))?;
        for counter in [&claims, &settled, &burns] {
            registry.register(Box::new(counter.clone()))?;
        }
        for histogram in [&seconds, &size] {
            registry.register(Box::new(histogram.clone()))?;
        }
        let batch = |outcome: &str| batches.with_label_values(&[outcome]);
        Ok(Self {
            committed: batch("committed"),
            conflict: batch("conflict"),
            not_taken: batch("not_taken"),
            fault: batch("fault"),
            unknown: batch("unknown"),
            claims,
            seconds,
            size,
            settled,
            burns,
        })
    }

    pub(super) fn batch(&self, outcome: &Outcome, took: Duration, claims: usize) {
        match outcome {
            Outcome::Committed(_) => {
                self.committed.inc();
                self.claims.inc_by(claims as u64);
                self.size.observe(f64::from(u32::try_from(claims).unwrap_or(u32::MAX)));
            }
            Outcome::Conflict(_) => self.conflict.inc(),
            Outcome::NotTaken(_) => self.not_taken.inc(),
            Outcome::Fault(_) => self.fault.inc(),
            Outcome::Unknown(_) => self.unknown.inc(),
        }
        self.seconds.observe(took.as_secs_f64());
    }

    pub(super) fn settled(&self) {
        self.settled.inc();
    }

    pub(super) fn burn(&self) {
        self.burns.inc();
    }
}
