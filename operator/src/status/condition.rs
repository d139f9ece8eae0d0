//! Conditions as the Kubernetes conventions have them.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

/// Longest message; the API server takes 32,768.
const MESSAGE_CHARS_MAX: usize = 2_000;

/// The conditions of a sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What spec and time ask for is in force.
    Ready,
    /// Streams, buckets and definition are there.
    Provisioned,
    /// The stock is what was asked for.
    SupplyApplied,
    /// The storage survives what the sale asks for.
    Durable,
    /// Both sides of the books balance and agree.
    StockConserved,
    /// Postgres follows the stream.
    LedgerInSync,
    /// No unit is left, and none may come back by itself.
    SoldOut,
    /// No claims are taken until resumed.
    Paused,
    /// Over, and the books are closed.
    Completed,
}

impl Kind {
    /// All of them, as they are shown.
    pub const ALL: [Self; 9] = [
        Self::Ready,
        Self::Provisioned,
        Self::SupplyApplied,
        Self::Durable,
        Self::StockConserved,
        Self::LedgerInSync,
        Self::SoldOut,
        Self::Paused,
        Self::Completed,
    ];

    /// Its `type`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Provisioned => "Provisioned",
            Self::SupplyApplied => "SupplyApplied",
            Self::Durable => "Durable",
            Self::StockConserved => "StockConserved",
            Self::LedgerInSync => "LedgerInSync",
            Self::SoldOut => "SoldOut",
            Self::Paused => "Paused",
            Self::Completed => "Completed",
        }
    }
}

/// What is known of a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// `True`, `False` or `Unknown`.
    pub status: &'static str,
    /// One word for machines.
    pub reason: String,
    /// One sentence for people.
    pub message: String,
}

impl Known {
    /// What a condition says; nothing when its status is none.
    #[must_use]
    pub fn of(condition: &Condition) -> Option<Self> {
        let status = ["True", "False", "Unknown"].into_iter().find(|status| *status == condition.status)?;
        Some(Self { status, reason: condition.reason.clone(), message: condition.message.clone() })
    }
}

pub(crate) fn yes(reason: impl Into<String>, message: impl Into<String>) -> Known {
    Known { status: "True", reason: reason.into(), message: message.into() }
}

pub(crate) fn no(reason: impl Into<String>, message: impl Into<String>) -> Known {
    Known { status: "False", reason: reason.into(), message: message.into() }
}

pub(crate) fn unknown(reason: impl Into<String>, message: impl Into<String>) -> Known {
    Known { status: "Unknown", reason: reason.into(), message: message.into() }
}

/// The condition of this kind.
#[must_use]
pub fn of(conditions: &[Condition], kind: Kind) -> Option<&Condition> {
    conditions.iter().find(|condition| condition.type_ == kind.name())
}

/// Sets a condition; the time of its last transition moves only with its status.
pub fn set(conditions: &mut Vec<Condition>, kind: Kind, known: Known, generation: i64, now: Timestamp) {
    let since =
        of(conditions, kind).filter(|old| old.status == known.status).map(|old| old.last_transition_time.clone());
    let mut message = known.message;
    message.truncate(message.char_indices().nth(MESSAGE_CHARS_MAX).map_or(message.len(), |(at, _)| at));
    let condition = Condition {
        type_: kind.name().to_owned(),
        status: known.status.to_owned(),
        reason: known.reason,
        message,
        observed_generation: Some(generation),
        last_transition_time: since.unwrap_or_else(|| Time(Timestamp::from_second(now.as_second()).unwrap_or(now))),
    };
    match conditions.iter_mut().find(|condition| condition.type_ == kind.name()) {
        Some(old) => *old = condition,
        None => conditions.push(condition),
    }
}
