//! How many units a bucket may give, take, and to whom.
//!
//! **What it is for.** A bucket is a count of free units under one key. Nothing decides stock but the compare-and-set
//! of this value, so every rule about it is here, in functions from a value to the next one.
//!
//! **What must always hold.** `free` never goes below zero nor past 32 bits. The generation only rises: a bucket that
//! was stamped by generation g refuses every edge whose definition is older, and every operator that is older, for
//! ever. A closed bucket gives nothing but still takes units back, so the sum holds.

use serde::{Deserialize, Serialize};

use crate::id::{Generation, Units};
use crate::wire::Value;

/// Whether a bucket gives units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It does.
    Open,
    /// The sale is over.
    Closed,
}

/// One shard of an item's free units.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Bucket {
    /// Units that can be claimed from it.
    pub free: Units,
    /// Whether they may be.
    pub state: State,
    /// The newest definition that it was stamped with.
    pub generation: Generation,
    /// Emergency stop; no reconcile clears it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stopped: bool,
}

impl Value for Bucket {
    const WHAT: &'static str = "bucket";
}

/// Why a bucket gives or takes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is closed.
    #[error("the bucket is closed")]
    Closed,
    /// An emergency stop holds it.
    #[error("the bucket is stopped")]
    Stopped,
    /// It was stamped by a newer definition than the writer's.
    #[error("the bucket was stamped by generation {0}, newer than the writer's")]
    Fenced(Generation),
    /// It has fewer units than asked for.
    #[error("the bucket has {0} units, fewer than asked for")]
    Short(Units),
    /// More units than can be counted.
    #[error("the bucket would hold more units than can be counted")]
    Overflow,
}

impl Bucket {
    /// As the operator seeds it: open and empty; the supply loop fills it.
    #[must_use]
    pub fn seeded(generation: Generation) -> Self {
        Self { free: Units::ZERO, state: State::Open, generation, stopped: false }
    }

    /// After giving `units` to claims made under the definition of this generation.
    ///
    /// # Errors
    /// [`Refused`] when it may not, or cannot.
    pub fn claim(&self, units: Units, definition: Generation) -> Result<Self, Refused> {
        if definition < self.generation {
            return Err(Refused::Fenced(self.generation));
        }
        if self.stopped {
            return Err(Refused::Stopped);
        }
        if self.state == State::Closed {
            return Err(Refused::Closed);
        }
        let free = self.free.checked_sub(units).ok_or(Refused::Short(self.free))?;
        Ok(Self { free, ..self.clone() })
    }

    /// After taking back `units` of a released order. Closed and stopped buckets take them too.
    ///
    /// # Errors
    /// [`Refused::Overflow`] only.
    pub fn give_back(&self, units: Units) -> Result<Self, Refused> {
        let free = self.free.checked_add(units).ok_or(Refused::Overflow)?;
        Ok(Self { free, ..self.clone() })
    }

    /// After a supply record of `delta` units. Keeps generation and state: only a stamp changes those.
    ///
    /// # Errors
    /// [`Refused::Short`] when it has fewer free units than a decrease takes.
    pub fn supply(&self, delta: i64) -> Result<Self, Refused> {
        let free = i64::from(self.free.0).checked_add(delta).ok_or(Refused::Overflow)?;
        if free < 0 {
            return Err(Refused::Short(self.free));
        }
        let free = u32::try_from(free).map_err(|_| Refused::Overflow)?;
        Ok(Self { free: Units(free), ..self.clone() })
    }

    /// After a stamp; `None` when nothing changes. A newer generation may reopen a bucket (a later end), the same one
    /// may only close it (the end has come).
    ///
    /// # Errors
    /// [`Refused::Fenced`] when the bucket knows a newer generation: whoever stamps is deposed.
    pub fn stamp(&self, generation: Generation, state: State) -> Result<Option<Self>, Refused> {
        if generation < self.generation {
            return Err(Refused::Fenced(self.generation));
        }
        let state = if generation == self.generation { self.state.max(state) } else { state };
        let stamped = Self { state, generation, ..self.clone() };
        Ok((stamped != *self).then_some(stamped))
    }

    /// Whether an edge with this definition may claim from it at all.
    #[must_use]
    pub fn serves(&self, definition: Generation) -> bool {
        self.claim(Units::ZERO, definition).is_ok()
    }
}

#[cfg(test)]
mod tests;
