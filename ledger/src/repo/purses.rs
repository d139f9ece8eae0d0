//! Purses, and the one way in which money moves between them.
//!
//! **What must always hold.** A transfer is one statement: its row and both balances are written together, so what is in
//! the purses is what the transfers come to, and over all purses of a currency that is 0. Purses are locked in the order
//! of their ids: two transfers that meet wait for one another and never for ever.
//!
//! **What it costs.** One statement per transfer. A purse that everybody uses (the pending one of a sale) is locked until
//! the transaction commits, so keep what comes after it short.
//!
//! **What is deliberately absent.** Opinions: that a wallet is short of money or a step was taken before are outcomes,
//! for the caller to judge.

use sqlx::PgConnection;
use uuid::Uuid;

use super::Error;

/// What a purse is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Where money comes from: a gift of the merchant, the capture of a provider. It alone may be below zero.
    Funding,
    /// A customer's.
    Wallet,
    /// Of a sale: taken by payments that are under way.
    Pending,
    /// Of a sale: earned.
    Revenue,
    /// Of a sale: owed to customers who paid through a provider.
    Refunds,
}

impl Kind {
    /// As rows spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Funding => "funding",
            Self::Wallet => "wallet",
            Self::Pending => "pending",
            Self::Revenue => "revenue",
            Self::Refunds => "refunds",
        }
    }
}

/// The row of a purse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PurseId(pub(super) i64);

/// Why money moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Money comes in.
    Fund,
    /// A wallet pays: wallet to pending.
    Pay,
    /// The order is confirmed: pending to revenue.
    Settle,
    /// The order was released before: pending back to the wallet.
    Return,
    /// The order was released afterwards.
    Refund,
}

impl Cause {
    /// As rows spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fund => "fund",
            Self::Pay => "pay",
            Self::Settle => "settle",
            Self::Return => "return",
            Self::Refund => "refund",
        }
    }
}

/// Money on its way.
#[derive(Debug, Clone, Copy)]
pub struct Transfer<'a> {
    /// Where it comes from.
    pub credit: PurseId,
    /// Where it goes; of the same currency.
    pub debit: PurseId,
    /// How much, above zero.
    pub amount_minor: i64,
    /// Why.
    pub cause: Cause,
    /// The payment that it is a step of; none for [`Cause::Fund`] alone.
    pub payment: Option<Uuid>,
    /// What whoever funds calls it.
    pub reference: Option<&'a str>,
}

/// What became of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    /// The money is there, once the transaction is committed.
    Done,
    /// There is less where it should come from; nothing was written.
    Insufficient {
        /// How much there is.
        balance: i64,
    },
    /// This step of the payment, or this reference, was written down before; nothing was written now.
    Repeated,
}

/// The purse of this kind, owner and currency; made empty when it is not there yet.
///
/// # Errors
/// [`Error`]; [`Error::Broken`] when the currency is none.
pub async fn purse(connection: &mut PgConnection, kind: Kind, owner: &str, currency: &str) -> Result<PurseId, Error> {
    if let Some(found) = find(connection, kind, owner, currency).await? {
        return Ok(found);
    }
    let made = sqlx::query!(
        "INSERT INTO purses (kind, owner, currency) VALUES ($1, $2, $3) ON CONFLICT (kind, owner, currency) DO NOTHING",
        kind.as_str(),
        owner,
        currency
    );
    made.execute(&mut *connection).await?;
    // Ours or the one of whoever was faster: committed by now, and a statement sees what was committed before it.
    let found = find(connection, kind, owner, currency).await?;
    found.ok_or_else(|| Error::Broken(format!("the {} purse in {currency} of {owner:?} is not there", kind.as_str())))
}

async fn find(
    connection: &mut PgConnection,
    kind: Kind,
    owner: &str,
    currency: &str,
) -> Result<Option<PurseId>, Error> {
    let id = sqlx::query_scalar!(
        "SELECT id FROM purses WHERE kind = $1 AND owner = $2 AND currency = $3",
        kind.as_str(),
        owner,
        currency
    );
    Ok(id.fetch_optional(connection).await?.map(PurseId))
}

/// Moves money, within the caller's transaction.
///
/// # Errors
/// [`Error`]; [`Error::Broken`] when the purses are not two of the same currency, or the books would not balance.
pub async fn transfer(connection: &mut PgConnection, transfer: &Transfer<'_>) -> Result<Moved, Error> {
    let Transfer { credit, debit, amount_minor, cause, payment, reference } = *transfer;
    let done = sqlx::query!(
        r#"WITH locked AS MATERIALIZED (
               SELECT id, kind, currency, balance FROM purses WHERE id IN ($1, $2) ORDER BY id FOR UPDATE
           ), taken AS (
               INSERT INTO transfers (credit, debit, amount_minor, cause, payment, reference)
               SELECT $1, $2, $3, $4, $5, $6
               WHERE (SELECT count(*) = 2 AND count(DISTINCT currency) = 1 FROM locked)
                   AND EXISTS (SELECT FROM locked WHERE id = $1 AND (kind = 'funding' OR balance >= $3))
               ON CONFLICT DO NOTHING
               RETURNING 1
           ), moved AS (
               UPDATE purses SET balance = balance + CASE WHEN id = $2 THEN $3 ELSE -$3 END
               WHERE id IN ($1, $2) AND EXISTS (SELECT FROM taken)
               RETURNING 1
           )
           SELECT (SELECT count(*) FROM moved) AS "moved!",
                  (SELECT count(*) = 2 AND count(DISTINCT currency) = 1 FROM locked) AS "pair!",
                  (SELECT balance FROM locked WHERE id = $1 AND kind <> 'funding') AS balance"#,
        credit.0,
        debit.0,
        amount_minor,
        cause.as_str(),
        payment,
        reference
    )
    .fetch_one(connection)
    .await?;
    match (done.moved, done.pair, done.balance) {
        (2, ..) => Ok(Moved::Done),
        (0, true, Some(balance)) if balance < amount_minor => Ok(Moved::Insufficient { balance }),
        (0, true, _) => Ok(Moved::Repeated),
        (0, false, _) => Err(Error::Broken(format!("{credit:?} and {debit:?} are not two purses of one currency"))),
        (moved, ..) => Err(Error::Broken(format!("a transfer moved {moved} purses"))),
    }
}
