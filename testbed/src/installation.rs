//! Sluice itself, running on a bed: an operator, two edges, two ledgers, each a process as in production.
//!
//! The demo and the tests of the whole start the same thing through this, so what a reader sees in the demo is what the
//! tests have broken and mended. Every installation has a namespace, a database, and table names of its own.

mod access;
mod release;

use std::path::{Path, PathBuf};

pub use access::Access;
use access::{Keys, path};
pub use release::{RELEASE_NAMESPACE, Release, SALES_NAMESPACE, images};

use anyhow::Context as _;
use serde_json::json;

use crate::bed::Bed;
use crate::command::{binary_output, kubectl};
use crate::http::{client, text};
use crate::issuer::Issuer;
use crate::port::free_port;
use crate::service::Service;

/// The operator's service account.
pub const OPERATOR: &str = "sluice-operator";
/// What an issuer calls us.
const SHOP: &str = "shop";
/// Rules of admission, as the chart installs them.
const POLICIES: [&str; 2] = ["keep-rights-policy.yaml", "deletion-policy.yaml"];

/// Where an installation finds its servers, and how many of each service it has.
#[derive(Debug, Clone)]
pub struct Plan {
    /// For `kubectl`.
    pub kubeconfig: PathBuf,
    /// For the operator: that of a service account [`OPERATOR`] in the namespace, which is granted what the operator needs
    /// and no more. Without one it is whoever `kubectl` is.
    pub operator_kubeconfig: Option<PathBuf>,
    /// Where its resources live; also its name, which prefixes its tables in NATS.
    pub namespace: String,
    /// NATS as the operator and the ledgers reach it.
    pub nats: String,
    /// NATS as each edge reaches it: one edge per entry.
    pub edges_nats: Vec<String>,
    /// Monitoring endpoints of its servers, as the operator reaches them; without them it does not know what is durable.
    pub nats_monitors: Vec<String>,
    /// Postgres.
    pub postgres: String,
    /// Redis, which the edges share for rate limits; without one each applies them by itself.
    pub redis: Option<String>,
    /// Whom to trust as that Redis, if its address is one of TLS: a file.
    pub redis_authority: Option<PathBuf>,
    /// Who is told of orders by the ledgers: a URL.
    pub webhook: Option<String>,
    /// The shoppers' page, as its build wrote it; without one the edges are the API alone.
    pub page: Option<PathBuf>,
    /// Whether people may sign in by an OpenID Connect issuer, which is started with the installation.
    pub issuer: bool,
    /// Operators beside the first one; all but one of them only wait for their turn.
    pub further_operators: usize,
    /// Ledgers.
    pub ledgers: usize,
    /// Replicas of each stream.
    pub replicas: u8,
    /// Who is told of every request; without it none is traced.
    pub traces: Option<String>,
}

/// A service with the address of its admin port, and of its public one if it has one.
#[derive(Debug)]
pub struct Member {
    /// The process.
    pub service: Service,
    /// `http://…` of its admin port.
    pub admin: String,
    /// `http://…` of its public port; empty for services without one.
    pub public: String,
}

impl Member {
    /// Waits until it says that it is ready.
    ///
    /// # Errors
    /// As [`Service::wait_ready`].
    pub async fn ready(&self) -> anyhow::Result<()> {
        self.service.wait_ready(&self.admin).await
    }

    /// What it counts under a name, with the labels as Prometheus spells them, e.g. `rows_total{table="orders"}`.
    ///
    /// # Errors
    /// When it does not answer or counts no such thing.
    pub async fn metric(&self, name: &str) -> anyhow::Result<f64> {
        let page = text(client(None)?.get(format!("{}/metrics", self.admin))).await?;
        let value = page.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        value.with_context(|| format!("nothing is counted under {name}"))
    }
}

/// A running installation. Dropping it ends its processes.
#[derive(Debug)]
pub struct Installation {
    /// What it was started with.
    pub plan: Plan,
    access: Access,
    /// The operator.
    pub operator: Member,
    /// Further ones. Any of all may be the one that acts.
    pub further_operators: Vec<Member>,
    /// The edges.
    pub edges: Vec<Member>,
    /// The ledgers.
    pub ledgers: Vec<Member>,
    /// Who else knows people, if the plan has one. Whoever types a name there is that person.
    pub issuer: Option<Issuer>,
}

impl std::ops::Deref for Installation {
    type Target = Access;

    fn deref(&self) -> &Access {
        &self.access
    }
}

impl Plan {
    /// All servers on the bed, one NATS node, a namespace and a database of its own; two edges and two ledgers.
    ///
    /// # Errors
    /// When a server does not start.
    pub async fn on(bed: &Bed) -> anyhow::Result<Self> {
        let nats = bed.nats().await?;
        Self::with_nats(bed, nats.url(), vec![nats.monitor_url()], 1).await
    }

