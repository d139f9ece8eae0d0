//! What is counted of readiness.

use prometheus::{IntGauge, IntGaugeVec, Opts};

use super::Report;
use crate::metrics::{Error, Metrics};

/// What `/readyz` says, as metrics.
#[derive(Debug, Clone)]
pub struct ReadinessMetrics {
    ready: IntGauge,
    parts: IntGaugeVec,
}

impl ReadinessMetrics {
    /// Registers them.
    ///
    /// # Errors
    /// When a name is taken.
    pub fn new(metrics: &Metrics) -> Result<Self, Error> {
        let parts = Opts::new("sluice_part_up", "Whether a part of the process is well, as /readyz says: 1 yes, 0 no.");
        Ok(Self {
            ready: metrics.gauge("sluice_ready", "Whether shoppers may be sent here, as /readyz says: 1 yes, 0 no.")?,
            parts: metrics.family(IntGaugeVec::new(parts, &["part"]))?,
        })
    }

    /// Shows what was reported. Parts of one kind, such as namespaces, are one series that tells whether all are well: so the
    /// series are as many as the program has kinds of parts.
    pub fn show(&self, report: &Report) {
        self.ready.set(i64::from(report.ready));
        let mut shown: Vec<(&str, bool)> = Vec::new();
        for part in &report.parts {
            let kind = part.name.split(' ').next().unwrap_or_default();
            match shown.iter_mut().find(|(name, _)| *name == kind) {
                Some((_, ok)) => *ok &= part.ok,
                None => shown.push((kind, part.ok)),
            }
        }
        for (kind, ok) in shown {
            self.parts.with_label_values(&[kind]).set(i64::from(ok));
        }
    }
}
