//! A sale on real streams, a database, and ledgers that join them.

use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use protocol::bucket::Bucket;
use protocol::key::{Installation, Key, status_key};
use protocol::order::{Order, Reason, State};
use protocol::release::{Attempt, Standing, confirm, release};
use protocol::sale::Definition;
use protocol::status::SaleStatus;
use protocol::store::{Entry, Expect, Outcome, Store as _, Write};
use protocol::wire::Value;
use protocol::{BucketIndex, CustomerId, IdempotencyKey, OrderNumber, Revision, Shard, Sku, Units};
use runtime::jetstream::JetStream;
use runtime::registry::Table;
use sqlx::postgres::{PgPool, PgPoolOptions};
use testbed::{Bed, Service, eventually, free_port, provision};
use uuid::Uuid;

/// What turns people into customers in these shops.
pub(crate) const CUSTOMER_KEY: &str = "the customer key of these tests, long enough";
/// How long Postgres may take to have what the stream has, whatever was killed meanwhile.
pub(crate) const BOUND: Duration = Duration::from_secs(30);
/// How long an audit is waited for: how soon one comes is not what these tests are about.
pub(crate) const AUDITED: Duration = Duration::from_secs(120);

/// An installation of its own: names in NATS, a database, and one sale of shoes.
#[derive(Clone)]
pub(crate) struct Shop {
    pub(crate) bed: &'static Bed,
    pub(crate) nats: String,
    pub(crate) client: async_nats::Client,
    pub(crate) installation: Installation,
    pub(crate) database: String,
    pub(crate) definition: Definition,
    pub(crate) store: JetStream,
}

/// A replica of the ledger.
pub(crate) struct Ledger {
    pub(crate) service: Service,
    pub(crate) admin: String,
}

pub(crate) fn shoe() -> Sku {
    Sku::parse("shoe").unwrap()
}

pub(crate) fn customer(number: usize) -> CustomerId {
    CustomerId::derive(CUSTOMER_KEY.as_bytes(), "tests", &number.to_string())
}

pub(crate) fn order(key: &str, quantity: u32, state: State) -> Order {
    Order {
        key: IdempotencyKey::parse(key).unwrap(),
        sku: shoe(),
        quantity: Units(quantity),
        state,
        reason: None,
        expires_at: (state == State::Held).then_some(1_900_000_000),
        payment: None,
    }
}

impl Shop {
    /// `units` of shoes in four buckets, and an empty database.
    pub(crate) async fn of(name: &str, units: u32) -> Self {
        Self::selling(name, provision::draft(name, units)).await
    }

    /// The same with this sale.
    pub(crate) async fn selling(name: &str, draft: Definition) -> Self {
        let bed = Bed::shared().await.unwrap();
        let nats = bed.nats().await.unwrap().url();
        let client = async_nats::connect(&nats).await.unwrap();
        let installation = provision::installation(&bed.unique(name)).unwrap();
        let statuses = Table::<SaleStatus>::new(client.clone(), installation.status_bucket());
        eventually(BOUND, "a table of statuses", async || Ok(statuses.create(1).await?)).await.unwrap();
        let database = bed.postgres().await.unwrap().create_database("ledger").await.unwrap();
        let definition = provision::provision(&client, &installation, draft, 1).await.unwrap();
        let store = open(&client, &definition).await;
        Self { bed, nats, client, installation, database, definition, store }
    }

    /// A second sale in the same installation and database.
    pub(crate) async fn beside(&self, name: &str, units: u32) -> Self {
        self.also(provision::draft(name, units)).await
    }

    /// The same, paid from wallets.
    pub(crate) async fn beside_paid(&self, name: &str, units: u32) -> Self {
        let payment = protocol::sale::Payment::Wallet;
        self.also(Definition { payment, ..provision::draft(name, units) }).await
    }

    /// The same with this sale.
    pub(crate) async fn also(&self, draft: Definition) -> Self {
        let definition = provision::provision(&self.client, &self.installation, draft, 1).await.unwrap();
        let store = open(&self.client, &definition).await;
        Self { definition, store, ..self.clone() }
    }

    /// How far the sale is in Postgres.
    pub(crate) async fn cursor(&self) -> u64 {
        let seq = sqlx::query_scalar::<_, i64>("SELECT seq FROM cursors WHERE sale = $1");
        let seq = seq.bind(self.definition.sale.as_str()).fetch_one(&self.postgres().await).await.unwrap();
        seq.try_into().unwrap()
    }

