//! Until when the credentials of a process are good.
//!
//! **What it is for.** The credentials of a NATS user and certificates end on a day that somebody chose long ago. Whoever is on
//! call hears of it weeks before that day and not on it.
//!
//! **What it costs.** Whenever somebody looks, a few small files are read: what was replaced is seen at once.
//!
//! **What is deliberately absent.** Passwords and keys of sessions, which do not end by themselves; and any judgement: a
//! credential that cannot be read here is told of by whoever needs it.

mod metrics;

use std::path::PathBuf;

use serde::Deserialize;
use x509_parser::pem::Pem;

use crate::args::{NatsArgs, SecretFile};

pub use metrics::watch;

crate::label! {
    /// What may end.
    pub enum Credential as "credential" {
        /// The JWT of the NATS user.
        NatsUser = "nats-user",
        /// The certificates that NATS is trusted by.
        NatsCa = "nats-ca",
        /// The certificates that Redis is trusted by.
        RedisCa = "redis-ca",
    }
}

/// The files that a connection to NATS needs.
#[must_use]
pub fn of_nats(args: &NatsArgs) -> Vec<(Credential, PathBuf)> {
    let user = args.nats_credentials_file.as_ref().map(SecretFile::path);
    let user = user.map(|path| (Credential::NatsUser, path.to_owned()));
    user.into_iter().chain(args.nats_ca_file.clone().map(|path| (Credential::NatsCa, path))).collect()
}

/// When the first part of it ends, in seconds since 1970; nothing for what does not end, or is none.
fn expires(credential: Credential, file: &[u8]) -> Option<i64> {
    match credential {
        Credential::NatsUser => of_jwt(std::str::from_utf8(file).ok()?),
        Credential::NatsCa | Credential::RedisCa => of_certificates(file),
    }
}

fn of_jwt(file: &str) -> Option<i64> {
    #[derive(Deserialize)]
    struct Claims {
        exp: Option<i64>,
    }
    // A credentials file frames its JWT with lines of dashes; three parts with dots are nothing else in it.
    let jwt = file.lines().map(str::trim).find(|line| line.split('.').count() == 3 && !line.contains(' '))?;
    let claims = data_encoding::BASE64URL_NOPAD.decode(jwt.split('.').nth(1)?.as_bytes()).ok()?;
    serde_json::from_slice::<Claims>(&claims).ok()?.exp.filter(|exp| *exp > 0)
}

fn of_certificates(file: &[u8]) -> Option<i64> {
    let ends = Pem::iter_from_buffer(file).filter_map(|pem| {
        let pem = pem.ok().filter(|pem| pem.label == "CERTIFICATE")?;
        Some(pem.parse_x509().ok()?.validity().not_after.timestamp())
    });
    ends.min()
}

#[cfg(test)]
mod tests;
