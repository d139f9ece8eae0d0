//! Every problem there is, made from the code that answers with it: what the document and the reference tell.
//!
//! **What must always hold.** Names, statuses, retries and titles are those of real problems, one sample each; numbers are
//! those of the types that are written. A new problem does not compile until it has a sentence here.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use protocol::Units;
use protocol::order::Reason;
use protocol::refusal::{Limit, Refusal, Retry};
use protocol::sale::Money;
use serde_json::{Map, Value, json};
use utoipa::{PartialSchema as _, ToSchema as _};

use super::{Broken, Denied, How, Problem, Rate, TYPE_BASE};

/// A problem, by name.
pub struct Kind {
    /// What its `type` ends with.
    pub name: &'static str,
    /// For people.
    pub title: &'static str,
    /// When it is told, as a sentence.
    pub about: String,
    /// With which status; more than one only for requests that break a rule.
    pub statuses: BTreeSet<u16>,
    /// Whether sending the same again can help.
    pub retries: BTreeSet<&'static str>,
    /// Whether `Retry-After` says when.
    pub says_when: bool,
    /// One of them, as it is written.
    pub example: Value,
    numbers: Vec<Value>,
}

impl Kind {
    /// The name of its schema.
    #[must_use]
    pub fn schema_name(&self) -> String {
        let word = |word: &str| {
            let mut letters = word.chars();
            letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
        };
        self.name.split('-').map(word).chain(["Problem".to_owned()]).collect()
    }

    /// Its schema: what every problem has, each as it is in this one, and its numbers.
    #[must_use]
    pub fn schema(&self) -> Value {
        let mut properties = json!({
            "type": { "const": format!("{TYPE_BASE}{}", self.name), "description": "Its stable name." },
            "title": { "const": self.title, "description": "The name for people." },
            "detail": { "type": "string", "description": "What happened, as a sentence that a shopper can read." },
            "status": one_of(&self.statuses, "The status of the answer."),
            "retry": one_of(&self.retries, "Whether sending the same request again can help."),
        });
        let mut required: BTreeSet<String> =
            ["type", "title", "detail", "status", "retry"].map(str::to_owned).into_iter().collect();
        // A number that only some of the same name tell is there only sometimes.
        let always = self.numbers.iter().map(|numbers| names(numbers.get("required"))).reduce(|a, b| &a & &b);
        required.extend(always.unwrap_or_default());
        if let Some(properties) = properties.as_object_mut() {
            for more in self.numbers.iter().filter_map(|numbers| numbers.get("properties")?.as_object()) {
                // The plainest sample comes last, the one that says most first: its sentences are kept.
                for (name, schema) in more {
                    properties.entry(name.clone()).or_insert_with(|| schema.clone());
                }
            }
        }
        json!({
            "type": "object", "description": self.about, "properties": properties, "required": required,
            "examples": [self.example],
        })
    }
}

fn one_of<T: serde::Serialize + Ord>(values: &BTreeSet<T>, description: &str) -> Value {
    let first = values.first().filter(|_| values.len() == 1);
    first.map_or_else(
        || json!({ "enum": values, "description": description }),
        |only| json!({ "const": only, "description": description }),
    )
}

fn names(required: Option<&Value>) -> BTreeSet<String> {
    required
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|name| Some(name.as_str()?.to_owned()))
        .collect()
}

