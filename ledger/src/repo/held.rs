//! Held orders by their deadlines.

use protocol::key::Stream;
use protocol::order::{Order, State};
use protocol::release::Standing;
use protocol::{CustomerId, IdempotencyKey, OrderNumber, Units};

use super::{Error, Repo, int, narrow, revision, sku};

/// A held order and how late it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Deadline {
    /// As the rows have it.
    pub standing: Standing,
    /// Seconds since its deadline by Postgres' clock; negative before it.
    pub late_seconds: f64,
}

impl Deadline {
    /// Which order it is of.
    #[must_use]
    pub fn name(&self) -> (CustomerId, OrderNumber) {
        (self.standing.customer, self.standing.number)
    }
}

impl Repo {
    /// The held orders of a shard whose deadlines are first, at most so many.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn next_deadlines(&self, stream: &Stream, limit: u16) -> Result<Vec<Deadline>, Error> {
        let rows = sqlx::query!(
            r#"SELECT customer, n, idempotency_key, sku, quantity, revision,
                      extract(epoch FROM expires_at)::bigint AS "deadline!",
                      extract(epoch FROM now() - expires_at)::float8 AS "late_seconds!"
               FROM orders WHERE sale = $1 AND epoch = $2 AND shard = $3 AND state = 'held' AND expires_at IS NOT NULL
               ORDER BY expires_at LIMIT $4"#,
            stream.sale.as_str(),
            int(stream.epoch.0),
            i32::from(stream.shard.0),
            i64::from(limit)
        );
        let read = rows.fetch_all(&self.pool).await?.into_iter().map(|row| {
            let broken = |error: protocol::id::InvalidId| Error::Broken(error.to_string());
            let order = Order {
                key: IdempotencyKey::parse(&row.idempotency_key).map_err(broken)?,
                sku: sku(&row.sku)?,
                quantity: Units(narrow(row.quantity)?),
                state: State::Held,
                reason: None,
                expires_at: Some(row.deadline),
                payment: None,
            };
            let standing = Standing {
                customer: CustomerId::parse(&row.customer).map_err(broken)?,
                number: OrderNumber(narrow(row.n)?),
                revision: revision(row.revision)?,
                order,
            };
            Ok(Deadline { standing, late_seconds: row.late_seconds })
        });
        read.collect()
    }
}
