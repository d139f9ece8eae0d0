//! How often somebody may be wrong.
//!
//! **What it is for.** Guessing passwords has to be slow, whether somebody tries many on one account or one on many
//! accounts, and over all replicas together. Each limit is a GCRA: so many at once, then one more per interval.
//!
//! | of whom | at once | then one per | against |
//! | --- | --- | --- | --- |
//! | a source address, on whatever accounts | [`SOURCE`] 100 | 1 s | trying stolen passwords on many accounts; wide, because a whole company or mobile network can come from one address |
//! | an account, from wherever | [`ACCOUNT`] 10 | 3 s | trying many passwords on one account |
//! | a source, making accounts | [`NEW`] 100 | 1 s | filling the database, and the queue that everybody who signs in waits in |
//! | a source on an account, once the account's own limit is used up | [`PAIR`] 1 | 5 s | nothing: it is for the owner |
//!
//! **What must always hold.** Nobody can lock an owner out: whatever others did to the account, an address that did not do
//! it itself is heard, and any address is heard again within 5 s. So a guesser with a thousand addresses has a
//! thousand guesses per 5 s; whoever promises owners more than that has no promise to give, because to us each of those
//! addresses may be the owner. What is left of that is bounded by the cores that hash.
//!
//! An attempt is counted *before* the password is compared and given back when it was right: counted afterwards, a
//! thousand guesses at once would all be looked at.
//!
//! **What it costs.** Two small statements before a password is compared, two after a right one, on rows that are not
//! logged. The database's clock decides, so replicas need not agree on the time.

use std::net::IpAddr;
use std::time::Duration;

use protocol::CustomerId;
use protocol::ask::No;

use crate::answer::{Answer, Failure};
use crate::repo::Repo;

/// So many at once, then one per interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// At least 1.
    pub at_once: u32,
    /// Until one more is allowed.
    pub interval: Duration,
}

impl Quota {
    /// After how long without an attempt the whole quota is there again.
    #[must_use]
    pub fn window(self) -> Duration {
        self.interval * self.at_once
    }

    /// How long until the next attempt, when so much of the window is used up.
    #[must_use]
    pub fn wait(self, used: Duration) -> Duration {
        (used + self.interval).saturating_sub(self.window())
    }
}

/// Of a source address.
pub const SOURCE: Quota = Quota { at_once: 100, interval: Duration::from_secs(1) };
/// Of an account.
pub const ACCOUNT: Quota = Quota { at_once: 10, interval: Duration::from_secs(3) };
/// Of a source that makes accounts. Nothing of it is given back.
pub const NEW: Quota = Quota { at_once: 100, interval: Duration::from_secs(1) };
/// Of a source on an account whose own limit is used up.
pub const PAIR: Quota = Quota { at_once: 1, interval: Duration::from_secs(5) };

/// Somebody who says that they own an account.
#[derive(Debug, Clone)]
pub struct Attempt {
    account: String,
    /// Nothing when the edge does not say where they come from: the account's limit holds alone then.
    source: Option<Source>,
}

#[derive(Debug, Clone)]
struct Source {
    address: String,
    new: String,
    pair: String,
}

/// What an attempt was counted against.
#[derive(Debug, Default)]
pub struct Counted(Vec<(String, Quota)>);

impl Attempt {
    /// On this account, from this address.
    #[must_use]
    pub fn new(account: &CustomerId, source: Option<IpAddr>) -> Self {
        let source = source.map(network).map(|source| Source {
            address: format!("source {source}"),
            new: format!("new {source}"),
            pair: format!("pair {account} {source}"),
        });
        Self { account: format!("account {account}"), source }
    }

    /// Whether it would be heard now.
    ///
    /// # Errors
    /// [`No::TooManyAttempts`], or Postgres is away.
    pub async fn look(&self, repo: &Repo) -> Answer<()> {
        match self.wait(repo).await? {
            wait if wait.is_zero() => Ok(()),
            wait => Err(too_many(wait)),
        }
    }

    /// Counts the making of an account.
    ///
    /// # Errors
    /// [`No::TooManyAttempts`], then nothing is counted; or Postgres is away.
    pub async fn count_new(&self, repo: &Repo) -> Answer<()> {
        let Some(source) = &self.source else { return Ok(()) };
        if repo.count_attempt(&source.new, NEW).await? {
            return Ok(());
        }
        let used = repo.attempts(&[source.new.as_str()]).await?.get(&source.new).copied();
        Err(too_many(NEW.wait(used.unwrap_or_default())))
    }

    /// Counts it.
    ///
    /// # Errors
    /// [`No::TooManyAttempts`], then nothing is counted; or Postgres is away.
    pub async fn count(&self, repo: &Repo) -> Answer<Counted> {
        let mut counted = Counted::default();
        if let Some(source) = &self.source {
            if !repo.count_attempt(&source.address, SOURCE).await? {
                return Err(too_many(self.wait(repo).await?));
            }
            counted.0.push((source.address.clone(), SOURCE));
        }
        if repo.count_attempt(&self.account, ACCOUNT).await? {
            counted.0.push((self.account.clone(), ACCOUNT));
            return Ok(counted);
        }
        if let Some(source) = &self.source
            && repo.count_attempt(&source.pair, PAIR).await?
        {
            counted.0.push((source.pair.clone(), PAIR));
            return Ok(counted);
        }
        counted.give_back(repo).await?;
        Err(too_many(self.wait(repo).await?))
    }

    async fn wait(&self, repo: &Repo) -> Answer<Duration> {
        let keys: Vec<&str> = match &self.source {
            Some(source) => vec![&source.address, &self.account, &source.pair],
            None => vec![&self.account],
        };
        let used = repo.attempts(&keys).await?;
        let used = |key: &str| used.get(key).copied().unwrap_or_default();
        let account = ACCOUNT.wait(used(&self.account));
        Ok(match &self.source {
            Some(source) => SOURCE.wait(used(&source.address)).max(account.min(PAIR.wait(used(&source.pair)))),
            None => account,
        })
    }
}

impl Counted {
    /// The password was right: it was no attempt.
    ///
    /// # Errors
    /// Postgres is away.
    pub async fn give_back(self, repo: &Repo) -> Answer<()> {
        for (key, quota) in self.0 {
            repo.give_attempt_back(&key, quota).await?;
        }
        Ok(())
    }
}

fn too_many(wait: Duration) -> Failure {
    // Rounded up, and never 0: between counting and looking a place may have become free.
    let seconds = u32::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX).max(1);
    No::TooManyAttempts { retry_after_seconds: seconds }.into()
}

/// What counts as one source: an address of version 4, or the /56 that a household gets of version 6.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 72 << 72).into()),
    }
}

#[cfg(test)]
mod tests;
