//! What somebody wants, read from a body that may hold anything.
//!
//! **What it costs.** A body of the usual 40 bytes is read in place. Only a wrong one is parsed a second time, to say which
//! field breaks which rule.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::HeaderMap;
use protocol::{Sku, Units};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::problem::{How, Problem};
use crate::routes::body;

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
    parse(&body::json(headers, body).await?)
}

/// What somebody wants.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Claim)]
pub(super) struct Fields<'a> {
    /// Of which item.
    #[serde(borrow)]
    #[schema(value_type = Sku)]
    sku: Cow<'a, str>,
    /// How many units of it.
    #[schema(minimum = 1, examples(1))]
    quantity: u32,
}

fn parse(bytes: &[u8]) -> Result<Wish, Problem> {
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
    const EXPECTED: &str = "sku and quantity";
    let fields = match body::object(bytes, EXPECTED) {
        Ok(fields) => fields,
        Err(none) => return none,
    };
    if let Some(unknown) = body::unknown(&fields, |name| matches!(name, "sku" | "quantity"), EXPECTED) {
        return unknown;
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
