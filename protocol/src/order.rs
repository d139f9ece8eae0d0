//! An order and its legal transitions.
//!
//! **What must always hold.** `held → confirmed | released`, `confirmed → released`, nothing else; what was claimed
//! (key, sku, quantity) never changes. An order is never deleted: its number carries the limits, and makes every retry
//! safe.
//!
//! **What it costs.** About 80 bytes with a UUID key: it leaves out what its key (customer, number), the batch
//! (bucket), the message (time) and the definition (price) already say. Short names, because replicated bytes are what
//! a claim on three nodes costs most.

use serde::{Deserialize, Serialize};

use crate::id::{IdempotencyKey, Sku, Units};
use crate::wire::Value;

/// Where an order is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum State {
    /// Its units are taken, its payment is not in.
    #[serde(rename = "h")]
    Held,
    /// Sold.
    #[serde(rename = "c")]
    Confirmed,
    /// Its units went back.
    #[serde(rename = "r")]
    Released,
}

impl State {
    /// As the API and the ledger spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Confirmed => "confirmed",
            Self::Released => "released",
        }
    }
}

/// Why an order was released.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Reason {
    /// The customer gave it back.
    Cancelled,
    /// It was not paid in time.
    Expired,
    /// A merchant refunded it.
    Refunded,
}

/// One claim that was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Order {
    /// What the client calls it.
    #[serde(rename = "k")]
    pub key: IdempotencyKey,
    /// What was claimed.
    #[serde(rename = "s")]
    pub sku: Sku,
    /// How many units of it.
    #[serde(rename = "q")]
    pub quantity: Units,
    /// Where it is in its life.
    #[serde(rename = "t")]
    pub state: State,
    /// Why it was released.
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// Deadline of a held order, in seconds since 1970.
    #[serde(rename = "x", default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
    /// The payment that confirmed it.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<uuid::Uuid>,
}

impl Value for Order {
    const WHAT: &'static str = "order";
}

/// A transition that an order does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a {} order cannot become {}", from.as_str(), to.as_str())]
pub struct Illegal {
    /// Where it is.
    pub from: State,
    /// Where it was to go.
    pub to: State,
}

/// When an order that is made now must be paid, in seconds since 1970: never earlier than what was promised.
#[must_use]
pub fn held_until(now: jiff::Timestamp, hold_seconds: u32) -> i64 {
    now.as_second() + i64::from(now.subsec_nanosecond() > 0) + i64::from(hold_seconds)
}

impl Order {
    /// Units that it takes out of the free stock.
    #[must_use]
    pub fn active(&self) -> Units {
        if self.state == State::Released { Units::ZERO } else { self.quantity }
    }

    /// The order once it is sold.
    ///
    /// # Errors
    /// [`Illegal`] unless it is held.
    pub fn confirmed(&self, payment: Option<uuid::Uuid>) -> Result<Self, Illegal> {
        match self.state {
            State::Held => Ok(Self { state: State::Confirmed, expires_at: None, payment, ..self.clone() }),
            from => Err(Illegal { from, to: State::Confirmed }),
        }
    }

    /// The order once its units went back; they must go back in the same atomic batch.
    ///
    /// # Errors
    /// [`Illegal`] when it is released already.
    pub fn released(&self, reason: Reason) -> Result<Self, Illegal> {
        match self.state {
            State::Released => Err(Illegal { from: self.state, to: State::Released }),
            State::Held | State::Confirmed => {
                Ok(Self { state: State::Released, reason: Some(reason), expires_at: None, ..self.clone() })
            }
        }
    }
}

#[cfg(test)]
mod tests;
