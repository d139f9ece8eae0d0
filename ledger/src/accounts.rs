//! People: register, sign in, who is that.
//!
//! **What it is for.** Somebody is identified once, slowly, here or by another issuer; from then on a session that the
//! edge signs says who they are. The ledger keeps what orders are fulfilled with, and the hash of a password.
//!
//! **What must always hold.** A customer is a keyed hash of issuer and subject ([`CustomerId::derive`]); our own accounts
//! have the issuer [`OWN_ISSUER`] and their address in small letters as subject. Signing in says and costs the same
//! whether the account is unknown or the password wrong. Registering is safe to repeat, and repeating it with another
//! password is a guess like any other and counted like one.
//!
//! | module | it settles |
//! | --- | --- |
//! | [`rules`] | what can be an address, a password and a name |
//! | [`password`] | hashing and comparing, a bounded number at a time |
//! | [`limit`] | how often somebody may be wrong |
//! | [`command`] | what `sluice-ledger account …` does |
//! | [`load`] | accounts from a file, by the thousand |
//!
//! **What is deliberately absent.** Letters to the address, to verify it or to reset a password: a shop that needs them
//! has an issuer of its own and exchanges its tokens.

pub mod command;
pub mod limit;
pub mod load;
pub mod password;
pub mod rules;

use std::sync::Arc;
use std::time::Duration;

use protocol::CustomerId;
use protocol::ask::No;
use protocol::ask::people::{Exchange, OWN_ISSUER, Password, Person, Profile, Register, SignIn};
use secrecy::{ExposeSecret as _, SecretString};
use tokio_util::sync::CancellationToken;

use crate::answer::{Answer, Failure, invalid};
use crate::repo::Repo;
use crate::repo::attempts::SWEEP_MAX;
use crate::repo::people::{Identity, Known};
use limit::Attempt;
use password::{Passwords, Verdict};

/// How often rows of limits that mean nothing any more are removed.
const SWEEP_EVERY: Duration = Duration::from_secs(600);

/// Turns an address into whom orders belong to; its clones are the same.
#[derive(Debug, Clone)]
pub struct CustomerKey(Arc<SecretString>);

impl CustomerKey {
    /// With the key of the installation.
    #[must_use]
    pub fn new(key: SecretString) -> Self {
        Self(Arc::new(key))
    }

    /// Somebody whom `issuer` calls `subject`.
    #[must_use]
    pub fn customer(&self, issuer: &str, subject: &str) -> CustomerId {
        CustomerId::derive(self.0.expose_secret().as_bytes(), issuer, subject)
    }

    /// The identity of an account of ours; the address has been read by [`rules::email`].
    #[must_use]
    pub fn own(&self, email: &str, name: Option<String>) -> Identity {
        Identity {
            customer: self.customer(OWN_ISSUER, email),
            issuer: OWN_ISSUER.to_owned(),
            subject: email.to_owned(),
            email: Some(email.to_owned()),
            name,
        }
    }
}

/// Answers questions about people; its clones are the same.
#[derive(Debug, Clone)]
pub struct Accounts {
    repo: Repo,
    key: CustomerKey,
    passwords: Passwords,
}

