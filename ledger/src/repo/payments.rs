//! Payments: begun, settled, given back.
//!
//! **What must always hold.** Money moves only together with the compare-and-set of the payment's row, in one transaction:
//! whoever tries second, a request, the job that recovers, another replica, finds the row moved and moves nothing. At most
//! one payment of an order is under way or done; a capture that comes beside it is written down as owed.

use protocol::{CustomerId, OrderId, OrderNumber, SaleId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::purses::{Cause, Kind, Moved, PurseId, Transfer, purse, transfer};
use super::{Error, Repo, narrow};
use crate::payments::payment::{Mode, Payment, State, Target};

/// What became of the beginning of a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// It is under way; or it was, under this key or another, and this is that one.
    Payment(Payment),
    /// The order's time is over, by Postgres' clock.
    Overdue,
    /// The wallet holds less, in minor units.
    Insufficient(i64),
}

/// What became of what a provider said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    /// The payment as it is now.
    pub payment: Payment,
    /// Whether its state was written by this, rather than found.
    pub fresh: bool,
}

impl Noted {
    fn written(payment: Payment) -> Self {
        Self { payment, fresh: true }
    }

    fn found(payment: Payment) -> Self {
        Self { payment, fresh: false }
    }
}

/// A payment as a row has it; read here, checked in [`payment`].
struct Row {
    id: Uuid,
    sale: String,
    order_id: Uuid,
    customer: String,
    n: i16,
    mode: String,
    amount_minor: i64,
    currency: String,
    state: String,
}

fn payment(row: Row) -> Result<Payment, Error> {
    let broken = |error: protocol::id::InvalidId| Error::Broken(error.to_string());
    let of = |what: &str| Error::Broken(format!("payment {} is of {what}", row.id));
    Ok(Payment {
        id: row.id,
        target: Target {
            sale: SaleId::parse(&row.sale).map_err(broken)?,
            order: OrderId(row.order_id),
            customer: CustomerId::parse(&row.customer).map_err(broken)?,
            number: OrderNumber(narrow(row.n)?),
        },
        mode: Mode::parse(&row.mode).ok_or_else(|| of(&row.mode))?,
        amount_minor: row.amount_minor,
        state: State::parse(&row.state).ok_or_else(|| of(&row.state))?,
        currency: row.currency,
    })
}

impl Repo {
    /// Takes the price of an order out of its customer's wallet. The same order again gets the payment that it has.
    ///
    /// # Errors
    /// [`Error`]. After [`Error::Unavailable`] nobody knows: begin again.
    pub async fn begin_wallet(&self, new: &Payment, deadline: Option<i64>) -> Result<Begun, Error> {
        let mut transaction = self.pool.begin().await?;
        if let Some(known) = live(&mut transaction, new.target.order).await? {
            // Begun in time, by whoever asked before: it goes on however late it is now.
            return Ok(Begun::Payment(known));
        }
        let in_time =
            sqlx::query_scalar!(r#"SELECT coalesce(now() < to_timestamp($1::bigint), true) AS "in_time!""#, deadline);
        if !in_time.fetch_one(&mut *transaction).await? {
            return Ok(Begun::Overdue);
        }
        if !insert(&mut transaction, new, None).await? {
            let order = new.target.order;
            let known = live(&mut transaction, order).await?;
            // Returned between the two statements: whoever asks again begins anew.
            return known.map(Begun::Payment).ok_or_else(|| Error::Unavailable(sqlx::Error::RowNotFound));
        }
        if let Moved::Insufficient { balance } = step(&mut transaction, new, Cause::Pay).await? {
            return Ok(Begun::Insufficient(balance));
        }
        transaction.commit().await?;
        Ok(Begun::Payment(new.clone()))
    }

    /// Writes down what a provider captured. The same reference again gets the payment that it made; a capture that cannot
    /// be for this order any more, because another payment is, is owed back at once.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn begin_external(&self, new: &Payment, reference: &str) -> Result<Noted, Error> {
        let mut transaction = self.pool.begin().await?;
        if insert(&mut transaction, new, Some(reference)).await? {
            captured(&mut transaction, new).await?;
            transaction.commit().await?;
            return Ok(Noted::written(new.clone()));
        }
        if let Some(known) = referred(&mut transaction, reference).await? {
            if known.state != State::Failed || new.state == State::Failed || known.target != new.target {
                return Ok(Noted::found(known));
            }
            let after = recaptured(&mut transaction, new).await?;
            transaction.commit().await?;
            return Ok(Noted::written(after));
        }
        let owed = Payment { state: State::RefundDue, ..new.clone() };
        if !insert(&mut transaction, &owed, Some(reference)).await? {
            let known = referred(&mut transaction, reference).await?;
            return known.map(Noted::found).ok_or_else(|| Error::Unavailable(sqlx::Error::RowNotFound));
        }
        captured(&mut transaction, &owed).await?;
        transaction.commit().await?;
        Ok(Noted::written(owed))
    }

