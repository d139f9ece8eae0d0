//! What somebody wants, read from a body that may hold anything.
//!
//! **What it costs.** A body of the usual 40 bytes is read in place. Only a wrong one is parsed a second time, to say which
//! field breaks which rule.

use std::borrow::Cow;
use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use protocol::{Sku, Units};
use serde::Deserialize;
use serde_json::Value;

use crate::problem::{How, Problem};

/// Most bytes of a body.
pub const BODY_BYTES_MAX: usize = 8 * 1_024;
/// How long a body may take to arrive. A claim begins after it and needs most of the request's bound.
pub const BODY_WITHIN: Duration = Duration::from_secs(5);

/// An item and how many units of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Of which item.
    pub sku: Sku,
    /// How many units, at least 1.
    pub quantity: Units,
}

/// Reads a wish.
///
/// # Errors
/// An invalid request, naming field and rule.
pub async fn read(headers: &HeaderMap, body: Body) -> Result<Wish, Problem> {
    if !is_json(headers) {
        return Err(Problem::invalid(How::OtherType, "Content-Type", "it must be application/json"));
    }
    let slow = |_| Problem::invalid(How::Slow, "body", format!("it must arrive within {} s", BODY_WITHIN.as_secs()));
    let bytes = tokio::time::timeout(BODY_WITHIN, collect(body)).await.map_err(slow)??;
    parse(&bytes)
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

fn parse(bytes: &[u8]) -> Result<Wish, Problem> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Fields<'a> {
        #[serde(borrow)]
        sku: Cow<'a, str>,
        quantity: u32,
    }
    let Ok(fields) = serde_json::from_slice::<Fields<'_>>(bytes) else { return Err(explain(bytes)) };
    let sku = Sku::parse(&fields.sku).map_err(|_| sku_rule())?;
    if fields.quantity == 0 {
        return Err(quantity_rule());
    }
    Ok(Wish { sku, quantity: Units(fields.quantity) })
}

fn sku_rule() -> Problem {
    Problem::invalid(How::Content, "sku", "it must be a text of 1 to 40 letters, digits, dashes or underscores")
}

fn quantity_rule() -> Problem {
    Problem::invalid(How::Content, "quantity", "it must be a whole number of at least 1")
}

/// Which field of a wrong body breaks which rule.
fn explain(bytes: &[u8]) -> Problem {
    /// Longest name of an unknown field that is repeated to whoever sent it.
    const NAME_LENGTH_MAX: usize = 40;
    let Ok(value) = serde_json::from_slice::<Value>(bytes) else {
        return Problem::invalid(How::Unreadable, "body", "it must be JSON");
    };
    let Value::Object(fields) = value else {
        return Problem::invalid(How::Content, "body", "it must be an object with sku and quantity");
    };
    if let Some(unknown) = fields.keys().find(|name| !matches!(name.as_str(), "sku" | "quantity")) {
        let name: String = unknown.chars().take(NAME_LENGTH_MAX).collect();
        return Problem::invalid(How::Content, name, "there is no such field, only sku and quantity");
    }
    match (fields.get("sku"), fields.get("quantity")) {
        (Some(Value::String(_)), Some(Value::Number(quantity))) if quantity.as_u64().is_some_and(is_units) => {
            Problem::invalid(How::Content, "body", "each field may be given once")
        }
        (Some(Value::String(_)), _) => quantity_rule(),
        _ => sku_rule(),
    }
}

fn is_units(quantity: u64) -> bool {
    u32::try_from(quantity).is_ok()
}

#[cfg(test)]
mod tests;
