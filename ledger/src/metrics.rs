//! What the ledger counts.

use crate::payments::payment::State;
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
    /// Where units are.
    pub enum Units as "kind" {
        /// What supply records come to.
        Supply = "supply",
        /// In buckets.
        Free = "free",
        /// Of held orders.
        Held = "held",
        /// Of confirmed orders.
        Sold = "sold",
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

runtime::label! {
    /// Where a payment went.
    pub enum Ending as "outcome" {
        /// Its order is confirmed.
        Settled = "settled",
        /// Back into the wallet, before its order was confirmed with it.
        Returned = "returned",
        /// Back into the wallet, afterwards.
        Refunded = "refunded",
        /// A provider has to send it back.
        RefundDue = "refund-due",
        /// The wallet held too little.
        Insufficient = "insufficient-funds",
        /// A provider could not take it.
        Failed = "failed",
    }
}

impl Ending {
    /// How a payment that came into this state is counted.
    #[must_use]
    pub fn of(state: State) -> Self {
        match state {
            State::Pending | State::Settled => Self::Settled,
            State::Returned => Self::Returned,
            State::Refunded => Self::Refunded,
            State::RefundDue => Self::RefundDue,
            State::Failed => Self::Failed,
        }
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
    /// Units in the shards that this replica follows.
    pub units: runtime::metrics::By<Units, IntGauge>,
    /// Units held and sold beyond supply.
    pub oversold_units: IntGauge,
    /// Units from nowhere or missing, where the rows are exact.
    pub gap_units: IntGauge,
    /// For how long the oldest change waits that no audit covers.
    pub unaudited_seconds: Gauge,
    /// How far the oldest held order is past its deadline.
    pub overdue_seconds: Gauge,
    /// Payments that came to an end, or did not begin.
    pub payments: runtime::metrics::By<Ending, IntCounter>,
    /// Payments that nobody finished, when it was last looked.
    pub payments_unfinished: IntGauge,
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
            units: metrics.gauge_by(
                "sluice_ledger_units",
                "Units in Postgres, of the shards that this replica owns, by where they are.",
            )?,
            oversold_units: metrics.gauge(
                "sluice_ledger_oversold_units",
                "Units that are held or sold beyond the supply of their item, in the shards that this replica owns.",
            )?,
            gap_units: metrics.gauge(
                "sluice_ledger_gap_units",
                "Units that appeared from nowhere or went missing, in those of them whose rows are exact.",
            )?,
            unaudited_seconds: metrics.float_gauge(
                "sluice_ledger_unaudited_seconds",
                "For how long the oldest change waits that no audit covers; 0 when both sides were compared to the end.",
            )?,
            overdue_seconds: metrics.float_gauge(
                "sluice_ledger_overdue_seconds",
                "How far the oldest unpaid order that is still held is past its deadline; 0 without one.",
            )?,
            payments: metrics.counter_by("sluice_ledger_payments_total", "Payments by where they went.")?,
            payments_unfinished: metrics.gauge(
                "sluice_ledger_payments_unfinished",
                "Payments whose request ended without an end, found by the newest look for them.",
            )?,
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
