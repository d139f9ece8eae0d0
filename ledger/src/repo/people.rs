//! People: who somebody is, and the hash of their password.

use std::collections::HashSet;

use protocol::CustomerId;
use protocol::ask::people::Person;

use super::funding::{Gift, fund_many};
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

/// Somebody, and what their password is compared with; never printed.
#[derive(Clone)]
pub struct Known {
    /// Who it is.
    pub person: Person,
    /// A PHC string; nothing for people whom another issuer identifies.
    pub password: Option<String>,
    /// Whether it was made by whoever said that the address is theirs.
    pub self_made: bool,
}

/// What became of many accounts at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loaded {
    /// Everything that was not there is.
    Done {
        /// Accounts made.
        made: u64,
        /// Wallets funded.
        funded: u64,
    },
    /// A reference was used for something else before; nothing was written.
    Reused {
        /// The first one.
        reference: String,
    },
}

impl Repo {
    /// Who a customer is.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn person(&self, customer: &CustomerId) -> Result<Option<Known>, Error> {
        let row = sqlx::query!(
            "SELECT email, name, merchant, password, self_made FROM users WHERE customer = $1",
            customer.to_string()
        );
        Ok(row.fetch_optional(&self.pool).await?.map(|row| Known {
            person: Person { customer: *customer, email: row.email, name: row.name, merchant: row.merchant },
            password: row.password,
            self_made: row.self_made,
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

    /// Makes an account; nothing when there is one. With `self_made`, only its maker says that the address is theirs.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn register(
        &self,
        identity: &Identity,
        password: &str,
        self_made: bool,
    ) -> Result<Option<Person>, Error> {
        let made = sqlx::query!(
            "INSERT INTO users (customer, issuer, subject, email, name, password, self_made)
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (customer) DO NOTHING",
            identity.customer.to_string(),
            identity.issuer,
            identity.subject,
            identity.email,
            identity.name,
            password,
            self_made
        );
        let made = made.execute(&self.pool).await?.rows_affected() == 1;
        let Identity { customer, email, name, .. } = identity.clone();
        Ok(made.then_some(Person { customer, email, name, merchant: false }))
    }

    /// Replaces the hash of a password by another one of the same password, unless it was replaced meanwhile.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn renew_password(&self, customer: &CustomerId, old: &str, new: &str) -> Result<(), Error> {
        let renewed = sqlx::query!(
            "UPDATE users SET password = $3, changed_at = now() WHERE customer = $1 AND password = $2",
            customer.to_string(),
            old,
            new
        );
        renewed.execute(&self.pool).await?;
        Ok(())
    }

    /// Says whether somebody may do what merchants may; nothing when nobody knows them.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn set_merchant(&self, customer: &CustomerId, merchant: bool) -> Result<bool, Error> {
        let changed = sqlx::query!(
            "UPDATE users SET merchant = $2, changed_at = now() WHERE customer = $1",
            customer.to_string(),
            merchant
        );
        Ok(changed.execute(&self.pool).await?.rows_affected() == 1)
    }

    /// Somebody by what their issuer calls them.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn person_called(&self, issuer: &str, subject: &str) -> Result<Option<Known>, Error> {
        let row = sqlx::query!(
            "SELECT customer, email, name, merchant, password, self_made FROM users WHERE issuer = $1 AND subject = $2",
            issuer,
            subject
        );
        let Some(row) = row.fetch_optional(&self.pool).await? else { return Ok(None) };
        let customer = customer(&row.customer)?;
        let person = Person { customer, email: row.email, name: row.name, merchant: row.merchant };
        Ok(Some(Known { person, password: row.password, self_made: row.self_made }))
    }

    /// Which of these are known.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn known(&self, customers: &[CustomerId]) -> Result<HashSet<CustomerId>, Error> {
        let texts: Vec<String> = customers.iter().map(ToString::to_string).collect();
        let known = sqlx::query_scalar!("SELECT customer FROM users WHERE customer = ANY($1)", &texts);
        known.fetch_all(&self.pool).await?.iter().map(|text| customer(text)).collect()
    }

    /// Which of these were made by people who said that the address is theirs.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn self_made(&self, customers: &[CustomerId]) -> Result<HashSet<CustomerId>, Error> {
        let texts: Vec<String> = customers.iter().map(ToString::to_string).collect();
        let found = sqlx::query_scalar!("SELECT customer FROM users WHERE customer = ANY($1) AND self_made", &texts);
        found.fetch_all(&self.pool).await?.iter().map(|text| customer(text)).collect()
    }

    /// Makes accounts and funds wallets, all or nothing. What is there already stays.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn load(&self, people: &[(&Identity, &str)], gifts: &[Gift]) -> Result<Loaded, Error> {
        let column = |of: fn(&Identity) -> String| people.iter().map(|(one, _)| of(one)).collect::<Vec<_>>();
        let optional = |of: fn(&Identity) -> Option<String>| people.iter().map(|(one, _)| of(one)).collect::<Vec<_>>();
        let passwords: Vec<&str> = people.iter().map(|(_, password)| *password).collect();
        let mut transaction = self.pool.begin().await?;
        let made = sqlx::query!(
            "INSERT INTO users (customer, issuer, subject, email, name, password)
             SELECT * FROM UNNEST($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
             ON CONFLICT (customer) DO NOTHING",
            &column(|one| one.customer.to_string()),
            &column(|one| one.issuer.clone()),
            &column(|one| one.subject.clone()),
            &optional(|one| one.email.clone()) as &[Option<String>],
            &optional(|one| one.name.clone()) as &[Option<String>],
            &passwords as &[&str]
        );
        let made = made.execute(&mut *transaction).await?.rows_affected();
        match fund_many(&mut transaction, gifts).await? {
            Ok(funded) => {
                transaction.commit().await?;
                Ok(Loaded::Done { made, funded })
            }
            Err(reference) => Ok(Loaded::Reused { reference }),
        }
    }
}

fn customer(text: &str) -> Result<CustomerId, Error> {
    CustomerId::parse(text).map_err(|error| Error::Broken(error.to_string()))
}
