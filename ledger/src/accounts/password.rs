//! Passwords, and the little machine time that there is for them.
//!
//! **What it is for.** Hashing a password is slow on purpose: Argon2id over 19 MiB, two passes, one lane (OWASP's first
//! recommendation) takes some 16 ms of a core. At the start of a sale thousands sign in, so hashing has its own threads,
//! as many as there are cores, and a queue with an end.
//!
//! **What must always hold.** Nobody is compared with nothing: for somebody unknown the same work is done on a hash that
//! no password fits. What is stored tells its own parameters, so they can be raised: who signs in is hashed anew.
//!
//! **What it costs.** 19 MiB for each hash under way.
//!
//! **What is deliberately absent.** A pepper: the database would be useless without it, and so would every account when it
//! is lost. Normalising what people type: bytes are compared.

use std::num::NonZero;
use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use protocol::ask::No;
use protocol::ask::people::Password;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::answer::busy;

/// Memory of a hash, in KiB.
const MEMORY_KIB: u32 = 19 * 1_024;
/// Passes over it.
const PASSES: u32 = 2;
/// How many may wait for each core: the last of them for one to two seconds, which somebody at a form still waits.
const WAITING_PER_CORE: usize = 64;
/// Costliest hash that is accepted from outside, in KiB and passes: whoever signs in makes us pay for it.
const MEMORY_KIB_MAX: u32 = 64 * 1_024;
const PASSES_MAX: u32 = 8;
/// Fewest bytes of a hash from outside; a shorter one would fit passwords by chance.
const OUTPUT_BYTES_MIN: usize = 16;

/// Hashes and compares, a bounded number at a time; its clones are the same.
#[derive(Debug, Clone)]
pub struct Passwords {
    places: Arc<Semaphore>,
    /// Those of them that new accounts may have: who is there already must not wait behind a crowd that registers.
    places_for_new: Arc<Semaphore>,
    cores: Arc<Semaphore>,
    /// What somebody unknown is compared with.
    nobody: Arc<str>,
}

/// What a comparison came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// They do not belong together.
    Wrong,
    /// They do.
    Right {
        /// The same password hashed with today's parameters, when it was stored with others.
        renewed: Option<String>,
    },
}

/// A core for one password; whoever holds it should not wait for much else.
#[derive(Debug)]
pub struct Turn {
    _place: OwnedSemaphorePermit,
    _place_for_new: Option<OwnedSemaphorePermit>,
    _core: OwnedSemaphorePermit,
    nobody: Arc<str>,
}

impl Passwords {
    /// On as many cores as this process may use.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn new() -> anyhow::Result<Self> {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let nobody = hash(uuid::Uuid::new_v4().simple().to_string().as_bytes());
        let nobody = nobody.map_err(|error| anyhow::anyhow!("passwords cannot be hashed: {error}"))?;
        Ok(Self {
            places: Arc::new(Semaphore::new(cores * (1 + WAITING_PER_CORE))),
            places_for_new: Arc::new(Semaphore::new(cores * (1 + WAITING_PER_CORE) / 2)),
            cores: Arc::new(Semaphore::new(cores)),
            nobody: nobody.into(),
        })
    }

    /// Waits for a core.
    ///
    /// # Errors
    /// [`No::Busy`] at once when too many wait already.
    pub async fn turn(&self) -> Result<Turn, No> {
        let place = self.places.clone().try_acquire_owned().map_err(|_| busy())?;
        // Never closed.
        let core = self.cores.clone().acquire_owned().await.map_err(|_| busy())?;
        Ok(Turn { _place: place, _place_for_new: None, _core: core, nobody: self.nobody.clone() })
    }

    /// The same for somebody new.
    ///
    /// # Errors
    /// [`No::Busy`] at once when too many wait already.
    pub async fn turn_for_new(&self) -> Result<Turn, No> {
        let place = self.places_for_new.clone().try_acquire_owned().map_err(|_| busy())?;
        Ok(Turn { _place_for_new: Some(place), ..self.turn().await? })
    }
}

