//! What the ledger counts.

use prometheus::{Gauge, Histogram, IntCounter, IntGauge};
use runtime::metrics::{Error, Metrics, SECONDS};

runtime::label! {
    /// Which table rows went to.
    pub enum Table as "table" {
        /// Orders, new or changed.
        Orders = "orders",
        /// Buckets that changed.
        Buckets = "buckets",
        /// Supply records.
        Supplies = "supplies",
    }
}

runtime::label! {
    /// How an audit ended.
    pub enum Verdict as "verdict" {
        /// Both sides balance and are equal.
        Balanced = "balanced",
        /// They are not.
        Broken = "broken",
        /// The position moved, or somebody did not answer.
        Discarded = "discarded",
    }
}

/// Handles, resolved once.
#[derive(Debug, Clone)]
pub struct LedgerMetrics {
    /// Messages followed.
    pub messages: IntCounter,
    /// Keys written per table.
    pub rows: runtime::metrics::By<Table, IntCounter>,
    /// How long a transaction takes.
    pub transaction_seconds: Histogram,
    /// How far the slowest owned shard is behind.
    pub lag_seconds: Gauge,
    /// Shards that this replica follows.
    pub owned: IntGauge,
    /// Shards among them that halted.
    pub halted: IntGauge,
    /// Audits by result.
    pub audits: runtime::metrics::By<Verdict, IntCounter>,
    /// Breaches that the newest audits of owned shards found.
    pub breaches: IntGauge,
    /// How long after their deadline unpaid orders were released.
    pub release_late_seconds: Histogram,
    /// When an audit last balanced, in seconds since 1970.
    pub balanced_at_seconds: Gauge,
}

impl LedgerMetrics {
    /// Registers them.
    ///
    /// # Errors
    /// When a name is taken.
    pub fn new(metrics: &Metrics) -> Result<Self, Error> {
        Ok(Self {
            messages: metrics.counter("sluice_ledger_messages_total", "Messages of streams that are in Postgres.")?,
            rows: metrics.counter_by("sluice_ledger_rows_total", "Keys written to Postgres, by table.")?,
            transaction_seconds: metrics.histogram(
                "sluice_ledger_transaction_seconds",
                "How long it took to store one group of messages.",
                SECONDS,
            )?,
            lag_seconds: metrics.float_gauge(
                "sluice_ledger_lag_seconds",
                "How far Postgres is behind the stream, for the slowest shard that this replica owns; 0 when drained.",
            )?,
            owned: metrics.gauge("sluice_ledger_owned_shards", "Shards that this replica follows.")?,
            halted: metrics
                .gauge("sluice_ledger_halted_shards", "Shards that are not followed because a row was refused.")?,
            audits: metrics.counter_by("sluice_ledger_audits_total", "Comparisons of both sides, by result.")?,
            breaches: metrics
                .gauge("sluice_ledger_breaches", "Breaches of conservation that the newest audits found.")?,
            release_late_seconds: metrics.histogram(
                "sluice_ledger_release_late_seconds",
                "How long after its deadline an unpaid order's units were on sale again.",
                SECONDS,
            )?,
            balanced_at_seconds: metrics.float_gauge(
                "sluice_ledger_balanced_timestamp_seconds",
                "When an audit last found both sides balanced and equal, in seconds since 1970.",
            )?,
        })
    }
}
