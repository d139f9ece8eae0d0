//! Which of an issuer's keys are used.
//!
//! **What must always hold.** Only keys that sign, of a kind that one of our algorithms takes, and long enough; each with the
//! one algorithm that it is used with, so that no token can have a key used in another way. At most [`KEYS_MAX`].

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;

use super::token::Header;

/// Keys that are looked at; an issuer has two while it rotates them.
pub const KEYS_MAX: usize = 5;
/// Shortest RSA modulus, in characters of base64: 2,048 bits.
const MODULUS_LENGTH_MIN: usize = 342;

/// An issuer's keys.
pub struct KeySet(Vec<Key>);

/// A key and the only way it is used in.
pub struct Key {
    kid: Option<String>,
    pub(super) algorithm: Algorithm,
    pub(super) verifies: DecodingKey,
}

impl KeySet {
    /// Reads a JWKS document; what cannot be used of it is left out.
    ///
    /// # Errors
    /// When it is no such document.
    pub fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct Document {
            keys: Vec<serde_json::Value>,
        }
        let document: Document = serde_json::from_slice(bytes)?;
        let usable = document.keys.into_iter().filter_map(|value| Key::of(&serde_json::from_value(value).ok()?));
        Ok(Self(usable.take(KEYS_MAX).collect()))
    }

    /// The key that a token says it was signed with. A token that names none is taken only where there is no choice.
    #[must_use]
    pub fn find(&self, header: &Header) -> Option<&Key> {
        let mut fitting = self.0.iter().filter(|key| key.algorithm == header.algorithm);
        match &header.kid {
            Some(kid) => fitting.find(|key| key.kid.as_ref() == Some(kid)),
            None => fitting.next().filter(|_| self.0.len() == 1),
        }
    }
}

impl Key {
    fn of(jwk: &Jwk) -> Option<Self> {
        if !matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature)) {
            return None;
        }
        let (algorithm, named) = match &jwk.algorithm {
            AlgorithmParameters::RSA(rsa) if rsa.n.len() >= MODULUS_LENGTH_MIN => {
                (Algorithm::RS256, KeyAlgorithm::RS256)
            }
            AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P256 => {
                (Algorithm::ES256, KeyAlgorithm::ES256)
            }
            _ => return None,
        };
        if jwk.common.key_algorithm.is_some_and(|said| said != named) {
            return None;
        }
        let verifies = DecodingKey::from_jwk(jwk).ok()?;
        Some(Self { kid: jwk.common.key_id.clone(), algorithm, verifies })
    }
}

#[cfg(test)]
mod tests;
