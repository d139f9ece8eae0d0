//! Orders: inserted without looking first, and updated where they were there already.

use std::collections::HashMap;

use protocol::order::State;
use protocol::{CustomerId, Epoch, OrderId, OrderNumber, Units};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Error, ShardRows, big, int, narrow, revision, sku};
use crate::post::{OrderRow, StoredOrder, StoredOrders};

/// Inserts the orders that are new and updates the others; returns what was stored of those.
pub(super) async fn put_orders(
    connection: &mut PgConnection,
    shard: &ShardRows,
    orders: &[OrderRow],
) -> Result<StoredOrders, Error> {
    if orders.is_empty() {
        return Ok(StoredOrders::new());
    }
    let columns = Columns::of(orders);
    let inserted = sqlx::query!(
        r#"INSERT INTO orders (sale, epoch, shard, customer, n, id, idempotency_key, sku, quantity, state, reason,
                               expires_at, payment, revision, seen_at, changed_at)
           SELECT $1, $2, $3, customer, n, id, idempotency_key, sku, quantity, state, reason,
                  to_timestamp(expires_at), payment, revision,
                  timestamptz 'epoch' + seen_at * interval '1 microsecond',
                  timestamptz 'epoch' + changed_at * interval '1 microsecond'
           FROM UNNEST($4::text[], $5::smallint[], $6::uuid[], $7::text[], $8::text[], $9::bigint[], $10::text[],
                       $11::text[], $12::bigint[], $13::uuid[], $14::bigint[], $15::bigint[], $16::bigint[])
                AS new (customer, n, id, idempotency_key, sku, quantity, state, reason, expires_at, payment, revision,
                        seen_at, changed_at)
           ON CONFLICT (sale, customer, n) DO NOTHING"#,
        shard.stream.sale.as_str(),
        int(shard.stream.epoch.0),
        i32::from(shard.stream.shard.0),
        &columns.customer,
        &columns.n,
        &columns.id,
        &columns.key as &[&str],
        &columns.sku as &[&str],
        &columns.quantity,
        &columns.state as &[&str],
        &columns.reason as &[Option<&str>],
        &columns.expires_at as &[Option<i64>],
        &columns.payment as &[Option<Uuid>],
        &columns.revision,
        &columns.seen_at,
        &columns.changed_at,
    )
    .execute(&mut *connection)
    .await?;
    if inserted.rows_affected() == orders.len() as u64 {
        return Ok(StoredOrders::new());
    }
    let stored = stored_orders(connection, shard, &columns).await?;
    update_orders(connection, shard, &columns, stored.len()).await?;
    Ok(stored)
}

/// The orders among these that were there before: those whose row is not of this group.
async fn stored_orders(
    connection: &mut PgConnection,
    shard: &ShardRows,
    columns: &Columns<'_>,
) -> Result<StoredOrders, Error> {
    let rows = sqlx::query!(
        "SELECT orders.customer, orders.n, orders.id, orders.sku, quantity, state, epoch, orders.revision
         FROM orders JOIN UNNEST($4::text[], $5::smallint[], $6::bigint[]) AS new (customer, n, revision)
             ON orders.sale = $1 AND orders.customer = new.customer AND orders.n = new.n
         WHERE (epoch, shard, orders.revision) <> ($2, $3, new.revision)",
        shard.stream.sale.as_str(),
        int(shard.stream.epoch.0),
        i32::from(shard.stream.shard.0),
        &columns.customer,
        &columns.n,
        &columns.revision
    )
    .fetch_all(connection)
    .await?;
    let mut stored = HashMap::with_capacity(rows.len());
    for row in rows {
        let customer = CustomerId::parse(&row.customer).map_err(|error| Error::Broken(error.to_string()))?;
        let state = state(&row.state)?;
        let before = StoredOrder {
            epoch: Epoch(narrow(row.epoch)?),
            revision: revision(row.revision)?,
            id: OrderId(row.id),
            sku: sku(&row.sku)?,
            quantity: Units(narrow(row.quantity)?),
            state,
        };
        stored.insert((customer, OrderNumber(narrow(row.n)?)), before);
    }
    Ok(stored)
}

