//! A real API server: etcd and kube-apiserver, with real validation, admission rules, RBAC, watches and leases.
//!
//! There is no node, unless the bed has [grounds](crate::node) for one, and no controller-manager unless it is asked for
//! ([`Bed::controller_manager`]): what is applied is stored and served, but no Deployment makes a pod, and a deleted
//! namespace stays `Terminating`. Hence the admission plug-in that wants the controller-manager's default service account is
//! off where there is no node.

mod audit;
mod backup;
mod controllers;
pub mod faulty;
mod flash_sales;
pub(crate) mod identity;
pub(crate) mod with_node;

use std::fmt;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

pub use audit::Audited;
pub use controllers::ControllerManager;

use crate::bed::{Bed, on_free_ports};
use crate::command::kubectl;
use crate::http;
use crate::kubernetes::identity::{Identity, Part};
use crate::port::free_port;
use crate::process::{Process, Program};
use crate::tool;

pub use backup::Backup;
pub use flash_sales::FlashSales;

/// How long a token of a service account is good for: as long as anybody leaves a demo running, which nobody renews.
const TOKEN_SECONDS: u32 = 30 * 24 * 3_600;
/// How long one request may take that nobody makes again; longer than a server takes to start again.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// One API server with its store.
#[derive(Debug)]
pub struct Kubernetes {
    etcd: Process,
    /// Where etcd serves its clients.
    store: String,
    server: Process,
    host: Ipv4Addr,
    port: u16,
    identity: Identity,
    client: reqwest::Client,
    folder: PathBuf,
}

impl Kubernetes {
    pub(crate) async fn start(bed: &Bed) -> anyhow::Result<Self> {
        let folder = bed.folder().join("kubernetes");
        std::fs::create_dir_all(&folder)?;
        let host = bed.host();
        let identity =
            if bed.has_grounds() { with_node::identity(&folder, host)? } else { Identity::generate(&folder, &[])? };
        let client = http::client(Some(identity.authority()))?;
        on_free_ports(async || {
            let (etcd, store) = start_etcd(bed, &folder).await?;
            let port = free_port()?;
            let server = Process::start(bed.folder(), server(bed, &folder, port, &store)?)?;
            let kubernetes = Self {
                etcd,
                store,
                server,
                host,
                port,
                identity: identity.clone(),
                client: client.clone(),
                folder: folder.clone(),
            };
            kubernetes.ready().await?;
            kubernetes.identity.write_kubeconfig(
                &kubernetes.kubeconfig(),
                &kubernetes.url(),
                identity.admin_token(),
            )?;
            Ok(kubernetes)
        })
        .await
    }

