//! As whom to go to a server.
//!
//! What must always hold: the secret is read from its file whenever a server asks, so one that was replaced is used at the
//! next connect, and it lives no longer than that.

use async_nats::Auth;
use secrecy::ExposeSecret as _;

use super::Error;
use crate::args::{NatsArgs, SecretFile};

/// How to log in.
#[derive(Clone)]
pub(super) enum Login {
    Nobody,
    Password { user: String, file: SecretFile },
    Credentials(SecretFile),
}

impl Login {
    pub(super) fn new(args: &NatsArgs) -> Self {
        match (&args.nats_credentials_file, &args.nats_user, &args.nats_password_file) {
            (Some(file), ..) => Self::Credentials(file.clone()),
            (None, Some(user), Some(file)) => Self::Password { user: user.clone(), file: file.clone() },
            _ => Self::Nobody,
        }
    }

    /// What to answer to a server's challenge.
    pub(super) fn auth(&self, nonce: &[u8]) -> Result<Auth, Error> {
        let mut auth = Auth::new();
        match self {
            Self::Nobody => {}
            Self::Password { user, file } => {
                auth.username = Some(user.clone());
                auth.password = Some(file.read()?.expose_secret().to_owned());
            }
            Self::Credentials(file) => {
                let secret = file.read()?;
                let signed = || {
                    let jwt = line_after(secret.expose_secret(), "BEGIN NATS USER JWT")?;
                    let seed = line_after(secret.expose_secret(), "BEGIN USER NKEY SEED")?;
                    Some((jwt, nkeys::KeyPair::from_seed(seed).ok()?.sign(nonce).ok()?))
                };
                let (jwt, signature) = signed().ok_or_else(|| Error::NotCredentials(file.clone()))?;
                auth.jwt = Some(jwt.to_owned());
                auth.signature = Some(signature);
            }
        }
        Ok(auth)
    }
}

fn line_after<'t>(text: &'t str, marker: &str) -> Option<&'t str> {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.find(|line| line.starts_with('-') && line.contains(marker))?;
    lines.next()
}

#[cfg(test)]
mod tests;
