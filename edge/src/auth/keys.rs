//! The keys on the disk, and what becomes of them when they are replaced.
//!
//! **What must always hold.** A process never starts with a key that everybody knows, is too short, or serves for two
//! things. Once it runs, a file that cannot be used is told about and the keys that work stay.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use protocol::CustomerId;
use protocol::ask::people::OWN_ISSUER;
use protocol::key::Installation;
use runtime::args::SecretError;
use secrecy::{ExposeSecret as _, SecretString};
use tokio_util::sync::CancellationToken;

use super::session::{KeyError, Keyring};
use crate::args::KeyArgs;

/// How often the files are looked at; both keys are live for much longer than that.
const RELOAD_AFTER: Duration = Duration::from_secs(5);

/// Names guests in [`CustomerId`]s, so that none is ever a person.
const GUEST_ISSUER: &str = "sluice-guest";

/// Why keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file is no help.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// A session key is none.
    #[error("--session-key-file: {0}")]
    Session(#[from] KeyError),
    /// One key for two things: whoever rotates the one would change every customer's id.
    #[error("the customer key must be another one than the session keys")]
    Shared,
}

/// The keys of the installation.
pub struct Keys {
    args: KeyArgs,
    installation: Installation,
    dev: bool,
    customer: SecretString,
    ring: ArcSwap<Keyring>,
}

impl Keys {
    /// Reads them; with `dev`, those that everybody knows are accepted.
    ///
    /// # Errors
    /// [`enum@Error`], in one sentence that names the file or the flag.
    pub fn read(args: &KeyArgs, installation: &Installation, dev: bool) -> Result<Self, Error> {
        let customer = args.customer_key_file.read_key(dev)?;
        let ring = ring(args, installation, dev, &customer)?;
        Ok(Self {
            args: args.clone(),
            installation: installation.clone(),
            dev,
            customer,
            ring: ArcSwap::from_pointee(ring),
        })
    }

    /// The live session keys.
    pub fn ring(&self) -> arc_swap::Guard<Arc<Keyring>> {
        self.ring.load()
    }

    /// The id of somebody whom we ourselves know by this name.
    #[must_use]
    pub fn customer(&self, name: &str) -> CustomerId {
        CustomerId::derive(self.customer.expose_secret().as_bytes(), OWN_ISSUER, name)
    }

    /// The id of a guest whom this number names, and nothing else does.
    #[must_use]
    pub fn guest(&self, number: u128) -> CustomerId {
        CustomerId::derive(self.customer.expose_secret().as_bytes(), GUEST_ISSUER, &number.to_string())
    }

    /// Reads the session keys again.
    ///
    /// # Errors
    /// [`enum@Error`]; the old ones stay then.
    pub fn reload(&self) -> Result<(), Error> {
        let ring = ring(&self.args, &self.installation, self.dev, &self.customer)?;
        self.ring.store(Arc::new(ring));
        Ok(())
    }

    /// Reads them again and again until told to stop, so that a key is rotated without a restart.
    pub async fn keep_fresh(&self, stopping: &CancellationToken) {
        let mut failed = false;
        while stopping.run_until_cancelled(tokio::time::sleep(RELOAD_AFTER)).await.is_some() {
            match self.reload() {
                Ok(()) => failed = false,
                Err(error) if !std::mem::replace(&mut failed, true) => {
                    tracing::warn!("the session keys cannot be read again, the old ones stay: {error}");
                }
                Err(_) => {}
            }
        }
    }
}

fn ring(args: &KeyArgs, installation: &Installation, dev: bool, customer: &SecretString) -> Result<Keyring, Error> {
    let read = args.session_key_file.iter().map(|file| file.read_key(dev));
    let secrets: Vec<SecretString> = read.collect::<Result<_, _>>()?;
    if secrets.iter().any(|secret| secret.expose_secret() == customer.expose_secret()) {
        return Err(Error::Shared);
    }
    Ok(Keyring::new(installation, &secrets)?)
}
