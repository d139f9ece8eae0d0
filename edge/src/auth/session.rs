//! Sessions: who somebody is, signed by us for a short while.
//!
//! **What it is for.** People are identified once, slowly; from then on every request carries a token that costs about a
//! microsecond to check and asks nobody.
//!
//! **What must always hold.** Only tokens that an edge of this installation made are accepted. Nothing of a token is
//! interpreted before its signature is verified: the header is *compared*, byte for byte, with the one header that each
//! live key writes, so neither an algorithm nor a key nor an address of a key can be chosen by whoever sends it. Issuer,
//! audience and expiry are required and checked.
//!
//! **What it costs.** One HMAC over some 250 bytes and one parse of some 120.
//!
//! **What is deliberately absent.** Revocation: sessions are short, and a key that leaked is rotated out. A cache of
//! verified tokens: looking one up would cost about as much as verifying.

use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use protocol::CustomerId;
use protocol::key::Installation;
use runtime::args::KEY_BYTES_MIN;
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Longest token that is looked at.
pub const TOKEN_BYTES_MAX: usize = 4_096;
/// Who makes sessions.
const ISSUER: &str = "sluice";
/// Whom sessions are for; the name of the installation follows, where it has one.
const AUDIENCE: &str = "sluice-edge";
/// Keys that are accepted at a time: the present one and the one before, or after.
pub const KEYS_MAX: usize = 2;

/// What somebody may do beyond buying.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Refund orders.
    Merchant,
    /// One that this release does not know; it allows nothing.
    #[serde(other)]
    #[value(skip)]
    Other,
}

/// Who somebody is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Whom orders belong to.
    pub customer: CustomerId,
    /// Whether nobody knows who that is.
    pub guest: bool,
    /// What they may do beyond buying.
    pub roles: Vec<Role>,
}

/// Why a token is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is longer than [`TOKEN_BYTES_MAX`].
    #[error("the session is too long")]
    TooLong,
    /// It was not made with one of the live keys and the one algorithm, or is no token at all.
    #[error("the session was not made with a key of this installation")]
    Foreign,
    /// It was changed, or made with another key.
    #[error("the signature of the session is wrong")]
    Forged,
    /// It is signed by us but was made for something else.
    #[error("the session is for something else")]
    Misplaced,
    /// Its time is over.
    #[error("the session has expired")]
    Expired,
}

/// Keys cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Too easy to guess.
    #[error("a session key needs at least {KEY_BYTES_MIN} bytes")]
    Short,
    /// None, or more than can be live.
    #[error("there must be one session key, or two while they are rotated")]
    Count,
    /// The cryptography refused it.
    #[error("a session key cannot be used")]
    Unusable,
}

#[derive(Serialize, Deserialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: &'a str,
    iat: i64,
    exp: i64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    guest: bool,
    #[serde(default, rename = "role", skip_serializing_if = "Vec::is_empty")]
    roles: Vec<Role>,
}

#[derive(Serialize, Deserialize)]
struct Sealed<T> {
    aud: String,
    exp: i64,
    value: T,
}

/// The live keys of an installation. The first one signs.
pub struct Keyring {
    audience: String,
    keys: Vec<Key>,
}

struct Key {
    /// The header of every token made with it, dot included.
    start: String,
    header: Header,
    signs: EncodingKey,
    verifies: DecodingKey,
}

