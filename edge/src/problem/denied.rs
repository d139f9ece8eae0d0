//! Every no of the ledger that is no no of a sale, and what the ledger's words become.
//!
//! **What must always hold.** Each [`No`] becomes one problem; the match has no other arm, so a new one cannot be
//! forgotten. What was begun and has no end yet is not a no at all: whoever pays or refunds answers that before it comes
//! here, and everybody else is told to ask again.

use axum::http::StatusCode;
use jiff::Timestamp;
use protocol::ask::No;
use protocol::order::Reason;
use protocol::refusal::{Refusal, Retry};
use protocol::sale::Money;
use serde::Serialize;
use utoipa::ToSchema;

use super::{How, Problem};

/// A no about money, or about an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub enum Denied {
    /// The order's time to be paid is over.
    HoldExpired {
        /// When it was.
        #[serde(skip_serializing_if = "Option::is_none")]
        expired_at: Option<Timestamp>,
    },
    /// The order is paid, or needed no payment.
    AlreadyPaid {},
    /// The order's units went back.
    OrderReleased {
        /// Why.
        reason: Reason,
    },
    /// The wallet does not hold enough.
    InsufficientFunds {
        /// What it holds.
        balance: Money,
        /// What is needed.
        needed: Money,
    },
    /// The sale is not paid from a wallet.
    PaymentDeclined {},
    /// Somebody has registered under this address already.
    AccountExists {},
    /// Too many attempts to sign in.
    TooManyAttempts {
        /// When the next one is looked at.
        retry_after_seconds: u32,
    },
}

impl Denied {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::HoldExpired { .. } => "hold-expired",
            Self::AlreadyPaid {} => "already-paid",
            Self::OrderReleased { .. } => "order-released",
            Self::InsufficientFunds { .. } => "insufficient-funds",
            Self::PaymentDeclined {} => "payment-declined",
            Self::AccountExists {} => "account-exists",
            Self::TooManyAttempts { .. } => "rate-limited",
        }
    }

    pub(super) fn title(&self) -> &'static str {
        match self {
            Self::HoldExpired { .. } => "Hold expired",
            Self::AlreadyPaid {} => "Already paid",
            Self::OrderReleased { .. } => "Order released",
            Self::InsufficientFunds { .. } => "Insufficient funds",
            Self::PaymentDeclined {} => "Payment declined",
            Self::AccountExists {} => "Account exists",
            Self::TooManyAttempts { .. } => "Rate limited",
        }
    }

    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::InsufficientFunds { .. } | Self::PaymentDeclined {} => StatusCode::PAYMENT_REQUIRED,
            Self::TooManyAttempts { .. } => StatusCode::TOO_MANY_REQUESTS,
            _ => StatusCode::CONFLICT,
        }
    }

    pub(super) fn sentence(&self) -> String {
        match self {
            Self::HoldExpired { expired_at: Some(at) } => format!("The time to pay for this order was over at {at}."),
            Self::HoldExpired { expired_at: None } => "The time to pay for this order is over.".to_owned(),
            Self::AlreadyPaid {} => "This order is paid, or needs no payment.".to_owned(),
            Self::OrderReleased { reason: Reason::Expired } => "This order was not paid in time.".to_owned(),
            Self::OrderReleased { reason: Reason::Cancelled } => "This order was cancelled.".to_owned(),
            Self::OrderReleased { reason: Reason::Refunded } => "This order was refunded.".to_owned(),
            Self::InsufficientFunds { balance, needed } => {
                format!("The wallet holds {} and {} are needed.", spelled(balance), spelled(needed))
            }
            Self::PaymentDeclined {} => "Orders of this sale are not paid from a wallet here.".to_owned(),
            Self::AccountExists {} => "There is an account under this address already: sign in.".to_owned(),
            Self::TooManyAttempts { retry_after_seconds } => {
                format!("Too many attempts: wait {retry_after_seconds} seconds.")
            }
        }
    }

    pub(super) fn retry(&self) -> Retry {
        match self {
            // Money may come into the wallet; the hold stays until its deadline.
            Self::InsufficientFunds { .. } | Self::TooManyAttempts { .. } => Retry::Later,
            _ => Retry::Never,
        }
    }

    pub(super) fn retry_after_seconds(&self) -> Option<u32> {
        match self {
            Self::TooManyAttempts { retry_after_seconds } => Some(*retry_after_seconds),
            _ => None,
        }
    }
}

/// Minor units, as a shopper cannot mistake them: how many of them make a whole depends on the currency.
fn spelled(money: &Money) -> String {
    format!("{} minor units of {}", money.amount_minor, money.currency)
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}

impl From<No> for Problem {
    fn from(no: No) -> Self {
        match no {
            No::NotFound => Self::not_found("There is no such thing, or it is not yours."),
            No::Invalid { field, rule } => Self::invalid(How::Content, field, rule),
            No::AccountExists => Denied::AccountExists {}.into(),
            No::WrongCredentials => Self::NotSignedIn { why: "This address and this password do not belong together." },
            No::TooManyAttempts { retry_after_seconds } => Denied::TooManyAttempts { retry_after_seconds }.into(),
            No::Busy { retry_after_seconds } => Refusal::Busy { retry_after_seconds }.into(),
            No::Unsettled => crate::claim::BUSY.into(),
            No::HoldExpired { expired_at } => Denied::HoldExpired { expired_at }.into(),
            No::AlreadyPaid => Denied::AlreadyPaid {}.into(),
            No::Released { reason: Reason::Expired } => Denied::HoldExpired { expired_at: None }.into(),
            No::Released { reason } => Denied::OrderReleased { reason }.into(),
            No::InsufficientFunds { balance, needed } => Denied::InsufficientFunds { balance, needed }.into(),
            No::OtherPayment => Denied::PaymentDeclined {}.into(),
            No::NotTheProvider => Self::Forbidden { why: "This is not a message of the payment provider." },
        }
    }
}

#[cfg(test)]
mod tests;
