//! What an edge asks the ledger, over NATS request-reply.
//!
//! **What it is for.** Edges hold no database connection. Whatever only Postgres knows (who somebody is, what is in a
//! wallet, what was ordered in sales that are gone) is asked; so is what only the ledger may do (take money, give it
//! back). A ledger that is away costs these and nothing else: browsing and claiming never ask.
//!
//! **What must always hold.** Every question can be asked again: the same question comes to the same end. An edge names
//! customers from verified sessions only; the ledger trusts edges with that, as it trusts them with orders.
//!
//! | module | questions about |
//! | --- | --- |
//! | [`people`] | accounts: register, sign in, who is that |
//! | [`money`] | wallets, payments, refunds, what a payment provider says |
//! | [`history`] | orders of all sales, and of sales whose streams are gone |
//! | [`statement`] | what came of a sale, for merchants |

pub mod history;
pub mod money;
pub mod people;
pub mod statement;

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::wire::Value;

/// A question and the type of its answer.
pub trait Ask: Value {
    /// The answer when it is not a [`No`].
    type Answer: Serialize + serde::de::DeserializeOwned;
    /// The last part of the subject that it is asked under.
    const VERB: Verb;
}

/// Every question there is: one subject each, so that rights, roles and counts can be told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verb {
    /// [`people::Register`].
    Register,
    /// [`people::SignIn`].
    SignIn,
    /// [`people::Exchange`].
    Exchange,
    /// [`people::Profile`].
    Profile,
    /// [`money::Wallets`].
    Wallets,
    /// [`money::Entries`].
    Entries,
    /// [`money::Pay`].
    Pay,
    /// [`money::Refund`].
    Refund,
    /// [`money::Callback`].
    Callback,
    /// [`history::Orders`].
    Orders,
    /// [`history::OneOrder`].
    OneOrder,
    /// [`statement::Statement`].
    Statement,
    /// [`statement::SaleOrders`].
    SaleOrders,
    /// [`statement::Sheet`].
    Sheet,
}

impl Verb {
    /// Every question.
    pub const ALL: [Self; 14] = [
        Self::Register,
        Self::SignIn,
        Self::Exchange,
        Self::Profile,
        Self::Wallets,
        Self::Entries,
        Self::Pay,
        Self::Refund,
        Self::Callback,
        Self::Orders,
        Self::OneOrder,
        Self::Statement,
        Self::SaleOrders,
        Self::Sheet,
    ];

    /// How long whoever asks waits for the answer. Longer where a password is hashed, because sign-ins queue at the start of
    /// a sale; longest where every order of a sale is read, and still within what an edge gives a request.
    #[must_use]
    pub fn patience(self) -> Duration {
        match self {
            Self::Register | Self::SignIn | Self::SaleOrders => Duration::from_secs(5),
            Self::Statement | Self::Sheet => Duration::from_secs(9),
            _ => Duration::from_secs(2),
        }
    }

    /// As subjects and metrics spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::SignIn => "sign-in",
            Self::Exchange => "exchange",
            Self::Profile => "profile",
            Self::Wallets => "wallets",
            Self::Entries => "entries",
            Self::Pay => "pay",
            Self::Refund => "refund",
            Self::Callback => "callback",
            Self::Orders => "orders",
            Self::OneOrder => "one-order",
            Self::Statement => "statement",
            Self::SaleOrders => "sale-orders",
            Self::Sheet => "sheet",
        }
    }
}

/// What comes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
// Tag and content beside the version, which every value carries: a tag around the content would have to be alone.
#[serde(tag = "reply", content = "content", rename_all = "kebab-case")]
pub enum Reply<T> {
    /// The answer.
    Yes(T),
    /// A named no.
    No(No),
}

impl<T: Serialize + serde::de::DeserializeOwned> Value for Reply<T> {
    const WHAT: &'static str = "answer of the ledger";
}

impl<T> From<Result<T, No>> for Reply<T> {
    fn from(result: Result<T, No>) -> Self {
        result.map_or_else(Self::No, Self::Yes)
    }
}

impl<T> From<Reply<T>> for Result<T, No> {
    fn from(reply: Reply<T>) -> Self {
        match reply {
            Reply::Yes(answer) => Ok(answer),
            Reply::No(no) => Err(no),
        }
    }
}

/// Why not, with its numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "no", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum No {
    /// There is no such thing, or it is somebody else's.
    NotFound,
    /// The question breaks a rule.
    Invalid {
        /// Which part of it.
        field: String,
        /// The rule, as a sentence without its full stop.
        rule: String,
    },
    /// Somebody has registered under this address already.
    AccountExists,
    /// Address and password do not belong together; which of them is wrong is not told.
    WrongCredentials,
    /// Too many attempts for this address, or from this source.
    TooManyAttempts {
        /// When the next one is looked at.
        retry_after_seconds: u32,
    },
    /// Nothing was done by this attempt; it says nothing about earlier ones.
    Busy {
        /// When to ask again.
        retry_after_seconds: u32,
    },
    /// It was begun and nobody knows its end yet; asking again is safe.
    Unsettled,
    /// The order's time to be paid is over.
    HoldExpired {
        /// When it was.
        expired_at: Option<Timestamp>,
    },
    /// The order is paid, or needed no payment.
    AlreadyPaid,
    /// The customer gave the order back, or a merchant did.
    Released {
        /// Which of these.
        reason: crate::order::Reason,
    },
    /// The wallet does not hold enough.
    InsufficientFunds {
        /// What it holds.
        balance: crate::sale::Money,
        /// What is needed.
        needed: crate::sale::Money,
    },
    /// The sale is paid in another way.
    OtherPayment,
    /// Whoever claims to be the payment provider is not, or repeats something old.
    NotTheProvider,
}

#[cfg(test)]
mod tests;
