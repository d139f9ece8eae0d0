//! Every no, and what it looks like on the wire. The only file that knows status codes.
//!
//! **What must always hold.** Each answer that is not a success is one `application/problem+json` (RFC 9457) with a stable
//! `type`, a sentence that a shopper can read, its numbers, and whether a retry is safe and useful. Nothing of an inner
//! error leaves the process.
//!
//! **What it costs.** The two answers that a crowd gets when nothing is left or nothing can be done are made once.

pub mod catalogue;
mod denied;
mod yes;

use std::borrow::Cow;
use std::sync::LazyLock;

use axum::body::Body;
use axum::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use protocol::refusal::{Refusal, Retry};
use serde::Serialize;
use utoipa::ToSchema;

use crate::sales::NotReadYet;
pub use denied::Denied;
use yes::encode;
pub use yes::{attached, created, done, found, not_modified, outcome, see_other, settling};

/// What every `type` starts with.
pub const TYPE_BASE: &str = "https://sluice.dev/problems/";
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// A no.
#[derive(Debug)]
pub enum Problem {
    /// The sale refuses.
    Refused(Refusal),
    /// The ledger does.
    Denied(Denied),
    /// Nobody is signed in.
    NotSignedIn {
        /// A sentence.
        why: &'static str,
    },
    /// Somebody is, and may not.
    Forbidden {
        /// A sentence.
        why: &'static str,
    },
    /// There is no such thing, or it is somebody else's.
    NotFound {
        /// A sentence.
        why: &'static str,
        /// Whether asking again can help.
        retry: Retry,
    },
    /// There is, but this cannot be done with it.
    MethodNotAllowed,
    /// No idempotency key.
    KeyRequired,
    /// The request breaks a rule.
    Invalid(Invalid),
    /// Too many requests of this customer.
    RateLimited {
        /// Most requests in a window.
        limit: u32,
        /// Length of the window, in seconds.
        window_seconds: u32,
        /// When the next one is let through, in seconds.
        retry_after_seconds: u32,
    },
    /// No answer within the bound: what was under way may still happen.
    TimedOut,
    /// A fault of ours.
    Internal,
}

/// Which rule a request breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// How it breaks it.
    pub how: How,
    /// Which field, header or part.
    pub field: Cow<'static, str>,
    /// The rule, as a sentence.
    pub rule: Cow<'static, str>,
}

/// The ways to be invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// It cannot be read.
    Unreadable,
    /// It came too slowly.
    Slow,
    /// Its body is too large.
    TooLarge,
    /// Its body is of another type.
    OtherType,
    /// Its headers are too many or too large.
    Headers,
    /// It can be read and is wrong.
    Content,
}

#[derive(Serialize)]
struct Wire<'a, N: Serialize> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    retry: Retry,
    #[serde(flatten)]
    numbers: N,
}

/// What a broken rule tells.
#[derive(Serialize, ToSchema)]
struct Broken<'a> {
    /// Which field, header or part.
    field: &'a str,
    /// The rule, as a sentence without its full stop.
    rule: &'a str,
}

/// What a limit of requests tells.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Rate {
    /// Most requests in a window; not told about attempts to sign in.
    limit: u32,
    /// Length of the window; not told about attempts to sign in.
    window_seconds: u32,
    /// When the next one is let through.
    retry_after_seconds: u32,
}

impl Problem {
    /// An invalid request.
    #[must_use]
    pub fn invalid(how: How, field: impl Into<Cow<'static, str>>, rule: impl Into<Cow<'static, str>>) -> Self {
        Self::Invalid(Invalid { how, field: field.into(), rule: rule.into() })
    }

    /// There is no such thing, and asking again does not help.
    #[must_use]
    pub fn not_found(why: &'static str) -> Self {
        Self::NotFound { why, retry: Retry::Never }
    }

