//! What a payment provider says, and that it is the provider who says it.
//!
//! **What must always hold.** Nothing of a report is looked at before its signature is verified: HMAC-SHA256, with a key
//! that only the provider and the ledger have, over the time and the body as they came. A report is good for five minutes;
//! within them the same one again makes nothing new, because its reference names one payment.

use jiff::Timestamp;
use protocol::OrderId;
use protocol::ask::No;
use protocol::ask::money::Callback;
use protocol::sale::Money;
use runtime::args::{SecretError, SecretFile};
use secrecy::SecretString;
use serde::Deserialize;
use uuid::Uuid;

use crate::answer::{busy, invalid};
use crate::signature::{Keys, verify};

/// How far a report's time may be from ours, in seconds.
const WINDOW_SECONDS: i64 = 300;
/// Longest reference of a provider, in bytes.
const REFERENCE_BYTES_MAX: usize = 200;

/// The provider, as far as we can tell: who has one of its keys.
#[derive(Clone)]
pub struct Provider {
    keys: Keys,
}

/// What it reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Which order was to be paid.
    pub order: OrderId,
    /// What the provider calls this attempt.
    pub reference: String,
    /// Whether money was taken.
    pub succeeded: bool,
    /// How much.
    pub amount: Money,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Body {
    order: Uuid,
    reference: String,
    status: Status,
    amount_minor: i64,
    currency: String,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Status {
    Succeeded,
    Failed,
}

impl Provider {
    /// Whoever signs with one of these keys; two while they are rotated.
    #[must_use]
    pub fn new(keys: Vec<SecretString>) -> Self {
        Self { keys: Keys::Known(keys) }
    }

    /// Whoever signs with what is in these files at the time; with `dev`, keys that everybody knows are taken.
    ///
    /// # Errors
    /// When one cannot be used now.
    pub fn of_files(files: Vec<SecretFile>, dev: bool) -> Result<Self, SecretError> {
        Ok(Self { keys: Keys::of_files(files, dev)? })
    }

    /// What it says.
    ///
    /// # Errors
    /// [`No::NotTheProvider`] for whatever it did not sign, or signed long ago; [`No::Invalid`] for what is no report.
    pub fn read(&self, callback: &Callback, now: Timestamp) -> Result<Report, No> {
        let Callback { body, timestamp, signature } = callback;
        let keys = self.keys.read().map_err(|error| {
            tracing::error!("the payment provider cannot be told from others: {error}");
            busy()
        })?;
        let signed = verify(&keys, timestamp, body.as_bytes(), signature);
        let at: i64 = timestamp.parse().map_err(|_| No::NotTheProvider)?;
        let fresh = at.checked_sub(now.as_second()).is_some_and(|apart| apart.abs() <= WINDOW_SECONDS);
        if !signed || !fresh {
            return Err(No::NotTheProvider);
        }
        let body: Body = serde_json::from_str(body).map_err(|error| invalid("body", error.to_string()))?;
        if body.reference.is_empty() || body.reference.len() > REFERENCE_BYTES_MAX {
            return Err(invalid("reference", format!("it has 1 to {REFERENCE_BYTES_MAX} bytes")));
        }
        if body.amount_minor < 0 {
            return Err(invalid("amountMinor", "it cannot be negative"));
        }
        if body.currency.len() != 3 || !body.currency.bytes().all(|b| b.is_ascii_uppercase()) {
            return Err(invalid("currency", "it has three capitals (ISO 4217)"));
        }
        let amount = Money { amount_minor: body.amount_minor, currency: body.currency };
        let succeeded = body.status == Status::Succeeded;
        Ok(Report { order: OrderId(body.order), reference: body.reference, succeeded, amount })
    }
}

#[cfg(test)]
mod tests;
