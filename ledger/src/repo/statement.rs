//! Reading for people: a sale's settlement, and a shard's rows for comparison.

use std::collections::{BTreeMap, HashMap};

use futures::TryStreamExt as _;
use jiff::Timestamp;
use protocol::ask::statement::OrderTotals;
use protocol::conservation::Sums;
use protocol::key::Stream;
use protocol::order::{Reason, State};
use protocol::{BucketIndex, CustomerId, OrderNumber, Revision, SaleId, Sku, Units};
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::money::{self, MoneyLine};
use super::orders::state;
use super::{Error, Repo, ShardRows, big, history, int, narrow, revision, sku, time};
use crate::audit::{KeptOrder, Side};

/// What is known of a sale.
#[derive(Debug, Clone, Serialize)]
pub struct SaleLine {
    /// Its id.
    pub sale: String,
    /// Uid of the resource.
    pub uid: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// For people.
    pub display_name: String,
    /// The life of its streams.
    pub epoch: i32,
    /// Newest definition that was seen.
    pub generation: i64,
    /// When it began.
    pub start: Timestamp,
    /// When it ended, or will.
    pub end: Timestamp,
}

/// What came of an item.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ItemLine {
    /// Which item.
    pub sku: String,
    /// For people.
    pub display_name: String,
    /// Units that exist, by the newest definition.
    pub quantity: i64,
    /// Units among them that are not for sale.
    pub withheld: i64,
    /// Price of a unit by the newest definition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_minor: Option<i64>,
    /// Its currency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// What the rows come to.
    #[serde(flatten)]
    pub sums: Sums,
    /// Units that were given back.
    pub released: i64,
    /// Units among those that a merchant took back.
    pub refunded: i64,
}

/// How far a shard is in the rows.
#[derive(Debug, Clone, Serialize)]
pub struct CursorLine {
    /// The life of its stream.
    pub epoch: i32,
    /// Which one.
    pub shard: i32,
    /// Everything up to here is counted.
    pub position: i64,
    /// The newest comparison with the stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit: Option<AuditLine>,
}

/// What a comparison of both sides found.
#[derive(Debug, Clone, Serialize)]
pub struct AuditLine {
    /// When it was made.
    pub at: Timestamp,
    /// At which position of the stream.
    pub position: i64,
    /// What did not add up; nothing in books that balance.
    pub breaches: Vec<String>,
}

/// One order.
#[derive(Debug, Clone, Serialize)]
pub struct OrderLine {
    /// Whose.
    pub customer: String,
    /// Which of theirs.
    pub number: i16,
    /// Its id.
    pub id: Uuid,
    /// What was claimed.
    pub sku: String,
    /// How many units.
    pub quantity: i64,
    /// `held`, `confirmed` or `released`.
    pub state: String,
    /// Why it was released.
    pub reason: Option<String>,
    /// What paid for it.
    pub payment: Option<Uuid>,
    /// When it was first seen.
    pub seen_at: Timestamp,
    /// When it last changed.
    pub changed_at: Timestamp,
}

/// A sale's settlement without its orders.
#[derive(Debug, Clone, Serialize)]
pub struct Settlement {
    /// The sale.
    #[serde(flatten)]
    pub sale: SaleLine,
    /// Its items.
    pub items: Vec<ItemLine>,
    /// How many of its orders came to which end.
    pub ends: OrderTotals,
    /// Its money, by currency; none in a sale without payment.
    pub money: Vec<MoneyLine>,
    /// Up to where everything is counted.
    pub positions: Vec<CursorLine>,
}