impl Accounts {
    /// With the key that turns people into customers.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn new(repo: Repo, key: CustomerKey) -> anyhow::Result<Self> {
        Ok(Self { repo, key, passwords: Passwords::new()? })
    }

    /// Makes an account, or finds the one that was made by the same question before.
    ///
    /// # Errors
    /// A named no, or Postgres is away.
    pub async fn register(&self, question: Register) -> Answer<Person> {
        let email = rules::email(&question.email)?;
        rules::new_password(&question.password)?;
        let identity = self.key.own(&email, rules::name(question.name.as_deref())?);
        let attempt = Attempt::new(&identity.customer, question.source);
        attempt.look(&self.repo).await?;
        if let Some(known) = self.repo.person(&identity.customer).await? {
            let found = self.attempt(&attempt, question.password, Some(known)).await?;
            return found.ok_or_else(|| No::AccountExists.into());
        }
        attempt.count_new(&self.repo).await?;
        let hash = self.passwords.turn_for_new().await?.hash(question.password.clone()).await?;
        if let Some(person) = self.repo.register(&identity, &hash, true).await? {
            return Ok(person);
        }
        // Somebody was faster. It was not there when this question came, so this is the same question twice rather than
        // a guess, and is not counted.
        let known = self.repo.person(&identity.customer).await?.ok_or(No::Unsettled)?;
        let turn = self.passwords.turn().await?;
        match turn.compare(question.password, known.password).await? {
            Verdict::Right { .. } => Ok(known.person),
            Verdict::Wrong => Err(No::AccountExists.into()),
        }
    }

    /// Finds out whether a password belongs to an account.
    ///
    /// # Errors
    /// A named no, or Postgres is away.
    pub async fn sign_in(&self, question: SignIn) -> Answer<Person> {
        let email = rules::email(&question.email)?;
        rules::typed_password(&question.password)?;
        let customer = self.key.customer(OWN_ISSUER, &email);
        let attempt = Attempt::new(&customer, question.source);
        // Before anybody waits for a core: who guesses on and on costs no more than this.
        attempt.look(&self.repo).await?;
        let known = self.repo.person(&customer).await?;
        let found = self.attempt(&attempt, question.password, known).await?;
        found.ok_or_else(|| No::WrongCredentials.into())
    }

    /// Compares, counted as an attempt unless the password is right.
    async fn attempt(&self, attempt: &Attempt, password: Password, known: Option<Known>) -> Answer<Option<Person>> {
        let turn = self.passwords.turn().await?;
        let counted = attempt.count(&self.repo).await?;
        let stored = known.as_ref().and_then(|known| known.password.clone());
        let Verdict::Right { renewed } = turn.compare(password, stored.clone()).await? else { return Ok(None) };
        counted.give_back(&self.repo).await?;
        let Some(Known { person, .. }) = known else { return Ok(None) };
        if let (Some(renewed), Some(stored)) = (renewed, stored) {
            self.repo.renew_password(&person.customer, &stored, &renewed).await?;
        }
        Ok(Some(person))
    }

    /// Writes down whom another issuer has identified.
    ///
    /// # Errors
    /// When it can be nobody, or Postgres is away.
    pub async fn exchange(&self, question: Exchange) -> Answer<Person> {
        rules::foreign("issuer", &question.issuer)?;
        rules::foreign("subject", &question.subject)?;
        if question.issuer == OWN_ISSUER {
            return Err(Failure::No(invalid("issuer", "people of this issuer sign in with their password")));
        }
        let identity = Identity {
            customer: self.key.customer(&question.issuer, &question.subject),
            issuer: question.issuer,
            subject: question.subject,
            email: rules::foreign_email(question.email.as_deref()),
            name: rules::foreign_name(question.name.as_deref()),
        };
        Ok(self.repo.meet(&identity).await?)
    }

    /// Who a customer is.
    ///
    /// # Errors
    /// When nobody knows, or Postgres is away.
    pub async fn profile(&self, question: Profile) -> Answer<Person> {
        let known = self.repo.person(&question.customer).await?;
        Ok(known.ok_or(No::NotFound)?.person)
    }

    /// Removes what the limits left behind, until told to stop.
    pub async fn sweep(&self, stopping: &CancellationToken) {
        while stopping.run_until_cancelled(tokio::time::sleep(SWEEP_EVERY)).await.is_some() {
            loop {
                match self.repo.sweep_attempts().await {
                    // There is more: guesses on many addresses leave rows faster than one sweep takes them away.
                    Ok(swept) if swept >= SWEEP_MAX => {}
                    Ok(swept) => break tracing::debug!(rows = swept, "swept attempts to sign in"),
                    Err(error) => break tracing::debug!("attempts to sign in are swept later: {error}"),
                }
            }
        }
    }
}
