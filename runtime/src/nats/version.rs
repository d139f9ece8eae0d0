//! Which nats-server can do atomic batches as we use them.

use std::fmt;

/// The oldest one: earlier ones lose or mix up batches under conditions that a sale meets.
pub const OLDEST: Version = Version { numbers: [2, 14, 4], released: true };

/// A version of nats-server. One on its way to a release comes before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    numbers: [u32; 3],
    released: bool,
}

impl Version {
    /// Reads `2.14.4`, `v2.14.4`, `2.14.4-RC.1`, `2.14.4+build`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let (text, _) = text.split_once('+').unwrap_or((text, ""));
        let (text, released) = text.split_once('-').map_or((text, true), |(numbers, _)| (numbers, false));
        let numbers: Vec<u32> = text.split('.').map(|number| number.parse().ok()).collect::<Option<_>>()?;
        Some(Self { numbers: numbers.try_into().ok()?, released })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.numbers;
        write!(out, "{major}.{minor}.{patch}")
    }
}

#[cfg(test)]
mod tests;