    pub(crate) fn ledger(&self, replica: usize, more: &[&str]) -> Ledger {
        let admin = format!("127.0.0.1:{}", free_port().unwrap());
        let customer_key = self.customer_key();
        let mut arguments = vec!["run", "--admin-addr", admin.as_str(), customer_key.as_str()];
        let common = self.common();
        arguments.extend(common.iter().map(String::as_str));
        arguments.extend(more);
        let name = format!("{}-ledger-{replica}", self.installation.name());
        let service = Service::spawn(self.bed, &name, "sluice-ledger", arguments, []).unwrap();
        Ledger { service, admin: format!("http://{admin}") }
    }

    /// The argument that names the file with the customer key.
    pub(crate) fn customer_key(&self) -> String {
        // Written once: while it is written again, another shop's ledger would read half of it.
        static FILE: OnceLock<String> = OnceLock::new();
        let argument = FILE.get_or_init(|| {
            let file = self.bed.folder().join("ledger-customer.key");
            std::fs::write(&file, CUSTOMER_KEY).unwrap();
            format!("--customer-key-file={}", file.display())
        });
        argument.clone()
    }

    fn common(&self) -> Vec<String> {
        ["--nats-url", &self.nats, "--installation", self.installation.name(), "--postgres-url", &self.database]
            .map(ToOwned::to_owned)
            .to_vec()
    }

    /// Runs a command of the ledger to its end: whether it succeeded, and what it wrote to either output.
    pub(crate) async fn command(&self, command: &str, more: &[&str]) -> (bool, String, String) {
        let mut run = tokio::process::Command::new(testbed::binary("sluice-ledger").unwrap());
        run.arg(command).args(more);
        match command {
            "migrate" | "account" | "export" => run.args(["--postgres-url", &self.database]),
            _ => run.args(self.common()),
        };
        let ended = run.output().await.unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (ended.status.success(), text(&ended.stdout), text(&ended.stderr))
    }

    pub(crate) async fn postgres(&self) -> PgPool {
        PgPoolOptions::new().max_connections(2).connect(&self.database).await.unwrap()
    }

