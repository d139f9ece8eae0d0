//! What has to be told to whoever fulfils orders.
//!
//! **What must always hold.** The row that says that an order has to be told of is committed with the order's own. A
//! delivery belongs to one replica at a time, and a new state never begins a second one beside it: it waits for the end of
//! the first, so nobody hears of an order's states in the wrong order.
//!
//! **What it costs.** A statement per group of messages in which an order was sold or taken back; two small ones per
//! delivery. A delivery is a lease and not a transaction that stays open: waiting ten seconds for somebody else's server
//! would hold a connection each, and keep vacuum from the whole database. A lease of a dead replica ends by itself.

use std::collections::HashMap;
use std::time::Duration;

use protocol::key::Stream;
use protocol::order::{Reason, State};
use sqlx::PgConnection;
use uuid::Uuid;

use super::fulfilment::Line;
use super::{Error, Repo, ShardRows, big, int};
use crate::post::{OrderRow, StoredOrders};

/// A delivery that this replica has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The life of the streams that the state is of.
    pub epoch: i32,
    /// The position of the state there.
    pub revision: i64,
    /// Which try it is, counted from 1.
    pub attempt: i32,
    /// What has to be told.
    pub line: Line,
}

/// How a delivery ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The receiver has it.
    Taken,
    /// It does not; try again after this.
    Failed(Duration),
    /// It wants to hear nothing more of this order.
    Gone,
}

/// What is not told yet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Backlog {
    /// How many orders.
    pub orders: i64,
    /// For how long the oldest of them waits.
    pub oldest_seconds: f64,
}

/// How far the orders of a sale were looked through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    customer: String,
    n: i16,
}

/// Whether somebody has to be told of this order: it is sold, or it was.
fn told(row: &OrderRow, stored: &StoredOrders) -> bool {
    match row.order.state {
        State::Held => false,
        State::Confirmed => true,
        // The follower may never have seen it sold: a stream keeps the newest state only.
        State::Released => {
            let before = stored.get(&(row.customer, row.number));
            row.order.reason == Some(Reason::Refunded) || before.is_some_and(|order| order.state == State::Confirmed)
        }
    }
}

/// Notes which of these orders have to be told of. `stored` is what was known of them before.
pub(super) async fn put_outbox(
    connection: &mut PgConnection,
    shard: &ShardRows,
    orders: &[OrderRow],
    stored: &StoredOrders,
) -> Result<(), Error> {
    let mut rows: Vec<(Uuid, i64)> =
        orders.iter().filter(|row| told(row, stored)).map(|row| (row.id.0, big(row.revision.0))).collect();
    if rows.is_empty() {
        return Ok(());
    }
    // Whoever writes several rows takes them in this order, so that no two wait for each other.
    rows.sort_unstable();
    let (ids, revisions): (Vec<Uuid>, Vec<i64>) = rows.into_iter().unzip();
    sqlx::query!(
        "INSERT INTO outbox AS known (order_id, epoch, revision)
         SELECT id, $1, revision FROM UNNEST($2::uuid[], $3::bigint[]) AS new (id, revision)
         ON CONFLICT (order_id) DO UPDATE SET epoch = EXCLUDED.epoch, revision = EXCLUDED.revision,
             wanted_at = CASE WHEN known.due_at IS NULL THEN now() ELSE known.wanted_at END,
             due_at = CASE WHEN known.gone THEN NULL ELSE coalesce(known.due_at, now()) END
         WHERE (known.epoch, known.revision) < (EXCLUDED.epoch, EXCLUDED.revision)",
        int(shard.stream.epoch.0),
        &ids,
        &revisions
    )
    .execute(connection)
    .await?;
    Ok(())
}

impl Repo {
    /// The same, noting beside every order what somebody has to be told of it.
    #[must_use]
    pub fn with_outbox(self, outbox: bool) -> Self {
        Self { outbox, ..self }
    }

    /// Whether it does.
    #[must_use]
    pub fn has_outbox(&self) -> bool {
        self.outbox
    }

