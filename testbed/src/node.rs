//! A real Kubernetes node, with real containers: containerd, kubelet, kube-proxy and DNS beside the bed's API server.
//!
//! **What it is for.** Probes, rolling updates, evictions, memory limits, Services and what a chart really makes of all
//! that cannot be had from an API server alone, and "it runs on my cluster" is no test.
//!
//! **What must always hold: the machine is left as it was found**, however the owner ends, and whatever else runs on it is
//! not touched. So nothing is cleaned up that need not be: pods and everything that starts them live in a network and a
//! mount namespace of their own ([`Grounds`]), where what the kubelet writes below `/var` lands in the bed's folder, and
//! the settings of the kernel that it insists on are files. The last process takes both namespaces with it. Processes of
//! containers are in control groups named after the bed; the [warden](crate::warden) empties and removes those.
//!
//! **How a test gets inside.** [`run`] gives the test a thread that is in the network namespace, with a runtime of its own:
//! every other thread and every program inherits it. So the crowd, `kubectl` and the bed's own NATS, Postgres and Redis
//! live on the node's network, where pods reach them and they reach Services, with nothing between them that could be
//! slow or break. The other ways are a second run of the test program below `nsenter`, which loses what the first one
//! knows, and a forwarder per server. A forwarder exists for people alone: [`Node::publish`] gives a browser outside an
//! address on loopback.
//!
//! **What it costs.** Five seconds and 900 MB with all of Kubernetes; another second until the first pod is ready. A test that
//! is killed has left nothing a second later.
//!
//! **Deliberately absent**: a registry (images are imported), a way out of the namespace (no packet of a test can leave
//! the machine), and enforcement of network policies, which are accepted and not applied.

mod containers;
mod grounds;
mod metrics;
mod outside;
mod parts;
mod possible;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context as _, anyhow, ensure};
use serde_json::Value;
use tokio::sync::OnceCell;

pub use grounds::Grounds;
pub use possible::possible;

use crate::bed::{Bed, BedBuilder};
use crate::eventually::eventually;
use crate::http;
use crate::image::{Archive, Image};
use crate::kubernetes::Kubernetes;
use crate::node::outside::Outside;
use crate::process::Process;

/// How long the node may take until pods can be scheduled on it; 4 s are usual.
const READY_BOUND: Duration = Duration::from_secs(60);
/// The API server as pods know it.
const API_SERVICE: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 1);
/// The image of what holds a pod's namespaces.
const PAUSE: &str = "localhost/pause:1";

/// Makes a bed with a node, and runs `work` where its network is. The bed ends with the work.
///
/// # Errors
/// When the node does not start, or the work fails. Ask [`possible`] first.
///
/// # Panics
/// When the work does.
pub fn run<T: Send>(
    builder: BedBuilder,
    work: impl AsyncFnOnce(&Bed) -> anyhow::Result<T> + Send,
) -> anyhow::Result<T> {
    let (outside, wishes) = mpsc::channel();
    std::thread::scope(|scope| {
        let inside = scope.spawn(move || inside(builder, Outside::new(outside), work));
        outside::grant(&wishes);
        inside.join().unwrap_or_else(|panicked| std::panic::resume_unwind(panicked))
    })
}

/// The thread that goes in.
fn inside<T>(
    builder: BedBuilder,
    outside: Outside,
    work: impl AsyncFnOnce(&Bed) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let warden = builder.warden()?;
    let waiting = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let grounds = waiting.block_on(Grounds::start(warden.folder(), outside))?;
    grounds.enter()?;
    // Its threads are started from this one, so they are inside as well, and so is every program that they start.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let bed = Box::pin(builder.start_on(warden, Some(grounds))).await?;
        bed.node().await?;
        work(&bed).await
    })
}

/// A node that runs pods. Dropping it ends what starts pods; the pods end with the bed.
#[derive(Debug)]
pub struct Node {
    metrics: OnceCell<Process>,
    /// In the order in which they end.
    parts: Vec<Process>,
    folder: PathBuf,
    outside: Outside,
    host: Ipv4Addr,
}

