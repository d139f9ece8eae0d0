//! What a replica knows of a shard, from one of its followers to the next.
//!
//! **What it is for.** A follower that begins has seen nothing yet. What the one before it knew goes on meanwhile: that
//! something waits for its row, for an audit or past its deadline, and what the newest audit found.
//!
//! **What must always hold.** Only a look at the stream or at the rows takes something back: that nobody looks never means
//! that nothing waits. A shard that another replica may follow is forgotten altogether, or two would tell of it.

use std::time::Duration;

use jiff::Timestamp;
use protocol::Revision;
use protocol::status::SaleStatus;
use runtime::clock::Instant;

/// What waits in a shard, and since when.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Known {
    /// Since when the rows are behind the stream.
    pub(super) behind: Option<Instant>,
    /// Since when changes wait for an audit.
    pub(super) unaudited: Option<Unaudited>,
    /// The oldest deadline that has passed of an order that is still held.
    pub(super) overdue: Option<Instant>,
    /// What the newest audit found.
    pub(super) breaches: usize,
}

impl Known {
    /// Takes in what a follower said last. What it says while it halts is about nothing that is new.
    pub(super) fn hear(&mut self, status: Option<&SaleStatus>, now: Instant) {
        let Some(status) = status else { return };
        if status.halted.is_none() {
            self.unaudited = Unaudited::after(self.unaudited, status, now);
        }
        if let Some(audit) = &status.audit {
            self.breaches = audit.breaches.len();
        }
    }
}

/// What a follower said of its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rows {
    /// Nothing yet; it began then.
    Unsaid(Instant),
    /// They were as late as if they had stood still since then.
    Late(Instant),
    /// They had everything that there was.
    Drained,
    /// That it goes no further, and nothing of how far they are.
    Halted,
}

impl Rows {
    /// What this status of a follower that began then comes to now.
    pub(super) fn of(status: Option<&SaleStatus>, began: Instant, now: Instant, wall: Timestamp) -> Self {
        match status {
            None => Self::Unsaid(began),
            Some(status) if status.halted.is_some() => Self::Halted,
            Some(status) if status.lag_seconds > 0.0 => {
                let since = Duration::try_from(wall.duration_since(status.at)).unwrap_or_default();
                let lag = Duration::try_from_secs_f64(status.lag_seconds).unwrap_or_default();
                Self::Late(now.checked_sub(lag + since).unwrap_or(now))
            }
            Some(_) => Self::Drained,
        }
    }

    /// Since when the rows are behind, if it was known to be since `known`, and the follower has something in its hands
    /// since `taken` that is not committed. An idle shard that is drained is behind since never.
    pub(super) fn behind(self, known: Option<Instant>, taken: Option<Instant>) -> Option<Instant> {
        match self {
            Self::Unsaid(began) => known.or(Some(began)),
            Self::Late(since) => Some(since),
            Self::Drained => taken,
            Self::Halted => known.or(taken),
        }
    }
}

/// Since when changes of a shard wait for an audit: from the first look that saw one, and no longer once an audit was
/// made after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unaudited {
    /// The position of the newest audit then.
    audited: Option<Revision>,
    pub(super) since: Instant,
}

impl Unaudited {
    /// What is known after a look that found this status.
    fn after(known: Option<Self>, status: &SaleStatus, now: Instant) -> Option<Self> {
        let audited = status.audit.as_ref().map(|audit| audit.position);
        match known {
            _ if audited == Some(status.cursor) => None,
            // What waited then was compared meanwhile; what has come since waits since now.
            Some(known) if known.audited < audited => Some(Self { audited, since: now }),
            known => known.or(Some(Self { audited, since: now })),
        }
    }
}

#[cfg(test)]
mod tests;
