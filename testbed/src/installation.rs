//! Sluice itself, running on a bed: an operator, two edges, two ledgers, each a process as in production.
//!
//! The demo and the tests of the whole start the same thing through this, so what a reader sees in the demo is what the
//! tests have broken and mended. Every installation has a namespace, a database, and table names of its own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::bed::Bed;
use crate::port::free_port;
use crate::service::{Service, binary};

/// How long one `kubectl` may take, `wait` excepted, which bounds itself.
const KUBECTL_TIMEOUT: Duration = Duration::from_secs(150);

/// Where an installation finds its servers, and how many of each service it has.
#[derive(Debug, Clone)]
pub struct Plan {
    /// For `kubectl` and the operator.
    pub kubeconfig: PathBuf,
    /// Where its resources live; also its name, which prefixes its tables in NATS.
    pub namespace: String,
    /// NATS as the operator and the ledgers reach it.
    pub nats: String,
    /// NATS as each edge reaches it: one edge per entry.
    pub edges_nats: Vec<String>,
    /// Postgres.
    pub postgres: String,
    /// Ledgers.
    pub ledgers: usize,
    /// Replicas of each stream.
    pub replicas: u8,
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
}

/// How to reach an installation: everything that another process needs to use it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Access {
    /// For `kubectl`.
    pub kubeconfig: PathBuf,
    /// Where its resources live; also its name.
    pub namespace: String,
    /// Base URLs of its edges.
    pub edges: Vec<String>,
    /// NATS.
    pub nats: String,
    /// Postgres.
    pub postgres: String,
    keys: Keys,
}

/// A running installation. Dropping it ends its processes.
#[derive(Debug)]
pub struct Installation {
    /// What it was started with.
    pub plan: Plan,
    access: Access,
    /// The operator.
    pub operator: Member,
    /// The edges.
    pub edges: Vec<Member>,
    /// The ledgers.
    pub ledgers: Vec<Member>,
}

impl std::ops::Deref for Installation {
    type Target = Access;

