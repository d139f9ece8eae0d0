//! Where an operator is at home, with its rights there and no more, and where its sales are.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use operator::args::{Account, LEASE_NAME, RbacArgs};
use operator::rights::manifest::manifests;
use testbed::{Bed, Service, eventually, free_port};
use tokio::io::AsyncWriteExt as _;

use crate::world::BOUND;

/// The bed that all tests share, or one of a place's own, which goes with it.
#[derive(Clone)]
pub(crate) enum Ground {
    Shared(&'static Bed),
    Own(Arc<Bed>),
}

impl std::ops::Deref for Ground {
    type Target = Bed;

    fn deref(&self) -> &Bed {
        match self {
            Self::Shared(bed) => bed,
            Self::Own(bed) => bed,
        }
    }
}

/// A namespace of sales, and another one where the operator is at home: its service account and its Lease.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) bed: Ground,
    pub(crate) namespace: String,
    pub(crate) home: String,
    /// The administrator's.
    pub(crate) kubeconfig: PathBuf,
    /// The operator's, with its rights and no more.
    pub(crate) way: PathBuf,
    pub(crate) nats: String,
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

/// The operator's service account.
pub(crate) const ACCOUNT: &str = "sluice-operator";

impl Place {
    pub(crate) async fn make(bed: &'static Bed) -> anyhow::Result<Self> {
        install_crd(bed).await?;
        Self::make_in(Ground::Shared(bed)).await
    }

    /// The same where the CRD is installed already.
    pub(crate) async fn make_in(bed: Ground) -> anyhow::Result<Self> {
        let kubernetes = bed.kubernetes().await?;
        let (namespace, home) =
            (kubernetes.create_namespace(&bed, "shop").await?, kubernetes.create_namespace(&bed, "sluice").await?);
        let way = kubernetes.kubeconfig_for(&home, ACCOUNT).await?;
        let (kubeconfig, nats) = (kubernetes.kubeconfig(), bed.nats().await?.url());
        Ok(Self { bed, namespace, home, kubeconfig, way, nats })
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
        let (admin, served) = (format!("127.0.0.1:{}", free_port()?), namespaces.join(","));
        let mut arguments = vec!["run", "--nats-url", &self.nats, "--installation", &self.namespace];
        arguments.extend(["--namespaces", &served, "--lease-namespace", &self.home, "--admin-addr", &admin]);
        // Called as its place is, like a pod: a container of it that is started again does not wait for its own Lease to end.
        for usual in [["--default-replicas", "1"], ["--storage", "memory"], ["--identity", replica]] {
            arguments.extend(usual.into_iter().filter(|_| !more.contains(&usual[0])));
        }
        arguments.extend(more);
        let environment = [("KUBECONFIG", self.way.display().to_string())];
        let name = format!("{}-operator-{replica}", self.namespace);
        let arguments = arguments.iter().map(ToString::to_string);
        let service = Service::spawn(&self.bed, &name, "sluice-operator", arguments, environment)?;
        Ok((service, format!("http://{admin}")))
    }
}
