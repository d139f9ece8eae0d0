//! Whose page asks, where a browser asks.
//!
//! **What must always hold.** A browser sends a session's cookie whether its user wants to or not, and lets any page send a
//! sign-in that its user did not ask for. So whatever changes something with a cookie, or makes one, must come from our
//! own page, and the browser must say so: `Sec-Fetch-Site` and `Origin` cannot be set by a page.

use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName, Uri};

use crate::cors::Origins;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Who asks, as far as a browser tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// Our own, or a listed one of the same site.
    Own,
    /// One of another site.
    Other,
    /// None: a program, or a listed page of another site, which a cookie would not come back from.
    None,
}

/// Whose page asks.
#[must_use]
pub fn of(headers: &HeaderMap, uri: &Uri, listed: &Origins) -> Page {
    let site = headers.get(SEC_FETCH_SITE);
    if listed.listed(headers).is_some() {
        return if site.is_none_or(|site| site == "same-site" || site == "same-origin") {
            Page::Own
        } else {
            Page::None
        };
    }
    if let Some(site) = site {
        return if site == "same-origin" { Page::Own } else { Page::Other };
    }
    // A browser too old for the above names the page's origin with everything but a plain read.
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let host = uri.authority().map(axum::http::uri::Authority::as_str).or_else(|| text(HOST));
    match headers.get(ORIGIN) {
        None => Page::None,
        Some(origin) => {
            let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
            if origin.is_some() && origin == host { Page::Own } else { Page::Other }
        }
    }
}
