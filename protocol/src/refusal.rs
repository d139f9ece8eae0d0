//! Every honest no, with its numbers and what a client can do about it.
//!
//! **What must always hold.** A refusal names the rule that refused. Busy is never reported as sold out, and sold out is
//! said only when no unit is free or held. A refusal never contradicts an earlier yes: whoever gives one has looked at
//! the customer's orders at a position of the stream that was named after the request arrived.
//!
//! Status codes are the edge's business: its `problem.rs` turns each of these into one.

use jiff::Timestamp;
use serde::Serialize;

use crate::id::Units;

/// Whether sending the same request again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Retry {
    /// It is final.
    Never,
    /// After the time given, or after something changed.
    Later,
    /// At once, with the same idempotency key.
    Now,
}

/// Which limit was reached, its number, and what the customer already has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "which", rename_all = "kebab-case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Limit {
    /// Units in one order.
    Order {
        /// The most allowed.
        limit: Units,
        /// What was asked for.
        asked: Units,
    },
    /// Units of one item per customer.
    Item {
        /// The most allowed.
        limit: Units,
        /// What was asked for.
        asked: Units,
        /// What the customer already has.
        has: Units,
    },
    /// Units over all items per customer.
    Sale {
        /// The most allowed.
        limit: Units,
        /// What was asked for.
        asked: Units,
        /// What the customer already has.
        has: Units,
    },
    /// Orders that one customer can make in a sale.
    Orders {
        /// The most allowed.
        limit: u8,
    },
}

/// A named, honest no to a claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Refusal {
    /// The window has not begun.
    NotOpenYet {
        /// When it does.
        opens_at: Timestamp,
    },
    /// The sale is over.
    SaleClosed {
        /// When it ended, if it was not closed early.
        #[serde(skip_serializing_if = "Option::is_none")]
        closed_at: Option<Timestamp>,
    },
    /// The merchant paused it.
    SalePaused {
        /// When to look again.
        retry_after_seconds: u32,
    },
    /// No unit is free or held.
    SoldOut {},
    /// No unit is free, but some are held and may come back.
    AllUnitsHeld {
        /// Units that are held.
        held: Units,
        /// The next deadline of a hold, when known.
        #[serde(skip_serializing_if = "Option::is_none")]
        next_expiry: Option<Timestamp>,
        /// When to look again.
        retry_after_seconds: u32,
    },
    /// Fewer units are free than were asked for.
    FewerLeft {
        /// How many can still be had.
        left: Units,
        /// What was asked for.
        asked: Units,
    },
    /// A limit of the sale.
    LimitReached {
        /// Which one.
        limit: Limit,
    },
    /// This attempt took nothing; it says nothing about earlier ones.
    Busy {
        /// When to send it again.
        retry_after_seconds: u32,
    },
    /// The idempotency key was used for another request.
    IdempotencyKeyReused {},
}

impl Refusal {
    /// The stable name that clients switch on.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::NotOpenYet { .. } => "not-open-yet",
            Self::SaleClosed { .. } => "sale-closed",
            Self::SalePaused { .. } => "sale-paused",
            Self::SoldOut {} => "sold-out",
            Self::AllUnitsHeld { .. } => "all-units-held",
            Self::FewerLeft { .. } => "fewer-left",
            Self::LimitReached { .. } => "limit-reached",
            Self::Busy { .. } => "busy",
            Self::IdempotencyKeyReused {} => "idempotency-key-reused",
        }
    }

    /// Whether a retry can help.
    #[must_use]
    pub fn retry(&self) -> Retry {
        match self {
            Self::NotOpenYet { .. }
            | Self::SalePaused { .. }
            | Self::SoldOut {}
            | Self::AllUnitsHeld { .. }
            | Self::FewerLeft { .. } => Retry::Later,
            Self::Busy { .. } => Retry::Now,
            Self::SaleClosed { .. } | Self::LimitReached { .. } | Self::IdempotencyKeyReused {} => Retry::Never,
        }
    }

    /// One sentence that a shopper can read.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Self::NotOpenYet { opens_at } => format!("The sale opens at {opens_at}."),
            Self::SaleClosed { .. } => "The sale is over.".to_owned(),
            Self::SalePaused { .. } => "The sale is paused and may go on later.".to_owned(),
            Self::SoldOut {} => "Sold out: no unit is left, and none is on hold.".to_owned(),
            Self::AllUnitsHeld { held, .. } => {
                format!("All units are taken, but {held} are not paid yet: some may come back.")
            }
            Self::FewerLeft { left, asked } => format!("Only {left} left, fewer than the {asked} you asked for."),
            Self::LimitReached { limit } => match limit {
                Limit::Order { limit, asked } => format!("At most {limit} per order; you asked for {asked}."),
                Limit::Item { limit, has, asked } => {
                    format!("At most {limit} of this item per customer; you have {has} and asked for {asked}.")
                }
                Limit::Sale { limit, has, asked } => {
                    format!("At most {limit} per customer in this sale; you have {has} and asked for {asked}.")
                }
                Limit::Orders { limit } => format!("At most {limit} orders per customer in one sale."),
            },
            Self::Busy { .. } => "Too busy right now: nothing was taken by this attempt. Try again.".to_owned(),
            Self::IdempotencyKeyReused {} => {
                "This idempotency key was used for a different request: use a new one.".to_owned()
            }
        }
    }

    /// When to come back, in seconds, for the refusals that know.
    #[must_use]
    pub fn retry_after_seconds(&self) -> Option<u32> {
        match self {
            Self::SalePaused { retry_after_seconds }
            | Self::AllUnitsHeld { retry_after_seconds, .. }
            | Self::Busy { retry_after_seconds } => Some(*retry_after_seconds),
            _ => None,
        }
    }
}
