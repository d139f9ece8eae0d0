//! Money that comes in from outside.
//!
//! **What must always hold.** What is funded under a reference is funded once. The same reference for something else is
//! an error and never a second gift, nor a silent nothing.

use protocol::CustomerId;
use protocol::sale::Money;
use sqlx::PgConnection;

use super::purses::{Cause, Kind, Moved, Transfer, purse, transfer};
use super::{Error, Repo};

/// What became of a funding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Funded {
    /// The wallet holds this much now.
    Done {
        /// In minor units.
        balance: i64,
    },
    /// It was done before; the wallet holds this much now.
    Before {
        /// In minor units.
        balance: i64,
    },
    /// The reference was used for another wallet or amount.
    Reused,
}

/// A wallet to fund.
#[derive(Debug, Clone)]
pub struct Gift {
    /// Whose.
    pub customer: CustomerId,
    /// How much.
    pub money: Money,
    /// Under which reference.
    pub reference: String,
}

impl Repo {
    /// Puts money into a customer's wallet.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn fund(&self, customer: &CustomerId, money: &Money, reference: Option<&str>) -> Result<Funded, Error> {
        let mut transaction = self.pool.begin().await?;
        let credit = purse(&mut transaction, Kind::Funding, "", &money.currency).await?;
        let debit = purse(&mut transaction, Kind::Wallet, &customer.to_string(), &money.currency).await?;
        let amount_minor = money.amount_minor;
        let gift = Transfer { credit, debit, amount_minor, cause: Cause::Fund, payment: None, reference };
        let moved = transfer(&mut transaction, &gift).await?;
        let row = sqlx::query!(
            r#"SELECT balance, EXISTS (SELECT FROM transfers WHERE reference = $2 AND debit = purses.id
                                           AND amount_minor = $3) AS "same!"
               FROM purses WHERE id = $1"#,
            debit.0,
            reference,
            amount_minor
        )
        .fetch_one(&mut *transaction)
        .await?;
        transaction.commit().await?;
        match moved {
            Moved::Done => Ok(Funded::Done { balance: row.balance }),
            Moved::Repeated if row.same => Ok(Funded::Before { balance: row.balance }),
            Moved::Repeated => Ok(Funded::Reused),
            Moved::Insufficient { .. } => Err(Error::Broken("funding ran out of money".to_owned())),
        }
    }
}

/// Puts money into many wallets at once, within the caller's transaction; how many of them had not been funded under
/// their reference before. The inner error is the first reference that was used for something else.
///
/// # Errors
/// [`Error`].
pub(super) async fn fund_many(connection: &mut PgConnection, gifts: &[Gift]) -> Result<Result<u64, String>, Error> {
    let columns = Columns::of(gifts);
    lock(connection, &columns).await?;
    let done = sqlx::query!(
        r#"WITH wanted AS MATERIALIZED (
               SELECT funding.id AS credit, wallet.id AS debit, amount, reference
               FROM UNNEST($1::text[], $2::text[], $3::bigint[], $4::text[]) AS new (owner, currency, amount, reference)
               JOIN purses AS wallet ON wallet.kind = 'wallet' AND wallet.owner = new.owner
                   AND wallet.currency = new.currency
               JOIN purses AS funding ON funding.kind = 'funding' AND funding.owner = ''
                   AND funding.currency = new.currency
           ), taken AS (
               INSERT INTO transfers (credit, debit, amount_minor, cause, reference)
               SELECT credit, debit, amount, 'fund', reference FROM wanted ON CONFLICT DO NOTHING
               RETURNING credit, debit, amount_minor
           ), sides AS (
               SELECT id, sum(amount) AS amount FROM (
                   SELECT debit AS id, amount_minor AS amount FROM taken
                   UNION ALL SELECT credit, -amount_minor FROM taken
               ) AS legs GROUP BY id
           ), moved AS (
               UPDATE purses SET balance = balance + sides.amount FROM sides WHERE purses.id = sides.id RETURNING 1
           )
           SELECT (SELECT count(*) FROM taken) AS "taken!", (SELECT count(*) FROM moved) AS "moved!",
                  (SELECT count(*) FROM sides) AS "sides!""#,
        &columns.owner,
        &columns.currency as &[&str],
        &columns.amount,
        &columns.reference as &[&str]
    )
    .fetch_one(&mut *connection)
    .await?;
    if done.moved != done.sides {
        return Err(Error::Broken(format!("{} purses were to change and {} did", done.sides, done.moved)));
    }
    Ok(match reused(connection, &columns).await? {
        Some(reference) => Err(reference),
        None => Ok(u64::try_from(done.taken).unwrap_or_default()),
    })
}

/// Makes the purses that are not there and locks all of them, in the order of their ids as every transfer does.
async fn lock(connection: &mut PgConnection, columns: &Columns<'_>) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO purses (kind, owner, currency)
         SELECT 'wallet', owner, currency FROM UNNEST($1::text[], $2::text[]) AS new (owner, currency)
         UNION SELECT 'funding', '', currency FROM UNNEST($2::text[]) AS new (currency)
         ORDER BY 1, 2, 3
         ON CONFLICT (kind, owner, currency) DO NOTHING",
        &columns.owner,
        &columns.currency as &[&str]
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "SELECT id FROM purses WHERE (kind, owner, currency) IN (
             SELECT 'wallet', owner, currency FROM UNNEST($1::text[], $2::text[]) AS new (owner, currency)
             UNION SELECT 'funding', '', currency FROM UNNEST($2::text[]) AS new (currency)
         ) ORDER BY id FOR UPDATE",
        &columns.owner,
        &columns.currency as &[&str]
    )
    .fetch_all(connection)
    .await?;
    Ok(())
}

/// The first reference under which something else was funded.
async fn reused(connection: &mut PgConnection, columns: &Columns<'_>) -> Result<Option<String>, Error> {
    let reused = sqlx::query_scalar!(
        "SELECT new.reference FROM UNNEST($1::text[], $2::text[], $3::bigint[], $4::text[])
             AS new (owner, currency, amount, reference)
         LEFT JOIN (transfers JOIN purses ON purses.id = transfers.debit) ON transfers.reference = new.reference
             AND purses.owner = new.owner AND purses.currency = new.currency AND amount_minor = new.amount
         WHERE transfers.id IS NULL ORDER BY 1 LIMIT 1",
        &columns.owner,
        &columns.currency as &[&str],
        &columns.amount,
        &columns.reference as &[&str]
    );
    Ok(reused.fetch_optional(connection).await?.flatten())
}

/// Gifts by column, as UNNEST takes them.
struct Columns<'a> {
    owner: Vec<String>,
    currency: Vec<&'a str>,
    amount: Vec<i64>,
    reference: Vec<&'a str>,
}

impl<'a> Columns<'a> {
    fn of(gifts: &'a [Gift]) -> Self {
        Self {
            owner: gifts.iter().map(|gift| gift.customer.to_string()).collect(),
            currency: gifts.iter().map(|gift| gift.money.currency.as_str()).collect(),
            amount: gifts.iter().map(|gift| gift.money.amount_minor).collect(),
            reference: gifts.iter().map(|gift| gift.reference.as_str()).collect(),
        }
    }
}
