//! What is counted of traces.

use prometheus::IntCounter;

use crate::metrics::{By, Error, Metrics};

crate::label! {
    /// What became of a span.
    pub(super) enum Fate as "fate" {
        /// The collector has it.
        Exported = "exported",
        /// The collector did not take it.
        Refused = "refused",
        /// Too many were waiting.
        Dropped = "dropped",
    }
}

/// Handles, resolved once.
#[derive(Debug, Clone)]
pub(super) struct TraceMetrics {
    pub(super) spans: By<Fate, IntCounter>,
}

impl TraceMetrics {
    pub(super) fn new(metrics: &Metrics) -> Result<Self, Error> {
        let spans = metrics.counter_by("sluice_trace_spans_total", "Spans of traces, by what became of them.")?;
        Ok(Self { spans })
    }
}
