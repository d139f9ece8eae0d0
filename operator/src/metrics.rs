//! What the operator counts. No sale is ever a label.

use prometheus::{Histogram, IntCounter, IntGauge};
use runtime::metrics::{By, Error, Metrics, SECONDS};

runtime::label! {
    /// Why a reconcile ended early.
    pub enum Cause as "reason" {
        /// The resource changed meanwhile, or a newer operator was here.
        Changed = "changed",
        /// Others wrote the same buckets.
        Busy = "busy",
        /// NATS did not answer.
        Nats = "nats",
        /// NATS refused.
        NatsRefuses = "nats_refuses",
        /// A stored value could not be read.
        Unreadable = "unreadable",
        /// The API server did not answer or refused.
        Kubernetes = "kubernetes",
        /// The look took too long.
        Overdue = "overdue",
        /// The resource could not be read.
        Resource = "resource",
    }
}

/// Handles, resolved once.
#[derive(Debug, Clone)]
pub struct OperatorMetrics {
    /// Looks at a sale.
    pub reconciles: IntCounter,
    /// Those that ended early.
    pub errors: By<Cause, IntCounter>,
    /// Whether this replica acts.
    pub leader: IntGauge,
    /// From the look that found work until the change was in force.
    pub apply_seconds: Histogram,
    /// From the first look at a sale until it was provisioned and published.
    pub provision_seconds: Histogram,
    /// Status writes.
    pub status_writes: IntCounter,
}

impl OperatorMetrics {
    /// Registers them.
    ///
    /// # Errors
    /// When a name is taken.
    pub fn new(metrics: &Metrics) -> Result<Self, Error> {
        Ok(Self {
            reconciles: metrics.counter("sluice_operator_reconciles_total", "Looks at a sale.")?,
            errors: metrics
                .counter_by("sluice_operator_reconcile_errors_total", "Looks at a sale that ended early, by reason.")?,
            leader: metrics.gauge("sluice_operator_leader", "1 on the replica that acts, 0 on the others.")?,
            apply_seconds: metrics.histogram(
                "sluice_operator_apply_seconds",
                "From the look that found a change until it was in force.",
                SECONDS,
            )?,
            provision_seconds: metrics.histogram(
                "sluice_operator_provision_seconds",
                "From the first look at a sale until it was provisioned and published.",
                SECONDS,
            )?,
            status_writes: metrics.counter("sluice_operator_status_writes_total", "Writes of a sale's status.")?,
        })
    }
}