impl Turn {
    /// A hash to store, as a PHC string.
    ///
    /// # Errors
    /// [`No::Busy`] when the machine has no memory or randomness left.
    pub async fn hash(self, password: Password) -> Result<String, No> {
        self.work(move |_| hash(password.0.as_bytes())).await
    }

    /// Compares with what is stored, or with a hash that nothing fits when nothing is.
    ///
    /// # Errors
    /// [`No::Busy`] when the machine has no memory or randomness left.
    pub async fn compare(self, password: Password, stored: Option<String>) -> Result<Verdict, No> {
        self.work(move |nobody| compare(password.0.as_bytes(), stored.as_deref(), nobody)).await
    }

    /// On a thread that may block. The turn ends with the work and not with whoever waits for it: somebody who gives up
    /// must not make room for one more hash than there are cores.
    async fn work<T: Send + 'static>(
        self,
        work: impl FnOnce(&str) -> Result<T, argon2::password_hash::Error> + Send + 'static,
    ) -> Result<T, No> {
        let worked = tokio::task::spawn_blocking(move || {
            let done = work(&self.nobody);
            // Named, so that all of it moves here and not the one field alone.
            drop(self);
            done
        });
        match worked.await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => {
                tracing::error!("a password cannot be hashed: {error}");
                Err(busy())
            }
            Err(ended) => {
                tracing::error!("a password was not hashed: {ended}");
                Err(busy())
            }
        }
    }
}

/// A hash of a password with today's parameters and a new salt, as a PHC string.
///
/// # Errors
/// When the machine has no memory or randomness left.
pub fn hash(password: &[u8]) -> Result<String, argon2::password_hash::Error> {
    Ok(hasher()?.hash_password(password)?.to_string())
}

fn compare(password: &[u8], stored: Option<&str>, nobody: &str) -> Result<Verdict, argon2::password_hash::Error> {
    use argon2::password_hash::Error;
    let hasher = hasher()?;
    let hash = PasswordHash::new(stored.unwrap_or(nobody))?;
    match hasher.verify_password(password, &hash) {
        Ok(()) if stored.is_some() => {
            let renewed = if is_current(&hash) { None } else { Some(hasher.hash_password(password)?.to_string()) };
            Ok(Verdict::Right { renewed })
        }
        Ok(()) | Err(Error::PasswordInvalid) => Ok(Verdict::Wrong),
        Err(error) => Err(error),
    }
}

fn hasher() -> Result<Argon2<'static>, argon2::password_hash::Error> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn is_current(hash: &PasswordHash) -> bool {
    let today = Params::new(MEMORY_KIB, PASSES, 1, None).ok();
    let params = Params::try_from(hash).ok();
    let cost = |params: &Params| (params.m_cost(), params.t_cost(), params.p_cost());
    hash.algorithm.as_str() == "argon2id"
        && hash.version == Some(Version::V0x13.into())
        && today.is_some()
        && params.as_ref().map(cost) == today.as_ref().map(cost)
}

/// Whether a hash from elsewhere can be stored; the rule that it breaks, as a sentence without its full stop.
///
/// # Errors
/// The rule.
pub fn acceptable(phc: &str) -> Result<(), String> {
    let hash =
        PasswordHash::new(phc).map_err(|_| "not a PHC string ($argon2id$v=19$m=…,t=…,p=…$salt$hash)".to_owned())?;
    if hash.algorithm.as_str() != "argon2id" || hash.version != Some(Version::V0x13.into()) {
        return Err("the hash is not Argon2id version 19".to_owned());
    }
    let params = Params::try_from(&hash).map_err(|error| format!("the hash has impossible parameters: {error}"))?;
    if params.m_cost() > MEMORY_KIB_MAX || params.t_cost() > PASSES_MAX || params.p_cost() > 4 {
        let most = format!("m={MEMORY_KIB_MAX}, t={PASSES_MAX}, p=4");
        return Err(format!("the hash costs more than {most}, and every sign-in would"));
    }
    if hash.salt.is_none() || hash.hash.is_none_or(|output| output.len() < OUTPUT_BYTES_MIN) {
        return Err(format!("the hash needs a salt and at least {OUTPUT_BYTES_MIN} bytes"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
