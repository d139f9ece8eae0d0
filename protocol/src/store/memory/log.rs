//! What the server keeps, and every message that it ever kept.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use jiff::Timestamp;

use super::super::{Committed, Entry, Expect, Outcome, Snapshot, Write};
use crate::id::Revision;
use crate::key::{Key, Keys};
use crate::trace::TraceContext;

/// One stored message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// What was written.
    pub key: Key,
    /// Where it is in the log.
    pub revision: Revision,
    /// When it was stored.
    pub time: Timestamp,
    /// The value.
    pub value: Bytes,
    /// Which trace it belongs to.
    pub trace: Option<TraceContext>,
    /// Revision of the first message of its batch: messages with the same one were stored together.
    pub batch: Revision,
}

impl Logged {
    pub(super) fn entry(&self) -> Entry {
        Entry {
            key: Some(self.key.clone()),
            revision: self.revision,
            time: self.time,
            value: self.value.clone(),
            trace: self.trace,
            pending: 0,
        }
    }
}

/// Positions are contiguous from `first`, so the message at a revision is found by subtraction.
#[derive(Debug)]
pub(super) struct Log {
    first: u64,
    messages: Vec<Logged>,
    newest: BTreeMap<Key, Revision>,
    /// Revisions that no later write superseded.
    kept: BTreeSet<Revision>,
}

impl Log {
    pub(super) fn new(first: u64) -> Self {
        Self { first, messages: Vec::new(), newest: BTreeMap::new(), kept: BTreeSet::new() }
    }

    pub(super) fn messages(&self) -> &[Logged] {
        &self.messages
    }

    pub(super) fn last(&self) -> Revision {
        Revision(self.first + self.messages.len() as u64 - 1)
    }

    fn at(&self, revision: Revision) -> Option<&Logged> {
        self.messages.get(usize::try_from(revision.0.checked_sub(self.first)?).ok()?)
    }

    pub(super) fn newest(&self, key: &Key) -> Option<Entry> {
        self.at(*self.newest.get(key)?).map(Logged::entry)
    }

    pub(super) fn kept_at(&self, revision: Revision) -> Option<Entry> {
        self.kept.get(&revision).and_then(|revision| self.at(*revision)).map(Logged::entry)
    }

    /// The kept messages after this position, in order.
    pub(super) fn kept_after(&self, after: Revision) -> impl Iterator<Item = &Logged> {
        self.kept.range(Revision(after.0.saturating_add(1))..).filter_map(|revision| self.at(*revision))
    }

    /// Stores all of the batch or nothing of it.
    pub(super) fn append(&mut self, batch: Vec<Write>, now: Timestamp) -> Outcome {
        let mut named = BTreeSet::new();
        for write in &batch {
            let stands_at = self.newest.get(&write.key).copied();
            // On the wire "never written" is a last revision of 0.
            let expected = match write.expect {
                Expect::Absent | Expect::At(Revision(0)) => None,
                Expect::At(revision) => Some(revision),
            };
            if !named.insert(&write.key) {
                return Outcome::Conflict(None);
            }
            if stands_at != expected {
                return Outcome::Conflict(stands_at);
            }
        }
        let first = Revision(self.last().0 + 1);
        let count = batch.len() as u64;
        for write in batch {
            let revision = Revision(self.last().0 + 1);
            if let Some(superseded) = self.newest.insert(write.key.clone(), revision) {
                self.kept.remove(&superseded);
            }
            self.kept.insert(revision);
            let Write { key, value, trace, .. } = write;
            self.messages.push(Logged { key, revision, time: now, value, trace, batch: first });
        }
        Outcome::Committed(Committed { last: self.last(), count })
    }

    /// The newest values up to a position, as a replica that is that far has them.
    pub(super) fn snapshot(&self, keys: &[Keys], at: Revision) -> Snapshot {
        let wanted = |key: &Key| keys.iter().any(|keys| keys.contains(key));
        let mut entries: Vec<Entry> = if at >= self.last() {
            self.newest
                .iter()
                .filter(|(key, _)| wanted(key))
                .filter_map(|(_, r)| self.at(*r))
                .map(Logged::entry)
                .collect()
        } else {
            let seen = self.messages.iter().take_while(|m| m.revision <= at).filter(|m| wanted(&m.key));
            let newest: BTreeMap<&Key, &Logged> = seen.map(|m| (&m.key, m)).collect();
            newest.into_values().map(Logged::entry).collect()
        };
        entries.sort_unstable_by_key(|entry| entry.revision);
        // As the server: an answer without a value does not say as of when it is.
        let up_to = if entries.is_empty() { Revision(0) } else { at };
        Snapshot { entries, up_to }
    }

    pub(super) fn truncate(&mut self, after: Revision) {
        self.messages.retain(|m| m.revision <= after);
        self.newest = self.messages.iter().map(|m| (m.key.clone(), m.revision)).collect();
        self.kept = self.newest.values().copied().collect();
    }
}