    /// `https://<host>:<port>`
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://{}", self.address())
    }

    /// Host and port, to put a [`Proxy`](crate::Proxy) in front.
    #[must_use]
    pub fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// A kubeconfig file of somebody who may do everything (`system:masters`).
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.join("admin.kubeconfig")
    }

    /// The certificate authority of the server, in PEM. The certificate is for loopback, and for the node if
    /// there is one.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.identity.authority()
    }

    /// The bearer token of the administrator.
    #[must_use]
    pub fn admin_token(&self) -> &str {
        self.identity.admin_token()
    }

    /// Runs `kubectl` as the administrator; the output on success.
    ///
    /// # Errors
    /// With what kubectl wrote to its standard error.
    pub async fn kubectl(&self, arguments: &[&str], input: Option<&str>) -> anyhow::Result<String> {
        kubectl(&self.kubeconfig(), arguments, input).await
    }

    /// Makes a namespace with a name of its own and returns the name.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn create_namespace(&self, bed: &Bed, prefix: &str) -> anyhow::Result<String> {
        let name = bed.unique(prefix);
        self.create("/api/v1/namespaces", &json!({ "metadata": { "name": name } })).await?;
        Ok(name)
    }

    /// A kubeconfig file of a part of the cluster, with the rights that Kubernetes has for that part.
    pub(crate) fn kubeconfig_of(&self, part: Part) -> anyhow::Result<PathBuf> {
        let path = self.folder.join(format!("{}.kubeconfig", part.name().0));
        self.identity.write_kubeconfig(&path, &self.url(), self.identity.token(part))?;
        Ok(path)
    }

    /// A kubeconfig file of the administrator, who reaches it by another URL on loopback.
    pub(crate) fn kubeconfig_at(&self, url: &str) -> anyhow::Result<PathBuf> {
        let path = self.folder.join("outside.kubeconfig");
        self.identity.write_kubeconfig(&path, url, self.identity.admin_token())?;
        Ok(path)
    }

    /// Who is who in it.
    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Where its certificates and keys are.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A kubeconfig file of a service account, which is made if absent: real authentication, and no more rights than
    /// what its role bindings give it.
    ///
    /// # Errors
    /// When the server refuses, for example because the namespace does not exist.
    pub async fn kubeconfig_for(&self, namespace: &str, account: &str) -> anyhow::Result<PathBuf> {
        let token = self.service_account_token(namespace, account).await?;
        let path = self.folder.join(format!("{namespace}.{account}.kubeconfig"));
        self.identity.write_kubeconfig(&path, &self.url(), &token)?;
        Ok(path)
    }

    /// A bearer token of a service account, which is made if absent.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn service_account_token(&self, namespace: &str, account: &str) -> anyhow::Result<String> {
        let accounts = format!("/api/v1/namespaces/{namespace}/serviceaccounts");
        let made = self.create(&accounts, &json!({ "metadata": { "name": account } })).await;
        if let Err(failed) = made {
            ensure!(format!("{failed:#}").contains("AlreadyExists"), failed);
        }
        let spec = json!({ "expirationSeconds": TOKEN_SECONDS });
        let request = json!({ "kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "spec": spec });
        let answer = self.create(&format!("{accounts}/{account}/token"), &request).await?;
        let token =
            answer.pointer("/status/token").and_then(Value::as_str).context("the token request has no token")?;
        Ok(token.to_owned())
    }

    /// Kills the API server; etcd keeps what it stored.
    ///
    /// # Errors
    /// When it cannot be killed.
    pub async fn kill9(&self) -> anyhow::Result<()> {
        self.server.kill9().await
    }

    /// Starts the API server again on the same port and store, and waits until it is ready.
    ///
    /// # Errors
    /// When it runs already or does not start.
    pub async fn restart(&self) -> anyhow::Result<()> {
        self.server.restart()?;
        self.ready().await
    }

    /// Stops the API server in the middle of whatever it does, with its connections open.
    ///
    /// # Errors
    /// When it cannot be signalled.
    pub fn pause(&self) -> anyhow::Result<()> {
        self.server.pause()
    }

    /// Lets the API server go on.
    ///
    /// # Errors
    /// When it cannot be signalled.
    pub fn resume(&self) -> anyhow::Result<()> {
        self.server.resume()
    }

    /// What a service account asked for so far, and what it was answered.
    ///
    /// # Errors
    /// When the audit log cannot be read.
    pub fn audited(&self, namespace: &str, account: &str) -> anyhow::Result<Vec<Audited>> {
        let user = format!("system:serviceaccount:{namespace}:{account}");
        Ok(audit::read(&self.folder)?.into_iter().filter(|request| request.user == user).collect())
    }

    /// Everything the API server logged.
    #[must_use]
    pub fn log(&self) -> String {
        self.server.log()
    }

    async fn create(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let request = self.client.post(format!("{}{path}", self.url())).bearer_auth(self.admin_token()).json(body);
        Ok(serde_json::from_str(&http::text(request.timeout(ANSWER_TIMEOUT)).await?)?)
    }

    async fn ready(&self) -> anyhow::Result<()> {
        self.server
            .ready(async || {
                if let Some(status) = self.etcd.ended()? {
                    anyhow::bail!("etcd ended ({status})");
                }
                let request = self.client.get(format!("{}/readyz", self.url())).bearer_auth(self.admin_token());
                http::text(request).await.map(drop)
            })
            .await
    }
}

impl fmt::Display for Kubernetes {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} (KUBECONFIG={})", self.url(), self.kubeconfig().display())
    }
}

/// Starts etcd and returns the URL of its clients.
async fn start_etcd(bed: &Bed, folder: &Path) -> anyhow::Result<(Process, String)> {
    let client = format!("http://127.0.0.1:{}", free_port()?);
    let peer = format!("http://127.0.0.1:{}", free_port()?);
    let arguments = [
        format!("--data-dir={}", folder.join("etcd").display()),
        format!("--listen-client-urls={client}"),
        format!("--advertise-client-urls={client}"),
        format!("--listen-peer-urls={peer}"),
        format!("--initial-advertise-peer-urls={peer}"),
        format!("--initial-cluster=default={peer}"),
        // A killed process loses nothing by it, and every write of a test would wait for the disk.
        "--unsafe-no-fsync".to_owned(),
        "--log-level=warn".to_owned(),
    ];
    let process = Process::start(bed.folder(), Program::new("etcd", tool::path("etcd")?, arguments))?;
    let plain = http::client(None)?;
    process.ready(async || http::text(plain.get(format!("{client}/readyz"))).await.map(drop)).await?;
    Ok((process, client))
}

fn server(bed: &Bed, folder: &Path, port: u16, store: &str) -> anyhow::Result<Program> {
    let file = |name: &str| folder.join(name).display().to_string();
    let host = bed.host();
    let arguments = [
        format!("--etcd-servers={store}"),
        format!("--bind-address={host}"),
        format!("--secure-port={port}"),
        format!("--advertise-address={host}"),
        format!("--tls-cert-file={}", file(Identity::SERVER_CERTIFICATE)),
        format!("--tls-private-key-file={}", file(Identity::SERVER_KEY)),
        format!("--client-ca-file={}", file(Identity::AUTHORITY)),
        "--service-cluster-ip-range=10.96.0.0/16".to_owned(),
        "--authorization-mode=Node,RBAC".to_owned(),
        format!("--token-auth-file={}", file(Identity::TOKENS)),
        "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
        format!("--service-account-key-file={}", file(Identity::ACCOUNTS_PUBLIC_KEY)),
        format!("--service-account-signing-key-file={}", file(Identity::ACCOUNTS_KEY)),
    ];
    let of_nodes = if bed.has_grounds() { with_node::arguments(folder) } else { with_node::arguments_without() };
    let arguments = arguments.into_iter().chain(of_nodes).chain(audit::arguments(folder)?);
    Ok(Program::new("kube-apiserver", tool::path("kube-apiserver")?, arguments))
}
