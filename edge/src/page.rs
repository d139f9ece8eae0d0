//! The shoppers' page: the folder that its build wrote, in memory.
//!
//! **What it is for.** A browser that comes to the shop gets the page from the same address as the API, so that its session
//! is a cookie of this address, and neither needs anybody else.
//!
//! **What must always hold.** An address leads to a file that was read at the start, or to nothing: no request becomes a
//! path on a disk, so none leaves the folder. What the page may load and do is said here, and is no more than it needs. A
//! file under `/assets/` keeps its content for ever, as its name is made from it; an unknown one is never the page, or a
//! browser would take it for a script.
//!
//! **What it costs.** The folder's bytes, once, at most [`folder::BYTES_MAX`]; an answer copies none of them.
//!
//! **What is deliberately absent.** Compressing: the build does it once, and better. Ranges: nothing here is worth resuming.
//! Looking again: another page is another release, which comes with other processes. A file server of somebody else's: those
//! that there are tell versions apart by time and size, and an image is built with neither of them changed.
//!
//! | module | it settles |
//! | --- | --- |
//! | [`folder`] | what is read from the disk |
//! | [`accept`] | what a client would rather have |

pub mod accept;
pub mod folder;

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

use axum::body::Body;
use axum::http::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, VARY,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use bytes::Bytes;
use percent_encoding::percent_decode_str;

use crate::{etag, problem};
use accept::weight;

/// Where a browser is told that it could not be signed in; the name of the problem follows.
pub const SIGN_IN_PROBLEM: &str = "/sign-in?problem=";

const INDEX: &str = "/index.html";
/// Files whose names are made from their content.
const ASSETS: &str = "/assets";
/// Addresses of the API, of its description and of everything below: a browser that asks for one means it.
const API: [&str; 3] = ["/v1", "/docs", "/openapi.json"];

const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");
const FIVE_MINUTES: HeaderValue = HeaderValue::from_static("public, max-age=300");
const BY_ENCODING: HeaderValue = HeaderValue::from_static("accept-encoding");
const BY_TYPE: HeaderValue = HeaderValue::from_static("accept");

const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
/// Its own scripts, styles and fonts and nothing written into the page; pictures from anywhere over TLS, because an item's
/// picture may be. No script may make markup from text.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https: data:; font-src 'self'; \
     connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'; trusted-types 'none'",
);
const SAME_ORIGIN: HeaderValue = HeaderValue::from_static("same-origin");
/// What browsers can do and a shop's page has no use for.
const PERMISSIONS: HeaderValue = HeaderValue::from_static(
    "accelerometer=(), autoplay=(), camera=(), display-capture=(), encrypted-media=(), fullscreen=(), geolocation=(), \
     gyroscope=(), hid=(), idle-detection=(), magnetometer=(), microphone=(), midi=(), payment=(), \
     picture-in-picture=(), publickey-credentials-get=(), screen-wake-lock=(), serial=(), usb=(), \
     xr-spatial-tracking=()",
);

/// Ways to write a file, worst first: how each is called, and what the name of a file ends with that is written so.
const CODINGS: [(&str, &str); 2] = [("gzip", ".gz"), ("br", ".br")];

/// The page and its files.
pub struct Page {
    /// By address, each of them with its slash.
    files: HashMap<String, File>,
    index: File,
}

/// One file, in every way that it is written in.
#[derive(Clone)]
pub struct File {
    kind: HeaderValue,
    freshness: HeaderValue,
    plain: Written,
    /// In the order of [`CODINGS`].
    encoded: Vec<(&'static str, Written)>,
}

#[derive(Clone)]
struct Written {
    bytes: Bytes,
    etag: HeaderValue,
}

impl Page {
    /// Reads the folder that the page's build wrote.
    ///
    /// # Errors
    /// [`folder::Error`].
    pub fn read(folder: &Path) -> Result<Self, folder::Error> {
        Self::of(folder::read(folder)?).ok_or_else(|| folder::Error::NoIndex(folder.to_owned()))
    }

    /// The page that these files are, if there is an index among them.
    fn of(contents: HashMap<String, Bytes>) -> Option<Self> {
        let is_encoding = |address: &str| {
            CODINGS.iter().any(|(_, end)| address.strip_suffix(end).is_some_and(|of| contents.contains_key(of)))
        };
        let addresses = contents.iter().filter(|(address, _)| !is_encoding(address));
        let files = addresses.map(|(address, bytes)| (address.clone(), File::new(address, bytes, &contents)));
        let files: HashMap<String, File> = files.collect();
        let index = files.get(INDEX)?.clone();
        Some(Self { files, index })
    }

