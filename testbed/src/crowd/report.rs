//! What a run looks like to a person.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;

use super::{End, History};

/// Longest latency that is told apart: ten minutes.
const LATENCY_MICROS_MAX: u64 = 600_000_000;

/// The quantiles that a person wants to read, with their names.
pub(super) const QUANTILES: [(&str, f64); 5] =
    [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0)];

/// A run in numbers.
#[derive(Debug)]
pub struct Report {
    /// How many answers of each kind, over all attempts.
    pub answers: BTreeMap<String, usize>,
    /// How many stories ended in each way.
    pub ends: BTreeMap<String, usize>,
    /// How many attempts there were.
    pub attempts: usize,
    /// How long it took.
    pub took: Duration,
    /// Latency of every answered attempt, in microseconds from when it was meant to be sent.
    latency: Option<Histogram<u64>>,
}

impl History {
    /// Sums it up.
    #[must_use]
    pub fn report(&self) -> Report {
        let mut report = Report {
            answers: BTreeMap::new(),
            ends: BTreeMap::new(),
            attempts: 0,
            took: self.took,
            // A histogram that grows by itself saturates at what it has, which is nothing.
            latency: Histogram::new_with_bounds(1, LATENCY_MICROS_MAX, 3).ok(),
        };
        for story in &self.stories {
            let end = match &story.end {
                End::Order(_) => "order",
                End::Refused(name) => name,
                End::GaveUp => "gave up",
            };
            *report.ends.entry(end.to_owned()).or_default() += 1;
            for attempt in &story.attempts {
                report.attempts += 1;
                *report.answers.entry(attempt.answer.clone()).or_default() += 1;
                let micros = attempt.answered.saturating_sub(attempt.due).as_micros();
                if let Some(latency) = &mut report.latency {
                    latency.saturating_record(u64::try_from(micros).unwrap_or(u64::MAX));
                }
            }
        }
        report
    }
}

impl Report {
    /// Latency at a quantile of all attempts, e.g. `0.99`.
    #[must_use]
    pub fn latency(&self, quantile: f64) -> Duration {
        Duration::from_micros(self.latency.as_ref().map_or(0, |h| h.value_at_quantile(quantile)))
    }

    /// Attempts per second over the whole run.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    pub fn per_second(&self) -> f64 {
        self.attempts as f64 / self.took.as_secs_f64().max(0.001)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "answers (all attempts, retries included)")?;
        for (answer, count) in &self.answers {
            writeln!(out, "  {answer:<24} {count:>10}")?;
        }
        writeln!(out, "how it ended for the shoppers' requests")?;
        for (end, count) in &self.ends {
            writeln!(out, "  {end:<24} {count:>10}")?;
        }
        writeln!(out, "latency, from when an attempt was meant to be sent")?;
        for (label, quantile) in QUANTILES {
            writeln!(out, "  {label:<24} {:>8.1} ms", self.latency(quantile).as_secs_f64() * 1_000.0)?;
        }
        write!(out, "{} attempts in {:.1} s: {:.0}/s", self.attempts, self.took.as_secs_f64(), self.per_second())
    }
}
