//! A group of messages into rows, entries and balances; and what those come to.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use protocol::conservation::Sums;
use protocol::status::Audit;
use protocol::{Revision, Sku};
use sqlx::PgConnection;
use uuid::Uuid;

use super::orders::put_orders;
use super::outbox::put_outbox;
use super::{Error, Repo, ShardRows, big, int, revision, sku, time};
use crate::post::{Account, Book, Identity, Message, Posting, Rows, post, rows};

/// What became of a group of messages.
#[derive(Debug)]
pub enum Stored {
    /// It is committed; this is the book after it.
    Committed(Book),
    /// Another follower moved the cursor: nothing was changed.
    Moved,
}

/// What the rows of a shard come to at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    /// From orders, buckets and supply records.
    pub rows: BTreeMap<Sku, Sums>,
    /// From the balances of the accounts, without the number of orders.
    pub balances: BTreeMap<Sku, Sums>,
    /// What is in flight.
    pub in_flight: BTreeMap<Sku, i64>,
}

impl Repo {
    /// Writes messages, which all follow the book's cursor, and moves the cursor to the last of them: all or nothing.
    ///
    /// # Errors
    /// [`Error`]. After [`Error::Unavailable`] nobody knows whether it is committed: [open](Repo::open) the shard again.
    pub async fn store(
        &self,
        shard: &mut ShardRows,
        book: &Book,
        identity: &Identity,
        messages: &[Message],
    ) -> Result<Stored, Error> {
        let Some(last) = messages.last() else { return Ok(Stored::Committed(book.clone())) };
        let mut transaction = self.pool.begin().await?;
        let moved = sqlx::query!(
            "UPDATE cursors SET seq = $3 WHERE id = $1 AND seq = $2",
            shard.id,
            big(book.cursor.0),
            big(last.revision.0)
        );
        if moved.execute(&mut *transaction).await?.rows_affected() != 1 {
            return Ok(Stored::Moved);
        }
        let rows = rows(identity, messages);
        let stored = put_orders(&mut transaction, shard, &rows.orders).await?;
        put_buckets(&mut transaction, shard, &rows).await?;
        put_supplies(&mut transaction, shard, &rows).await?;
        if self.outbox {
            put_outbox(&mut transaction, shard, &rows.orders, &stored).await?;
        }
        let mut after = book.clone();
        let postings = post(&mut after, identity, stored, messages).map_err(|broken| Error::Broken(broken.0))?;
        let accounts = put_postings(&mut transaction, shard, &postings).await?;
        transaction.commit().await?;
        if let Some(accounts) = accounts {
            shard.accounts = accounts;
        }
        Ok(Stored::Committed(after))
    }

    /// What the rows come to, or nothing when the cursor is not there any more.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn totals(&self, shard: &ShardRows, cursor: Revision) -> Result<Option<Totals>, Error> {
        let mut transaction = self.snapshot().await?;
        let seq = sqlx::query_scalar!("SELECT seq FROM cursors WHERE id = $1", shard.id);
        if seq.fetch_one(&mut *transaction).await? != big(cursor.0) {
            return Ok(None);
        }
        let mut totals = Totals::default();
        let mut book = Book::default();
        super::accounts(&mut transaction, shard.id, &mut book).await?;
        totals.balances = book.sums;
        let in_flight = sqlx::query!(
            "SELECT sku, units FROM accounts JOIN balances ON account_id = id
             WHERE cursor_id = $1 AND kind = 'in-flight'",
            shard.id
        );
        for row in in_flight.fetch_all(&mut *transaction).await? {
            totals.in_flight.insert(sku(&row.sku)?, row.units);
        }
        let sums = sqlx::query!(
            r#"SELECT sku AS "sku!", sum(supply)::bigint AS "supply!", sum(free)::bigint AS "free!", sum(held)::bigint AS "held!",
                      sum(sold)::bigint AS "sold!", sum(orders)::bigint AS "orders!"
               FROM (
                   SELECT sku, delta AS supply, 0 AS free, 0 AS held, 0 AS sold, 0 AS orders
                   FROM supplies WHERE cursor_id = $1
                   UNION ALL
                   SELECT sku, 0, free, 0, 0, 0 FROM buckets WHERE cursor_id = $1
                   UNION ALL
                   SELECT sku, 0, 0, CASE state WHEN 'held' THEN quantity ELSE 0 END,
                          CASE state WHEN 'confirmed' THEN quantity ELSE 0 END, 1
                   FROM orders WHERE sale = $2 AND epoch = $3 AND shard = $4
               ) AS parts GROUP BY sku"#,
            shard.id,
            shard.stream.sale.as_str(),
            int(shard.stream.epoch.0),
            i32::from(shard.stream.shard.0)
        );
        for row in sums.fetch_all(&mut *transaction).await? {
            let sums = Sums { supply: row.supply, free: row.free, held: row.held, sold: row.sold, orders: row.orders };
            totals.rows.insert(sku(&row.sku)?, sums);
        }
        transaction.commit().await?;
        Ok(Some(totals))
    }

    /// Keeps the result of an audit, and forgets old ones that found nothing.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn keep_audit(
        &self,
        shard: &ShardRows,
        at: Timestamp,
        position: Revision,
        breaches: &[String],
    ) -> Result<(), Error> {
        sqlx::query!(
            "WITH forgotten AS (
                 DELETE FROM audits WHERE cursor_id = $1 AND cardinality(breaches) = 0 AND at < now() - interval '7 days'
             )
             INSERT INTO audits (cursor_id, at, position, breaches)
             VALUES ($1, timestamptz 'epoch' + $2::bigint * interval '1 microsecond', $3, $4)",
            shard.id,
            at.as_microsecond(),
            big(position.0),
            breaches
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}

