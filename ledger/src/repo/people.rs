//! People: who somebody is, and the hash of their password.

use protocol::CustomerId;
use protocol::ask::people::Person;

use super::{Error, Repo};

/// What is known of somebody when it is written down.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Whom orders and wallets belong to.
    pub customer: CustomerId,
    /// Who identifies them.
    pub issuer: String,
    /// What they are called there.
    pub subject: String,
    /// Where to reach them.
    pub email: Option<String>,
    /// What to call them.
    pub name: Option<String>,
}

/// Somebody, and what their password is compared with.
#[derive(Debug, Clone)]
pub struct Known {
    /// Who it is.
    pub person: Person,
    /// A PHC string; nothing for people whom another issuer identifies.
    pub password: Option<String>,
}

impl Repo {
    /// Who a customer is.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn person(&self, customer: &CustomerId) -> Result<Option<Known>, Error> {
        let row =
            sqlx::query!("SELECT email, name, merchant, password FROM users WHERE customer = $1", customer.to_string());
        Ok(row.fetch_optional(&self.pool).await?.map(|row| Known {
            person: Person { customer: *customer, email: row.email, name: row.name, merchant: row.merchant },
            password: row.password,
        }))
    }

    /// Writes down somebody whom another issuer has identified. What is known already stays where the issuer says nothing.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn meet(&self, identity: &Identity) -> Result<Person, Error> {
        let row = sqlx::query!(
            "INSERT INTO users AS known (customer, issuer, subject, email, name) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (customer) DO UPDATE SET email = coalesce(EXCLUDED.email, known.email),
                 name = coalesce(EXCLUDED.name, known.name),
                 changed_at = CASE WHEN (coalesce(EXCLUDED.email, known.email), coalesce(EXCLUDED.name, known.name))
                                       IS DISTINCT FROM (known.email, known.name) THEN now() ELSE known.changed_at END
             RETURNING email, name, merchant",
            identity.customer.to_string(),
            identity.issuer,
            identity.subject,
            identity.email,
            identity.name
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(Person { customer: identity.customer, email: row.email, name: row.name, merchant: row.merchant })
    }
}
