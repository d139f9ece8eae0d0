//! A namespace with an operator in it, and what a test asks of both sides.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use operator::apply::Hands;
use operator::args::Storage;
use operator::observe;
use protocol::conservation::Sums;
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
use serde_json::{Value, json};
use testbed::kubernetes::faulty::FaultyServer;
use testbed::{Bed, Service, eventually, free_port};
use tokio::io::AsyncWriteExt as _;

/// How long a change may take to be seen, on a machine that does other things as well.
pub(crate) const BOUND: Duration = Duration::from_secs(30);

pub(crate) struct World {
    pub(crate) bed: &'static Bed,
    pub(crate) namespace: String,
    pub(crate) kubeconfig: PathBuf,
    pub(crate) client: async_nats::Client,
    pub(crate) operator: Service,
    pub(crate) admin: String,
}

/// Runs `kubectl` with the administrator's rights.
pub(crate) async fn kubectl(kubeconfig: &Path, arguments: &[&str], input: &str) -> anyhow::Result<String> {
    let mut command = tokio::process::Command::new("kubectl");
    command.arg("--kubeconfig").arg(kubeconfig).args(arguments).kill_on_drop(true);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes()).await?;
    }
    let ended = tokio::time::timeout(Duration::from_secs(60), child.wait_with_output()).await??;
    let (told, complained) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    ensure!(ended.status.success(), "{} {}", complained.trim(), told.trim());
    // Warnings of the API server go to standard error of a command that succeeds.
    Ok(format!("{told}{complained}"))
}

/// Installs the CRD, once per test binary.
pub(crate) async fn install_crd(bed: &Bed) -> anyhow::Result<PathBuf> {
    static INSTALLED: tokio::sync::OnceCell<PathBuf> = tokio::sync::OnceCell::const_new();
    Ok(INSTALLED.get_or_try_init(async || apply_crd(bed).await).await?.clone())
}

/// Installs the CRD.
pub(crate) async fn apply_crd(bed: &Bed) -> anyhow::Result<PathBuf> {
    let kubeconfig = bed.kubernetes().await?.kubeconfig();
    let crd = operator::crd::yaml()?;
    let told = kubectl(&kubeconfig, &["apply", "--server-side", "-f", "-"], &crd).await?;
    ensure!(!told.contains("Warning"), "the API server warns: {told}");
    let established = ["wait", "--for=condition=Established", "crd/flashsales.sluice.dev", "--timeout=30s"];
    kubectl(&kubeconfig, &established, "").await?;
    Ok(kubeconfig)
}