/// The newest audit of a shard that was kept. One beyond the cursor is of rows that are not there any more.
pub(super) async fn newest_audit(
    connection: &mut PgConnection,
    cursor_id: i32,
    cursor: Revision,
) -> Result<Option<Audit>, Error> {
    let kept = sqlx::query!(
        r#"SELECT (extract(epoch FROM at) * 1000000)::bigint AS "at!", position, breaches
           FROM audits WHERE cursor_id = $1 AND position <= $2 ORDER BY at DESC LIMIT 1"#,
        cursor_id,
        big(cursor.0)
    );
    let Some(kept) = kept.fetch_optional(connection).await? else { return Ok(None) };
    Ok(Some(Audit { at: time(kept.at)?, position: revision(kept.position)?, breaches: kept.breaches }))
}

async fn put_buckets(connection: &mut PgConnection, shard: &ShardRows, rows: &Rows) -> Result<(), Error> {
    let all = || rows.buckets.iter();
    let skus: Vec<&str> = all().map(|((sku, _), _)| sku.as_str()).collect();
    if skus.is_empty() {
        return Ok(());
    }
    let indexes: Vec<i32> = all().map(|((_, index), _)| i32::from(index.0)).collect();
    let free: Vec<i64> = all().map(|(_, (_, bucket))| i64::from(bucket.free.0)).collect();
    let states: Vec<&str> = all().map(|(_, (_, bucket))| bucket_state(bucket.state)).collect();
    let stopped: Vec<bool> = all().map(|(_, (_, bucket))| bucket.stopped).collect();
    let generations: Vec<i64> = all().map(|(_, (_, bucket))| big(bucket.generation.0)).collect();
    let revisions: Vec<i64> = all().map(|(_, (revision, _))| big(revision.0)).collect();
    sqlx::query!(
        "INSERT INTO buckets (cursor_id, sku, bucket, free, state, stopped, generation, revision)
         SELECT $1, * FROM UNNEST($2::text[], $3::integer[], $4::bigint[], $5::text[], $6::boolean[], $7::bigint[],
                                  $8::bigint[])
         ON CONFLICT (cursor_id, sku, bucket) DO UPDATE SET free = EXCLUDED.free, state = EXCLUDED.state,
             stopped = EXCLUDED.stopped, generation = EXCLUDED.generation, revision = EXCLUDED.revision
         WHERE buckets.revision < EXCLUDED.revision",
        shard.id,
        &skus as &[&str],
        &indexes,
        &free,
        &states as &[&str],
        &stopped,
        &generations,
        &revisions
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Only inserts: a supply record is written once, so a second one under its key is refused by the key.
async fn put_supplies(connection: &mut PgConnection, shard: &ShardRows, rows: &Rows) -> Result<(), Error> {
    let all = || rows.supplies.iter();
    let skus: Vec<&str> = all().map(|((sku, _), _)| sku.as_str()).collect();
    if skus.is_empty() {
        return Ok(());
    }
    let numbers: Vec<i64> = all().map(|((_, number), _)| i64::from(*number)).collect();
    let generations: Vec<i64> = all().map(|(_, (_, supply))| big(supply.generation.0)).collect();
    let quantities: Vec<i64> = all().map(|(_, (_, supply))| i64::from(supply.quantity.0)).collect();
    let withheld: Vec<i64> = all().map(|(_, (_, supply))| i64::from(supply.withheld.0)).collect();
    let deltas: Vec<i64> = all().map(|(_, (_, supply))| supply.delta).collect();
    let buckets: Vec<i32> = all().map(|(_, (_, supply))| i32::from(supply.bucket.0)).collect();
    let totals: Vec<i64> = all().map(|(_, (_, supply))| i64::from(supply.total.0)).collect();
    let revisions: Vec<i64> = all().map(|(_, (revision, _))| big(revision.0)).collect();
    sqlx::query!(
        "INSERT INTO supplies (cursor_id, sku, n, generation, quantity, withheld, delta, bucket, total, revision)
         SELECT $1, * FROM UNNEST($2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
                                  $8::integer[], $9::bigint[], $10::bigint[])",
        shard.id,
        &skus as &[&str],
        &numbers,
        &generations,
        &quantities,
        &withheld,
        &deltas,
        &buckets,
        &totals,
        &revisions
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Appends entries and moves the balances by them, in one statement. Returns the accounts when some had to be made.
async fn put_postings(
    connection: &mut PgConnection,
    shard: &ShardRows,
    postings: &[Posting],
) -> Result<Option<HashMap<(Sku, Account), i32>>, Error> {
    if postings.is_empty() {
        return Ok(None);
    }
    let known = |posting: &Posting| shard.accounts.contains_key(&(posting.sku.clone(), posting.credit));
    let made = if postings.iter().all(known) { None } else { Some(make_accounts(connection, shard, postings).await?) };
    let accounts = made.as_ref().unwrap_or(&shard.accounts);
    let id = |posting: &Posting, account| {
        let id = accounts.get(&(posting.sku.clone(), account)).copied();
        id.ok_or_else(|| Error::Broken(format!("item {} has no account {}", posting.sku, Account::as_str(account))))
    };
    let credits = postings.iter().map(|p| id(p, p.credit)).collect::<Result<Vec<i32>, Error>>()?;
    let debits = postings.iter().map(|p| id(p, p.debit)).collect::<Result<Vec<i32>, Error>>()?;
    let touched: std::collections::HashSet<i32> = credits.iter().chain(&debits).copied().collect();
    let revisions: Vec<i64> = postings.iter().map(|p| big(p.revision.0)).collect();
    let units: Vec<i64> = postings.iter().map(|p| p.units).collect();
    let orders: Vec<Option<Uuid>> = postings.iter().map(|p| p.order.map(|id| id.0)).collect();
    let times: Vec<i64> = postings.iter().map(|p| p.at.as_microsecond()).collect();
    let balances = sqlx::query!(
        "WITH posted AS (
             INSERT INTO entries (cursor_id, revision, credit, debit, units, order_id, at)
             SELECT $1, revision, credit, debit, units, order_id, timestamptz 'epoch' + at * interval '1 microsecond'
             FROM UNNEST($2::bigint[], $3::integer[], $4::integer[], $5::bigint[], $6::uuid[], $7::bigint[])
                  AS new (revision, credit, debit, units, order_id, at)
             RETURNING credit, debit, units
         ), moved AS (
             SELECT account_id, sum(units) AS units FROM (
                 SELECT debit AS account_id, units FROM posted UNION ALL SELECT credit, -units FROM posted
             ) AS sides GROUP BY account_id
         )
         UPDATE balances SET units = balances.units + moved.units FROM moved
         WHERE balances.account_id = moved.account_id",
        shard.id,
        &revisions,
        &credits,
        &debits,
        &units,
        &orders as &[Option<Uuid>],
        &times
    )
    .execute(&mut *connection)
    .await?;
    // Instead of a foreign key per entry: every account that was named has a balance, and it was moved.
    if balances.rows_affected() == touched.len() as u64 {
        Ok(made)
    } else {
        Err(Error::Broken("an entry names an account that does not exist".to_owned()))
    }
}

/// Makes the accounts of items that were not posted to before.
async fn make_accounts(
    connection: &mut PgConnection,
    shard: &ShardRows,
    postings: &[Posting],
) -> Result<HashMap<(Sku, Account), i32>, Error> {
    let skus: std::collections::BTreeSet<&str> = postings.iter().map(|posting| posting.sku.as_str()).collect();
    for sku in skus {
        for account in Account::ALL {
            sqlx::query!(
                "WITH made AS (
                     INSERT INTO accounts (cursor_id, sku, kind) VALUES ($1, $2, $3)
                     ON CONFLICT (cursor_id, sku, kind) DO NOTHING RETURNING id
                 )
                 INSERT INTO balances (account_id, overdraft) SELECT id, $4 FROM made",
                shard.id,
                sku,
                account.as_str(),
                account.overdraft()
            )
            .execute(&mut *connection)
            .await?;
        }
    }
    super::accounts(connection, shard.id, &mut Book::default()).await
}

fn bucket_state(state: protocol::bucket::State) -> &'static str {
    match state {
        protocol::bucket::State::Open => "open",
        protocol::bucket::State::Closed => "closed",
    }
}
