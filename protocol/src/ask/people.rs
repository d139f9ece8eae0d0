//! Questions about accounts.
//!
//! Passwords travel from the edge to the ledger and are neither kept nor printed on the way: [`Password`] has no other
//! text than dots.

use core::net::IpAddr;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Ask, Verb};
use crate::id::CustomerId;
use crate::wire::Value;

/// Who identifies people that only we know: those with a password of ours, and those whom a command makes a session for.
/// Their subject is their address in small letters, or the name that the command was given.
pub const OWN_ISSUER: &str = "sluice";
/// Longest password, in characters.
pub const PASSWORD_CHARACTERS_MAX: usize = 128;
/// Shortest password, in characters (NIST SP 800-63B asks for 8 at least).
pub const PASSWORD_CHARACTERS_MIN: usize = 8;
/// Longest e-mail address, in bytes (RFC 5321 allows 254).
pub const EMAIL_BYTES_MAX: usize = 254;
/// Longest name for people, in characters.
pub const NAME_CHARACTERS_MAX: usize = 100;

/// A password on its way to where it is hashed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Password(pub String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// Somebody whom the ledger knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Person {
    /// Whom orders and wallets belong to.
    pub customer: CustomerId,
    /// Where to reach them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// What to call them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether they may refund orders and see totals.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub merchant: bool,
}

/// Makes an account with a password. Registering twice with the same password is one account.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Register {
    /// What they sign in with; compared without regard to case.
    pub email: String,
    /// Proves who they are from now on.
    pub password: Password,
    /// What to call them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The address that they come from, for limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<IpAddr>,
}

/// Proves who somebody is by a password.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignIn {
    /// As registered; compared without regard to case.
    pub email: String,
    /// As registered.
    pub password: Password,
    /// The address that they come from, for limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<IpAddr>,
}

/// Somebody whom another issuer has identified, as the edge has verified.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Exchange {
    /// Who says so.
    pub issuer: String,
    /// What it calls them.
    pub subject: String,
    /// Where to reach them, if it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// What to call them, if it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Who a customer is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// Of whom.
    pub customer: CustomerId,
}

macro_rules! ask {
    ($question:ident, $verb:ident, $answer:ty, $what:literal) => {
        impl Value for $question {
            const WHAT: &'static str = $what;
        }

        impl Ask for $question {
            type Answer = $answer;
            const VERB: Verb = Verb::$verb;
        }
    };
}
pub(super) use ask;

ask!(Register, Register, Person, "registration");
ask!(SignIn, SignIn, Person, "sign-in");
ask!(Exchange, Exchange, Person, "exchange of an identity");
ask!(Profile, Profile, Person, "question for a profile");