impl Node {
    pub(crate) async fn start(bed: &Bed) -> anyhow::Result<Self> {
        let grounds = bed.grounds()?;
        let folder = grounds.folder().to_owned();
        let (kubernetes, containerd) = tokio::try_join!(bed.kubernetes(), containers::start(bed, grounds))?;
        let mut parts = parts::start(bed, grounds, kubernetes)?;
        parts.push(containerd);
        let node =
            Self { metrics: OnceCell::new(), parts, folder, outside: grounds.outside().clone(), host: Grounds::HOST };
        let pause = Image::of_binary(PAUSE, "pause")?.archive()?;
        tokio::try_join!(node.import(bed, &pause), async { bed.controller_manager().await.map(drop) })?;
        node.ready(kubernetes).await?;
        Ok(node)
    }

    /// Gives an image to the node. Pods use it with `imagePullPolicy: Never`, or `IfNotPresent`.
    ///
    /// # Errors
    /// When containerd refuses it.
    pub async fn import(&self, bed: &Bed, image: &Archive) -> anyhow::Result<()> {
        containers::import(bed, bed.grounds()?, image).await
    }

    /// Starts what tells how much pods use, for `kubectl top` and for autoscalers, if it does not run yet: half a minute until
    /// there are numbers, and 60 MB.
    ///
    /// # Errors
    /// When metrics-server is not installed or has no numbers.
    pub async fn metrics(&self, bed: &Bed) -> anyhow::Result<()> {
        let grounds = bed.grounds()?;
        self.metrics.get_or_try_init(async || Box::pin(metrics::start(bed, grounds)).await).await.map(drop)
    }

    /// An address on loopback, outside, for what is at `target` inside: of a Service, a pod, or a server of the bed. It is
    /// forwarded as long as this runtime lives.
    ///
    /// # Errors
    /// When there is no free port.
    pub fn publish(&self, target: SocketAddr) -> anyhow::Result<SocketAddr> {
        self.outside.forward(target)
    }

    /// The node's address, which is also that of every server of the bed.
    #[must_use]
    pub fn host(&self) -> Ipv4Addr {
        self.host
    }

    /// Everything that a part logged: `kubelet`, `containerd`, `kube-proxy`, `coredns`, `kube-scheduler`.
    #[must_use]
    pub fn log(&self, part: &str) -> String {
        self.parts.iter().find(|process| process.name() == part).map(Process::log).unwrap_or_default()
    }

    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Waits until pods can be scheduled and find Services, and not longer than every part lives.
    async fn ready(&self, kubernetes: &Kubernetes) -> anyhow::Result<()> {
        let client = http::client(Some(kubernetes.authority()))?;
        let plain = http::client(None)?;
        let ask = async |url: String| http::text(client.get(url).bearer_auth(kubernetes.admin_token())).await;
        let looking = eventually(READY_BOUND, "the node to be ready", || async {
            for part in &self.parts {
                if let Some(status) = part.ended()? {
                    return Ok(Err(anyhow!("{} ended ({status}); {}", part.name(), part.tail())));
                }
            }
            let node: Value = serde_json::from_str(&ask(format!("{}/api/v1/nodes/node0", kubernetes.url())).await?)?;
            ensure!(condition(&node, "Ready") == Some("True"), "the node is {:?}", node.pointer("/status/conditions"));
            // Pods need the account, which a controller makes.
            ask(format!("{}/api/v1/namespaces/default/serviceaccounts/default", kubernetes.url())).await?;
            ask(format!("https://{API_SERVICE}/readyz")).await.context("the Service of the API server")?;
            http::text(plain.get(parts::names_are_known())).await.context("the names of Services")?;
            Ok(Ok(()))
        });
        looking.await.map_err(|late| late.context(self.tails()))?
    }

    fn tails(&self) -> String {
        self.parts.iter().map(|part| format!("{}: {}\n", part.name(), part.tail())).collect()
    }
}

/// What a condition of an object is: `True`, `False`, `Unknown`.
fn condition<'object>(object: &'object Value, kind: &str) -> Option<&'object str> {
    let conditions = object.pointer("/status/conditions")?.as_array()?;
    conditions.iter().find(|found| found["type"] == kind)?.get("status")?.as_str()
}

impl fmt::Display for Node {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.host)
    }
}