    fn deref(&self) -> &Access {
        &self.access
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Keys {
    session: PathBuf,
    customer: PathBuf,
}

impl Plan {
    /// All servers on the bed, one NATS node, a namespace and a database of its own; two edges and two ledgers.
    ///
    /// # Errors
    /// When a server does not start.
    pub async fn on(bed: &Bed) -> anyhow::Result<Self> {
        let nats = bed.nats().await?.url();
        Self::with_nats(bed, nats, 1).await
    }

    /// The same on the bed's three NATS nodes, with three replicas.
    ///
    /// # Errors
    /// When a server does not start.
    pub async fn on_cluster(bed: &Bed) -> anyhow::Result<Self> {
        let nats = bed.nats_cluster().await?.url();
        Self::with_nats(bed, nats, 3).await
    }

    async fn with_nats(bed: &Bed, nats: String, replicas: u8) -> anyhow::Result<Self> {
        let kubernetes = bed.kubernetes().await?;
        Ok(Self {
            kubeconfig: kubernetes.kubeconfig(),
            namespace: kubernetes.create_namespace(bed, "shop").await?,
            edges_nats: vec![nats.clone(), nats.clone()],
            nats,
            postgres: bed.postgres().await?.create_database("sluice").await?,
            ledgers: 2,
            replicas,
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
        let crd = binary_output("sluice-operator", &["crd"]).await?;
        kubectl(&kubeconfig, &["apply", "--server-side", "--force-conflicts", "-f", "-"], Some(&crd)).await?;
        kubectl(
            &kubeconfig,
            &["wait", "--for=condition=Established", "crd/flashsales.sluice.dev", "--timeout=30s"],
            None,
        )
        .await?;
        let operator = start_operator(bed, &name, &plan, &kubeconfig)?;
        let ledgers =
            (0..plan.ledgers).map(|i| start_ledger(bed, &name, &plan, i)).collect::<anyhow::Result<Vec<_>>>()?;
        let edges = (plan.edges_nats.iter().enumerate())
            .map(|(i, nats)| start_edge(bed, &name, nats, &keys, i))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let access = Access {
            kubeconfig,
            namespace: name,
            edges: edges.iter().map(|edge| edge.public.clone()).collect(),
            nats: plan.nats.clone(),
            postgres: plan.postgres.clone(),
            keys,
        };
        let installation = Self { plan, access, operator, edges, ledgers };
        for member in installation.members() {
            member.ready().await?;
        }
        Ok(installation)
    }

    /// Every process of it.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        std::iter::once(&self.operator).chain(&self.ledgers).chain(&self.edges)
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
        for member in self.edges.iter().chain(&self.ledgers).chain([&self.operator]) {
            if member.service.ended()?.is_none() {
                member.service.stop().await?;
            }
        }
        Ok(())
    }
}

impl Access {
    /// Runs `kubectl` in its namespace; the output on success.
    ///
    /// # Errors
    /// With what kubectl wrote to its standard error.
    pub async fn kubectl(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let mut all = vec!["-n", self.namespace.as_str()];
        all.extend(arguments);
        kubectl(&self.kubeconfig, &all, None).await
    }

    /// Applies a resource in its namespace.
    ///
    /// # Errors
    /// As [`kubectl`](Self::kubectl): for a refused resource, the API server's sentence.
    pub async fn apply(&self, resource: &Value) -> anyhow::Result<String> {
        let arguments = ["-n", self.namespace.as_str(), "apply", "-f", "-"];
        kubectl(&self.kubeconfig, &arguments, Some(&resource.to_string())).await
    }

    /// Changes a sale by a merge patch.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub async fn patch(&self, sale: &str, patch: &Value) -> anyhow::Result<String> {
        self.kubectl(&["patch", "flashsale", sale, "--type=merge", "-p", &patch.to_string()]).await
    }

    /// The resource of a sale.
    ///
    /// # Errors
    /// When there is none.
    pub async fn sale(&self, sale: &str) -> anyhow::Result<Value> {
        Ok(serde_json::from_str(&self.kubectl(&["get", "flashsale", sale, "-o", "json"]).await?)?)
    }

    /// Waits for a condition of a sale as the documentation tells people to.
    ///
    /// # Errors
    /// When it does not come true in time.
    pub async fn wait_for(&self, sale: &str, condition: &str, seconds: u32) -> anyhow::Result<()> {
        let (target, timeout) = (format!("--for=condition={condition}"), format!("--timeout={seconds}s"));
        let resource = format!("flashsale/{sale}");
        match self.kubectl(&["wait", &resource, &target, &timeout]).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let status = self.sale(sale).await.map(|sale| sale.pointer("/status").cloned().unwrap_or_default())?;
                Err(error.context(format!("{condition} of {sale} did not come; its status is {status:#}")))
            }
        }
    }

    /// The id of a sale, as URLs use it.
    ///
    /// # Errors
    /// When it has none yet.
    pub async fn sale_id(&self, sale: &str) -> anyhow::Result<String> {
        let resource = self.sale(sale).await?;
        let id = resource.pointer("/status/saleID").and_then(Value::as_str);
        Ok(id.with_context(|| format!("{sale} has no id yet"))?.to_owned())
    }

    /// Sessions for `count` customers called `prefix-0`, `prefix-1` …
    ///
    /// # Errors
    /// When the edge's binary refuses.
    pub async fn sessions(&self, prefix: &str, count: usize) -> anyhow::Result<Vec<String>> {
        let count = count.to_string();
        let (session, customer) = (path(&self.keys.session)?, path(&self.keys.customer)?);
        let arguments = [
            "session",
            "--customer",
            prefix,
            "--count",
            &count,
            "--session-key-file",
            session,
            "--customer-key-file",
            customer,
            "--installation",
            &self.namespace,
        ];
        let tokens = binary_output("sluice-edge", &arguments).await?;
        Ok(tokens.lines().map(ToOwned::to_owned).collect())
    }

    /// Compares both sides of a sale's books with the ledger's own command; its JSON.
    ///
    /// # Errors
    /// When they differ, or there was no moment to compare them at.
    pub async fn reconcile(&self, sale_id: &str) -> anyhow::Result<Value> {
        Ok(serde_json::from_str(&self.ledger_command("reconcile", sale_id, &[]).await?)?)
    }

