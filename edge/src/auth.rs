//! Who asks.
//!
//! **What it is for.** Routes for customers take a [`Session`] as an argument, so a route cannot forget to ask: what it
//! does not take it cannot use.
//!
//! **What must always hold.** Identity comes from a signed session and nowhere else: not from a body, not from a header
//! that a proxy may or may not set. A session in a cookie is sent by a browser whether its user wants to or not, so with
//! anything but a read the browser must say that our own page asked.
//!
//! **What is deliberately absent.** Passwords and other issuers: whoever exchanges those makes a session.
//!
//! | module | it settles |
//! | --- | --- |
//! | [`session`] | what a session is, and which ones are accepted |
//! | [`keys`] | the keys that sign them, on the disk and replaced |
//! | [`cookie`] | how a browser keeps one |
//! | [`page`] | whose page asks |
//! | [`oidc`] | whom another issuer has identified |

pub mod cookie;
pub mod keys;
pub mod oidc;
pub mod page;
pub mod session;

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};

use jiff::Timestamp;

use crate::app::Edge;
use crate::metrics::SessionOutcome;
use crate::problem::Problem;
use page::Page;
use session::{Refused, Role, Session};

/// Whom a request was meant for: it identifies nobody, and only keeps what one person wanted from being done for another who
/// has signed in since, in another tab of the same browser.
pub const MEANT_FOR: HeaderName = HeaderName::from_static("sluice-customer");

/// A token and how it came.
#[derive(Debug, PartialEq, Eq)]
enum Sent<'a> {
    Nothing,
    Bearer(&'a str),
    Cookie(&'a str),
    /// Something that is no session.
    Unreadable,
}

fn sent(headers: &HeaderMap) -> Sent<'_> {
    let mut authorizations = headers.get_all(AUTHORIZATION).iter();
    if let Some(authorization) = authorizations.next() {
        // Two of them: whichever we took, somebody in front of us may have taken the other.
        if authorizations.next().is_some() {
            return Sent::Unreadable;
        }
        let token = authorization.to_str().ok().and_then(|text| text.split_once(' '));
        return match token {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Sent::Bearer(token),
            _ => Sent::Unreadable,
        };
    }
    match cookie::find(headers, cookie::SESSION) {
        cookie::Value::Absent => Sent::Nothing,
        cookie::Value::Once(token) => Sent::Cookie(token),
        cookie::Value::Twice => Sent::Unreadable,
    }
}

fn customer(edge: &Edge, parts: &Parts) -> Result<Session, Problem> {
    let sessions = &edge.metrics.sessions;
    let token = match sent(&parts.headers) {
        Sent::Nothing => return Err(Problem::NotSignedIn { why: "Sign in first." }),
        Sent::Unreadable => {
            sessions[SessionOutcome::Foreign].inc();
            return Err(Problem::NotSignedIn { why: "This is not a session: sign in again." });
        }
        Sent::Bearer(token) => token,
        Sent::Cookie(token) => {
            if !parts.method.is_safe() && page::of(&parts.headers, &parts.uri, &edge.origins) != Page::Own {
                return Err(Problem::Forbidden { why: "Another site may not do this with your session." });
            }
            token
        }
    };
    let (session, _) = verified(edge, token).map_err(|refused| {
        let why = match refused {
            Refused::Expired => "Your session has expired: sign in again.",
            _ => "This session is not valid: sign in again.",
        };
        Problem::NotSignedIn { why }
    })?;
    let meant = |meant: &HeaderValue| meant.as_bytes() == session.customer.to_string().as_bytes();
    if !parts.headers.get_all(MEANT_FOR).iter().all(meant) {
        return Err(Problem::NotSignedIn { why: "Somebody else is signed in now: sign in again." });
    }
    Ok(session)
}

/// Whose session this is, and until when; counted, whatever it is.
fn verified(edge: &Edge, token: &str) -> Result<(Session, Timestamp), Refused> {
    let verified = edge.keys.ring().verify_until(token, edge.clock.now());
    let outcome = verified.as_ref().map_or_else(|refused| SessionOutcome::of(*refused), |_| SessionOutcome::Verified);
    edge.metrics.sessions[outcome].inc();
    verified
}

impl FromRequestParts<std::sync::Arc<Edge>> for Session {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, edge: &std::sync::Arc<Edge>) -> Result<Self, Problem> {
        customer(edge, parts)
    }
}

/// Whoever asks, if that is somebody, and until when: for a read that tells just that, and so refuses nobody.
pub struct Perhaps(pub Option<(Session, Timestamp)>);

impl FromRequestParts<std::sync::Arc<Edge>> for Perhaps {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, edge: &std::sync::Arc<Edge>) -> Result<Self, Infallible> {
        let session = match sent(&parts.headers) {
            Sent::Bearer(token) | Sent::Cookie(token) => verified(edge, token).ok(),
            Sent::Nothing => None,
            Sent::Unreadable => {
                edge.metrics.sessions[SessionOutcome::Foreign].inc();
                None
            }
        };
        Ok(Self(session))
    }
}

/// Somebody who may do what merchants do.
pub struct Merchant(pub Session);

impl FromRequestParts<std::sync::Arc<Edge>> for Merchant {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, edge: &std::sync::Arc<Edge>) -> Result<Self, Problem> {
        let session = customer(edge, parts)?;
        if !session.roles.contains(&Role::Merchant) {
            return Err(Problem::Forbidden { why: "This is for merchants." });
        }
        Ok(Self(session))
    }
}
