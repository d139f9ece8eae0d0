//! A namespace with an operator in it, and what a test asks of both sides.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use operator::apply::Hands;
use operator::args::{Account, LEASE_NAME, RbacArgs, Storage};
use operator::observe;
use operator::rights::manifest::manifests;
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
use serde_json::{Value, json};
use testbed::{Bed, Service, eventually, free_port};
use tokio::io::AsyncWriteExt as _;

/// How long a change may take to be seen, on a machine that does other things as well.
pub(crate) const BOUND: Duration = Duration::from_secs(30);

/// A namespace of sales, and another one where the operator is at home: its service account and its Lease.
pub(crate) struct Place {
    pub(crate) bed: &'static Bed,
    pub(crate) namespace: String,
    pub(crate) home: String,
    /// The administrator's.
    pub(crate) kubeconfig: PathBuf,
    nats: String,
}

/// A place with an operator that has its rights there and no more.
pub(crate) struct World {
    place: Place,
    pub(crate) client: async_nats::Client,
    pub(crate) operator: Service,
    pub(crate) admin: String,
}

impl std::ops::Deref for World {
    type Target = Place;

    fn deref(&self) -> &Place {
        &self.place
    }
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
    let install = async || {
        let kubeconfig = bed.kubernetes().await?.kubeconfig();
        let crd = operator::crd::yaml()?;
        let told = kubectl(&kubeconfig, &["apply", "--server-side", "-f", "-"], &crd).await?;
        ensure!(!told.contains("Warning"), "the API server warns: {told}");
        let established = ["wait", "--for=condition=Established", "crd/flashsales.sluice.dev", "--timeout=30s"];
        kubectl(&kubeconfig, &established, "").await?;
        anyhow::Ok(kubeconfig)
    };
    Ok(INSTALLED.get_or_try_init(install).await?.clone())
}

/// The operator's service account.
pub(crate) const ACCOUNT: &str = "sluice-operator";

impl Place {
    pub(crate) async fn make(bed: &'static Bed) -> anyhow::Result<Self> {
        let kubeconfig = install_crd(bed).await?;
        let kubernetes = bed.kubernetes().await?;
        let (namespace, home) =
            (kubernetes.create_namespace(bed, "shop").await?, kubernetes.create_namespace(bed, "sluice").await?);
        Ok(Self { bed, namespace, home, kubeconfig, nats: bed.nats().await?.url() })
    }

    /// What `sluice-operator rbac` prints for these namespaces and for the Lease.
    pub(crate) fn rights(&self, namespaces: &[&str]) -> String {
        manifests(&RbacArgs {
            rules: false,
            namespaces: namespaces.iter().map(ToString::to_string).collect(),
            lease_namespace: None,
            lease_name: LEASE_NAME.to_owned(),
            service_account: Account { namespace: self.home.clone(), name: ACCOUNT.to_owned() },
        })
    }

    /// Grants it, and waits until the API server knows.
    pub(crate) async fn grant(&self, namespaces: &[&str]) -> anyhow::Result<()> {
        kubectl(&self.kubeconfig, &["apply", "-f", "-"], &self.rights(namespaces)).await?;
        let operator = format!("system:serviceaccount:{}:{ACCOUNT}", self.home);
        let lease = format!("leases/{LEASE_NAME}");
        let patches = namespaces.iter().map(|namespace| (*namespace, "patch", "events.events.k8s.io"));
        for (namespace, verb, resource) in patches.chain([(self.home.as_str(), "update", lease.as_str())]) {
            eventually(BOUND, "the rights are known", async || {
                let question = ["auth", "can-i", verb, resource, "-n", namespace, "--as", &operator];
                kubectl(&self.kubeconfig, &question, "").await
            })
            .await?;
        }
        Ok(())
    }

