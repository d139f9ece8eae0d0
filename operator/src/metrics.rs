//! What the operator counts. No sale is ever a label.

use prometheus::{Histogram, IntCounter, IntGauge};
use runtime::metrics::{By, Error, Label, Metrics, SECONDS};

use crate::status::Kind;

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

runtime::label! {
    /// Where a sale is.
    pub enum State as "state" {
        /// Not provisioned yet.
        Waiting = "waiting",
        /// Before its start.
        Scheduled = "scheduled",
        /// Claims are taken.
        Open = "open",
        /// Claims would be taken.
        Paused = "paused",
        /// Over, and its books are being completed.
        Closed = "closed",
        /// Over, and its books are closed.
        Completed = "completed",
        /// Its newest definition is refused, and it goes on as it was: what that is, the clock says, and not its status.
        Refused = "refused",
        /// It was refused from the beginning, or its storage is lost.
        Failed = "failed",
    }
}

runtime::label! {
    /// What is known of a condition.
    pub enum Status as "status" {
        /// It holds.
        True = "true",
        /// It does not.
        False = "false",
        /// Nobody knows.
        Unknown = "unknown",
    }
}

impl Label for Kind {
    const NAME: &'static str = "condition";
    const VALUES: &'static [Self] = &Self::ALL;

    fn text(self) -> &'static str {
        self.name()
    }

    fn position(self) -> usize {
        self as usize
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
    /// Looks that are under way.
    pub under_way: IntGauge,
    /// How late a look that was due began.
    pub late_seconds: Histogram,
    /// From the first sight of a generation until it was in force: until every bucket refused edges that have an older one.
    pub change_seconds: Histogram,
    /// From the first look at a sale until it was provisioned and published.
    pub provision_seconds: Histogram,
    /// Status writes.
    pub status_writes: IntCounter,
    /// Monitoring endpoints of NATS that did not answer last time.
    pub monitors_silent: IntGauge,
    /// Sales by where they are.
    pub sales: By<State, IntGauge>,
    /// Sales by what is known of each condition.
    pub conditions: By<(Kind, Status), IntGauge>,
    /// Sales whose stream is lost.
    pub storage_lost: IntGauge,
    /// Sales whose stream nobody leads.
    pub leaderless: IntGauge,
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
            under_way: metrics.gauge("sluice_operator_reconciles_under_way", "Looks at a sale that are under way.")?,
            late_seconds: metrics.histogram(
                "sluice_operator_queue_seconds",
                "How late a look at a sale began that was due.",
                SECONDS,
            )?,
            change_seconds: metrics.histogram(
                "sluice_operator_change_seconds",
                "From the first sight of a changed resource until no edge sells by an older one.",
                SECONDS,
            )?,
            provision_seconds: metrics.histogram(
                "sluice_operator_provision_seconds",
                "From the first look at a sale until it was provisioned and published.",
                SECONDS,
            )?,
            status_writes: metrics.counter("sluice_operator_status_writes_total", "Writes of a sale's status.")?,
            monitors_silent: metrics.gauge(
                "sluice_operator_nats_monitors_silent",
                "Addresses of --nats-monitor-urls at which no nats-server answered last time.",
            )?,
            sales: metrics.gauge_by("sluice_operator_sales", "FlashSales by where they are.")?,
            conditions: metrics.gauge_by("sluice_operator_conditions", "FlashSales by condition and its status.")?,
            storage_lost: metrics
                .gauge("sluice_operator_storage_lost", "FlashSales whose stream is gone, or is another one.")?,
            leaderless: metrics.gauge("sluice_operator_leaderless", "FlashSales whose stream has no leader.")?,
        })
    }
}
