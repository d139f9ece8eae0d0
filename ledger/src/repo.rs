//! Every SQL statement of the ledger, checked against the schema when it is compiled.
//!
//! **What must always hold.** A group of messages is one transaction: the cursor moves from the value that the caller
//! read, or nothing changes at all. The move comes first, so that of two followers the second waits for the first one's
//! commit and then finds no row, before it has done any work. Entries and balances are written by one statement, the
//! balances from the entries: they cannot differ.
//!
//! **What it costs.** Seven statements for a thousand messages, whatever they say, and one more where orders are told of.
//! Orders are inserted without looking first: the index is searched once per order, and only orders that exist already are
//! read and updated.
//!
//! **What is deliberately absent.** Retries, and opinions about what an error means for the sale: [`Error`] says only
//! whether trying again can help.

pub mod attempts;
pub mod books;
pub mod fulfilment;
pub mod funding;
pub mod held;
pub mod history;
pub mod lists;
pub mod money;
pub(crate) mod orders;
pub mod outbox;
pub mod ownership;
pub mod payments;
pub mod people;
mod pool;
pub mod purses;
mod schema;
pub mod statement;
mod wallets;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use protocol::key::Stream;
use protocol::sale::{Definition, StreamIdentity};
use protocol::status::Audit;
use protocol::wire::WireError;
use protocol::{BucketIndex, Revision, SaleId, Sku, Units};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{Connection as _, PgConnection};

use crate::post::{Account, Book};
pub use schema::SchemaError;

/// Connections that followers share. A transaction every few milliseconds per shard needs two to four.
const CONNECTIONS_MAX: u32 = 8;
/// How long a free connection is waited for before Postgres counts as away.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// Connections that questions share; apart from those of the followers, so that no crowd of questions holds up a follower.
const QUESTION_CONNECTIONS_MAX: u32 = 8;
/// How long a question waits for one: whoever asks waits too, and may ask again.
const QUESTION_ACQUIRE_TIMEOUT: Duration = Duration::from_secs(1);
/// Longest statement of a question, in milliseconds; every one of them reads or writes a few rows by key.
const QUESTION_STATEMENT_MS: &str = "5000";
/// Connections that questions of merchants share: each may read a whole sale, and so many may do that at a time.
const STATEMENT_CONNECTIONS_MAX: u32 = 2;
/// How long they wait for one: longer, since those before them may take seconds.
const STATEMENT_ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// Longest statement of theirs, in milliseconds: whoever asks gives up a little later.
const STATEMENT_STATEMENT_MS: &str = "8000";

/// A statement did not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Postgres is away or busy: the same again may work.
    #[error("{0}")]
    Unavailable(sqlx::Error),
    /// The rows and the message cannot both be right: a key, a check or a value says so. The same again fails again.
    #[error("{0}")]
    Broken(String),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let final_class = |code: &str| code.starts_with("23") || code.starts_with("22") || code == "P0001";
        match &error {
            sqlx::Error::Database(refused) if refused.code().is_some_and(|code| final_class(&code)) => {
                let constraint = refused.constraint().map(|name| format!(" ({name})")).unwrap_or_default();
                Self::Broken(format!("postgres refuses it: {}{constraint}", refused.message()))
            }
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::Encode(_) => {
                Self::Broken(error.to_string())
            }
            _ => Self::Unavailable(error),
        }
    }
}

impl From<WireError> for Error {
    fn from(error: WireError) -> Self {
        Self::Broken(error.to_string())
    }
}

/// What a pool of connections is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Following,
    Questions,
    Statements,
}

impl Purpose {
    /// How to connect for it, and what Postgres calls those connections.
    fn options(self, options: PgConnectOptions) -> PgConnectOptions {
        match self {
            Self::Following => options.application_name("sluice-ledger"),
            Self::Questions => options
                .application_name("sluice-ledger questions")
                .options([("statement_timeout", QUESTION_STATEMENT_MS)]),
            Self::Statements => options
                .application_name("sluice-ledger statements")
                // Right after a sale Postgres has not counted its rows yet, believes that they are few, and would collect and
                // sort all of them for every page; without bitmaps it walks along the key, as it does later anyway.
                .options([("statement_timeout", STATEMENT_STATEMENT_MS), ("enable_bitmapscan", "off")]),
        }
    }
}

/// The ledger's database.
#[derive(Debug, Clone)]
pub struct Repo {
    pool: PgPool,
    purpose: Purpose,
    /// Whether somebody wants to be told of orders.
    outbox: bool,
}

