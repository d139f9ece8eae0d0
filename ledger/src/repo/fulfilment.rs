//! An order as whoever fulfils it needs it: what, for how much, for whom.

use futures::TryStreamExt as _;
use jiff::Timestamp;
use protocol::SaleId;
use protocol::sale::Money;
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Error, Repo, time};

/// An order with its item and its customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The sale.
    pub sale: String,
    /// What was ordered.
    pub order: OrderPart,
    /// By whom.
    pub customer: CustomerPart,
}

/// What was ordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderPart {
    /// Its id.
    pub id: Uuid,
    /// Which of the customer's in this sale.
    pub number: i16,
    /// Which item.
    pub sku: String,
    /// What people call it.
    pub item_name: Option<String>,
    /// How many units.
    pub quantity: i64,
    /// Of one unit, by the newest definition.
    pub price: Option<Money>,
    /// Of all of them.
    pub total: Option<Money>,
    /// `held`, `confirmed` or `released`.
    pub state: String,
    /// Why it was released.
    pub reason: Option<String>,
    /// When it was first seen.
    pub placed_at: Timestamp,
    /// When it last changed.
    pub changed_at: Timestamp,
}

/// By whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CustomerPart {
    /// Their id.
    pub id: String,
    /// Where to reach them; nothing for guests.
    pub email: Option<String>,
    /// What to call them.
    pub name: Option<String>,
}

/// Which orders are listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Filter<'a> {
    /// In this state only.
    pub state: Option<&'a str>,
    /// Changed then or later.
    pub since: Option<Timestamp>,
}

/// As Postgres has it.
pub(super) struct Row {
    pub(super) id: Uuid,
    pub(super) epoch: i32,
    pub(super) revision: i64,
    sale: String,
    customer: String,
    n: i16,
    sku: String,
    item_name: Option<String>,
    quantity: i64,
    price_minor: Option<i64>,
    currency: Option<String>,
    state: String,
    reason: Option<String>,
    seen_at: i64,
    changed_at: i64,
    email: Option<String>,
    name: Option<String>,
}

impl TryFrom<Row> for Line {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let money = |amount_minor, currency: &str| Money { amount_minor, currency: currency.to_owned() };
        let price = row.price_minor.zip(row.currency.as_deref());
        let total = price.and_then(|(price, currency)| Some(money(price.checked_mul(row.quantity)?, currency)));
        let order = OrderPart {
            id: row.id,
            number: row.n,
            sku: row.sku,
            item_name: row.item_name,
            quantity: row.quantity,
            price: price.map(|(price, currency)| money(price, currency)),
            total,
            state: row.state,
            reason: row.reason,
            placed_at: time(row.seen_at)?,
            changed_at: time(row.changed_at)?,
        };
        let customer = CustomerPart { id: row.customer, email: row.email, name: row.name };
        Ok(Self { sale: row.sale, order, customer })
    }
}

impl Repo {
    /// These orders, in no order.
    pub(super) async fn lines_of(connection: &mut PgConnection, orders: &[Uuid]) -> Result<Vec<Row>, Error> {
        let rows = sqlx::query_as!(
            Row,
            r#"SELECT orders.id AS "id!", orders.epoch AS "epoch!", revision AS "revision!", orders.sale AS "sale!",
                      orders.customer AS "customer!", n AS "n!", orders.sku AS "sku!",
                      items.display_name AS "item_name?", orders.quantity AS "quantity!",
                      price_minor AS "price_minor?", currency AS "currency?", state AS "state!", reason AS "reason?",
                      (extract(epoch FROM seen_at) * 1000000)::bigint AS "seen_at!",
                      (extract(epoch FROM orders.changed_at) * 1000000)::bigint AS "changed_at!",
                      email AS "email?", users.name AS "name?"
               FROM orders LEFT JOIN items USING (sale, sku) LEFT JOIN users USING (customer)
               WHERE orders.id = ANY($1)"#,
            orders
        );
        Ok(rows.fetch_all(connection).await?)
    }

    /// The orders of a sale at one moment, by customer and number, one after the other to `each`; how many there were.
    /// Nothing when the ledger never heard of the sale.
    ///
    /// # Errors
    /// [`Error`]; or what `each` says.
    pub async fn lines<E: From<Error>>(
        &self,
        sale: &SaleId,
        filter: Filter<'_>,
        mut each: impl FnMut(Line) -> Result<(), E>,
    ) -> Result<Option<u64>, E> {
        let mut transaction = self.snapshot().await?;
        let known = sqlx::query_scalar!("SELECT sale FROM sales WHERE sale = $1", sale.as_str());
        if known.fetch_optional(&mut *transaction).await.map_err(Error::from)?.is_none() {
            return Ok(None);
        }
        let mut rows = sqlx::query_as!(
            Row,
            r#"SELECT orders.id AS "id!", orders.epoch AS "epoch!", revision AS "revision!", orders.sale AS "sale!",
                      orders.customer AS "customer!", n AS "n!", orders.sku AS "sku!",
                      items.display_name AS "item_name?", orders.quantity AS "quantity!",
                      price_minor AS "price_minor?", currency AS "currency?", state AS "state!", reason AS "reason?",
                      (extract(epoch FROM seen_at) * 1000000)::bigint AS "seen_at!",
                      (extract(epoch FROM orders.changed_at) * 1000000)::bigint AS "changed_at!",
                      email AS "email?", users.name AS "name?"
               FROM orders LEFT JOIN items USING (sale, sku) LEFT JOIN users USING (customer)
               WHERE orders.sale = $1 AND ($2::text IS NULL OR state = $2)
                   AND ($3::bigint IS NULL
                        OR orders.changed_at >= timestamptz 'epoch' + $3 * interval '1 microsecond')
               ORDER BY orders.customer, n"#,
            sale.as_str(),
            filter.state,
            filter.since.map(Timestamp::as_microsecond)
        )
        .fetch(&mut *transaction);
        let mut count = 0;
        while let Some(row) = rows.try_next().await.map_err(Error::from)? {
            each(row.try_into()?)?;
            count += 1;
        }
        Ok(Some(count))
    }
}
