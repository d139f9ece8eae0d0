//! A customer's orders over all sales.
//!
//! **What it costs.** A probe of the primary key (sale, customer, n) for every sale there is. An index by customer would
//! make this one probe, and every claim of every sale would pay for it; orders are claimed by the thousand a second and
//! looked back at now and then.

use jiff::Timestamp;
use protocol::ask::history::PastOrder;
use protocol::order::Reason;
use protocol::sale::Money;
use protocol::{CustomerId, OrderId, OrderNumber, SaleId, Units};
use uuid::Uuid;

use super::orders::state;
use super::{Error, Repo, narrow, sku, time};

/// A place in a customer's history: whatever comes after it is older.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// When the order there was made.
    pub made_at: Timestamp,
    /// Which one.
    pub order: OrderId,
}

impl Repo {
    /// A customer's orders, the newest first.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn past_orders(
        &self,
        customer: &CustomerId,
        after: Option<Place>,
        limit: u16,
    ) -> Result<Vec<PastOrder>, Error> {
        // OFFSET 0 keeps the probe of each sale together: joined in another way, all orders of everybody would be read.
        let rows = sqlx::query_as!(
            Row,
            r#"SELECT sales.sale, sales.display_name AS sale_name, past.n, past.id, past.sku,
                      items.display_name AS "item_name?", past.quantity, past.state, past.reason,
                      items.price_minor AS "price_minor?", items.currency AS "currency?",
                      (extract(epoch FROM past.expires_at) * 1000000)::bigint AS expires_at,
                      (extract(epoch FROM past.seen_at) * 1000000)::bigint AS "seen_at!",
                      (extract(epoch FROM past.changed_at) * 1000000)::bigint AS "changed_at!"
               FROM sales
               CROSS JOIN LATERAL (
                   SELECT n, id, sku, quantity, state, reason, expires_at, seen_at, changed_at FROM orders
                   WHERE orders.sale = sales.sale AND orders.customer = $1
                       AND ($2::bigint IS NULL
                            OR (seen_at, id) < (timestamptz 'epoch' + $2 * interval '1 microsecond', $3))
                   OFFSET 0
               ) AS past
               LEFT JOIN items ON items.sale = sales.sale AND items.sku = past.sku
               ORDER BY past.seen_at DESC, past.id DESC LIMIT $4"#,
            customer.to_string(),
            after.map(|place| place.made_at.as_microsecond()),
            after.map(|place| place.order.0),
            i64::from(limit)
        );
        rows.fetch_all(&self.pool).await?.into_iter().map(Row::read).collect()
    }

    /// One order of a customer; another's is not found.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn past_order(
        &self,
        sale: &SaleId,
        customer: &CustomerId,
        order: &OrderId,
    ) -> Result<Option<PastOrder>, Error> {
        let row = sqlx::query_as!(
            Row,
            r#"SELECT sales.sale, sales.display_name AS sale_name, past.n, past.id, past.sku,
                      items.display_name AS "item_name?", past.quantity, past.state, past.reason,
                      items.price_minor AS "price_minor?", items.currency AS "currency?",
                      (extract(epoch FROM past.expires_at) * 1000000)::bigint AS expires_at,
                      (extract(epoch FROM past.seen_at) * 1000000)::bigint AS "seen_at!",
                      (extract(epoch FROM past.changed_at) * 1000000)::bigint AS "changed_at!"
               FROM orders AS past JOIN sales ON sales.sale = past.sale
               LEFT JOIN items ON items.sale = past.sale AND items.sku = past.sku
               WHERE past.id = $3 AND past.sale = $1 AND past.customer = $2"#,
            sale.as_str(),
            customer.to_string(),
            order.0
        );
        row.fetch_optional(&self.pool).await?.map(Row::read).transpose()
    }
}

struct Row {
    sale: String,
    sale_name: String,
    n: i16,
    id: Uuid,
    sku: String,
    item_name: Option<String>,
    quantity: i64,
    state: String,
    reason: Option<String>,
    price_minor: Option<i64>,
    currency: Option<String>,
    expires_at: Option<i64>,
    seen_at: i64,
    changed_at: i64,
}

impl Row {
    fn read(self) -> Result<PastOrder, Error> {
        let sku = sku(&self.sku)?;
        Ok(PastOrder {
            id: OrderId(self.id),
            sale: SaleId::parse(&self.sale).map_err(|error| Error::Broken(error.to_string()))?,
            sale_name: self.sale_name,
            number: OrderNumber(narrow(self.n)?),
            // An item that left the definition of its sale has lost its name with it.
            item_name: self.item_name.unwrap_or_else(|| sku.to_string()),
            sku,
            quantity: Units(narrow(self.quantity)?),
            state: state(&self.state)?,
            reason: self.reason.as_deref().map(reason).transpose()?,
            expires_at: self.expires_at.map(time).transpose()?,
            price: self.price_minor.zip(self.currency).map(|(amount_minor, currency)| Money { amount_minor, currency }),
            made_at: time(self.seen_at)?,
            changed_at: time(self.changed_at)?,
        })
    }
}

pub(crate) fn reason(text: &str) -> Result<Reason, Error> {
    match text {
        "cancelled" => Ok(Reason::Cancelled),
        "expired" => Ok(Reason::Expired),
        "refunded" => Ok(Reason::Refunded),
        _ => Err(Error::Broken(format!("a row holds the reason {text:?}"))),
    }
}