impl Repo {
    /// Connects when it is first needed.
    #[must_use]
    pub fn new(options: PgConnectOptions) -> Self {
        let pool = pool::pool().max_connections(CONNECTIONS_MAX).acquire_timeout(ACQUIRE_TIMEOUT);
        Self::of(pool, Purpose::Following, options)
    }

    /// The same for questions of edges: connections of their own, and shorter waits.
    #[must_use]
    pub fn for_questions(options: PgConnectOptions) -> Self {
        let pool = pool::pool().max_connections(QUESTION_CONNECTIONS_MAX).acquire_timeout(QUESTION_ACQUIRE_TIMEOUT);
        Self::of(pool, Purpose::Questions, options)
    }

    /// The same for questions that read a whole sale: few at a time, and longer.
    #[must_use]
    pub fn for_statements(options: PgConnectOptions) -> Self {
        let pool = pool::pool().max_connections(STATEMENT_CONNECTIONS_MAX).acquire_timeout(STATEMENT_ACQUIRE_TIMEOUT);
        Self::of(pool, Purpose::Statements, options)
    }

    fn of(pool: PgPoolOptions, purpose: Purpose, options: PgConnectOptions) -> Self {
        Self { pool: pool.connect_lazy_with(purpose.options(options)), purpose, outbox: false }
    }

    /// Connects with these options from now on, with the bounds of what it is for.
    pub fn reconnect_with(&self, options: PgConnectOptions) {
        self.pool.set_connect_options(self.purpose.options(options));
    }

    /// How it connects now.
    #[must_use]
    pub fn connect_options(&self) -> Arc<PgConnectOptions> {
        self.pool.connect_options()
    }

    /// Whether it answers.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn ping(&self) -> Result<(), Error> {
        let mut connection = self.pool.acquire().await?;
        Ok(connection.ping().await?)
    }

    /// Ends every connection.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Writes down what a sale is, unless a newer definition was here.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn keep_sale(&self, definition: &Definition) -> Result<(), Error> {
        let mut transaction = self.pool.begin().await?;
        let written = sqlx::query!(
            r#"INSERT INTO sales (sale, uid, namespace, name, display_name, epoch, generation, starts_at, ends_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7,
                       timestamptz 'epoch' + $8::bigint * interval '1 microsecond',
                       timestamptz 'epoch' + $9::bigint * interval '1 microsecond')
               ON CONFLICT (sale) DO UPDATE SET display_name = EXCLUDED.display_name, epoch = EXCLUDED.epoch,
                   generation = EXCLUDED.generation, starts_at = EXCLUDED.starts_at, ends_at = EXCLUDED.ends_at,
                   updated_at = now()
               WHERE (sales.epoch, sales.generation) < (EXCLUDED.epoch, EXCLUDED.generation)"#,
            definition.sale.as_str(),
            definition.uid,
            definition.namespace,
            definition.name,
            definition.display_name,
            int(definition.epoch.0),
            big(definition.generation.0),
            definition.start.as_microsecond(),
            definition.end.as_microsecond(),
        )
        .execute(&mut *transaction)
        .await?;
        if written.rows_affected() == 1 {
            keep_items(&mut transaction, definition).await?;
        }
        Ok(transaction.commit().await?)
    }

    /// The book of a shard as its rows have it, at one moment, and its newest audit; begins one that is not there yet.
    ///
    /// # Errors
    /// [`Error`]; [`Error::Broken`] also when the rows were made from another stream under the same name.
    pub async fn open(&self, stream: &Stream, identity: &StreamIdentity) -> Result<Opened, Error> {
        let created = identity.created.to_string();
        // Positions of a stream begin at its first one, so an empty stream is at the one before.
        let start = big(identity.first_seq.saturating_sub(1));
        let (sale, epoch, shard) = (stream.sale.as_str(), int(stream.epoch.0), i32::from(stream.shard.0));
        sqlx::query!(
            "INSERT INTO cursors (sale, epoch, shard, created, seq) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (sale, epoch, shard) DO NOTHING",
            sale,
            epoch,
            shard,
            created,
            start
        )
        .execute(&self.pool)
        .await?;
        let mut transaction = self.snapshot().await?;
        let cursor = sqlx::query!(
            "SELECT id, created, seq FROM cursors WHERE sale = $1 AND epoch = $2 AND shard = $3",
            sale,
            epoch,
            shard
        )
        .fetch_one(&mut *transaction)
        .await?;
        if cursor.created != created {
            return Err(Error::Broken(format!(
                "the rows of {} were made from a stream created at {}, the definition names one created at {created}",
                stream.name(),
                cursor.created
            )));
        }
        let mut book = Book { cursor: revision(cursor.seq)?, ..Book::default() };
        let accounts = accounts(&mut transaction, cursor.id, &mut book).await?;
        for row in sqlx::query!("SELECT sku, bucket, free FROM buckets WHERE cursor_id = $1", cursor.id)
            .fetch_all(&mut *transaction)
            .await?
        {
            let index = BucketIndex(narrow(row.bucket)?);
            book.buckets.insert((sku(&row.sku)?, index), Units(narrow(row.free)?));
        }
        for row in sqlx::query!(
            r#"SELECT sku, count(*) AS "count!" FROM orders WHERE sale = $1 AND epoch = $2 AND shard = $3 GROUP BY sku"#,
            sale,
            epoch,
            shard
        )
        .fetch_all(&mut *transaction)
        .await?
        {
            book.sums.entry(sku(&row.sku)?).or_default().orders = row.count;
        }
        let audit = books::newest_audit(&mut transaction, cursor.id, book.cursor).await?;
        transaction.commit().await?;
        Ok(Opened { rows: ShardRows { id: cursor.id, stream: stream.clone(), accounts }, book, audit })
    }

    /// A transaction that sees one moment and writes nothing.
    async fn snapshot(&self) -> Result<sqlx::Transaction<'static, sqlx::Postgres>, Error> {
        Ok(self.pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?)
    }
}