    /// The same on the bed's three NATS nodes, with three replicas.
    ///
    /// # Errors
    /// When a server does not start.
    pub async fn on_cluster(bed: &Bed) -> anyhow::Result<Self> {
        let nats = bed.nats_cluster().await?;
        Self::with_nats(bed, nats.url(), nats.monitor_urls(), 3).await
    }

    async fn with_nats(bed: &Bed, nats: String, nats_monitors: Vec<String>, replicas: u8) -> anyhow::Result<Self> {
        let kubernetes = bed.kubernetes().await?;
        let namespace = kubernetes.create_namespace(bed, "shop").await?;
        Ok(Self {
            kubeconfig: kubernetes.kubeconfig(),
            operator_kubeconfig: Some(kubernetes.kubeconfig_for(&namespace, OPERATOR).await?),
            namespace,
            edges_nats: vec![nats.clone(), nats.clone()],
            nats,
            nats_monitors,
            postgres: bed.postgres().await?.create_database("sluice").await?,
            redis: Some(bed.redis().await?.url()),
            redis_authority: None,
            webhook: None,
            page: None,
            issuer: false,
            further_operators: 0,
            ledgers: 2,
            replicas,
            traces: None,
        })
    }
}

impl Installation {
    /// Starts everything on a bed and waits until all of it is ready.
    ///
    /// # Errors
    /// When a server or a service does not start; with the end of its log.
    pub async fn start(bed: &Bed, plan: Plan) -> anyhow::Result<Self> {
        let (name, kubeconfig) = (plan.namespace.clone(), plan.kubeconfig.clone());
        let keys = Keys::make(bed.folder(), &name)?;
        install(&plan).await?;
        let operator = start_operator(bed, &name, &plan, 0)?;
        let further_operators = (1..=plan.further_operators)
            .map(|i| start_operator(bed, &name, &plan, i))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let ledgers =
            (0..plan.ledgers).map(|i| start_ledger(bed, &name, &plan, &keys, i)).collect::<anyhow::Result<Vec<_>>>()?;
        // The issuer has to know where edges are before they can know where it is.
        let ports = plan.edges_nats.iter().map(|_| free_port()).collect::<Result<Vec<_>, _>>()?;
        let issuer = if plan.issuer { Some(start_issuer(bed, &ports).await?) } else { None };
        let edges = (0..ports.len())
            .map(|i| start_edge(bed, &plan, &keys, issuer.as_ref(), &ports, i))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let access = Access {
            kubeconfig,
            namespace: name,
            edges: edges.iter().map(|edge| edge.public.clone()).collect(),
            nats: plan.nats.clone(),
            postgres: plan.postgres.clone(),
            keys,
        };
        let installation = Self { plan, access, operator, further_operators, edges, ledgers, issuer };
        for member in installation.members() {
            member.ready().await?;
        }
        Ok(installation)
    }

    /// Every operator of it.
    pub fn operators(&self) -> impl Iterator<Item = &Member> {
        std::iter::once(&self.operator).chain(&self.further_operators)
    }

    /// Every process of it.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.operators().chain(&self.ledgers).chain(&self.edges)
    }

    /// How to reach it.
    #[must_use]
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// Asks everything to stop, edges first, and waits for it.
    ///
    /// # Errors
    /// When a process does not stop in time.
    pub async fn stop(&self) -> anyhow::Result<()> {
        for member in self.edges.iter().chain(&self.ledgers).chain(self.operators()) {
            if member.service.ended()?.is_none() {
                member.service.stop().await?;
            }
        }
        Ok(())
    }
}

/// What Kubernetes has to know before the operator starts: the kind, its rights, and the rules of admission. On a cluster
/// that is somebody else's, the kind alone.
async fn install(plan: &Plan) -> anyhow::Result<()> {
    let Plan { kubeconfig, namespace, .. } = plan;
    let apply = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
    let crd = binary_output("sluice-operator", &["crd"]).await?;
    kubectl(kubeconfig, &apply, Some(&crd)).await?;
    kubectl(kubeconfig, &["wait", "--for=condition=Established", "crd/flashsales.sluice.dev", "--timeout=30s"], None)
        .await?;
    if plan.operator_kubeconfig.is_some() {
        let account = format!("{namespace}/{OPERATOR}");
        let rights = ["rbac", "--namespace", namespace, "--service-account", &account];
        let mut manifests = binary_output("sluice-operator", &rights).await?;
        for policy in POLICIES {
            manifests.push_str("---\n");
            manifests.push_str(&chart_file(policy)?);
        }
        kubectl(kubeconfig, &apply, Some(&manifests)).await?;
    }
    Ok(())
}

/// A file of the chart that is applied as it is.
///
/// # Errors
/// When there is none of this name.
pub fn chart_file(name: &str) -> anyhow::Result<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/sluice/files").join(name);
    std::fs::read_to_string(&file).with_context(|| format!("no file {}", file.display()))
}

/// The folder that the build of the shoppers' page writes in this checkout, once it was built.
#[must_use]
pub fn built_page() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../frontend/dist");
    folder.join("index.html").is_file().then_some(folder)
}