impl Keyring {
    /// A ring of one key or two.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn new(installation: &Installation, secrets: &[SecretString]) -> Result<Self, KeyError> {
        if secrets.is_empty() || secrets.len() > KEYS_MAX {
            return Err(KeyError::Count);
        }
        let keys =
            secrets.iter().map(|secret| Key::new(secret.expose_secret().as_bytes())).collect::<Result<_, _>>()?;
        let audience = match installation.name() {
            "" => AUDIENCE.to_owned(),
            name => format!("{AUDIENCE}/{name}"),
        };
        Ok(Self { audience, keys })
    }

    /// A token that is good until `expires`.
    ///
    /// # Errors
    /// [`KeyError::Unusable`], which a key that made it into the ring is not.
    pub fn sign(&self, session: &Session, now: Timestamp, expires: Timestamp) -> Result<String, KeyError> {
        let claims = Claims {
            iss: ISSUER,
            aud: &self.audience,
            sub: &session.customer.to_string(),
            iat: now.as_second(),
            exp: expires.as_second(),
            guest: session.guest,
            roles: session.roles.clone(),
        };
        self.signed(&claims)
    }

    /// A value that only this installation can have made, and that no session can be mistaken for: it has no issuer.
    ///
    /// # Errors
    /// As [`sign`](Self::sign).
    pub fn seal<T: Serialize>(&self, purpose: &str, value: &T, expires: Timestamp) -> Result<String, KeyError> {
        self.signed(&Sealed { aud: self.sealed_for(purpose), exp: expires.as_second(), value })
    }

    /// What was [sealed](Self::seal) for this purpose.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn open<T: DeserializeOwned>(&self, purpose: &str, token: &str, now: Timestamp) -> Result<T, Refused> {
        let sealed: Sealed<T> = serde_json::from_slice(&self.opened(token)?).map_err(|_| Refused::Misplaced)?;
        if sealed.aud != self.sealed_for(purpose) {
            return Err(Refused::Misplaced);
        }
        if now.as_second() >= sealed.exp {
            return Err(Refused::Expired);
        }
        Ok(sealed.value)
    }

    fn sealed_for(&self, purpose: &str) -> String {
        format!("{}#{purpose}", self.audience)
    }

    fn signed(&self, claims: &impl Serialize) -> Result<String, KeyError> {
        let key = self.keys.first().ok_or(KeyError::Count)?;
        jsonwebtoken::encode(&key.header, claims, &key.signs).map_err(|_| KeyError::Unusable)
    }

    /// Whose token this is.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Session, Refused> {
        self.verify_until(token, now).map(|(session, _)| session)
    }

    /// Whose token this is, and until when.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn verify_until(&self, token: &str, now: Timestamp) -> Result<(Session, Timestamp), Refused> {
        let json = self.opened(token)?;
        let claims: Claims<'_> = serde_json::from_slice(&json).map_err(|_| Refused::Misplaced)?;
        if claims.iss != ISSUER || claims.aud != self.audience {
            return Err(Refused::Misplaced);
        }
        if now.as_second() >= claims.exp {
            return Err(Refused::Expired);
        }
        let customer = CustomerId::parse(claims.sub).map_err(|_| Refused::Misplaced)?;
        let expires = Timestamp::from_second(claims.exp).map_err(|_| Refused::Misplaced)?;
        Ok((Session { customer, guest: claims.guest, roles: claims.roles }, expires))
    }

    /// What a token of ours says.
    fn opened(&self, token: &str) -> Result<Vec<u8>, Refused> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(Refused::TooLong);
        }
        let of = |key: &Key| token.strip_prefix(&key.start).map(|rest| (key.start.len(), rest));
        let made = self.keys.iter().find_map(|key| of(key).map(|rest| (key, rest)));
        let (key, (start, rest)) = made.ok_or(Refused::Foreign)?;
        let (claims, signature) = rest.split_once('.').ok_or(Refused::Foreign)?;
        let signed = token.get(..start + claims.len()).ok_or(Refused::Foreign)?;
        let verified = jsonwebtoken::crypto::verify(signature, signed.as_bytes(), &key.verifies, Algorithm::HS256);
        if !verified.unwrap_or(false) {
            return Err(Refused::Forged);
        }
        BASE64URL_NOPAD.decode(claims.as_bytes()).map_err(|_| Refused::Misplaced)
    }
}

impl Key {
    fn new(secret: &[u8]) -> Result<Self, KeyError> {
        /// What is signed to name a key: the name says nothing about the key, and every edge finds the same one.
        const NAMING: &[u8] = b"sluice session key name";
        const NAME_LENGTH: usize = 12;
        if secret.len() < KEY_BYTES_MIN {
            return Err(KeyError::Short);
        }
        let unusable = |_| KeyError::Unusable;
        let signs = EncodingKey::from_secret(secret);
        let name = jsonwebtoken::crypto::sign(NAMING, &signs, Algorithm::HS256).map_err(unusable)?;
        let mut header = Header::new(Algorithm::HS256);
        header.kid = name.get(..NAME_LENGTH).map(str::to_owned);
        let probe = jsonwebtoken::encode(&header, &(), &signs).map_err(unusable)?;
        let (start, _) = probe.split_once('.').ok_or(KeyError::Unusable)?;
        Ok(Self { start: format!("{start}."), header, signs, verifies: DecodingKey::from_secret(secret) })
    }
}

#[cfg(test)]
mod tests;
