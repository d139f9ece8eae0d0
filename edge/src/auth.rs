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

pub mod keys;
pub mod session;

use axum::extract::FromRequestParts;
use axum::http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Uri};

use crate::app::Edge;
use crate::metrics::SessionOutcome;
use crate::problem::Problem;
use session::{Refused, Session};

/// The cookie; the prefix makes browsers insist on TLS and on our own host.
pub const COOKIE_NAME: &str = "__Host-sluice";
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

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
    let texts = headers.get_all(COOKIE).iter().filter_map(|cookie| cookie.to_str().ok());
    let mut cookies = texts
        .flat_map(|text| text.split(';'))
        .filter_map(|pair| pair.trim_start().strip_prefix(COOKIE_NAME)?.strip_prefix('='));
    match (cookies.next(), cookies.next()) {
        (None, _) => Sent::Nothing,
        (Some(token), None) => Sent::Cookie(token.trim_end()),
        (Some(_), Some(_)) => Sent::Unreadable,
    }
}

/// Whether the browser says that our own page sent this. `Sec-Fetch-Site` cannot be set by a page; where a browser is too
/// old to send it, `Origin` must name the host that was asked.
fn from_own_page(headers: &HeaderMap, uri: &Uri) -> bool {
    if let Some(site) = headers.get(SEC_FETCH_SITE) {
        return site == "same-origin";
    }
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let host = uri.authority().map(axum::http::uri::Authority::as_str).or_else(|| text(HOST));
    let origin = text(ORIGIN).and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
    origin.is_some() && origin == host
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
            if !parts.method.is_safe() && !from_own_page(&parts.headers, &parts.uri) {
                return Err(Problem::Forbidden { why: "Another site may not do this with your session." });
            }
            token
        }
    };
    match edge.keys.ring().verify(token, edge.clock.now()) {
        Ok(session) => {
            sessions[SessionOutcome::Verified].inc();
            Ok(session)
        }
        Err(refused) => {
            sessions[SessionOutcome::of(refused)].inc();
            let why = match refused {
                Refused::Expired => "Your session has expired: sign in again.",
                _ => "This session is not valid: sign in again.",
            };
            Err(Problem::NotSignedIn { why })
        }
    }
}

impl FromRequestParts<std::sync::Arc<Edge>> for Session {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, edge: &std::sync::Arc<Edge>) -> Result<Self, Problem> {
        customer(edge, parts)
    }
}