impl World {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        Self::start_on(Bed::shared().await?, &[]).await
    }

    pub(crate) async fn start_on(bed: &'static Bed, more: &[&str]) -> anyhow::Result<Self> {
        let kubeconfig = install_crd(bed).await?;
        Self::make(bed, kubeconfig.clone(), &kubeconfig, more).await
    }

    /// A world whose operator has its API server through a proxy that misbehaves as the test says; the test itself does
    /// not.
    pub(crate) async fn behind() -> anyhow::Result<(Self, FaultyServer)> {
        let bed = Bed::shared().await?;
        let kubeconfig = install_crd(bed).await?;
        let faulty = FaultyServer::start(bed, bed.kubernetes().await?).await?;
        let world = Self::make(bed, kubeconfig, faulty.kubeconfig(), &["--identity", "a"]).await?;
        Ok((world, faulty))
    }

    /// A world with an API server of its own, which may be killed. It ends with the process.
    pub(crate) async fn alone() -> anyhow::Result<Self> {
        let bed: &'static Bed = Box::leak(Box::new(Bed::builder().nats().kubernetes().start().await?));
        let kubeconfig = apply_crd(bed).await?;
        Self::make(bed, kubeconfig.clone(), &kubeconfig, &[]).await
    }

    async fn make(bed: &'static Bed, kubeconfig: PathBuf, operators: &Path, more: &[&str]) -> anyhow::Result<Self> {
        let namespace = bed.kubernetes().await?.create_namespace(bed, "shop").await?;
        let url = bed.nats().await?.url();
        let client = async_nats::connect(&url).await?;
        let (operator, admin) = spawn(bed, &namespace, operators, &url, "a", more)?;
        operator.wait_ready(&admin).await?;
        Ok(Self { bed, namespace, kubeconfig, client, operator, admin })
    }

    /// A second replica, ready, called `b`, with its own way to the API server.
    pub(crate) async fn second(&self, kubeconfig: &Path) -> anyhow::Result<(Service, String)> {
        let url = self.bed.nats().await?.url();
        let (second, admin) = spawn(self.bed, &self.namespace, kubeconfig, &url, "b", &["--identity", "b"])?;
        second.wait_ready(&admin).await?;
        Ok((second, admin))
    }

    /// The Lease by which one replica acts.
    pub(crate) async fn lease(&self) -> anyhow::Result<Value> {
        Ok(serde_json::from_str(&self.kubectl(&["get", "lease", "sluice-operator", "-o", "json"], "").await?)?)
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

    pub(crate) fn statuses(&self) -> anyhow::Result<Table<SaleStatus>> {
        let installation = Installation::parse(&self.namespace).map_err(anyhow::Error::msg)?;
        Ok(Table::new(self.client.clone(), installation.status_bucket()))
    }

    pub(crate) fn hands(&self) -> anyhow::Result<Hands> {
        Ok(Hands {
            client: self.client.clone(),
            sales: self.sales()?,
            clock: Clock::system(),
            default_replicas: 1,
            storage: Storage::Memory,
        })
    }

    pub(crate) async fn definition(&self, name: &str) -> anyhow::Result<Option<Definition>> {
        let sale = self.get(name).await?;
        let uid = sale["metadata"]["uid"].as_str().context("no uid")?;
        Ok(self.sales()?.get(SaleId::of_resource(name, uid)?.as_str()).await?.map(|(definition, _)| definition))
    }

    /// Everything in the stream of a sale.
    pub(crate) async fn shelf(&self, name: &str) -> anyhow::Result<(JetStream, operator::plan::Shelf)> {
        let sale = self.get(name).await?;
        let uid = sale["metadata"]["uid"].as_str().context("no uid")?;
        self.shelf_of(&SaleId::of_resource(name, uid)?).await
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
        let definition = self.definition(name).await?.context("nothing is published")?;
        self.sell_of(&definition, sku, 0..orders).await
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
                let bucket = Write { key: found.key(), expect: Expect::At(found.revision), value: next.encode() };
                let key = protocol::key::Key::Order(customer, OrderNumber(0));
                let order = Write { key, expect: Expect::Absent, value: order.encode() };
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
        let definition = self.definition(name).await?.context("nothing is published")?;
        self.keep_books_of(&definition).await
    }

    /// The same without asking the API server.
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

    pub(crate) async fn events(&self, name: &str) -> anyhow::Result<Vec<String>> {
        let told = self.kubectl(&["get", "events.events.k8s.io", "-o", "json"], "").await?;
        let told: Value = serde_json::from_str(&told)?;
        let events = told["items"].as_array().cloned().unwrap_or_default().into_iter();
        let of = events.filter(|event| event["regarding"]["name"] == name);
        Ok(of.filter_map(|event| event["reason"].as_str().map(ToOwned::to_owned)).collect())
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

/// One number of a replica's metrics.
pub(crate) async fn metric(admin: &str, name: &str) -> anyhow::Result<u64> {
    let body = http_get(&format!("{admin}/metrics")).await?;
    let value = body.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    Ok(value.with_context(|| format!("{name} is not among the metrics"))?.parse()?)
}

async fn http_get(url: &str) -> anyhow::Result<String> {
    use tokio::io::AsyncReadExt as _;
    let address = url.trim_start_matches("http://");
    let (host, path) = address.split_once('/').unwrap_or((address, ""));
    let mut stream = tokio::net::TcpStream::connect(host).await?;
    let request = format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

pub(crate) fn spawn(
    bed: &Bed,
    namespace: &str,
    kubeconfig: &Path,
    nats: &str,
    replica: &str,
    more: &[&str],
) -> anyhow::Result<(Service, String)> {
    let admin = format!("127.0.0.1:{}", free_port()?);
    let mut arguments = vec!["run", "--nats-url", nats, "--installation", namespace, "--namespaces", namespace];
    arguments.extend(["--lease-namespace", namespace, "--default-replicas", "1", "--admin-addr", &admin]);
    arguments.extend(["--storage", "memory"]);
    arguments.extend(more);
    let environment = [("KUBECONFIG", kubeconfig.display().to_string())];
    let name = format!("{namespace}-operator-{replica}");
    let service =
        Service::spawn(bed, &name, "sluice-operator", arguments.iter().map(ToString::to_string), environment)?;
    Ok((service, format!("http://{admin}")))
}

/// A sale with this spec.
pub(crate) fn sale(name: &str, spec: &Value) -> Value {
    json!({ "apiVersion": "sluice.dev/v1alpha1", "kind": "FlashSale", "metadata": { "name": name }, "spec": spec })
}

/// A spec that opens `opens` seconds from now, for an hour.
pub(crate) fn spec(opens: i64, items: &[Value]) -> Value {
    let at = |seconds: i64| {
        let at = Clock::system().now() + jiff::SignedDuration::from_secs(seconds);
        format!("{at:.0}")
    };
    json!({ "schedule": { "startTime": at(opens), "endTime": at(opens + 3_600) }, "items": items })
}

pub(crate) fn reason<'s>(sale: &'s Value, condition: &str) -> &'s str {
    field(sale, condition, "reason")
}

pub(crate) fn field<'s>(sale: &'s Value, condition: &str, field: &str) -> &'s str {
    let conditions = sale["status"]["conditions"].as_array();
    let found = conditions.and_then(|all| all.iter().find(|c| c["type"] == condition));
    found.and_then(|condition| condition[field].as_str()).unwrap_or_default()
}
