//! The law that the books must satisfy.
//!
//! Per item: `quantity − withheld + shortfall = free + held + sold`, where the left side is what the supply records come
//! to and the right side what buckets and orders hold. Both the KV and Postgres are summed into [`Sums`] at the same
//! position of the log and must satisfy it each, and be equal.

use serde::{Deserialize, Serialize};

use crate::id::Units;
use crate::order::{Order, State};
use crate::supply::Supply;

/// Everything that one side knows about an item, summed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    /// Units that the supply records come to.
    pub supply: i64,
    /// Units in buckets.
    pub free: i64,
    /// Units of held orders.
    pub held: i64,
    /// Units of confirmed orders.
    pub sold: i64,
    /// Orders in any state.
    pub orders: i64,
}

impl Sums {
    /// Counts an order.
    pub fn add_order(&mut self, order: &Order) {
        self.orders += 1;
        match order.state {
            State::Held => self.held += i64::from(order.quantity.0),
            State::Confirmed => self.sold += i64::from(order.quantity.0),
            State::Released => {}
        }
    }

    /// Counts a bucket.
    pub fn add_bucket(&mut self, free: Units) {
        self.free += i64::from(free.0);
    }

    /// Counts a supply record.
    pub fn add_supply(&mut self, supply: &Supply) {
        self.supply += supply.delta;
    }

    /// Units that appeared from nowhere (positive) or went missing (negative); 0 is the law.
    #[must_use]
    pub fn gap(&self) -> i64 {
        self.free + self.held + self.sold - self.supply
    }

    /// Units sold or held beyond what the definition says may be: a decrease that came too late. Not a breach.
    #[must_use]
    pub fn shortfall(&self, target: Units) -> Units {
        Units(u32::try_from(self.supply - i64::from(target.0)).unwrap_or(0))
    }
}

/// The two sides of an item at one position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sides {
    /// Summed from buckets and orders of the stream.
    pub stream: Sums,
    /// Summed from the rows of the ledger.
    pub ledger: Sums,
}

/// How a law is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Breach {
    /// More or fewer units than were ever supplied.
    #[error("the {side} has {gap:+} units against its supply")]
    Gap {
        /// Which side.
        side: &'static str,
        /// How many.
        gap: i64,
    },
    /// The two sides differ.
    #[error("stream and ledger differ: {stream:?} against {ledger:?}")]
    Differ {
        /// The one.
        stream: Sums,
        /// The other.
        ledger: Sums,
    },
}

impl Sides {
    /// Checks the law on both sides and that they are equal.
    ///
    /// # Errors
    /// The first [`Breach`].
    pub fn check(&self) -> Result<(), Breach> {
        for (side, sums) in [("stream", &self.stream), ("ledger", &self.ledger)] {
            if sums.gap() != 0 {
                return Err(Breach::Gap { side, gap: sums.gap() });
            }
        }
        if self.stream == self.ledger {
            Ok(())
        } else {
            Err(Breach::Differ { stream: self.stream, ledger: self.ledger })
        }
    }
}

#[cfg(test)]
mod tests;
