//! Questions about money.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::people::ask;
use super::{Ask, Verb};
use crate::id::{CustomerId, IdempotencyKey, OrderId, OrderNumber, SaleId};
use crate::order::Order;
use crate::sale::Money;
use crate::wire::Value;

/// Most entries of a wallet in one answer.
pub const ENTRIES_MAX: u16 = 100;

/// What a customer's wallets hold.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Wallets {
    /// Whose.
    pub customer: CustomerId,
}

/// One currency of a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Wallet {
    /// What can be spent.
    pub balance: Money,
    /// What is taken by payments that are under way.
    pub pending: Money,
}

/// What moved in a wallet, the newest first.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entries {
    /// Whose.
    pub customer: CustomerId,
    /// ISO 4217, three capitals.
    pub currency: String,
    /// Those before this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<i64>,
    /// At most so many, up to [`ENTRIES_MAX`].
    pub limit: u16,
}

/// A page of entries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EntriesPage {
    /// The newest first.
    pub entries: Vec<WalletEntry>,
    /// What to ask for next, when there is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<i64>,
}

/// One movement of a wallet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WalletEntry {
    /// Its place in the book.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// What came in (positive) or went out (negative), in minor units.
    pub amount_minor: i64,
    /// Why: `fund`, `pay`, `return` or `refund`.
    pub cause: String,
    /// The order that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderId>,
}

/// Pays a held order from the customer's wallet.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pay {
    /// Where it was ordered.
    pub sale: SaleId,
    /// Whose order, and whose wallet.
    pub customer: CustomerId,
    /// Which of their orders; the edge has just read it.
    pub number: OrderNumber,
    /// Its id.
    pub order: OrderId,
    /// What the client calls this payment: the same again is the same payment.
    pub key: IdempotencyKey,
}

/// An order after something was done to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Changed {
    /// Whose.
    pub customer: CustomerId,
    /// Which of their orders.
    pub number: OrderNumber,
    /// As it is now.
    pub order: Order,
}

/// Takes a confirmed order back: its units go on sale again, its money to where it came from.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refund {
    /// Where it was ordered.
    pub sale: SaleId,
    /// Which order, anybody's.
    pub order: OrderId,
    /// The merchant who asks, for the record.
    pub by: CustomerId,
}

/// What somebody who claims to be the payment provider sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Callback {
    /// The body as it came.
    pub body: String,
    /// Seconds since 1970, as the provider says in its header.
    pub timestamp: String,
    /// HMAC-SHA256 over `timestamp`, a dot and the body, in hex.
    pub signature: String,
}

/// What became of a callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum CallbackOutcome {
    /// The order is paid.
    Confirmed,
    /// The money has to go back: the order was released, paid otherwise, or for another amount.
    RefundDue,
    /// The attempt failed; the hold stays.
    Declined,
    /// It is written down and will be settled.
    Recorded,
}

/// The answer to a callback.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CallbackAnswer {
    /// What became of it.
    pub outcome: CallbackOutcome,
}

/// Where the money of a payment comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum PaymentMode {
    /// The customer's wallet.
    Wallet,
    /// A payment provider.
    External,
}

impl PaymentMode {
    /// As rows spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Wallet => "wallet",
            Self::External => "external",
        }
    }

    /// Reads what [`as_str`](Self::as_str) wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Wallet, Self::External].into_iter().find(|mode| mode.as_str() == text)
    }
}

/// Where a payment is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum PaymentState {
    /// Its money is taken; whether the order is confirmed with it is the stream's to say.
    Pending,
    /// The order is.
    Settled,
    /// The money went back into the wallet before it was settled.
    Returned,
    /// It went back afterwards.
    Refunded,
    /// A provider has it and has to send it back.
    RefundDue,
    /// A provider says that nothing was taken.
    Failed,
}

impl PaymentState {
    /// Every state.
    pub const ALL: [Self; 6] =
        [Self::Pending, Self::Settled, Self::Returned, Self::Refunded, Self::RefundDue, Self::Failed];

    /// As rows spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Settled => "settled",
            Self::Returned => "returned",
            Self::Refunded => "refunded",
            Self::RefundDue => "refund-due",
            Self::Failed => "failed",
        }
    }

    /// Reads what [`as_str`](Self::as_str) wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

ask!(Wallets, Wallets, Vec<Wallet>, "question for wallets");
ask!(Entries, Entries, EntriesPage, "question for entries");
ask!(Pay, Pay, Changed, "payment");
ask!(Refund, Refund, Changed, "refund");
ask!(Callback, Callback, CallbackAnswer, "callback");
