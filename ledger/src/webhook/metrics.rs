//! What is counted of what is told.

use prometheus::{Gauge, IntGauge};
use runtime::metrics::{By, Error, Metrics};

runtime::label! {
    /// How a try ended.
    pub enum Outcome as "outcome" {
        /// The receiver has it.
        Taken = "taken",
        /// The receiver wants to hear nothing more of the order.
        Gone = "gone",
        /// It answered something else.
        Refused = "refused",
        /// It did not answer in time.
        Late = "late",
        /// It could not be reached.
        Away = "away",
    }
}

/// Handles, resolved once.
#[derive(Debug, Clone)]
pub struct WebhookMetrics {
    /// Tries by how they ended.
    pub deliveries: By<Outcome, prometheus::IntCounter>,
    /// Orders that somebody has to be told of yet.
    pub backlog: IntGauge,
    /// For how long the oldest of them waits.
    pub oldest_seconds: Gauge,
}

impl WebhookMetrics {
    /// Registers them.
    ///
    /// # Errors
    /// When a name is taken.
    pub fn new(metrics: &Metrics) -> Result<Self, Error> {
        Ok(Self {
            deliveries: metrics.counter_by(
                "sluice_ledger_webhook_deliveries_total",
                "Tries to tell whoever fulfils orders of an order, by how they ended.",
            )?,
            backlog: metrics.gauge(
                "sluice_ledger_webhook_backlog",
                "Orders whose newest state whoever fulfils them has not taken yet, in the whole database.",
            )?,
            oldest_seconds: metrics.float_gauge(
                "sluice_ledger_webhook_oldest_seconds",
                "For how long the oldest order of that backlog waits; 0 without one.",
            )?,
        })
    }
}