    /// One number that Postgres answers with.
    pub(crate) async fn number(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.postgres().await).await.unwrap()
    }

    /// What the ledger last said about the sale.
    pub(crate) async fn status(&self) -> anyhow::Result<SaleStatus> {
        let table = Table::<SaleStatus>::new(self.client.clone(), self.installation.status_bucket());
        let status = table.get(&status_key(&self.definition.stream(Shard(0)))).await?;
        Ok(status.context("the ledger has said nothing yet")?.0)
    }

    /// Waits until the ledger says that Postgres has all of the stream, and that both sides balance; what it said.
    pub(crate) async fn drained(&self) -> SaleStatus {
        eventually(AUDITED, "the books to be exact and audited", async || {
            let position = self.store.position().await?;
            let status = self.status().await?;
            ensure!(status.exact && status.cursor == position, "{status:?} at {position}");
            let audit = status.audit.clone().context("no audit yet")?;
            ensure!(audit.position == position && audit.breaches.is_empty(), "{audit:?} at {position}");
            Ok(status)
        })
        .await
        .unwrap()
    }

    async fn bucket(&self, index: u16) -> anyhow::Result<(Entry, Bucket)> {
        let entry = self.store.read(&Key::Bucket(shoe(), BucketIndex(index))).await?.context("no bucket")?;
        let bucket = Bucket::decode(&entry.value)?;
        Ok((entry, bucket))
    }

    /// A bucket whose units change by `take` (positive: out of it), unless it changes before.
    async fn moved(&self, index: u16, take: i64) -> anyhow::Result<Write> {
        let (entry, bucket) = self.bucket(index).await?;
        let units = |units: i64| Units(u32::try_from(units).unwrap_or_default());
        let next = if take >= 0 {
            bucket.claim(units(take), self.definition.generation)?
        } else {
            bucket.give_back(units(-take))?
        };
        let key = Key::Bucket(shoe(), BucketIndex(index));
        Ok(Write { key, expect: Expect::At(entry.revision), value: next.encode(), trace: None })
    }

    /// Stores `last` and what belongs before it, which is made anew for every try, as a lane does. A batch is stored as a
    /// whole, so its last write tells what became of a try that nobody has an answer to.
    async fn commit(&self, last: Write, before: impl AsyncFn() -> anyhow::Result<Vec<Write>>) -> Revision {
        eventually(BOUND, "a batch to be stored", async || {
            let stored = self.store.read(&last.key).await?;
            if let Some(entry) = stored.filter(|entry| entry.value == last.value) {
                return Ok(entry.revision);
            }
            let mut batch = before().await?;
            batch.push(last.clone());
            match self.store.commit(batch).await {
                Outcome::Committed(committed) => Ok(committed.last),
                other => bail!("not committed: {other:?}"),
            }
        })
        .await
        .unwrap()
    }

    /// A claim, as an edge writes it: customer's order at a number, units out of bucket 0.
    pub(crate) async fn claim(&self, customer: CustomerId, number: u8, order: &Order) -> Revision {
        let key = Key::Order(customer, OrderNumber(number));
        let write = Write { key, expect: Expect::Absent, value: order.encode(), trace: None };
        self.commit(write, async || Ok(vec![self.moved(0, i64::from(order.quantity.0)).await?])).await
    }

    /// Claims of several customers in one batch, as a lane writes them.
    pub(crate) async fn claim_all(&self, orders: &[(CustomerId, Order)]) {
        let units: i64 = orders.iter().map(|(_, order)| i64::from(order.quantity.0)).sum();
        let claims = orders.iter().map(|(customer, order)| {
            let key = Key::Order(*customer, OrderNumber(0));
            Write { key, expect: Expect::Absent, value: order.encode(), trace: None }
        });
        let mut claims: Vec<Write> = claims.collect();
        let last = claims.pop().unwrap();
        self.commit(last, async || {
            let bucket = self.moved(self.fullest(units).await?, units).await?;
            Ok(std::iter::once(bucket).chain(claims.iter().cloned()).collect())
        })
        .await;
    }

    /// A bucket with at least so many units.
    async fn fullest(&self, units: i64) -> anyhow::Result<u16> {
        for index in 0..self.definition.items[0].buckets {
            if i64::from(self.bucket(index).await?.1.free.0) >= units {
                return Ok(index);
            }
        }
        bail!("no bucket has {units} units")
    }

    /// Releases the order that was written at this revision; its units go to bucket 1.
    pub(crate) async fn release(&self, customer: CustomerId, number: u8, order: &Order, at: Revision) -> Revision {
        let next = order.released(Reason::Cancelled).unwrap();
        let key = Key::Order(customer, OrderNumber(number));
        let write = Write { key, expect: Expect::At(at), value: next.encode(), trace: None };
        self.commit(write, async || Ok(vec![self.moved(1, -i64::from(order.quantity.0)).await?])).await
    }

    /// Writes a value under a key of the sale's stream, whatever it is.
    pub(crate) async fn write(&self, key: Key, expect: Expect, value: bytes::Bytes) -> Revision {
        self.commit(Write { key, expect, value, trace: None }, async || Ok(Vec::new())).await
    }

    /// Somebody's first order as it is now.
    pub(crate) async fn standing(&self, customer: CustomerId) -> Standing {
        eventually(BOUND, "an order to be read", async || {
            Standing::read(&self.store, customer, OrderNumber(0)).await?.context("there is no such order")
        })
        .await
        .unwrap()
    }

    /// Confirms somebody's first order with a payment, as whoever takes money does.
    pub(crate) async fn confirm(&self, customer: CustomerId, payment: Uuid) {
        eventually(BOUND, "an order to be confirmed", async || {
            let standing = self.standing(customer).await;
            if standing.order.payment == Some(payment) {
                return Ok(());
            }
            match confirm(&self.store, &standing, payment).await {
                Attempt::Done(_) => Ok(()),
                other => bail!("{other:?}"),
            }
        })
        .await
        .unwrap();
    }

    /// Releases somebody's first order, whatever it is, as whoever takes it back does; its units go to bucket 1.
    pub(crate) async fn take_back(&self, customer: CustomerId, reason: Reason) {
        eventually(BOUND, "an order to be taken back", async || {
            let standing = self.standing(customer).await;
            if standing.order.reason == Some(reason) {
                return Ok(());
            }
            match release(&self.store, &shoe(), BucketIndex(1), &[(standing, reason)]).await? {
                Attempt::Done(_) => Ok(()),
                other => bail!("{other:?}"),
            }
        })
        .await
        .unwrap();
    }
}

impl Ledger {
    pub(crate) async fn ready(&self) {
        self.service.wait_ready(&self.admin).await.unwrap();
    }

    /// What it tells Prometheus under this name.
    pub(crate) async fn gauge(&self, name: &str) -> anyhow::Result<f64> {
        let page = reqwest::get(format!("{}/metrics", self.admin)).await?.text().await?;
        let value = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        Ok(value.with_context(|| format!("no {name}"))?.parse()?)
    }
}

async fn open(client: &async_nats::Client, definition: &Definition) -> JetStream {
    let (stream, identity) = (definition.stream(Shard(0)), definition.streams.first());
    let open = async || Ok(JetStream::open(client.clone(), &stream, identity).await?);
    eventually(BOUND, "the stream to be opened", open).await.unwrap()
}
