//! How we and others prove who sends a message: HMAC-SHA256 over its time, a dot, and its body, in hexadecimal.
//!
//! **What must always hold.** Both directions, what a payment provider reports and what we tell whoever fulfils orders, are
//! signed by the same scheme with different keys. The time is part of what is signed, so that an old message cannot be sent
//! again as a new one, and signatures are compared in constant time.

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use hmac::{Hmac, KeyInit as _, Mac as _};
use runtime::args::{SecretError, SecretFile};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

/// The keys that one side has; two while they are rotated.
#[derive(Clone)]
pub enum Keys {
    /// These.
    Known(Vec<SecretString>),
    /// Whatever is in these files at the time, so that a key is good no longer than its file is there; with `true`, keys
    /// that everybody knows are taken.
    Files(Vec<SecretFile>, bool),
}

impl Keys {
    /// Those in files; with `dev`, keys that everybody knows are taken.
    ///
    /// # Errors
    /// When one cannot be used now.
    pub fn of_files(files: Vec<SecretFile>, dev: bool) -> Result<Self, SecretError> {
        let keys = Self::Files(files, dev);
        keys.read().map(|_| keys)
    }

    /// The keys now.
    ///
    /// # Errors
    /// When one cannot be used.
    pub fn read(&self) -> Result<Vec<SecretString>, SecretError> {
        match self {
            Self::Known(keys) => Ok(keys.clone()),
            Self::Files(files, dev) => files.iter().map(|file| file.read_key(*dev)).collect(),
        }
    }
}

/// The signature under a key. Nothing for a key that HMAC cannot take; it takes any.
#[must_use]
pub fn sign(key: &SecretString, timestamp: &str, body: &[u8]) -> Option<String> {
    Some(HEXLOWER.encode(&mac(key, timestamp, body)?.finalize().into_bytes()))
}

/// Whether whoever signed has one of these keys.
#[must_use]
pub fn verify(keys: &[SecretString], timestamp: &str, body: &[u8], signature: &str) -> bool {
    let Ok(signature) = HEXLOWER_PERMISSIVE.decode(signature.as_bytes()) else { return false };
    keys.iter().filter_map(|key| mac(key, timestamp, body)).any(|mac| mac.verify_slice(&signature).is_ok())
}

fn mac(key: &SecretString, timestamp: &str, body: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose_secret().as_bytes()).ok()?;
    mac.update(timestamp.as_bytes());
    mac.update(b".");
    mac.update(body);
    Some(mac)
}

#[cfg(test)]
mod tests;