    /// Moves a payment and its money from one state to the next; whether this call did it.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn move_payment(&self, payment: &Payment, to: State) -> Result<bool, Error> {
        let Some(cause) = Payment::cause(payment.state, to) else {
            return Err(Error::Broken(format!("a {} payment cannot become {}", payment.state.as_str(), to.as_str())));
        };
        let mut transaction = self.pool.begin().await?;
        let moved = sqlx::query!(
            "UPDATE payments SET state = $3, changed_at = now() WHERE id = $1 AND state = $2",
            payment.id,
            payment.state.as_str(),
            to.as_str()
        );
        if moved.execute(&mut *transaction).await?.rows_affected() != 1 {
            return Ok(false);
        }
        match step(&mut transaction, payment, cause).await? {
            Moved::Done => {}
            short_or_repeated => {
                let why =
                    format!("payment {} cannot take the step {}: {short_or_repeated:?}", payment.id, cause.as_str());
                return Err(Error::Broken(why));
            }
        }
        transaction.commit().await?;
        Ok(true)
    }

    /// A payment.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn payment(&self, id: Uuid) -> Result<Option<Payment>, Error> {
        let row = sqlx::query_as!(
            Row,
            "SELECT id, sale, order_id, customer, n, mode, amount_minor, currency, state FROM payments WHERE id = $1",
            id
        );
        row.fetch_optional(&self.pool).await?.map(payment).transpose()
    }

    /// Payments that nobody finishes, at most so many: under way, and not tried for longer than this. Each is noted as tried
    /// now, so that those which cannot be finished let the others pass, and two who look get different ones.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn unfinished_payments(&self, older_seconds: f64, limit: u16) -> Result<Vec<Payment>, Error> {
        let rows = sqlx::query_as!(
            Row,
            "UPDATE payments SET tried_at = now() WHERE id IN (
                 SELECT id FROM payments
                 WHERE state = 'pending' AND tried_at <= now() - $1::float8 * interval '1 second'
                 ORDER BY tried_at LIMIT $2 FOR UPDATE SKIP LOCKED)
             RETURNING id, sale, order_id, customer, n, mode, amount_minor, currency, state",
            older_seconds,
            i64::from(limit)
        );
        rows.fetch_all(&self.pool).await?.into_iter().map(payment).collect()
    }

    /// Settled payments whose orders were taken back within this time, at most so many.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn payments_taken_back(&self, within_seconds: f64, limit: u16) -> Result<Vec<Payment>, Error> {
        let rows = sqlx::query_as!(
            Row,
            "SELECT p.id, p.sale, p.order_id, p.customer, p.n, p.mode, p.amount_minor, p.currency, p.state
             FROM orders o JOIN payments p ON p.id = o.payment
             WHERE o.state = 'released' AND o.payment IS NOT NULL AND p.state = 'settled'
                 AND o.changed_at > now() - $1::float8 * interval '1 second'
             ORDER BY o.changed_at LIMIT $2",
            within_seconds,
            i64::from(limit)
        );
        rows.fetch_all(&self.pool).await?.into_iter().map(payment).collect()
    }

    /// How many payments of a sale are not at their end: pending, or settled for an order that was taken back.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn payments_open(&self, sale: &SaleId) -> Result<u64, Error> {
        let count = sqlx::query_scalar!(
            r#"SELECT (SELECT count(*) FROM payments WHERE sale = $1 AND state = 'pending')
                 + (SELECT count(*) FROM orders o JOIN payments p ON p.id = o.payment
                    WHERE o.state = 'released' AND o.payment IS NOT NULL AND p.sale = $1 AND p.state = 'settled')
                 AS "count!""#,
            sale.as_str()
        );
        Ok(count.fetch_one(&self.pool).await?.unsigned_abs())
    }

    /// Where the order of this id is, if it was followed already.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn find_order(&self, id: OrderId) -> Result<Option<Target>, Error> {
        let row = sqlx::query!("SELECT sale, customer, n FROM orders WHERE id = $1", id.0);
        let Some(row) = row.fetch_optional(&self.pool).await? else { return Ok(None) };
        let broken = |error: protocol::id::InvalidId| Error::Broken(error.to_string());
        Ok(Some(Target {
            sale: SaleId::parse(&row.sale).map_err(broken)?,
            order: id,
            customer: CustomerId::parse(&row.customer).map_err(broken)?,
            number: OrderNumber(narrow(row.n)?),
        }))
    }
}

