//! Which ID tokens are accepted.
//!
//! **What must always hold.** Nothing longer than [`TOKEN_BYTES_MAX`] is parsed. Of the header only algorithm and key name
//! are read: what else it may offer (`jku`, `x5u`, `jwk`, `x5c`) is never looked at, and what it declares critical is
//! refused, because we do not know it. Nothing of the claims is read before the signature is verified.

use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;
use jsonwebtoken::Algorithm;
use protocol::ask::people::{EMAIL_BYTES_MAX, NAME_CHARACTERS_MAX};
use serde::Deserialize;

use super::keys::Key;

/// Longest token that is looked at.
pub const TOKEN_BYTES_MAX: usize = 4_096;
/// How far the issuer's clock may be from ours, in seconds.
const SKEW_SECONDS: i64 = 30;
/// Longest name of a person at an issuer (OpenID Connect Core 1.0, section 2).
const SUBJECT_BYTES_MAX: usize = 255;

/// Why a token is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is longer than [`TOKEN_BYTES_MAX`].
    #[error("the token is too long")]
    TooLong,
    /// It is no token.
    #[error("this is no ID token")]
    Shape,
    /// It is signed in a way that we do not take.
    #[error("the algorithm of the token is not accepted")]
    Algorithm,
    /// The issuer has no such key.
    #[error("the issuer has no such key")]
    UnknownKey,
    /// It was changed, or made by somebody else.
    #[error("the signature of the token is wrong")]
    Signature,
    /// It is another issuer's.
    #[error("the token is of another issuer")]
    Issuer,
    /// It was made for somebody else.
    #[error("the token is for somebody else")]
    Audience,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// It was made for another sign-in.
    #[error("the token is of another sign-in")]
    Nonce,
    /// The issuer did not take the code.
    #[error("the issuer did not take the code")]
    Code,
}

/// Who somebody is, as the issuer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Who says so.
    pub issuer: String,
    /// What it calls them.
    pub subject: String,
    /// Where to reach them, unless the issuer says that it did not check.
    pub email: Option<String>,
    /// What to call them.
    pub name: Option<String>,
}

/// What a token says about its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Which of our algorithms.
    pub algorithm: Algorithm,
    /// Which of the issuer's keys.
    pub kid: Option<String>,
}

/// What a token must say.
pub struct Expected<'a> {
    /// Who made it.
    pub issuer: &'a str,
    /// For whom.
    pub audience: &'a str,
    /// For which sign-in. A token that names one is refused where none is expected: it belongs to somebody's sign-in.
    pub nonce: Option<&'a str>,
}

/// A token that could be one.
pub struct Parsed<'a> {
    /// What it says about its signature.
    pub header: Header,
    signed: &'a str,
    claims: &'a str,
    signature: &'a str,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: Audience,
    sub: String,
    exp: i64,
    iat: i64,
    #[serde(default)]
    azp: Option<String>,
    #[serde(default)]
    nonce: Option<String>,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    email_verified: Option<bool>,
    #[serde(default)]
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// Takes a token apart without believing it.
///
/// # Errors
/// [`Refused::TooLong`], [`Refused::Shape`], [`Refused::Algorithm`].
pub fn parse(token: &str) -> Result<Parsed<'_>, Refused> {
    #[derive(Deserialize)]
    struct Raw {
        alg: String,
        #[serde(default)]
        kid: Option<String>,
        #[serde(default)]
        crit: Option<serde_json::Value>,
    }
    if token.len() > TOKEN_BYTES_MAX {
        return Err(Refused::TooLong);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(Refused::Shape)?;
    let (header, claims) = signed.split_once('.').ok_or(Refused::Shape)?;
    if claims.contains('.') || signature.is_empty() {
        return Err(Refused::Shape);
    }
    let json = BASE64URL_NOPAD.decode(header.as_bytes()).map_err(|_| Refused::Shape)?;
    let raw: Raw = serde_json::from_slice(&json).map_err(|_| Refused::Shape)?;
    if raw.crit.is_some() {
        return Err(Refused::Shape);
    }
    let algorithm = match raw.alg.as_str() {
        "RS256" => Algorithm::RS256,
        "ES256" => Algorithm::ES256,
        _ => return Err(Refused::Algorithm),
    };
    Ok(Parsed { header: Header { algorithm, kid: raw.kid }, signed, claims, signature })
}

impl Parsed<'_> {
    /// Whom it identifies.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn verify(&self, key: &Key, expected: &Expected<'_>, now: Timestamp) -> Result<Identity, Refused> {
        if key.algorithm != self.header.algorithm {
            return Err(Refused::Algorithm);
        }
        let verified =
            jsonwebtoken::crypto::verify(self.signature, self.signed.as_bytes(), &key.verifies, key.algorithm);
        if !verified.unwrap_or(false) {
            return Err(Refused::Signature);
        }
        let json = BASE64URL_NOPAD.decode(self.claims.as_bytes()).map_err(|_| Refused::Shape)?;
        let claims: Claims = serde_json::from_slice(&json).map_err(|_| Refused::Shape)?;
        check(claims, expected, now.as_second())
    }
}

fn check(claims: Claims, expected: &Expected<'_>, now: i64) -> Result<Identity, Refused> {
    if claims.iss != expected.issuer {
        return Err(Refused::Issuer);
    }
    let is_us = |party: &String| party == expected.audience;
    let for_us = match &claims.aud {
        Audience::One(party) => is_us(party),
        // One of several must be told to be the one who asked.
        Audience::Many(parties) => parties.iter().any(is_us) && (parties.len() == 1 || claims.azp.is_some()),
    };
    if !for_us || !claims.azp.as_ref().is_none_or(is_us) {
        return Err(Refused::Audience);
    }
    if now >= claims.exp.saturating_add(SKEW_SECONDS) || claims.iat > now.saturating_add(SKEW_SECONDS) {
        return Err(Refused::Expired);
    }
    if claims.nonce.as_deref() != expected.nonce {
        return Err(Refused::Nonce);
    }
    if claims.sub.is_empty() || claims.sub.len() > SUBJECT_BYTES_MAX || claims.sub.contains(char::is_control) {
        return Err(Refused::Shape);
    }
    // Somebody without an address can still buy, so what cannot be kept is left out.
    let plain = |text: &String| !text.is_empty() && !text.contains(char::is_control);
    let checked = claims.email_verified.unwrap_or(true);
    Ok(Identity {
        issuer: claims.iss,
        subject: claims.sub,
        email: claims.email.filter(|email| checked && plain(email) && email.len() <= EMAIL_BYTES_MAX),
        name: claims.name.filter(|name| plain(name) && name.chars().count() <= NAME_CHARACTERS_MAX),
    })
}

#[cfg(test)]
mod tests;
