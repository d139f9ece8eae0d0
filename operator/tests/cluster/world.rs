//! A namespace with an operator in it, and what a test asks of both sides.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use operator::apply::Hands;
use operator::args::{LEASE_NAME, Storage};
use operator::observe;
use protocol::conservation::Sums;
use protocol::deed::Deed;
use protocol::key::{Installation, Stream, status_key};
use protocol::order::Order;
use protocol::sale::Definition;
use protocol::status::{Audit, ItemStatus, SaleStatus};
use protocol::store::{Expect, Outcome, Store as _, Write};
use protocol::wire::Value as _;
use protocol::{CustomerId, IdempotencyKey, OrderNumber, Revision, SaleId, Shard, Sku, Units};
use runtime::clock::Clock;
use runtime::jetstream::JetStream;
use runtime::registry::Table;
use runtime::trace::Tracer;
use serde_json::{Value, json};
use testbed::kubernetes::faulty::FaultyServer;
use testbed::{Bed, Service, eventually};

use crate::place::{ACCOUNT, Ground, Place, apply_crd, kubectl};

/// How long a change may take to be seen, on a machine that does other things as well.
pub(crate) const BOUND: Duration = Duration::from_secs(30);

/// A place with an operator that has its rights there and no more.
pub(crate) struct World {
    pub(crate) client: async_nats::Client,
    pub(crate) operator: Service,
    pub(crate) admin: String,
    /// The last field: a bed of its own goes after the operator that runs on it.
    place: Place,
}

impl std::ops::Deref for World {
    type Target = Place;

    fn deref(&self) -> &Place {
        &self.place
    }
}