impl Repo {
    /// The settlement of a sale at one moment; its orders go to `each`, by customer and number. Nothing when the ledger
    /// never heard of the sale.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn settlement(
        &self,
        sale: &SaleId,
        mut each: impl FnMut(OrderLine) -> Result<(), Error>,
    ) -> Result<Option<Settlement>, Error> {
        let mut transaction = self.snapshot().await?;
        let Some(line) = sale_line(&mut transaction, sale).await? else { return Ok(None) };
        let mut items = Items::default();
        defined(&mut transaction, sale, &mut items).await?;
        stock(&mut transaction, sale, line.epoch, &mut items).await?;
        let money = money::money(&mut transaction, sale).await?;
        let positions = positions(&mut transaction, sale).await?;
        let mut ends = OrderTotals::default();
        let mut orders = sqlx::query!(
            r#"SELECT customer, n, id, sku, quantity, state, reason, payment,
                      (extract(epoch FROM seen_at) * 1000000)::bigint AS "seen_at!",
                      (extract(epoch FROM changed_at) * 1000000)::bigint AS "changed_at!"
               FROM orders WHERE sale = $1 ORDER BY customer, n"#,
            sale.as_str()
        )
        .fetch(&mut *transaction);
        while let Some(row) = orders.try_next().await? {
            let state = state(&row.state)?;
            let item = items.of(&row.sku);
            count(item, &mut ends, state, row.reason.as_deref(), row.quantity)?;
            each(OrderLine {
                customer: row.customer,
                number: row.n,
                id: row.id,
                sku: row.sku,
                quantity: row.quantity,
                state: row.state,
                reason: row.reason,
                payment: row.payment,
                seen_at: time(row.seen_at)?,
                changed_at: time(row.changed_at)?,
            })?;
        }
        drop(orders);
        transaction.commit().await?;
        Ok(Some(Settlement { sale: line, items: items.0.into_values().collect(), ends, money, positions }))
    }

    /// The rows of a shard and how far they are; nothing when it was never followed.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn find(&self, stream: &Stream) -> Result<Option<(ShardRows, Revision)>, Error> {
        let cursor = sqlx::query!(
            "SELECT id, seq FROM cursors WHERE sale = $1 AND epoch = $2 AND shard = $3",
            stream.sale.as_str(),
            int(stream.epoch.0),
            i32::from(stream.shard.0)
        );
        let Some(cursor) = cursor.fetch_optional(&self.pool).await? else { return Ok(None) };
        let rows = ShardRows { id: cursor.id, stream: stream.clone(), accounts: HashMap::new() };
        Ok(Some((rows, revision(cursor.seq)?)))
    }

    /// Every row of a shard, or nothing when its cursor is not there any more.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn side(&self, shard: &ShardRows, cursor: Revision) -> Result<Option<Side>, Error> {
        let mut transaction = self.snapshot().await?;
        let seq = sqlx::query_scalar!("SELECT seq FROM cursors WHERE id = $1", shard.id);
        if seq.fetch_one(&mut *transaction).await? != big(cursor.0) {
            return Ok(None);
        }
        let mut side = Side::default();
        let buckets = sqlx::query!("SELECT sku, bucket, free FROM buckets WHERE cursor_id = $1", shard.id);
        for row in buckets.fetch_all(&mut *transaction).await? {
            side.buckets.insert((sku(&row.sku)?, BucketIndex(narrow(row.bucket)?)), Units(narrow(row.free)?));
        }
        let supplies = sqlx::query!("SELECT sku, n, delta FROM supplies WHERE cursor_id = $1", shard.id);
        for row in supplies.fetch_all(&mut *transaction).await? {
            side.supplies.insert((sku(&row.sku)?, narrow(row.n)?), row.delta);
        }
        let mut names: HashMap<String, Sku> = HashMap::new();
        let mut orders = sqlx::query!(
            "SELECT customer, n, sku, quantity, state, revision FROM orders
             WHERE sale = $1 AND epoch = $2 AND shard = $3",
            shard.stream.sale.as_str(),
            int(shard.stream.epoch.0),
            i32::from(shard.stream.shard.0)
        )
        .fetch(&mut *transaction);
        while let Some(row) = orders.try_next().await? {
            let customer = CustomerId::parse(&row.customer).map_err(|error| Error::Broken(error.to_string()))?;
            let name = match names.get(&row.sku) {
                Some(name) => name.clone(),
                None => {
                    let name = sku(&row.sku)?;
                    names.insert(row.sku, name.clone());
                    name
                }
            };
            let order = KeptOrder {
                sku: name,
                quantity: Units(narrow(row.quantity)?),
                state: state(&row.state)?,
                revision: revision(row.revision)?,
            };
            side.orders.insert((customer, OrderNumber(narrow(row.n)?)), order);
        }
        drop(orders);
        transaction.commit().await?;
        Ok(Some(side))
    }
}

/// Items by sku. One that left the definition keeps its orders, so it appears when it is first asked for.
#[derive(Default)]
struct Items(BTreeMap<String, ItemLine>);

impl Items {
    fn of(&mut self, sku: &str) -> &mut ItemLine {
        self.0.entry(sku.to_owned()).or_insert_with(|| ItemLine { sku: sku.to_owned(), ..ItemLine::default() })
    }
}