    /// An operator for these namespaces, whatever its rights are.
    pub(crate) async fn spawn(
        &self,
        replica: &str,
        namespaces: &[&str],
        more: &[&str],
    ) -> anyhow::Result<(Service, String)> {
        let kubeconfig = self.bed.kubernetes().await?.kubeconfig_for(&self.home, ACCOUNT).await?;
        let (admin, served) = (format!("127.0.0.1:{}", free_port()?), namespaces.join(","));
        let mut arguments = vec!["run", "--nats-url", &self.nats, "--installation", &self.namespace];
        arguments.extend(["--namespaces", &served, "--lease-namespace", &self.home, "--admin-addr", &admin]);
        for usual in [["--default-replicas", "1"], ["--storage", "memory"]] {
            arguments.extend(usual.into_iter().filter(|_| !more.contains(&usual[0])));
        }
        arguments.extend(more);
        let environment = [("KUBECONFIG", kubeconfig.display().to_string())];
        let name = format!("{}-operator-{replica}", self.namespace);
        let arguments = arguments.iter().map(ToString::to_string);
        let service = Service::spawn(self.bed, &name, "sluice-operator", arguments, environment)?;
        Ok((service, format!("http://{admin}")))
    }
}

impl World {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        Self::start_on(Bed::shared().await?, &[]).await
    }

    pub(crate) async fn start_on(bed: &'static Bed, more: &[&str]) -> anyhow::Result<Self> {
        Self::start_at(Place::make(bed).await?, more).await
    }

    /// On these servers of NATS, separated by commas.
    pub(crate) async fn start_with(bed: &'static Bed, nats: &str, more: &[&str]) -> anyhow::Result<Self> {
        Self::start_at(Place { nats: nats.to_owned(), ..Place::make(bed).await? }, more).await
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
        Ok(Self { place, client, operator, admin })
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

    /// A count or a level of the operator.
    pub(crate) async fn metric(&self, name: &str) -> anyhow::Result<u64> {
        let body = reqwest::get(format!("{}/metrics", self.admin)).await?.text().await?;
        let line = body.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        Ok(line.with_context(|| format!("no {name} in {body}"))?.parse()?)
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
        let sale = self.sale_id(name).await?;
        let stream = Stream { sale, epoch: operator::plan::FIRST_EPOCH, shard: Shard(0) };
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
        let sku = Sku::parse(sku)?;
        let (store, _) = self.shelf(name).await?;
        let mut customers = customers.peekable();
        for index in 0..definition.item(&sku).context("no such item")?.buckets {
            while let Some(customer) = customers.peek() {
                let found = observe::bucket(&store, &sku, protocol::BucketIndex(index)).await?;
                let Ok(next) = found.bucket.claim(Units(1), definition.generation) else { break };
                let customer = CustomerId::derive(b"key", name, &customer.to_string());
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
        let left = customers.count();
        ensure!(left == 0, "{left} units could not be sold");
        Ok(())
    }

    /// Says what a ledger says that has followed the stream to its end.
    pub(crate) async fn keep_books(&self, name: &str) -> anyhow::Result<()> {
        self.keep_books_of(&self.definition(name).await?.context("nothing is published")?).await
    }

    /// The same for a sale whose resource may be gone.
    pub(crate) async fn keep_books_of(&self, definition: &Definition) -> anyhow::Result<()> {
        let mut records = observe::Records::new();
        let found = observe::shelf(&self.client, &definition.stream(Shard(0)), &[], &mut records).await?;
        let (store, shelf) = found.context("the sale has no stream")?;
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

    pub(crate) async fn until_told(&self, name: &str, reason: &str) -> anyhow::Result<()> {
        eventually(BOUND, reason, async || {
            let events = self.events(name).await?;
            ensure!(events.iter().any(|event| event == reason), "events {events:?}");
            Ok(())
        })
        .await
    }
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

/// The whole answer, head included.
pub(crate) async fn http_get(url: &str) -> anyhow::Result<String> {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let address = url.trim_start_matches("http://");
    let (host, path) = address.split_once('/').unwrap_or((address, ""));
    let mut stream = tokio::net::TcpStream::connect(host).await?;
    let request = format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}