impl World {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        Self::start_at(Place::make(Bed::shared().await?).await?, &[]).await
    }

    /// On these servers of NATS, separated by commas.
    pub(crate) async fn start_with(bed: &'static Bed, nats: &str, more: &[&str]) -> anyhow::Result<Self> {
        Self::start_at(Place { nats: nats.to_owned(), ..Place::make(bed).await? }, more).await
    }

    /// A world whose operator has its API server through a proxy that misbehaves as the test says; the test itself does
    /// not.
    pub(crate) async fn behind() -> anyhow::Result<(Self, FaultyServer)> {
        let bed = Bed::shared().await?;
        let kubernetes = bed.kubernetes().await?;
        let faulty = FaultyServer::start(bed, kubernetes).await?;
        let place = Place::make(bed).await?;
        let way = faulty.kubeconfig_for(kubernetes, &place.home, ACCOUNT).await?;
        Ok((Self::start_at(Place { way, ..place }, &[]).await?, faulty))
    }

    /// A world with an API server of its own, which may be killed.
    pub(crate) async fn alone() -> anyhow::Result<Self> {
        let bed = Ground::Own(Arc::new(Bed::builder().nats().kubernetes().start().await?));
        apply_crd(&bed).await?;
        Self::start_at(Place::make_in(bed).await?, &[]).await
    }

    async fn start_at(place: Place, more: &[&str]) -> anyhow::Result<Self> {
        place.grant(&[&place.namespace]).await?;
        let world = Self::start_in(place, &[], more).await?;
        world.operator.wait_ready(&world.admin).await?;
        Ok(world)
    }

    /// With the rights that were granted, for these namespaces too.
    pub(crate) async fn start_in(place: Place, others: &[&str], more: &[&str]) -> anyhow::Result<Self> {
        let client = async_nats::connect(place.nats.split(',').collect::<Vec<_>>()).await?;
        let namespaces = [&[place.namespace.as_str()], others].concat();
        let (operator, admin) = place.spawn("a", &namespaces, more).await?;
        Ok(Self { client, operator, admin, place })
    }

    /// A second replica, ready, called `b`, with a straight way to the API server.
    pub(crate) async fn second(&self) -> anyhow::Result<(Service, String)> {
        let place = Place {
            way: self.bed.kubernetes().await?.kubeconfig_for(&self.home, ACCOUNT).await?,
            ..self.place.clone()
        };
        let (second, admin) = place.spawn("b", &[&self.namespace], &[]).await?;
        second.wait_ready(&admin).await?;
        Ok((second, admin))
    }

    /// The Lease by which one replica acts.
    pub(crate) async fn lease(&self) -> anyhow::Result<Value> {
        let lease = ["-n", &self.home, "get", "lease", LEASE_NAME, "-o", "json"];
        Ok(serde_json::from_str(&kubectl(&self.kubeconfig, &lease, "").await?)?)
    }

    /// Waits until this replica holds the Lease; "" is nobody.
    pub(crate) async fn until_held_by(&self, identity: &str) -> anyhow::Result<()> {
        eventually(BOUND, &format!("{identity} holds the Lease"), async || {
            let lease = self.lease().await?;
            let holder = lease["spec"]["holderIdentity"].as_str().unwrap_or_default();
            ensure!(holder == identity, "held by {holder:?}");
            Ok(())
        })
        .await
    }

    pub(crate) async fn kubectl(&self, arguments: &[&str], input: &str) -> anyhow::Result<String> {
        kubectl(&self.kubeconfig, &[&["-n", self.namespace.as_str()], arguments].concat(), input).await
    }

    pub(crate) async fn apply(&self, name: &str, spec: &Value) -> anyhow::Result<String> {
        self.kubectl(&["apply", "-f", "-"], &sale(name, spec).to_string()).await
    }

    pub(crate) async fn patch(&self, name: &str, patch: &Value) -> anyhow::Result<String> {
        self.kubectl(&["patch", "fs", name, "--type=merge", "-p", &patch.to_string()], "").await
    }

    pub(crate) async fn get(&self, name: &str) -> anyhow::Result<Value> {
        Ok(serde_json::from_str(&self.kubectl(&["get", "fs", name, "-o", "json"], "").await?)?)
    }

    pub(crate) async fn wait_for(&self, name: &str, condition: &str) -> anyhow::Result<()> {
        let target = format!("--for=condition={condition}");
        let waited = self.kubectl(&["wait", &format!("fs/{name}"), &target, "--timeout=40s"], "").await;
        if let Err(error) = waited {
            let status = self.get(name).await.map(|sale| sale["status"].clone())?;
            return Err(error.context(format!("status {status:#}\n{}", self.operator.log())));
        }
        Ok(())
    }

    /// Waits until the sale, status included, is as `check` wants it; returns it.
    pub(crate) async fn until(&self, name: &str, what: &str, check: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
        eventually(BOUND, what, async || {
            let sale = self.get(name).await?;
            ensure!(check(&sale), "{:#}", sale["status"]);
            Ok(sale)
        })
        .await
    }

    /// Waits until the resource's newest generation is in force.
    pub(crate) async fn in_force(&self, name: &str) -> anyhow::Result<Value> {
        self.until(name, "the generation is in force", |sale| {
            sale["status"]["observedGeneration"] == sale["metadata"]["generation"]
        })
        .await
    }

    pub(crate) fn sales(&self) -> anyhow::Result<Table<Definition>> {
        let installation = Installation::parse(&self.namespace).map_err(anyhow::Error::msg)?;
        Ok(Table::new(self.client.clone(), installation.sales_bucket()))
    }

    pub(crate) fn deeds(&self) -> anyhow::Result<Table<Deed>> {
        let installation = Installation::parse(&self.namespace).map_err(anyhow::Error::msg)?;
        Ok(Table::new(self.client.clone(), installation.deeds_bucket()))
    }

    pub(crate) fn statuses(&self) -> anyhow::Result<Table<SaleStatus>> {
        let installation = Installation::parse(&self.namespace).map_err(anyhow::Error::msg)?;
        Ok(Table::new(self.client.clone(), installation.status_bucket()))
    }

    pub(crate) fn hands(&self) -> anyhow::Result<Hands> {
        Ok(Hands {
            client: self.client.clone(),
            sales: self.sales()?,
            deeds: self.deeds()?,
            clock: Clock::system(),
            default_replicas: 1,
            storage: Storage::Memory,
            tracer: Tracer::default(),
        })
    }

    /// What the sale of a resource is called: as its status says, or else as the first one of its name is.
    pub(crate) async fn sale_id(&self, name: &str) -> anyhow::Result<SaleId> {
        let sale = self.get(name).await?;
        if let Some(known) = sale["status"]["saleID"].as_str() {
            return Ok(SaleId::parse(known)?);
        }
        Ok(SaleId::of_resource(name, sale["metadata"]["uid"].as_str().context("no uid")?)?)
    }

    pub(crate) async fn definition(&self, name: &str) -> anyhow::Result<Option<Definition>> {
        let id = self.sale_id(name).await?;
        Ok(self.sales()?.get(id.as_str()).await?.map(|(definition, _)| definition))
    }

    /// Everything in the stream of a sale.
    pub(crate) async fn shelf(&self, name: &str) -> anyhow::Result<(JetStream, operator::plan::Shelf)> {
        self.shelf_of(&self.sale_id(name).await?).await
    }

    /// The same without asking the API server.
    pub(crate) async fn shelf_of(&self, sale: &SaleId) -> anyhow::Result<(JetStream, operator::plan::Shelf)> {
        let stream = Stream { sale: sale.clone(), epoch: operator::plan::FIRST_EPOCH, shard: Shard(0) };
        let mut records = observe::Records::new();
        let shelf = observe::shelf(&self.client, &stream, &[], &mut records).await?;
        shelf.context("the sale has no stream")
    }

    /// Sells units of an item as an edge does: the bucket with fewer units and the orders, in one batch each.
    pub(crate) async fn sell(&self, name: &str, sku: &str, orders: u32) -> anyhow::Result<()> {
        self.sell_to(name, sku, 0..orders).await
    }

    /// The same, to these customers.
    pub(crate) async fn sell_to(&self, name: &str, sku: &str, customers: Range<u32>) -> anyhow::Result<()> {
        let definition = self.definition(name).await?.context("nothing is published")?;
        self.sell_of(&definition, sku, customers).await
    }

    /// The same without asking the API server; each customer buys once.
    pub(crate) async fn sell_of(
        &self,
        definition: &Definition,
        sku: &str,
        customers: Range<u32>,
    ) -> anyhow::Result<()> {
        let sku = Sku::parse(sku)?;
        let (store, _) = self.shelf_of(&definition.sale).await?;
        let mut customers = customers.peekable();
        for index in 0..definition.item(&sku).context("no such item")?.buckets {
            while let Some(customer) = customers.peek() {
                let found = observe::bucket(&store, &sku, protocol::BucketIndex(index)).await?;
                let Ok(next) = found.bucket.claim(Units(1), definition.generation) else { break };
                let customer = CustomerId::derive(b"key", definition.sale.as_str(), &format!("{customer}"));
                let order = Order {
                    key: IdempotencyKey::parse("one")?,
                    sku: sku.clone(),
                    quantity: Units(1),
                    state: protocol::order::State::Confirmed,
                    reason: None,
                    expires_at: None,
                    payment: None,
                };
                let bucket =
                    Write { key: found.key(), expect: Expect::At(found.revision), value: next.encode(), trace: None };
                let key = protocol::key::Key::Order(customer, OrderNumber(0));
                let order = Write { key, expect: Expect::Absent, value: order.encode(), trace: None };
                let outcome = store.commit(vec![bucket, order]).await;
                ensure!(matches!(outcome, Outcome::Committed(_)), "{outcome:?}");
                customers.next();
            }
        }
        ensure!(customers.peek().is_none(), "{} units could not be sold", customers.count());
        Ok(())
    }

    /// Says what a ledger says that has followed the stream to its end.
    pub(crate) async fn keep_books(&self, name: &str) -> anyhow::Result<()> {
        self.keep_books_of(&self.definition(name).await?.context("nothing is published")?).await
    }

    /// The same for a sale whose resource may be gone.
    pub(crate) async fn keep_books_of(&self, definition: &Definition) -> anyhow::Result<()> {
        let (store, shelf) = self.shelf_of(&definition.sale).await?;
        let position: Revision = store.position().await?;
        let items = shelf.items.iter().map(|(sku, stock)| {
            let (supply, free) = (stock.supply(), stock.free());
            let sums = Sums { supply, free, held: 0, sold: supply - free, orders: supply - free };
            ItemStatus { sku: sku.clone(), sums }
        });
        let now = Clock::system().now();
        let status = SaleStatus {
            cursor: position,
            at: now,
            lag_seconds: 0.0,
            exact: true,
            items: items.collect(),
            audit: Some(Audit { at: now, position, breaches: Vec::new() }),
            payments_open: 0,
            halted: None,
        };
        self.statuses()?.put(&status_key(&definition.stream(Shard(0))), &status).await?;
        Ok(())
    }

    /// Units in the buckets and in the records of an item.
    pub(crate) async fn stock(&self, name: &str, sku: &str) -> anyhow::Result<(i64, i64)> {
        let (_, shelf) = self.shelf(name).await?;
        let stock = shelf.items.get(&Sku::parse(sku)?).context("the item has no buckets")?;
        Ok((stock.free(), stock.supply()))
    }

    /// The deed of a name.
    pub(crate) async fn deed(&self, name: &str) -> anyhow::Result<Option<Deed>> {
        let key = protocol::key::deed_key(&self.namespace, name);
        Ok(self.deeds()?.get(&key).await?.map(|(deed, _)| deed))
    }

    pub(crate) async fn events(&self, name: &str) -> anyhow::Result<Vec<String>> {
        let told = self.kubectl(&["get", "events.events.k8s.io", "-o", "json"], "").await?;
        let told: Value = serde_json::from_str(&told)?;
        let events = told["items"].as_array().cloned().unwrap_or_default().into_iter();
        let of = events.filter(|event| event["regarding"]["name"] == name);
        Ok(of.filter_map(|event| event["reason"].as_str().map(ToOwned::to_owned)).collect())
    }

    /// What the operator told of this, line by line and without when: a level, so once per change of it, however often it
    /// was looked at.
    pub(crate) fn told(&self, what: &str) -> Vec<String> {
        let log = self.operator.log();
        let lines = log.lines().filter(|line| line.contains(what));
        let told: Vec<_> = lines.filter_map(|line| line.split_once(' ')).map(|(_, told)| told.to_owned()).collect();
        assert!(told.windows(2).all(|pair| pair[0] != pair[1]), "a level is told once per change: {told:#?}");
        told
    }

    /// That rights are missing in a namespace was told, and never of a part of them.
    pub(crate) fn assert_told_whole(&self, namespace: &str, sentence: &str) {
        let mut told = self.told(&format!("namespace {namespace} is "));
        told.retain(|line| line.contains("the operator may not"));
        assert!(!told.is_empty() && told.iter().all(|line| line.contains(sentence)), "{told:#?}");
    }

    pub(crate) async fn until_told(&self, name: &str, reason: &str) -> anyhow::Result<()> {
        eventually(BOUND, reason, async || {
            let events = self.events(name).await?;
            ensure!(events.iter().any(|event| event == reason), "events {events:?}");
            Ok(())
        })
        .await
    }
}