fn member(
    bed: &Bed,
    name: &str,
    binary: &str,
    public: Option<u16>,
    mut arguments: Vec<String>,
    environment: Vec<(&str, String)>,
) -> anyhow::Result<Member> {
    let admin = free_port()?;
    arguments.extend(["--admin-addr".to_owned(), format!("127.0.0.1:{admin}")]);
    let service = Service::spawn(bed, name, binary, arguments, environment)?;
    let public = public.map(|port| format!("http://127.0.0.1:{port}")).unwrap_or_default();
    Ok(Member { service, admin: format!("http://127.0.0.1:{admin}"), public })
}

fn traced(plan: &Plan) -> Vec<String> {
    let endpoint = plan.traces.iter().map(|endpoint| format!("--trace-endpoint={endpoint}"));
    endpoint.chain(plan.traces.iter().map(|_| "--trace-sample=1".to_owned())).collect()
}

fn arguments<const N: usize>(these: [&str; N]) -> Vec<String> {
    these.iter().map(ToString::to_string).collect()
}

fn start_operator(bed: &Bed, name: &str, plan: &Plan, index: usize) -> anyhow::Result<Member> {
    let kubeconfig = plan.operator_kubeconfig.as_ref().unwrap_or(&plan.kubeconfig);
    let replicas = plan.replicas.to_string();
    let mut arguments = arguments([
        "run",
        "--nats-url",
        &plan.nats,
        "--installation",
        name,
        "--namespaces",
        name,
        "--lease-namespace",
        name,
        "--default-replicas",
        &replicas,
    ]);
    if !plan.nats_monitors.is_empty() {
        arguments.push(format!("--nats-monitor-urls={}", plan.nats_monitors.join(",")));
    }
    let environment = vec![("KUBECONFIG", path(kubeconfig)?.to_owned())];
    arguments.extend(traced(plan));
    member(bed, &format!("{name}-operator-{index}"), "sluice-operator", None, arguments, environment)
}

fn start_ledger(bed: &Bed, name: &str, plan: &Plan, keys: &Keys, index: usize) -> anyhow::Result<Member> {
    let mut arguments = arguments([
        "run",
        "--nats-url",
        &plan.nats,
        "--installation",
        name,
        "--postgres-url",
        &plan.postgres,
        "--customer-key-file",
        path(&keys.customer)?,
        "--payment-key-file",
        path(&keys.payment)?,
    ]);
    arguments.extend(traced(plan));
    if let Some(url) = &plan.webhook {
        let key = format!("--webhook-key-file={}", path(&keys.webhook)?);
        arguments.extend([format!("--webhook-url={url}"), key]);
    }
    member(bed, &format!("{name}-ledger-{index}"), "sluice-ledger", None, arguments, Vec::new())
}

/// One that sends people back to the edges at these ports, and takes them for one shop.
async fn start_issuer(bed: &Bed, ports: &[u16]) -> anyhow::Result<Issuer> {
    let back: Vec<String> = ports.iter().map(|port| signed_in_at(*port)).collect();
    // With no secret, as nobody needs to be kept out of it.
    let client = json!({ "client_id": SHOP, "redirect_uris": back, "token_endpoint_auth_method": "none" });
    Issuer::start(bed, json!([client])).await
}

/// Where an issuer sends browsers back to.
fn signed_in_at(port: u16) -> String {
    format!("http://127.0.0.1:{port}/v1/sessions/oidc/callback")
}

fn start_edge(
    bed: &Bed,
    plan: &Plan,
    keys: &Keys,
    issuer: Option<&Issuer>,
    ports: &[u16],
    index: usize,
) -> anyhow::Result<Member> {
    let (nats, port) = plan.edges_nats.get(index).zip(ports.get(index)).context("no such edge in the plan")?;
    let name = &plan.namespace;
    let listen = format!("127.0.0.1:{port}");
    let mut arguments = arguments([
        "run",
        "--listen",
        &listen,
        "--nats-url",
        nats,
        "--installation",
        name,
        "--session-key-file",
        path(&keys.session)?,
        "--customer-key-file",
        path(&keys.customer)?,
    ]);
    arguments.extend(plan.redis.iter().map(|url| format!("--redis-url={url}")));
    if let Some(file) = &plan.redis_authority {
        arguments.push(format!("--redis-ca-file={}", path(file)?));
    }
    if let Some(page) = &plan.page {
        arguments.push(format!("--page-dir={}", path(page)?));
    }
    if let Some(issuer) = issuer {
        let redirect = signed_in_at(*port);
        // It speaks plain HTTP, which nobody but a demonstration may.
        let settings = ["--dev".to_owned(), format!("--oidc-issuer={}", issuer.url())];
        arguments.extend(settings);
        arguments.extend([format!("--oidc-client-id={SHOP}"), format!("--oidc-redirect-url={redirect}")]);
    }
    arguments.extend(traced(plan));
    member(bed, &format!("{name}-edge-{index}"), "sluice-edge", Some(*port), arguments, Vec::new())
}
