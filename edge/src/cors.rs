//! Which other sites' pages may use the API.
//!
//! **What must always hold.** None, unless it is listed: an answer carries no permission for an origin that is not, and
//! never one for all. A listed one may send its cookies.
//!
//! **What is deliberately absent.** Patterns: an origin is written out, or it is not listed.

use std::str::FromStr;

use axum::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD,
    ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Method};

/// What a page may send.
const HEADERS: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, idempotency-key, if-none-match, last-event-id, sluice-customer, traceparent, \
     x-request-id",
);
/// How a page may ask.
const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, DELETE");
/// What a page may read beyond the body.
const EXPOSED: HeaderValue =
    HeaderValue::from_static("etag, location, ratelimit, ratelimit-policy, retry-after, x-request-id");
/// How long a browser may remember the answer, in seconds.
const REMEMBERED: HeaderValue = HeaderValue::from_static("600");

/// Scheme, host and, unless it is the usual one, port of a site, as browsers spell them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(HeaderValue);

/// A text is no origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an origin such as https://shop.example")]
pub struct NotAnOrigin(String);

impl FromStr for Origin {
    type Err = NotAnOrigin;

    fn from_str(text: &str) -> Result<Self, NotAnOrigin> {
        let wrong = || NotAnOrigin(text.to_owned());
        let (scheme, host) = text.split_once("://").ok_or_else(wrong)?;
        let plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || ".-:[]".contains(letter);
        if !matches!(scheme, "http" | "https") || host.is_empty() || !host.chars().all(plain) {
            return Err(wrong());
        }
        HeaderValue::from_str(text).map(Self).map_err(|_| wrong())
    }
}

/// The sites that are listed.
#[derive(Debug, Clone, Default)]
pub struct Origins(Vec<Origin>);

impl From<Vec<Origin>> for Origins {
    fn from(origins: Vec<Origin>) -> Self {
        Self(origins)
    }
}

impl Origins {
    /// The origin of this request, if it is a listed one.
    #[must_use]
    pub fn listed<'h>(&self, headers: &'h HeaderMap) -> Option<&'h HeaderValue> {
        let origin = headers.get(ORIGIN)?;
        self.0.iter().any(|listed| listed.0 == origin).then_some(origin)
    }

    /// The permissions of an answer to this request.
    #[must_use]
    pub fn permissions(&self, method: &Method, headers: &HeaderMap) -> Permissions {
        let vary = !self.0.is_empty();
        let Some(origin) = self.listed(headers).cloned() else {
            return Permissions { origin: None, vary, preflight: false };
        };
        let preflight = method == Method::OPTIONS && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        Permissions { origin: Some(origin), vary, preflight }
    }
}

/// What a browser is told about an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permissions {
    origin: Option<HeaderValue>,
    vary: bool,
    preflight: bool,
}

impl Permissions {
    /// Whether a browser only asks whether a page may ask.
    #[must_use]
    pub fn is_preflight(&self) -> bool {
        self.preflight
    }

    /// Writes them down.
    pub fn tell(self, headers: &mut HeaderMap) {
        // Caches must not hand one site's permission to another.
        if self.vary {
            headers.append(VARY, HeaderValue::from_static("origin"));
        }
        let Some(origin) = self.origin else { return };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        if self.preflight {
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
            headers.insert(ACCESS_CONTROL_MAX_AGE, REMEMBERED);
        } else {
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        }
    }
}

#[cfg(test)]
mod tests;