    /// Notes orders of a shard that have to be told of and that no follower noted, because it had no webhook: of sales that
    /// were not over when there first was one, and whatever changed since. Looks at `most` of them after `seen`; how far it
    /// came, or nothing at the end.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn catch_up(&self, stream: &Stream, seen: Option<&Seen>, most: i64) -> Result<Option<Seen>, Error> {
        sqlx::query!("INSERT INTO webhooks DEFAULT VALUES ON CONFLICT (one) DO NOTHING").execute(&self.pool).await?;
        let last = sqlx::query!(
            r#"WITH page AS MATERIALIZED (
                   SELECT * FROM orders WHERE sale = $1 AND (customer, n) > ($2, $3) ORDER BY customer, n LIMIT $4
               ), noted AS (
                   INSERT INTO outbox AS known (order_id, epoch, revision)
                   SELECT page.id, page.epoch, page.revision
                   FROM page JOIN sales USING (sale) JOIN webhooks ON true LEFT JOIN outbox ON order_id = page.id
                   WHERE page.epoch = $5 AND page.shard = $6
                       AND (outbox.epoch IS NULL OR (outbox.epoch, outbox.revision) < (page.epoch, page.revision))
                       AND (page.state = 'confirmed' OR page.state = 'released'
                            AND (page.reason = 'refunded' OR outbox.epoch IS NOT NULL))
                       AND (outbox.epoch IS NOT NULL OR ends_at > since OR changed_at > since)
                   ORDER BY page.id
                   ON CONFLICT (order_id) DO UPDATE SET epoch = EXCLUDED.epoch, revision = EXCLUDED.revision,
                       wanted_at = CASE WHEN known.due_at IS NULL THEN now() ELSE known.wanted_at END,
                       due_at = CASE WHEN known.gone THEN NULL ELSE coalesce(known.due_at, now()) END
                   WHERE (known.epoch, known.revision) < (EXCLUDED.epoch, EXCLUDED.revision)
               )
               SELECT customer, n FROM page ORDER BY customer DESC, n DESC LIMIT 1"#,
            stream.sale.as_str(),
            seen.map_or("", |seen| seen.customer.as_str()),
            seen.map_or(-1, |seen| seen.n),
            most,
            int(stream.epoch.0),
            i32::from(stream.shard.0)
        );
        Ok(last.fetch_optional(&self.pool).await?.map(|row| Seen { customer: row.customer, n: row.n }))
    }

    /// Begins at most so many deliveries that are due: nobody else tries them before `lease_seconds` have passed.
    ///
    /// # Errors
    /// [`Error`]. What was begun by then is due again once the lease has ended.
    pub async fn begin_deliveries(&self, lease: Uuid, lease_seconds: f64, most: i64) -> Result<Vec<Delivery>, Error> {
        // One connection for both: whoever waited for another one in between would hold leases and tell nothing.
        let mut connection = self.pool.acquire().await?;
        let begun = sqlx::query!(
            "WITH due AS MATERIALIZED (
                 SELECT order_id FROM outbox WHERE due_at <= now() ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED
             )
             UPDATE outbox SET lease = $1, due_at = now() + $2 * interval '1 second', attempts = attempts + 1
             FROM due WHERE outbox.order_id = due.order_id
             RETURNING outbox.order_id, attempts",
            lease,
            lease_seconds,
            most
        )
        .fetch_all(&mut *connection)
        .await?;
        if begun.is_empty() {
            return Ok(Vec::new());
        }
        let attempts: HashMap<Uuid, i32> = begun.into_iter().map(|row| (row.order_id, row.attempts)).collect();
        // Read after the lease was taken: the newest state, whatever was wanted when it was chosen.
        let rows = Self::lines_of(&mut connection, &attempts.keys().copied().collect::<Vec<_>>()).await?;
        let deliveries = rows.into_iter().map(|row| {
            let attempt = attempts.get(&row.id).copied().unwrap_or(1);
            Ok(Delivery { epoch: row.epoch, revision: row.revision, attempt, line: row.try_into()? })
        });
        deliveries.collect()
    }

    /// Ends a delivery; whether it still was the one that had the lease.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn end_delivery(&self, lease: Uuid, delivery: &Delivery, ended: Ended) -> Result<bool, Error> {
        let (order, epoch, revision) = (delivery.line.order.id, delivery.epoch, delivery.revision);
        let done = match ended {
            Ended::Taken => {
                sqlx::query!(
                    "UPDATE outbox SET lease = NULL, attempts = 0, told_epoch = $3, told_revision = $4, told_at = now(),
                         due_at = CASE WHEN (epoch, revision) = ($3, $4) THEN NULL ELSE now() END
                     WHERE order_id = $1 AND lease = $2",
                    order,
                    lease,
                    epoch,
                    revision
                )
                .execute(&self.pool)
                .await?
            }
            Ended::Failed(pause) => {
                sqlx::query!(
                    "UPDATE outbox SET lease = NULL, due_at = now() + $3 * interval '1 second'
                     WHERE order_id = $1 AND lease = $2",
                    order,
                    lease,
                    pause.as_secs_f64()
                )
                .execute(&self.pool)
                .await?
            }
            Ended::Gone => {
                sqlx::query!(
                    "UPDATE outbox SET lease = NULL, due_at = NULL, gone = true WHERE order_id = $1 AND lease = $2",
                    order,
                    lease
                )
                .execute(&self.pool)
                .await?
            }
        };
        Ok(done.rows_affected() == 1)
    }

    /// What is not told yet.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn backlog(&self) -> Result<Backlog, Error> {
        let row = sqlx::query!(
            r#"SELECT count(*) AS "orders!",
                      coalesce(extract(epoch FROM now() - min(wanted_at)), 0)::float8 AS "oldest_seconds!"
               FROM outbox WHERE due_at IS NOT NULL"#
        );
        let row = row.fetch_one(&self.pool).await?;
        Ok(Backlog { orders: row.orders, oldest_seconds: row.oldest_seconds.max(0.0) })
    }
}