/// Counts an order where it belongs.
fn count(
    item: &mut ItemLine,
    ends: &mut OrderTotals,
    state: State,
    reason: Option<&str>,
    quantity: i64,
) -> Result<(), Error> {
    item.sums.orders += 1;
    match (state, reason.map(history::reason).transpose()?) {
        (State::Held, _) => (item.sums.held, ends.held) = (item.sums.held + quantity, ends.held + 1),
        (State::Confirmed, _) => (item.sums.sold, ends.confirmed) = (item.sums.sold + quantity, ends.confirmed + 1),
        (State::Released, reason) => {
            item.released += quantity;
            match reason {
                Some(Reason::Cancelled) => ends.cancelled += 1,
                Some(Reason::Expired) => ends.expired += 1,
                Some(Reason::Refunded) => {
                    (item.refunded, ends.refunded) = (item.refunded + quantity, ends.refunded + 1)
                }
                None => return Err(Error::Broken("a released order has no reason".to_owned())),
            }
        }
    }
    Ok(())
}

async fn positions(connection: &mut PgConnection, sale: &SaleId) -> Result<Vec<CursorLine>, Error> {
    let rows = sqlx::query!(
        r#"SELECT epoch, shard, seq, audited.position AS "audited?", audited.breaches AS "breaches?",
                  (extract(epoch FROM audited.at) * 1000000)::bigint AS audited_at
           FROM cursors LEFT JOIN LATERAL (
               SELECT at, position, breaches FROM audits WHERE cursor_id = cursors.id ORDER BY at DESC LIMIT 1
           ) AS audited ON true
           WHERE sale = $1 ORDER BY epoch, shard"#,
        sale.as_str()
    );
    let rows = rows.fetch_all(connection).await?.into_iter().map(|row| {
        let audit = match (row.audited_at, row.audited, row.breaches) {
            (Some(at), Some(position), Some(breaches)) => Some(AuditLine { at: time(at)?, position, breaches }),
            _ => None,
        };
        Ok(CursorLine { epoch: row.epoch, shard: row.shard, position: row.seq, audit })
    });
    rows.collect()
}

async fn sale_line(connection: &mut PgConnection, sale: &SaleId) -> Result<Option<SaleLine>, Error> {
    let row = sqlx::query!(
        r#"SELECT sale, uid, namespace, name, display_name, epoch, generation,
                  (extract(epoch FROM starts_at) * 1000000)::bigint AS "starts_at!",
                  (extract(epoch FROM ends_at) * 1000000)::bigint AS "ends_at!"
           FROM sales WHERE sale = $1"#,
        sale.as_str()
    );
    let Some(row) = row.fetch_optional(connection).await? else { return Ok(None) };
    let (start, end) = (time(row.starts_at)?, time(row.ends_at)?);
    Ok(Some(SaleLine {
        sale: row.sale,
        uid: row.uid,
        namespace: row.namespace,
        name: row.name,
        display_name: row.display_name,
        epoch: row.epoch,
        generation: row.generation,
        start,
        end,
    }))
}

async fn defined(connection: &mut PgConnection, sale: &SaleId, items: &mut Items) -> Result<(), Error> {
    let rows = sqlx::query!(
        "SELECT sku, display_name, quantity, withheld, price_minor, currency FROM items WHERE sale = $1",
        sale.as_str()
    );
    for row in rows.fetch_all(connection).await? {
        let item = items.of(&row.sku);
        (item.display_name, item.quantity, item.withheld) = (row.display_name, row.quantity, row.withheld);
        (item.price_minor, item.currency) = (row.price_minor, row.currency);
    }
    Ok(())
}

async fn stock(connection: &mut PgConnection, sale: &SaleId, epoch: i32, items: &mut Items) -> Result<(), Error> {
    let rows = sqlx::query!(
        r#"SELECT sku AS "sku!", sum(supply)::bigint AS "supply!", sum(free)::bigint AS "free!" FROM (
               SELECT sku, delta AS supply, 0 AS free, cursor_id FROM supplies
               UNION ALL SELECT sku, 0, free, cursor_id FROM buckets
           ) AS parts JOIN cursors ON cursors.id = cursor_id WHERE sale = $1 AND epoch = $2 GROUP BY sku"#,
        sale.as_str(),
        epoch
    );
    for row in rows.fetch_all(connection).await? {
        let item = items.of(&row.sku);
        (item.sums.supply, item.sums.free) = (row.supply, row.free);
    }
    Ok(())
}