/// All of them, by name.
#[must_use]
pub fn kinds() -> Vec<Kind> {
    let (refusals, denials) = (variants(&Refusal::schema()), variants(&Denied::schema()));
    let mut kinds = BTreeMap::<&'static str, Kind>::new();
    for problem in samples() {
        let variant = match &problem {
            Problem::Refused(refusal) => refusals.get(refusal_place(refusal)),
            Problem::Denied(denied) => denials.get(denied_place(denied)),
            _ => None,
        };
        let numbers = match &problem {
            Problem::Invalid(_) => value(&Broken::schema()),
            Problem::RateLimited { .. } => value(&Rate::schema()),
            _ => variant.cloned().unwrap_or_default(),
        };
        let name = problem.name();
        let kind = kinds.entry(name).or_insert_with(|| Kind {
            name,
            title: problem.title(),
            about: about(&problem, variant),
            statuses: BTreeSet::new(),
            retries: BTreeSet::new(),
            says_when: problem.retry_after_seconds().is_some(),
            example: written(&problem),
            numbers: Vec::new(),
        });
        kind.statuses.insert(problem.status().as_u16());
        kind.retries.insert(match problem.retry() {
            Retry::Never => "never",
            Retry::Later => "later",
            Retry::Now => "now",
        });
        kind.numbers.push(numbers);
    }
    kinds.into_values().collect()
}

/// Schemas that those of the problems' numbers name.
#[must_use]
pub fn schemas() -> Map<String, Value> {
    let mut named = Vec::new();
    Refusal::schemas(&mut named);
    Denied::schemas(&mut named);
    named.into_iter().map(|(name, schema)| (name, value(&schema))).collect()
}

/// Which statuses a request that breaks a rule can get: of any request, of one with parameters, with a body, with JSON.
#[must_use]
pub fn invalid(parameters: bool, body: bool, json: bool) -> BTreeSet<u16> {
    let ways = [
        (true, How::Headers),
        (parameters || body, How::Content),
        (body, How::Unreadable),
        (body, How::Slow),
        (body, How::TooLarge),
        (json, How::OtherType),
    ];
    let possible = ways.into_iter().filter(|(possible, _)| *possible);
    possible.map(|(_, how)| Problem::invalid(how, "", "").status().as_u16()).collect()
}

/// One of each, and one more for each further status or retry of the same name.
#[must_use]
pub fn samples() -> Vec<Problem> {
    let (at, three, one) = (Timestamp::constant(1_800_000_000, 0), Units(3), Units(1));
    let euros = |amount_minor| Money { amount_minor, currency: "EUR".to_owned() };
    let limits = [
        Limit::Item { limit: Units(2), asked: one, has: Units(2) },
        Limit::Order { limit: Units(2), asked: three },
        Limit::Sale { limit: Units(4), asked: three, has: Units(2) },
        Limit::Orders { limit: 64 },
    ];
    let refusals = [
        Refusal::NotOpenYet { opens_at: at },
        Refusal::SaleClosed { closed_at: Some(at) },
        Refusal::SalePaused { retry_after_seconds: 10 },
        Refusal::SoldOut {},
        Refusal::AllUnitsHeld { held: three, next_expiry: Some(at), retry_after_seconds: 5 },
        Refusal::FewerLeft { left: one, asked: three },
        Refusal::Busy { retry_after_seconds: 1 },
        Refusal::IdempotencyKeyReused {},
    ];
    let limits = limits.map(|limit| Refusal::LimitReached { limit });
    let denials = [
        Denied::HoldExpired { expired_at: Some(at) },
        Denied::AlreadyPaid {},
        Denied::OrderReleased { reason: Reason::Cancelled },
        Denied::InsufficientFunds { balance: euros(500), needed: euros(12_900) },
        Denied::PaymentDeclined {},
        Denied::AccountExists {},
    ];
    let invalid = |how| Problem::invalid(how, "quantity", "it must be a whole number of at least 1");
    let others = [
        Problem::NotSignedIn { why: "Sign in first." },
        Problem::Forbidden { why: "This is for merchants." },
        Problem::not_found("There is no such sale."),
        Problem::NotFound { why: "You have no such order.", retry: Retry::Now },
        Problem::MethodNotAllowed,
        Problem::KeyRequired,
        invalid(How::Content),
        invalid(How::Unreadable),
        invalid(How::Slow),
        invalid(How::TooLarge),
        invalid(How::OtherType),
        invalid(How::Headers),
        Problem::RateLimited { limit: 10, window_seconds: 60, retry_after_seconds: 6 },
        Denied::TooManyAttempts { retry_after_seconds: 30 }.into(),
        Problem::TimedOut,
        Problem::Internal,
    ];
    let refusals = refusals.into_iter().chain(limits).map(Problem::from);
    refusals.chain(denials.into_iter().map(Problem::from)).chain(others).collect()
}

