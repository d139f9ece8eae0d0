//! What is kept about a sale between two looks. Losing it costs a few reads and one write.

use protocol::Revision;
use runtime::clock::Instant;

use super::pending::Pending;
use crate::observe::Records;

/// Of one sale.
#[derive(Debug, Clone, Default)]
pub(super) struct Memory {
    /// Looks in a row that ended early, for whatever reason.
    pub(super) early: u32,
    /// Whether it was told that they do.
    pub(super) told: bool,
    /// Looks in a row that found nothing new.
    pub(super) quiet: u32,
    /// Up to where the stream was seen then.
    pub(super) position: Revision,
    pub(super) written: Option<Instant>,
    pub(super) records: Records,
    pub(super) seen_first: Option<Instant>,
    pub(super) change: Pending,
    /// When the next look is due.
    pub(super) due: Option<Instant>,
}

impl Memory {
    /// Since it last acted another replica may have: how long something took from then on is not for this one to say.
    pub(super) fn others_acted(&mut self) {
        (self.seen_first, self.change, self.due) = (None, Pending::default(), None);
    }
}
