//! What a browser keeps for us.
//!
//! **What must always hold.** The prefix `__Host-` makes browsers insist on TLS, on our own host and on the whole of it; no
//! script can read it; other sites' pages send it only by a link that is followed.

use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use jiff::SignedDuration;

/// A session.
pub const SESSION: &str = "__Host-sluice";
/// What was begun with an issuer, until the browser comes back from it.
pub const SIGNING_IN: &str = "__Host-sluice-oidc";

/// The only value of a cookie that was sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// It was not.
    Absent,
    /// It was.
    Once(&'a str),
    /// More than once: whichever we took, somebody in front of us may have taken the other.
    Twice,
}

pub(super) fn find<'a>(headers: &'a HeaderMap, name: &str) -> Value<'a> {
    // By bytes: other cookies of the same line may hold anything, and are none of our business.
    let pairs = headers.get_all(COOKIE).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    let mut found = pairs.filter_map(|pair| pair.trim_ascii_start().strip_prefix(name.as_bytes())?.strip_prefix(b"="));
    match (found.next(), found.next()) {
        (None, _) => Value::Absent,
        // What is no text is no value of ours, and refused like any other.
        (Some(value), None) => Value::Once(std::str::from_utf8(value.trim_ascii_end()).unwrap_or("?")),
        (Some(_), Some(_)) => Value::Twice,
    }
}

/// The value of a cookie that was sent once.
#[must_use]
pub fn value<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    match find(headers, name) {
        Value::Once(value) => Some(value),
        Value::Absent | Value::Twice => None,
    }
}

/// Asks the browser to keep this for so long. `value` is a token of ours and needs no quoting.
pub fn keep(response: &mut Response, name: &str, value: &str, life: SignedDuration) {
    set(response, name, value, life.as_secs().max(0));
}

/// Asks the browser to forget it.
pub fn forget(response: &mut Response, name: &str) {
    set(response, name, "", 0);
}

fn set(response: &mut Response, name: &str, value: &str, seconds: i64) {
    let cookie = format!("{name}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
}

#[cfg(test)]
mod tests;