/// Inserts a payment's row, unless its reference is known or another payment of its order lives.
async fn insert(connection: &mut PgConnection, new: &Payment, reference: Option<&str>) -> Result<bool, Error> {
    let Target { sale, order, customer, number } = &new.target;
    let inserted = sqlx::query!(
        "INSERT INTO payments (id, sale, order_id, customer, n, mode, amount_minor, currency, state, reference)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING",
        new.id,
        sale.as_str(),
        order.0,
        customer.to_string(),
        i16::from(number.0),
        new.mode.as_str(),
        new.amount_minor,
        new.currency,
        new.state.as_str(),
        reference
    );
    Ok(inserted.execute(connection).await?.rows_affected() == 1)
}

/// Locks purses in the order of their ids.
async fn lock(connection: &mut PgConnection, purses: &[PurseId]) -> Result<(), Error> {
    let ids: Vec<i64> = purses.iter().map(|purse| purse.0).collect();
    let locked = sqlx::query!("SELECT id FROM purses WHERE id = ANY($1) ORDER BY id FOR UPDATE", &ids);
    locked.fetch_all(connection).await?;
    Ok(())
}

async fn live(connection: &mut PgConnection, order: OrderId) -> Result<Option<Payment>, Error> {
    let row = sqlx::query_as!(
        Row,
        "SELECT id, sale, order_id, customer, n, mode, amount_minor, currency, state
         FROM payments WHERE order_id = $1 AND state IN ('pending', 'settled')",
        order.0
    );
    row.fetch_optional(connection).await?.map(payment).transpose()
}

async fn referred(connection: &mut PgConnection, reference: &str) -> Result<Option<Payment>, Error> {
    let row = sqlx::query_as!(
        Row,
        "SELECT id, sale, order_id, customer, n, mode, amount_minor, currency, state FROM payments WHERE reference = $1",
        reference
    );
    row.fetch_optional(connection).await?.map(payment).transpose()
}

/// An attempt that had failed under this reference and went well after all, as providers let shoppers try again.
async fn recaptured(connection: &mut PgConnection, new: &Payment) -> Result<Payment, Error> {
    let beside = live(connection, new.target.order).await?.is_some();
    let after = Payment { state: if beside { State::RefundDue } else { new.state }, ..new.clone() };
    let moved = sqlx::query!(
        "UPDATE payments SET state = $2, amount_minor = $3, currency = $4, changed_at = now()
         WHERE id = $1 AND state = 'failed'",
        after.id,
        after.state.as_str(),
        after.amount_minor,
        after.currency
    );
    match moved.execute(&mut *connection).await {
        Ok(moved) if moved.rows_affected() == 1 => captured(connection, &after).await.map(|()| after),
        // Somebody else took it further, or began another payment of the order in this very moment: send it again.
        Ok(_) => Err(Error::Unavailable(sqlx::Error::RowNotFound)),
        Err(sqlx::Error::Database(refused)) if refused.is_unique_violation() => {
            Err(Error::Unavailable(sqlx::Error::RowNotFound))
        }
        Err(error) => Err(error.into()),
    }
}

/// The money of a capture, as far as its state says that it has gone.
async fn captured(connection: &mut PgConnection, payment: &Payment) -> Result<(), Error> {
    let steps: &[Cause] = match payment.state {
        State::Failed => &[],
        State::RefundDue => &[Cause::Pay, Cause::Return],
        _ => &[Cause::Pay],
    };
    for cause in steps {
        match step(connection, payment, *cause).await? {
            Moved::Done => {}
            other => {
                return Err(Error::Broken(format!("a capture cannot take the step {}: {other:?}", cause.as_str())));
            }
        }
    }
    Ok(())
}

/// Moves the money of one step. A refund into a wallet passes the sale's refunds, so that they show what was given back.
async fn step(connection: &mut PgConnection, payment: &Payment, cause: Cause) -> Result<Moved, Error> {
    if payment.amount_minor == 0 {
        return Ok(Moved::Done);
    }
    let (sale, customer) = (payment.target.sale.as_str(), payment.target.customer.to_string());
    let mut purses = Vec::new();
    for kind in payment.route(cause) {
        let owner = match kind {
            Kind::Funding => "",
            Kind::Wallet => &customer,
            Kind::Pending | Kind::Revenue | Kind::Refunds => sale,
        };
        purses.push(purse(connection, *kind, owner, &payment.currency).await?);
    }
    if purses.len() > 2 {
        // All of them at once and in order, as every other step locks its two: else three steps could wait in a ring.
        lock(connection, &purses).await?;
    }
    for pair in purses.windows(2) {
        let [credit, debit] = pair else { continue };
        let leg = Transfer {
            credit: *credit,
            debit: *debit,
            amount_minor: payment.amount_minor,
            cause,
            payment: Some(payment.id),
            reference: None,
        };
        match transfer(connection, &leg).await? {
            Moved::Done => {}
            other => return Ok(other),
        }
    }
    Ok(Moved::Done)
}