/// As it goes over the wire.
#[must_use]
pub fn written(problem: &Problem) -> Value {
    serde_json::from_slice(&problem.encode()).unwrap_or_default()
}

fn about(problem: &Problem, variant: Option<&Value>) -> String {
    let text = match problem {
        Problem::Refused(_) | Problem::Denied(_) => {
            return variant.and_then(|variant| variant.get("description")?.as_str()).unwrap_or_default().to_owned();
        }
        Problem::NotSignedIn { .. } => "Nobody is signed in, or the session is not good any more.",
        Problem::Forbidden { .. } => "Somebody is signed in and may not do this, or another site's page asks.",
        Problem::NotFound { .. } => {
            "There is no such thing, or it is somebody else's. `now` where it may be about to be there: a claim may be \
             under way."
        }
        Problem::MethodNotAllowed => "This address does not take this method; `Allow` says which.",
        Problem::KeyRequired => "The request moves something and has no idempotency key.",
        Problem::Invalid(_) => "The request breaks a rule, which is named.",
        Problem::RateLimited { .. } => {
            "Too many requests of this customer or address, or too many attempts to sign in."
        }
        Problem::TimedOut => "No answer within ten seconds: what was under way may still happen.",
        Problem::Internal => "A fault of ours: what was under way may still happen.",
    };
    text.to_owned()
}

/// Where the schema of its variant is.
fn refusal_place(refusal: &Refusal) -> usize {
    match refusal {
        Refusal::NotOpenYet { .. } => 0,
        Refusal::SaleClosed { .. } => 1,
        Refusal::SalePaused { .. } => 2,
        Refusal::SoldOut {} => 3,
        Refusal::AllUnitsHeld { .. } => 4,
        Refusal::FewerLeft { .. } => 5,
        Refusal::LimitReached { .. } => 6,
        Refusal::Busy { .. } => 7,
        Refusal::IdempotencyKeyReused {} => 8,
    }
}

/// Where the schema of its variant is.
fn denied_place(denied: &Denied) -> usize {
    match denied {
        Denied::HoldExpired { .. } => 0,
        Denied::AlreadyPaid {} => 1,
        Denied::OrderReleased { .. } => 2,
        Denied::InsufficientFunds { .. } => 3,
        Denied::PaymentDeclined {} => 4,
        Denied::AccountExists {} => 5,
        Denied::TooManyAttempts { .. } => 6,
    }
}

fn value(schema: &impl serde::Serialize) -> Value {
    serde_json::to_value(schema).unwrap_or_default()
}

/// The variants of an enum in the order of the code, their fields spelled as they are written.
fn variants(schema: &impl serde::Serialize) -> Vec<Value> {
    let Some(Value::Array(mut variants)) = value(schema).get_mut("oneOf").map(Value::take) else { return Vec::new() };
    for variant in &mut variants {
        if let Some(Value::Object(properties)) = variant.get_mut("properties") {
            *properties = std::mem::take(properties).into_iter().map(|(name, of)| (camel(&name), of)).collect();
        }
        if let Some(Value::Array(required)) = variant.get_mut("required") {
            *required = required.iter().filter_map(Value::as_str).map(|name| camel(name).into()).collect();
        }
    }
    variants
}

fn camel(name: &str) -> String {
    let mut up = false;
    let letters = name.chars().filter_map(|letter| {
        let spelled = (letter != '_').then(|| if up { letter.to_ascii_uppercase() } else { letter });
        up = letter == '_';
        spelled
    });
    letters.collect()
}

#[cfg(test)]
mod tests;
