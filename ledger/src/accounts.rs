//! People: register, sign in, who is that.

use std::sync::Arc;

use protocol::CustomerId;
use protocol::ask::No;
use protocol::ask::people::{Exchange, Person, Profile};
use secrecy::{ExposeSecret as _, SecretString};

use crate::answer::{Answer, invalid};
use crate::repo::Repo;
use crate::repo::people::Identity;

/// Who identifies people that sign in with a password of ours.
pub const OWN_ISSUER: &str = "sluice";

/// Answers questions about people; its clones are the same.
#[derive(Clone)]
pub struct Accounts {
    repo: Repo,
    customer_key: Arc<SecretString>,
}

impl Accounts {
    /// With the key that turns people into customers.
    #[must_use]
    pub fn new(repo: Repo, customer_key: SecretString) -> Self {
        Self { repo, customer_key: Arc::new(customer_key) }
    }

    /// Writes down whom another issuer has identified.
    ///
    /// # Errors
    /// When it is none, or Postgres is away.
    pub async fn exchange(&self, question: Exchange) -> Answer<Person> {
        if question.issuer == OWN_ISSUER {
            return Err(invalid("issuer", "people of this issuer sign in with their password").into());
        }
        let key = self.customer_key.expose_secret().as_bytes();
        let identity = Identity {
            customer: CustomerId::derive(key, &question.issuer, &question.subject),
            issuer: question.issuer,
            subject: question.subject,
            email: question.email,
            name: question.name,
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
}