    /// What a browser gets at an address without a file, and at `/`: the page finds out by itself what is meant.
    #[must_use]
    pub fn index(&self, headers: &HeaderMap) -> Response {
        let mut response = self.index.answer(headers);
        vary_by_type(&mut response);
        response
    }

    /// The answer to whoever reads this path, which no route has; none if there is nothing.
    #[must_use]
    pub fn answer(&self, path: &str, headers: &HeaderMap) -> Option<Response> {
        let address: Cow<'_, str> = percent_decode_str(path).decode_utf8().ok()?;
        if let Some(file) = self.files.get(address.as_ref()) {
            return Some(file.answer(headers));
        }
        let is_view = !is_api(&address) && !is_below(&address, ASSETS);
        (is_view && wants_page(headers)).then(|| self.index(headers))
    }
}

impl File {
    fn new(address: &str, bytes: &Bytes, all: &HashMap<String, Bytes>) -> Self {
        let encoded = CODINGS.iter().filter_map(|(coding, end)| {
            let bytes = all.get(&format!("{address}{end}"))?;
            Some((*coding, Written::new(bytes)))
        });
        let freshness = if address == INDEX {
            ASK_AGAIN
        } else if is_below(address, ASSETS) {
            FOR_EVER
        } else {
            FIVE_MINUTES
        };
        Self { kind: kind(address), freshness, plain: Written::new(bytes), encoded: encoded.collect() }
    }

    /// The way of writing that the client would rather have; the shorter one if it does not care.
    fn chosen(&self, headers: &HeaderMap) -> (Option<&'static str>, &Written) {
        let listed = |coding| weight(headers, &ACCEPT_ENCODING, coding);
        let any = listed("*");
        // Who lists codings and does not speak of the plain file takes it when nothing listed is there.
        let plain = (listed("identity").unwrap_or_else(|| any.map_or(1, |any| any.min(1))), None, &self.plain);
        let encoded = self.encoded.iter();
        let encoded = encoded.map(|(coding, written)| (listed(coding).or(any).unwrap_or(0), Some(*coding), written));
        // The last one of the best. Who takes none of all gets the plain file: that says more than a refusal.
        let best = std::iter::once(plain).chain(encoded).max_by_key(|(weight, ..)| *weight);
        best.filter(|(weight, ..)| *weight > 0).map_or((None, &self.plain), |(_, coding, written)| (coding, written))
    }

    fn answer(&self, headers: &HeaderMap) -> Response {
        let (coding, written) = self.chosen(headers);
        let mut response = if etag::is_known(headers, &written.etag) {
            problem::not_modified(written.etag.clone())
        } else {
            let mut response = Response::new(Body::from(written.bytes.clone()));
            response.headers_mut().insert(CONTENT_TYPE, self.kind.clone());
            response.headers_mut().insert(ETAG, written.etag.clone());
            if let Some(coding) = coding {
                response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
            }
            response
        };
        let told = response.headers_mut();
        told.insert(CACHE_CONTROL, self.freshness.clone());
        told.insert(VARY, BY_ENCODING);
        told.insert(CONTENT_SECURITY_POLICY, POLICY);
        told.insert(OPENER_POLICY, SAME_ORIGIN);
        told.insert(PERMISSIONS_POLICY, PERMISSIONS);
        response
    }
}

impl Written {
    fn new(bytes: &Bytes) -> Self {
        Self { bytes: bytes.clone(), etag: etag::strong(bytes) }
    }
}

/// Whether this is an address of the API or of its description, whatever is there.
#[must_use]
pub fn is_api(path: &str) -> bool {
    API.iter().any(|root| is_below(path, root))
}

/// Whether a browser navigates: it names the page's type, where a program takes anything.
#[must_use]
pub fn wants_page(headers: &HeaderMap) -> bool {
    weight(headers, &ACCEPT, "text/html").is_some_and(|weight| weight > 0)
}

/// Says of an answer that another one is there for who accepts another type.
pub fn vary_by_type(response: &mut Response) {
    response.headers_mut().append(VARY, BY_TYPE);
}

fn is_below(path: &str, root: &str) -> bool {
    path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn kind(address: &str) -> HeaderValue {
    let kind = mime_guess::from_path(address).first_or_octet_stream();
    // What a build writes is UTF-8, and a browser would guess.
    let text = if kind.type_() == "text" { format!("{kind}; charset=utf-8") } else { kind.to_string() };
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("application/octet-stream"))
}

#[cfg(test)]
mod tests;
