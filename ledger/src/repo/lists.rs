//! A sale's orders and payments, page by page.
//!
//! **What must always hold.** A page begins behind a place, and what is ordered by never changes: whoever follows the
//! places reads every row that was there at the beginning, once, whatever is written meanwhile.
//!
//! **What it costs.** Orders come by customer and number, which is their primary key, so a page is as many rows as it
//! shows; with a state that few of them are in, as many as it passes over. An index by time would make the newest come
//! first, and every claim of every sale would pay for it. Payments come by order, over an index that other sales share.

use jiff::Timestamp;
use protocol::sale::Money;
use protocol::{OrderId, SaleId};
use uuid::Uuid;

use super::money::PaymentLine;
use super::statement::OrderLine;
use super::{Error, Repo, time};

/// Behind which order a page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderPlace {
    /// Whose it is.
    pub customer: String,
    /// Which of theirs.
    pub number: i16,
}

impl OrderPlace {
    /// Before every order.
    #[must_use]
    pub fn start() -> Self {
        Self { customer: String::new(), number: -1 }
    }
}

/// Behind which payment a page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaymentPlace {
    /// What it is for.
    pub order: Uuid,
    /// When it was written down, in microseconds since 1970.
    pub at: i64,
    /// Its id.
    pub id: Uuid,
}

impl PaymentPlace {
    /// Before every payment.
    #[must_use]
    pub fn start() -> Self {
        Self { order: Uuid::nil(), at: 0, id: Uuid::nil() }
    }
}

/// An order with its item.
#[derive(Debug, Clone)]
pub struct FullLine {
    /// The order.
    pub order: OrderLine,
    /// What people call the item; nothing when it has left the definition.
    pub item_name: Option<String>,
    /// Of one unit, by the newest definition.
    pub price: Option<Money>,
    /// Deadline of a held order.
    pub expires_at: Option<Timestamp>,
}

impl Repo {
    /// Whether the ledger ever heard of a sale.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn knows(&self, sale: &SaleId) -> Result<bool, Error> {
        let known = sqlx::query_scalar!("SELECT sale FROM sales WHERE sale = $1", sale.as_str());
        Ok(known.fetch_optional(&self.pool).await?.is_some())
    }

    /// Orders of a sale behind a place, by customer and number; those in a state, where one is named.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn order_page(
        &self,
        sale: &SaleId,
        state: Option<&str>,
        after: &OrderPlace,
        limit: i64,
    ) -> Result<Vec<FullLine>, Error> {
        let rows = sqlx::query_as!(
            Row,
            r#"SELECT customer, n, id, orders.sku, orders.quantity, state, reason, payment,
                      items.display_name AS "item_name?", price_minor AS "price_minor?", currency AS "currency?",
                      (extract(epoch FROM expires_at) * 1000000)::bigint AS expires_at,
                      (extract(epoch FROM seen_at) * 1000000)::bigint AS "seen_at!",
                      (extract(epoch FROM changed_at) * 1000000)::bigint AS "changed_at!"
               FROM orders LEFT JOIN items ON items.sale = orders.sale AND items.sku = orders.sku
               WHERE orders.sale = $1 AND (customer, n) > ($2, $3) AND ($4::text IS NULL OR state = $4)
               ORDER BY customer, n LIMIT $5"#,
            sale.as_str(),
            after.customer,
            after.number,
            state,
            limit
        );
        rows.fetch_all(&self.pool).await?.into_iter().map(Row::read).collect()
    }

    /// One order of a sale, whosever it is.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn order_of_sale(&self, sale: &SaleId, order: &OrderId) -> Result<Option<FullLine>, Error> {
        let row = sqlx::query_as!(
            Row,
            r#"SELECT customer, n, id, orders.sku, orders.quantity, state, reason, payment,
                      items.display_name AS "item_name?", price_minor AS "price_minor?", currency AS "currency?",
                      (extract(epoch FROM expires_at) * 1000000)::bigint AS expires_at,
                      (extract(epoch FROM seen_at) * 1000000)::bigint AS "seen_at!",
                      (extract(epoch FROM changed_at) * 1000000)::bigint AS "changed_at!"
               FROM orders LEFT JOIN items ON items.sale = orders.sale AND items.sku = orders.sku
               WHERE orders.sale = $1 AND id = $2"#,
            sale.as_str(),
            order.0
        );
        row.fetch_optional(&self.pool).await?.map(Row::read).transpose()
    }

    /// The payments of these orders, at most so many of each: those that failed last, the others the newest first.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn payments_of(&self, orders: &[Uuid], of_each: u16) -> Result<Vec<PaymentLine>, Error> {
        let rows = sqlx::query_as!(
            PaymentLine,
            r#"SELECT paid.id AS "id!", order_id AS "order!", customer AS "customer!", mode AS "mode!",
                      amount_minor AS "amount_minor!", currency AS "currency!", state AS "state!", reference
               FROM unnest($1::uuid[]) AS asked (id) CROSS JOIN LATERAL (
                   SELECT * FROM payments WHERE order_id = asked.id
                   ORDER BY state = 'failed', created_at DESC, id LIMIT $2
               ) AS paid
               ORDER BY order_id, state = 'failed', created_at DESC, paid.id"#,
            orders,
            i64::from(of_each)
        );
        Ok(rows.fetch_all(&self.pool).await?)
    }

    /// Payments of a sale behind a place, by order and time, each with its own place.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn payment_page(
        &self,
        sale: &SaleId,
        after: PaymentPlace,
        limit: i64,
    ) -> Result<Vec<(PaymentPlace, PaymentLine)>, Error> {
        let rows = sqlx::query!(
            r#"SELECT id, order_id, customer, mode, amount_minor, currency, state, reference,
                      (extract(epoch FROM created_at) * 1000000)::bigint AS "at!"
               FROM payments
               WHERE sale = $1
                   AND (order_id, created_at, id) > ($2, timestamptz 'epoch' + $3::bigint * interval '1 microsecond', $4)
               ORDER BY order_id, created_at, id LIMIT $5"#,
            sale.as_str(),
            after.order,
            after.at,
            after.id,
            limit
        );
        let lines = rows.fetch_all(&self.pool).await?.into_iter().map(|row| {
            let place = PaymentPlace { order: row.order_id, at: row.at, id: row.id };
            let line = PaymentLine {
                id: row.id,
                order: row.order_id,
                customer: row.customer,
                mode: row.mode,
                amount_minor: row.amount_minor,
                currency: row.currency,
                state: row.state,
                reference: row.reference,
            };
            (place, line)
        });
        Ok(lines.collect())
    }
}

struct Row {
    customer: String,
    n: i16,
    id: Uuid,
    sku: String,
    quantity: i64,
    state: String,
    reason: Option<String>,
    payment: Option<Uuid>,
    item_name: Option<String>,
    price_minor: Option<i64>,
    currency: Option<String>,
    expires_at: Option<i64>,
    seen_at: i64,
    changed_at: i64,
}

impl Row {
    fn read(self) -> Result<FullLine, Error> {
        let order = OrderLine {
            customer: self.customer,
            number: self.n,
            id: self.id,
            sku: self.sku,
            quantity: self.quantity,
            state: self.state,
            reason: self.reason,
            payment: self.payment,
            seen_at: time(self.seen_at)?,
            changed_at: time(self.changed_at)?,
        };
        let price = self.price_minor.zip(self.currency);
        Ok(FullLine {
            order,
            item_name: self.item_name,
            price: price.map(|(amount_minor, currency)| Money { amount_minor, currency }),
            expires_at: self.expires_at.map(time).transpose()?,
        })
    }
}
