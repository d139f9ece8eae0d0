//! What stands behind the question mark.

use axum::extract::Query;
use axum::http::Uri;
use serde::de::DeserializeOwned;

use crate::problem::{How, Problem};

/// Most that a page holds when nobody says how many.
const PAGE_DEFAULT: u16 = 20;
/// Longest cursor that is carried to the ledger.
const CURSOR_BYTES_MAX: usize = 200;

/// Reads it.
///
/// # Errors
/// An invalid request: an unknown field, one twice, or one that holds something else.
pub fn read<T: DeserializeOwned>(uri: &Uri, rule: &'static str) -> Result<T, Problem> {
    Query::try_from_uri(uri).map(|Query(query)| query).map_err(|_| Problem::invalid(How::Content, "query", rule))
}

/// How many things a page may hold, of at most `most`.
///
/// # Errors
/// An invalid request.
pub fn limit(asked: Option<u16>, most: u16) -> Result<u16, Problem> {
    match asked {
        None => Ok(PAGE_DEFAULT.min(most)),
        Some(limit) if (1..=most).contains(&limit) => Ok(limit),
        Some(_) => Err(Problem::invalid(How::Content, "limit", format!("it must be from 1 to {most}"))),
    }
}

/// A whole number that a field holds, for those who name the field that holds none.
///
/// # Errors
/// An invalid request.
pub fn number(text: &str, field: &'static str, most: u16) -> Result<u16, Problem> {
    text.parse().map_err(|_| Problem::invalid(How::Content, field, format!("it must be from 1 to {most}")))
}

/// A cursor that may be one.
///
/// # Errors
/// An invalid request.
pub fn cursor(asked: Option<String>) -> Result<Option<String>, Problem> {
    if asked.as_ref().is_some_and(|cursor| cursor.len() > CURSOR_BYTES_MAX || !cursor.is_ascii()) {
        return Err(Problem::invalid(How::Content, "cursor", "it must be one that an earlier page told"));
    }
    Ok(asked)
}
