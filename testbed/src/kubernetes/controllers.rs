//! The controllers of Kubernetes: what deletes the contents of a deleted namespace and what belongs to nobody any more.
//!
//! Only tests of such ends need them, so they start when they are asked for. Without a [node](crate::node)
//! a Deployment makes pods that stay pending.

use std::fmt;

use super::{Identity, Kubernetes};
use crate::bed::{Bed, on_free_ports};
use crate::http;
use crate::port::free_port;
use crate::process::{Process, Program};
use crate::tool;

/// One kube-controller-manager for the bed's API server.
#[derive(Debug)]
pub struct ControllerManager {
    process: Process,
    port: u16,
}

impl ControllerManager {
    pub(crate) async fn start(bed: &Bed) -> anyhow::Result<Self> {
        let kubernetes = bed.kubernetes().await?;
        on_free_ports(async || {
            let port = free_port()?;
            let process = Process::start(bed.folder(), program(kubernetes, port)?)?;
            let client = http::client(Some(kubernetes.authority()))?;
            let health = format!("https://127.0.0.1:{port}/healthz");
            process.ready(async || http::text(client.get(&health)).await.map(drop)).await?;
            Ok(Self { process, port })
        })
        .await
    }

    /// Everything it logged.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }
}

impl fmt::Display for ControllerManager {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "https://127.0.0.1:{}", self.port)
    }
}

fn program(kubernetes: &Kubernetes, port: u16) -> anyhow::Result<Program> {
    let file = |name: &str| kubernetes.folder.join(name).display().to_string();
    let arguments = [
        format!("--kubeconfig={}", kubernetes.kubeconfig().display()),
        // Each controller is somebody of its own with rights of its own, as in a real cluster.
        "--use-service-account-credentials".to_owned(),
        format!("--service-account-private-key-file={}", file(Identity::ACCOUNTS_KEY)),
        format!("--root-ca-file={}", file(Identity::AUTHORITY)),
        format!("--tls-cert-file={}", file(Identity::SERVER_CERTIFICATE)),
        format!("--tls-private-key-file={}", file(Identity::SERVER_KEY)),
        "--bind-address=127.0.0.1".to_owned(),
        format!("--secure-port={port}"),
        "--leader-elect=false".to_owned(),
        // The usual limits make the first service account of a new namespace wait for five seconds.
        "--kube-api-qps=300".to_owned(),
        "--kube-api-burst=600".to_owned(),
    ];
    Ok(Program::new("kube-controller-manager", tool::path("kube-controller-manager")?, arguments))
}