/// One number of a replica's metrics; one with labels is summed over them.
pub(crate) async fn metric(admin: &str, name: &str) -> anyhow::Result<u64> {
    let body = reqwest::get(format!("{admin}/metrics")).await?.text().await?;
    let of_it = body.lines().filter_map(|line| line.strip_prefix(name)).filter(|rest| rest.starts_with([' ', '{']));
    let values = of_it.filter_map(|rest| rest.rsplit(' ').next()).map(str::parse).collect::<Result<Vec<u64>, _>>()?;
    ensure!(!values.is_empty(), "{name} is not among the metrics");
    Ok(values.iter().sum())
}

/// A sale with this spec.
pub(crate) fn sale(name: &str, spec: &Value) -> Value {
    json!({ "apiVersion": "sluice.dev/v1alpha1", "kind": "FlashSale", "metadata": { "name": name }, "spec": spec })
}

/// A spec that opens `opens` seconds from now, for an hour.
pub(crate) fn spec(opens: i64, items: &[Value]) -> Value {
    json!({ "schedule": { "startTime": at(opens), "endTime": at(opens + 3_600) }, "items": items })
}

/// The time so many seconds from now, as a schedule has it.
pub(crate) fn at(seconds: i64) -> String {
    let at = Clock::system().now() + jiff::SignedDuration::from_secs(seconds);
    format!("{at:.0}")
}

pub(crate) fn reason<'s>(sale: &'s Value, condition: &str) -> &'s str {
    field(sale, condition, "reason")
}

pub(crate) fn field<'s>(sale: &'s Value, condition: &str, field: &str) -> &'s str {
    self::condition(sale, condition).and_then(|condition| condition[field].as_str()).unwrap_or_default()
}

pub(crate) fn condition<'s>(sale: &'s Value, kind: &str) -> Option<&'s Value> {
    sale["status"]["conditions"].as_array()?.iter().find(|condition| condition["type"] == kind)
}
