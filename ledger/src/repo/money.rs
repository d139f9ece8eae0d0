//! What the money of a sale comes to.

use std::collections::BTreeMap;

use protocol::key::Stream;
use protocol::order::{Order, Reason, State};
use protocol::{Epoch, IdempotencyKey, SaleId, Shard, Units};
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Error, Repo, narrow, orders, sku};
use crate::payments::payment::Target;

/// Payments of a sale that are in one state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct PaymentsLine {
    /// How many.
    pub count: i64,
    /// What they come to, in minor units.
    pub amount_minor: i64,
}

/// One currency of a sale.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct MoneyLine {
    /// ISO 4217.
    pub currency: String,
    /// Taken by payments that are under way, in minor units.
    pub pending_minor: i64,
    /// Earned.
    pub revenue_minor: i64,
    /// Owed to customers whose money a provider has.
    pub refunds_minor: i64,
    /// By state.
    pub payments: BTreeMap<String, PaymentsLine>,
}

/// One payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PaymentLine {
    /// Its id.
    pub id: Uuid,
    /// What it is for.
    pub order: Uuid,
    /// Whose.
    pub customer: String,
    /// `wallet` or `external`.
    pub mode: String,
    /// In minor units.
    pub amount_minor: i64,
    /// ISO 4217.
    pub currency: String,
    /// Where it is in its life.
    pub state: String,
    /// What the provider calls it.
    pub reference: Option<String>,
}

/// The money of a sale, by currency.
pub(super) async fn money(connection: &mut PgConnection, sale: &SaleId) -> Result<Vec<MoneyLine>, Error> {
    let mut lines: BTreeMap<String, MoneyLine> = BTreeMap::new();
    fn of<'a>(lines: &'a mut BTreeMap<String, MoneyLine>, currency: &str) -> &'a mut MoneyLine {
        let new = || MoneyLine { currency: currency.to_owned(), ..MoneyLine::default() };
        lines.entry(currency.to_owned()).or_insert_with(new)
    }
    let purses = sqlx::query!(
        "SELECT kind, currency, balance FROM purses WHERE kind IN ('pending', 'revenue', 'refunds') AND owner = $1",
        sale.as_str()
    );
    for row in purses.fetch_all(&mut *connection).await? {
        let line = of(&mut lines, &row.currency);
        match row.kind.as_str() {
            "pending" => line.pending_minor = row.balance,
            "revenue" => line.revenue_minor = row.balance,
            _ => line.refunds_minor = row.balance,
        }
    }
    let payments = sqlx::query!(
        r#"SELECT currency, state, count(*) AS "count!", sum(amount_minor)::bigint AS "amount!"
           FROM payments WHERE sale = $1 GROUP BY currency, state"#,
        sale.as_str()
    );
    for row in payments.fetch_all(connection).await? {
        let payments = PaymentsLine { count: row.count, amount_minor: row.amount };
        of(&mut lines, &row.currency).payments.insert(row.state, payments);
    }
    Ok(lines.into_values().collect())
}

impl Repo {
    /// The money of a sale at one moment, by currency; nothing for a sale without payments.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn money(&self, sale: &SaleId) -> Result<Vec<MoneyLine>, Error> {
        let mut transaction = self.snapshot().await?;
        let lines = money(&mut transaction, sale).await?;
        transaction.commit().await?;
        Ok(lines)
    }

    /// What all purses of each currency hold together, of all sales: 0 in books that balance. Reads every wallet.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn all_money(&self) -> Result<Vec<(String, i64)>, Error> {
        let rows = sqlx::query!(r#"SELECT currency, sum(balance)::bigint AS "sum!" FROM purses GROUP BY currency"#);
        Ok(rows.fetch_all(&self.pool).await?.into_iter().map(|row| (row.currency, row.sum)).collect())
    }

    /// The stream in which an order was made.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn stream_of(&self, target: &Target) -> Result<Option<Stream>, Error> {
        // One that was never followed was made in the newest life of its sale, in its only shard.
        let row = sqlx::query!(
            r#"SELECT coalesce(orders.epoch, sales.epoch) AS "epoch!", coalesce(shard, 0) AS "shard!"
               FROM sales LEFT JOIN orders ON orders.sale = sales.sale AND orders.id = $2 WHERE sales.sale = $1"#,
            target.sale.as_str(),
            target.order.0
        );
        let Some(row) = row.fetch_optional(&self.pool).await? else { return Ok(None) };
        let (epoch, shard) = (Epoch(narrow(row.epoch)?), Shard(narrow(row.shard)?));
        Ok(Some(Stream { sale: target.sale.clone(), epoch, shard }))
    }

    /// Takes a confirmed order back in the rows alone: only for a sale whose streams are gone, where no row follows
    /// anything any more. Its units stay where the books of the sale have closed them. Whoever fulfils orders is told, if
    /// there is somebody; the state has a position for that, one behind all that the stream had for this order.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn refund_in_rows(&self, target: &Target) -> Result<(), Error> {
        let taken = sqlx::query!(
            "WITH taken AS (
                 UPDATE orders SET state = 'released', reason = 'refunded', changed_at = now(), revision = revision + 1
                 WHERE id = $1 AND state = 'confirmed' RETURNING id, epoch, revision
             )
             INSERT INTO outbox AS known (order_id, epoch, revision)
             SELECT id, epoch, revision FROM taken WHERE EXISTS (SELECT FROM webhooks)
             ON CONFLICT (order_id) DO UPDATE SET epoch = EXCLUDED.epoch, revision = EXCLUDED.revision,
                 wanted_at = CASE WHEN known.due_at IS NULL THEN now() ELSE known.wanted_at END,
                 due_at = CASE WHEN known.gone THEN NULL ELSE coalesce(known.due_at, now()) END",
            target.order.0
        );
        taken.execute(&self.pool).await?;
        Ok(())
    }

    /// An order as the rows have it: the last word once its sale's streams are gone.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn order(&self, target: &Target) -> Result<Option<Order>, Error> {
        let row = sqlx::query!(
            r#"SELECT idempotency_key, sku, quantity, state, reason, payment,
                      extract(epoch FROM expires_at)::bigint AS expires_at
               FROM orders WHERE sale = $1 AND customer = $2 AND n = $3"#,
            target.sale.as_str(),
            target.customer.to_string(),
            i16::from(target.number.0)
        );
        let Some(row) = row.fetch_optional(&self.pool).await? else { return Ok(None) };
        let reason = match row.reason.as_deref() {
            None => None,
            Some("cancelled") => Some(Reason::Cancelled),
            Some("expired") => Some(Reason::Expired),
            Some("refunded") => Some(Reason::Refunded),
            Some(other) => return Err(Error::Broken(format!("a row holds the reason {other:?}"))),
        };
        let state: State = orders::state(&row.state)?;
        Ok(Some(Order {
            key: IdempotencyKey::parse(&row.idempotency_key).map_err(|error| Error::Broken(error.to_string()))?,
            sku: sku(&row.sku)?,
            quantity: Units(narrow(row.quantity)?),
            state,
            reason,
            expires_at: row.expires_at,
            payment: row.payment,
        }))
    }
}
