//! What viewers saw, as a person wants to read it.

use std::fmt;
use std::time::Duration;

use super::{Seen, Stock};

/// Viewers in numbers.
#[derive(Debug, Clone)]
pub struct Report {
    /// How many there are.
    pub viewers: usize,
    /// How many of them saw the truth last.
    pub right: usize,
    /// Events of the one that saw least, of the middle one, and of the one that saw most.
    pub events: [u64; 3],
    /// Longest time without an event of any of them.
    pub longest_silence: Duration,
    /// How often a stream ended or could not be opened, over all of them.
    pub cuts: u64,
}

impl Report {
    pub(super) fn of(seen: &[Seen], truth: &Stock) -> Self {
        let mut events: Vec<u64> = seen.iter().map(|seen| seen.events).collect();
        events.sort_unstable();
        let at = |index: usize| events.get(index).copied().unwrap_or_default();
        Self {
            viewers: seen.len(),
            right: seen.iter().filter(|seen| seen.stock().ok().as_ref() == Some(truth)).count(),
            events: [at(0), at(events.len() / 2), at(events.len().saturating_sub(1))],
            longest_silence: seen.iter().map(|seen| seen.longest_silence).max().unwrap_or_default(),
            cuts: seen.iter().map(|seen| seen.cuts).sum(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [least, middle, most] = self.events;
        writeln!(out, "viewers")?;
        writeln!(out, "  {:<24} {:>10} of {}", "saw the right end", self.right, self.viewers)?;
        writeln!(out, "  {:<24} {middle:>10} (least {least}, most {most})", "events each")?;
        writeln!(out, "  {:<24} {:>8.1} s", "longest silence", self.longest_silence.as_secs_f64())?;
        write!(out, "  {:<24} {:>10}", "streams cut", self.cuts)
    }
}