    /// The settlement of a sale; its JSON.
    ///
    /// # Errors
    /// When the ledger cannot make it.
    pub async fn statement(&self, sale_id: &str, orders: bool) -> anyhow::Result<Value> {
        let extra: &[&str] = if orders { &["--orders"] } else { &[] };
        Ok(serde_json::from_str(&self.ledger_command("statement", sale_id, extra).await?)?)
    }

    async fn ledger_command(&self, command: &str, sale_id: &str, extra: &[&str]) -> anyhow::Result<String> {
        let Self { nats, postgres, .. } = self;
        let mut arguments = vec![command, "--sale", sale_id, "--format", "json", "--postgres-url", postgres];
        arguments.extend(["--nats-url", nats, "--installation", &self.namespace]);
        arguments.extend(extra);
        binary_output("sluice-ledger", &arguments).await
    }
}

impl Keys {
    fn make(folder: &Path, name: &str) -> anyhow::Result<Self> {
        let make = |what: &str| {
            let file = folder.join(format!("{name}-{what}.key"));
            let key: [u8; 32] = rand::random();
            let text: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
            std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
            anyhow::Ok(file)
        };
        Ok(Self { session: make("session")?, customer: make("customer")? })
    }
}

fn path(path: &Path) -> anyhow::Result<&str> {
    path.to_str().context("a path of the bed is no text")
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

fn arguments<const N: usize>(these: [&str; N]) -> Vec<String> {
    these.iter().map(ToString::to_string).collect()
}

fn start_operator(bed: &Bed, name: &str, plan: &Plan, kubeconfig: &Path) -> anyhow::Result<Member> {
    let replicas = plan.replicas.to_string();
    let arguments = arguments([
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
    let environment = vec![("KUBECONFIG", path(kubeconfig)?.to_owned())];
    member(bed, &format!("{name}-operator"), "sluice-operator", None, arguments, environment)
}

fn start_ledger(bed: &Bed, name: &str, plan: &Plan, index: usize) -> anyhow::Result<Member> {
    let arguments =
        arguments(["run", "--nats-url", &plan.nats, "--installation", name, "--postgres-url", &plan.postgres]);
    member(bed, &format!("{name}-ledger-{index}"), "sluice-ledger", None, arguments, Vec::new())
}

fn start_edge(bed: &Bed, name: &str, nats: &str, keys: &Keys, index: usize) -> anyhow::Result<Member> {
    let port = free_port()?;
    let listen = format!("127.0.0.1:{port}");
    let arguments = arguments([
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
    member(bed, &format!("{name}-edge-{index}"), "sluice-edge", Some(port), arguments, Vec::new())
}

/// Runs one of our binaries to its end; what it wrote to its standard output.
async fn binary_output(name: &str, arguments: &[&str]) -> anyhow::Result<String> {
    output(tokio::process::Command::new(binary(name)?).args(arguments), name, None).await
}

async fn kubectl(kubeconfig: &Path, arguments: &[&str], input: Option<&str>) -> anyhow::Result<String> {
    let mut command = tokio::process::Command::new("kubectl");
    command.arg("--kubeconfig").arg(kubeconfig).args(arguments);
    output(&mut command, "kubectl", input).await
}

async fn output(command: &mut tokio::process::Command, name: &str, input: Option<&str>) -> anyhow::Result<String> {
    use std::process::Stdio;
    use tokio::io::AsyncWriteExt as _;
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().with_context(|| format!("cannot start {name}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.unwrap_or_default().as_bytes()).await?;
    }
    let ended = tokio::time::timeout(KUBECTL_TIMEOUT, child.wait_with_output());
    let ended = ended.await.with_context(|| format!("{name} took longer than {KUBECTL_TIMEOUT:?}"))??;
    let (told, complained) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    ensure!(ended.status.success(), "{name}: {} {}", complained.trim(), told.trim());
    Ok(told.into_owned())
}
