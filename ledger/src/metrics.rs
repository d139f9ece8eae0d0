//! What the ledger counts.

use crate::payments::payment::State;
use prometheus::{Gauge, Histogram, IntCounter, IntGauge};
use runtime::metrics::{Error, Metrics, SECONDS};

/// Bounds for how late units are on sale again. Two seconds are promised, so that is one of them: between two bounds a
/// quantile is only guessed.
const RELEASE_SECONDS: &[f64] = &[0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0];

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
    /// How a payment that came into this state is counted; nothing while it is under way.
    #[must_use]
    pub fn of(state: State) -> Option<Self> {
        match state {
            State::Pending => None,
            State::Settled => Some(Self::Settled),
            State::Returned => Some(Self::Returned),
            State::Refunded => Some(Self::Refunded),
            State::RefundDue => Some(Self::RefundDue),
            State::Failed => Some(Self::Failed),
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
                "How far Postgres is behind the stream, for the slowest shard of this replica that has not halted; 0 when drained.",
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
                RELEASE_SECONDS,
            )?,
            balanced_at_seconds: metrics.float_gauge(
                "sluice_ledger_balanced_timestamp_seconds",
                "When an audit last found both sides balanced and equal, in seconds since 1970.",
            )?,
        })
    }
}

#[cfg(test)]
mod tests;
