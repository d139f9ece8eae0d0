//! What every body passes before anybody looks at its content: type, size and time.
//!
//! **What must always hold.** A body that is too large is refused before it is read, one that comes slowly after
//! [`BODY_WITHIN`], one of another type at once. A wrong one is told which field breaks which rule, and never more of what
//! was sent than the name of a field.

use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::problem::{How, Problem};

/// Most bytes of a body.
pub const BODY_BYTES_MAX: usize = 8 * 1_024;
/// How long a body may take to arrive. A claim begins after it and needs most of the request's bound.
pub const BODY_WITHIN: Duration = Duration::from_secs(5);
/// Longest name of an unknown field that is repeated to whoever sent it.
const NAME_LENGTH_MAX: usize = 40;

/// The shape of a body: a flat object.
pub trait Form: DeserializeOwned {
    /// Its fields.
    const FIELDS: &'static [Field];
}

/// A field of a form.
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Whether a form is one without it.
    pub required: bool,
    /// What it may hold.
    pub kind: Kind,
}

/// What a field may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A text.
    Text,
    /// Yes or no.
    Flag,
}

impl Kind {
    fn rule(self) -> &'static str {
        match self {
            Self::Text => "it must be a text",
            Self::Flag => "it must be true or false",
        }
    }

    fn fits(self, value: &Value) -> bool {
        match self {
            Self::Text => value.is_string(),
            Self::Flag => value.is_boolean(),
        }
    }
}

/// Reads a form.
///
/// # Errors
/// An invalid request, naming field and rule.
pub async fn form<F: Form>(headers: &HeaderMap, body: Body) -> Result<F, Problem> {
    parse(&json(headers, body).await?)
}

/// The bytes of a body that says it is JSON.
///
/// # Errors
/// An invalid request.
pub async fn json(headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
    if !is_json(headers) {
        return Err(Problem::invalid(How::OtherType, "Content-Type", "it must be application/json"));
    }
    raw(body).await
}

/// The bytes of a body, whatever it is.
///
/// # Errors
/// An invalid request.
pub async fn raw(body: Body) -> Result<Bytes, Problem> {
    let slow = |_| Problem::invalid(How::Slow, "body", format!("it must arrive within {} s", BODY_WITHIN.as_secs()));
    tokio::time::timeout(BODY_WITHIN, collect(body)).await.map_err(slow)?
}

/// Makes sure that nothing was sent: a request that has all it needs in its address takes no wishes.
///
/// # Errors
/// An invalid request.
pub async fn none(body: Body) -> Result<(), Problem> {
    if raw(body).await?.is_empty() {
        return Ok(());
    }
    Err(Problem::invalid(How::Content, "body", "there must be none: the address says everything"))
}

fn is_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let (Some(first), None) = (types.next(), types.next()) else { return false };
    let Ok(text) = first.to_str() else { return false };
    let (kind, parameters) = text.split_once(';').map_or((text, None), |(kind, rest)| (kind, Some(rest)));
    // JSON is UTF-8; whoever says anything else means something else.
    let utf8 = |rest: &str| rest.trim().eq_ignore_ascii_case("charset=utf-8");
    kind.trim().eq_ignore_ascii_case("application/json") && parameters.is_none_or(utf8)
}

async fn collect(mut body: Body) -> Result<Bytes, Problem> {
    let too_large = || Problem::invalid(How::TooLarge, "body", format!("at most {BODY_BYTES_MAX} bytes are taken"));
    // Said beforehand: nothing needs to be read. What is on its way all the same, the shell throws away.
    if body.size_hint().lower() > BODY_BYTES_MAX as u64 {
        return Err(too_large());
    }
    let mut first = Bytes::new();
    let mut more = BytesMut::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let unreadable = |_| Problem::invalid(How::Unreadable, "body", "it must arrive completely");
        let Ok(data) = frame.map_err(unreadable)?.into_data() else { continue };
        length += data.len();
        if length > BODY_BYTES_MAX {
            return Err(too_large());
        }
        // Nearly every body is one piece, which is kept as it came.
        if length == data.len() {
            first = data;
        } else {
            if more.is_empty() {
                more.extend_from_slice(&first);
            }
            more.extend_from_slice(&data);
        }
    }
    Ok(if more.is_empty() { first } else { more.freeze() })
}

/// The object that a wrong body may be.
///
/// # Errors
/// It is none, or no JSON at all; `expected` says what it should have held.
pub fn object(bytes: &[u8], expected: &str) -> Result<Map<String, Value>, Problem> {
    let Ok(value) = serde_json::from_slice::<Value>(bytes) else {
        return Err(Problem::invalid(How::Unreadable, "body", "it must be JSON"));
    };
    let Value::Object(fields) = value else {
        return Err(Problem::invalid(How::Content, "body", format!("it must be an object with {expected}")));
    };
    Ok(fields)
}

/// The first field that nobody asked for, as a problem.
#[must_use]
pub fn unknown(fields: &Map<String, Value>, known: impl Fn(&str) -> bool, expected: &str) -> Option<Problem> {
    let name: String = fields.keys().find(|name| !known(name))?.chars().take(NAME_LENGTH_MAX).collect();
    Some(Problem::invalid(How::Content, name, format!("there is no such field, only {expected}")))
}

fn parse<F: Form>(bytes: &[u8]) -> Result<F, Problem> {
    serde_json::from_slice(bytes).map_err(|_| explain::<F>(bytes))
}

/// Which field of a wrong body breaks which rule.
fn explain<F: Form>(bytes: &[u8]) -> Problem {
    let names: Vec<&str> = F::FIELDS.iter().map(|field| field.name).collect();
    let expected = names.join(", ");
    let fields = match object(bytes, &expected) {
        Ok(fields) => fields,
        Err(none) => return none,
    };
    if let Some(unknown) = unknown(&fields, |name| names.contains(&name), &expected) {
        return unknown;
    }
    let wrong = F::FIELDS.iter().find(|field| match fields.get(field.name) {
        None | Some(Value::Null) => field.required,
        Some(value) => !field.kind.fits(value),
    });
    match wrong {
        Some(field) => Problem::invalid(How::Content, field.name, field.kind.rule()),
        None => Problem::invalid(How::Content, "body", "each field may be given once"),
    }
}

#[cfg(test)]
mod tests;
