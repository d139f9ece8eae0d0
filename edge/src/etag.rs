//! What tells a client that it has something already.
//!
//! **What must always hold.** The tag follows from the content alone, so every edge gives the same one, whenever and from
//! whichever image it was started.

use axum::http::header::IF_NONE_MATCH;
use axum::http::{HeaderMap, HeaderValue};
use sha2::{Digest as _, Sha256};

/// A tag that says: byte for byte the same.
#[must_use]
pub fn strong(content: &[u8]) -> HeaderValue {
    hashed("", content)
}

/// A tag that says: the same in all that matters.
#[must_use]
pub fn weak(content: &[u8]) -> HeaderValue {
    hashed("W/", content)
}

fn hashed(prefix: &str, content: &[u8]) -> HeaderValue {
    const BYTES: usize = 12;
    let hash = Sha256::digest(content);
    let short = data_encoding::BASE64URL_NOPAD.encode(hash.get(..BYTES).unwrap_or_default());
    HeaderValue::from_str(&format!("{prefix}\"{short}\"")).unwrap_or(HeaderValue::from_static("W/\"\""))
}

/// Whether the client says that it has this already.
#[must_use]
pub fn is_known(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    headers.get_all(IF_NONE_MATCH).iter().any(|known| matches(known, etag))
}

fn matches(known: &HeaderValue, etag: &HeaderValue) -> bool {
    let Ok(known) = known.to_str() else { return false };
    known.split(',').map(str::trim).any(|tag| tag == "*" || opaque(tag.as_bytes()) == opaque(etag.as_bytes()))
}

/// A proxy that compresses weakens the tag that it passes on; for who asks whether something changed it is the same one.
fn opaque(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag)
}

#[cfg(test)]
mod tests;