    /// The stable name that clients switch on.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.name(),
            Self::Denied(denied) => denied.name(),
            Self::NotSignedIn { .. } => "not-signed-in",
            Self::Forbidden { .. } => "forbidden",
            Self::NotFound { .. } => "not-found",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::KeyRequired => "idempotency-key-required",
            Self::Invalid(_) => "invalid-request",
            Self::RateLimited { .. } => "rate-limited",
            Self::TimedOut => "timed-out",
            Self::Internal => "internal",
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Refused(refusal) => match refusal {
                Refusal::Busy { .. } => StatusCode::SERVICE_UNAVAILABLE,
                Refusal::IdempotencyKeyReused {} => StatusCode::UNPROCESSABLE_ENTITY,
                _ => StatusCode::CONFLICT,
            },
            Self::Denied(denied) => denied.status(),
            Self::NotSignedIn { .. } => StatusCode::UNAUTHORIZED,
            Self::Forbidden { .. } => StatusCode::FORBIDDEN,
            Self::NotFound { .. } => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::KeyRequired => StatusCode::BAD_REQUEST,
            Self::Invalid(invalid) => match invalid.how {
                How::Unreadable => StatusCode::BAD_REQUEST,
                How::Slow => StatusCode::REQUEST_TIMEOUT,
                How::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
                How::OtherType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
                How::Headers => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                How::Content => StatusCode::UNPROCESSABLE_ENTITY,
            },
            Self::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::TimedOut => StatusCode::GATEWAY_TIMEOUT,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn title(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => match refusal {
                Refusal::NotOpenYet { .. } => "Not open yet",
                Refusal::SaleClosed { .. } => "Sale closed",
                Refusal::SalePaused { .. } => "Sale paused",
                Refusal::SoldOut {} => "Sold out",
                Refusal::AllUnitsHeld { .. } => "All units held",
                Refusal::FewerLeft { .. } => "Fewer left",
                Refusal::LimitReached { .. } => "Limit reached",
                Refusal::Busy { .. } => "Busy",
                Refusal::IdempotencyKeyReused {} => "Idempotency key reused",
            },
            Self::Denied(denied) => denied.title(),
            Self::NotSignedIn { .. } => "Not signed in",
            Self::Forbidden { .. } => "Forbidden",
            Self::NotFound { .. } => "Not found",
            Self::MethodNotAllowed => "Method not allowed",
            Self::KeyRequired => "Idempotency key required",
            Self::Invalid(_) => "Invalid request",
            Self::RateLimited { .. } => "Rate limited",
            Self::TimedOut => "Timed out",
            Self::Internal => "Internal error",
        }
    }

    fn detail(&self) -> Cow<'_, str> {
        match self {
            Self::Refused(refusal) => refusal.sentence().into(),
            Self::Denied(denied) => denied.sentence().into(),
            Self::NotSignedIn { why } | Self::Forbidden { why } | Self::NotFound { why, .. } => (*why).into(),
            Self::MethodNotAllowed => "This address does not take this method.".into(),
            Self::KeyRequired => "Send a header Idempotency-Key: a UUID that you make once for this wish.".into(),
            Self::Invalid(invalid) => format!("{}: {}.", invalid.field, invalid.rule).into(),
            Self::RateLimited { limit, window_seconds, .. } => {
                format!("At most {limit} requests in {window_seconds} seconds: slow down.").into()
            }
            Self::TimedOut => "There was no answer in time. Whatever you asked for may have been done: ask again with \
                               the same idempotency key."
                .into(),
            Self::Internal => "Something went wrong on our side. Ask again with the same idempotency key.".into(),
        }
    }

    /// Whether sending the same request again can help.
    #[must_use]
    pub fn retry(&self) -> Retry {
        match self {
            Self::Refused(refusal) => refusal.retry(),
            Self::Denied(denied) => denied.retry(),
            Self::NotFound { retry, .. } => *retry,
            Self::RateLimited { .. } => Retry::Later,
            Self::Invalid(Invalid { how: How::Slow, .. }) | Self::TimedOut | Self::Internal => Retry::Now,
            _ => Retry::Never,
        }
    }

    fn retry_after_seconds(&self) -> Option<u32> {
        match self {
            Self::Refused(refusal) => refusal.retry_after_seconds(),
            Self::Denied(denied) => denied.retry_after_seconds(),
            Self::RateLimited { retry_after_seconds, .. } => Some(*retry_after_seconds),
            _ => None,
        }
    }

    fn body(&self) -> Bytes {
        static SOLD_OUT: LazyLock<Bytes> = LazyLock::new(|| Problem::Refused(Refusal::SoldOut {}).encode());
        static BUSY: LazyLock<Bytes> = LazyLock::new(|| Problem::Refused(crate::claim::BUSY).encode());
        match self {
            Self::Refused(Refusal::SoldOut {}) => SOLD_OUT.clone(),
            Self::Refused(busy) if *busy == crate::claim::BUSY => BUSY.clone(),
            other => other.encode(),
        }
    }

    fn encode(&self) -> Bytes {
        #[derive(Serialize)]
        struct Nothing {}
        match self {
            Self::Refused(refusal) => self.wire(refusal),
            Self::Denied(denied) => self.wire(denied),
            Self::Invalid(invalid) => self.wire(Broken { field: &invalid.field, rule: &invalid.rule }),
            Self::RateLimited { limit, window_seconds, retry_after_seconds } => self.wire(Rate {
                limit: *limit,
                window_seconds: *window_seconds,
                retry_after_seconds: *retry_after_seconds,
            }),
            _ => self.wire(Nothing {}),
        }
    }

    fn wire(&self, numbers: impl Serialize) -> Bytes {
        let detail = self.detail();
        encode(&Wire {
            r#type: format!("{TYPE_BASE}{}", self.name()),
            title: self.title(),
            status: self.status().as_u16(),
            detail: &detail,
            retry: self.retry(),
            numbers,
        })
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<NotReadYet> for Problem {
    fn from(NotReadYet: NotReadYet) -> Self {
        Self::Refused(crate::claim::BUSY)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body()));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, PROBLEM_JSON);
        if let Some(seconds) = self.retry_after_seconds() {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        if let Self::NotSignedIn { .. } = self {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// Replaces the body of an answer that a router gave by itself to a method that it does not have there, and keeps its
/// `Allow`.
#[must_use]
pub fn explain_method(bare: Response) -> Response {
    if bare.status() != StatusCode::METHOD_NOT_ALLOWED || bare.headers().contains_key(CONTENT_TYPE) {
        return bare;
    }
    let allow = bare.headers().get(ALLOW).cloned();
    let mut explained = Problem::MethodNotAllowed.into_response();
    if let Some(allow) = allow {
        explained.headers_mut().insert(ALLOW, allow);
    }
    explained
}

#[cfg(test)]
mod tests;