async fn update_orders(
    connection: &mut PgConnection,
    shard: &ShardRows,
    columns: &Columns<'_>,
    expected: usize,
) -> Result<(), Error> {
    let updated = sqlx::query!(
        "UPDATE orders SET state = new.state, reason = new.reason, expires_at = to_timestamp(new.expires_at),
             payment = new.payment, epoch = $2, shard = $3, revision = new.revision,
             changed_at = timestamptz 'epoch' + new.changed_at * interval '1 microsecond'
         FROM UNNEST($4::text[], $5::smallint[], $6::text[], $7::text[], $8::bigint[], $9::uuid[], $10::bigint[],
                     $11::bigint[])
              AS new (customer, n, state, reason, expires_at, payment, revision, changed_at)
         WHERE orders.sale = $1 AND orders.customer = new.customer AND orders.n = new.n
             AND (orders.epoch, orders.revision) < ($2, new.revision)",
        shard.stream.sale.as_str(),
        int(shard.stream.epoch.0),
        i32::from(shard.stream.shard.0),
        &columns.customer,
        &columns.n,
        &columns.state as &[&str],
        &columns.reason as &[Option<&str>],
        &columns.expires_at as &[Option<i64>],
        &columns.payment as &[Option<Uuid>],
        &columns.revision,
        &columns.changed_at,
    )
    .execute(connection)
    .await?;
    if updated.rows_affected() == expected as u64 {
        return Ok(());
    }
    // Nobody else writes while the cursor's row is locked, so some row is newer than the stream that made it.
    let older = expected as u64 - updated.rows_affected().min(expected as u64);
    Err(Error::Broken(format!("{older} orders have rows that are newer than the stream")))
}

pub(crate) fn state(text: &str) -> Result<State, Error> {
    let found = [State::Held, State::Confirmed, State::Released].into_iter().find(|state| state.as_str() == text);
    found.ok_or_else(|| Error::Broken(format!("a row holds the state {text:?}")))
}

/// Orders by column, as UNNEST takes them.
struct Columns<'a> {
    customer: Vec<String>,
    n: Vec<i16>,
    id: Vec<Uuid>,
    key: Vec<&'a str>,
    sku: Vec<&'a str>,
    quantity: Vec<i64>,
    state: Vec<&'static str>,
    reason: Vec<Option<&'static str>>,
    expires_at: Vec<Option<i64>>,
    payment: Vec<Option<Uuid>>,
    revision: Vec<i64>,
    seen_at: Vec<i64>,
    changed_at: Vec<i64>,
}

impl<'a> Columns<'a> {
    fn of(orders: &'a [OrderRow]) -> Self {
        Self {
            customer: orders.iter().map(|row| row.customer.to_string()).collect(),
            n: orders.iter().map(|row| i16::from(row.number.0)).collect(),
            id: orders.iter().map(|row| row.id.0).collect(),
            key: orders.iter().map(|row| row.order.key.as_str()).collect(),
            sku: orders.iter().map(|row| row.order.sku.as_str()).collect(),
            quantity: orders.iter().map(|row| i64::from(row.order.quantity.0)).collect(),
            state: orders.iter().map(|row| row.order.state.as_str()).collect(),
            reason: orders.iter().map(|row| row.order.reason.map(reason)).collect(),
            expires_at: orders.iter().map(|row| row.order.expires_at).collect(),
            payment: orders.iter().map(|row| row.order.payment).collect(),
            revision: orders.iter().map(|row| big(row.revision.0)).collect(),
            seen_at: orders.iter().map(|row| row.seen_at.as_microsecond()).collect(),
            changed_at: orders.iter().map(|row| row.changed_at.as_microsecond()).collect(),
        }
    }
}

fn reason(reason: protocol::order::Reason) -> &'static str {
    use protocol::order::Reason;
    match reason {
        Reason::Cancelled => "cancelled",
        Reason::Expired => "expired",
        Reason::Refunded => "refunded",
    }
}