/// A shard as its rows have it.
#[derive(Debug)]
pub struct Opened {
    /// Where they are.
    pub rows: ShardRows,
    /// What they come to.
    pub book: Book,
    /// The newest audit, of their position or an earlier one.
    pub audit: Option<Audit>,
}

/// Where a shard's rows are.
#[derive(Debug, Clone)]
pub struct ShardRows {
    id: i32,
    stream: Stream,
    /// Known accounts. One that is missing is made when it is first posted to.
    accounts: HashMap<(Sku, Account), i32>,
}

impl ShardRows {
    /// The sale that it is a shard of.
    #[must_use]
    pub fn sale(&self) -> &SaleId {
        &self.stream.sale
    }
}

async fn keep_items(connection: &mut PgConnection, definition: &Definition) -> Result<(), Error> {
    for item in &definition.items {
        sqlx::query!(
            "INSERT INTO items (sale, sku, display_name, quantity, withheld, price_minor, currency)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (sale, sku) DO UPDATE SET display_name = EXCLUDED.display_name, quantity = EXCLUDED.quantity,
                 withheld = EXCLUDED.withheld, price_minor = EXCLUDED.price_minor, currency = EXCLUDED.currency",
            definition.sale.as_str(),
            item.sku.as_str(),
            item.display_name,
            i64::from(item.quantity.0),
            i64::from(item.withheld.0),
            item.price.as_ref().map(|price| price.amount_minor),
            item.price.as_ref().map(|price| price.currency.as_str()),
        )
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// The accounts of a shard; their balances go into the book's sums.
async fn accounts(
    connection: &mut PgConnection,
    cursor: i32,
    book: &mut Book,
) -> Result<HashMap<(Sku, Account), i32>, Error> {
    let mut accounts = HashMap::new();
    let rows = sqlx::query!(
        "SELECT id, sku, kind, units FROM accounts JOIN balances ON account_id = id WHERE cursor_id = $1",
        cursor
    );
    for row in rows.fetch_all(connection).await? {
        let sku = sku(&row.sku)?;
        let account = Account::ALL.into_iter().find(|account| account.as_str() == row.kind);
        let account = account.ok_or_else(|| Error::Broken(format!("account {} is of kind {}", row.id, row.kind)))?;
        let sums = book.sums.entry(sku.clone()).or_default();
        match account {
            Account::Supply => sums.supply = -row.units,
            Account::Free => sums.free = row.units,
            Account::Held => sums.held = row.units,
            Account::Sold => sums.sold = row.units,
            Account::InFlight => {}
        }
        accounts.insert((sku, account), row.id);
    }
    Ok(accounts)
}

/// Positions and generations as Postgres has them. A server would have to store a message a nanosecond for 292 years
/// to need more.
fn big(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn int(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn narrow<A: Copy + std::fmt::Display, B: TryFrom<A>>(number: A) -> Result<B, Error> {
    B::try_from(number).map_err(|_| Error::Broken(format!("a row holds {number}, which is out of range")))
}

fn revision(number: i64) -> Result<Revision, Error> {
    narrow(number).map(Revision)
}

fn sku(text: &str) -> Result<Sku, Error> {
    Sku::parse(text).map_err(|error| Error::Broken(error.to_string()))
}

fn time(microseconds: i64) -> Result<Timestamp, Error> {
    Timestamp::from_microsecond(microseconds).map_err(|error| Error::Broken(error.to_string()))
}
