//! The bed itself: one temporary folder, one warden, and the servers that were asked for.

use std::fmt;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context as _;
use tokio::sync::OnceCell;

use crate::kubernetes::{ControllerManager, Kubernetes};
use crate::nats::{Nats, NatsCluster};
use crate::node::{Grounds, Node};
use crate::postgres::Postgres;
use crate::redis::Redis;
use crate::stopwatch::Stopwatch;
use crate::warden::Warden;

/// How often a server is started anew because a stranger took its port.
const PORT_ATTEMPTS: usize = 3;

/// Never dropped: the warden ends it with the process.
static SHARED: OnceCell<Bed> = OnceCell::const_new();

/// Real servers on free ports below one temporary folder. Dropping it ends them and removes the folder.
///
/// Each server starts when it is first asked for, once, however many ask at the same time.
#[derive(Debug)]
pub struct Bed {
    settings: BedBuilder,
    /// The first field of a server, so that it goes first: whatever else ends meanwhile, no pod is started again.
    node: OnceCell<Node>,
    nats: OnceCell<Nats>,
    nats_cluster: OnceCell<NatsCluster>,
    postgres: OnceCell<Postgres>,
    redis: OnceCell<Redis>,
    controller_manager: OnceCell<ControllerManager>,
    kubernetes: OnceCell<Kubernetes>,
    /// Where pods of the bed can run, if that was asked for.
    grounds: Option<Grounds>,
    /// The last field, so that it goes last: by then the servers have ended in order.
    warden: Warden,
}

impl Bed {
    /// A bed with settings of its own.
    #[must_use]
    pub fn builder() -> BedBuilder {
        BedBuilder::default()
    }

    /// The bed that all tests of one binary share. Its servers start when a test first asks for them.
    ///
    /// # Errors
    /// When no temporary folder can be made.
    pub async fn shared() -> anyhow::Result<&'static Self> {
        SHARED.get_or_try_init(async || Self::builder().start().await).await
    }

    /// The folder everything of this bed lies in; it goes with the bed.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.warden.folder()
    }

    /// A name nobody else in this process gets: `prefix-<process>-<count>`, fit for a DNS label if `prefix` is.
    #[must_use]
    pub fn unique(&self, prefix: &str) -> String {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        format!("{prefix}-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
    }

    /// One nats-server with JetStream.
    ///
    /// # Errors
    /// When it is not installed or does not start: one sentence, with the end of its log.
    pub async fn nats(&self) -> anyhow::Result<&Nats> {
        self.nats.get_or_try_init(async || self.starting("nats-server", Box::pin(Nats::start(self))).await).await
    }

    /// Three nats-servers with one JetStream, apart from the single one.
    ///
    /// # Errors
    /// As [`Bed::nats`].
    pub async fn nats_cluster(&self) -> anyhow::Result<&NatsCluster> {
        let start = async || self.starting("the cluster of nats-servers", Box::pin(NatsCluster::start(self))).await;
        self.nats_cluster.get_or_try_init(start).await
    }

    /// Postgres.
    ///
    /// # Errors
    /// As [`Bed::nats`].
    pub async fn postgres(&self) -> anyhow::Result<&Postgres> {
        self.postgres.get_or_try_init(async || self.starting("postgres", Box::pin(Postgres::start(self))).await).await
    }

    /// Redis.
    ///
    /// # Errors
    /// As [`Bed::nats`].
    pub async fn redis(&self) -> anyhow::Result<&Redis> {
        self.redis.get_or_try_init(async || self.starting("redis-server", Box::pin(Redis::start(self))).await).await
    }

    /// etcd and kube-apiserver.
    ///
    /// # Errors
    /// As [`Bed::nats`].
    pub async fn kubernetes(&self) -> anyhow::Result<&Kubernetes> {
        let start = async || self.starting("kube-apiserver", Box::pin(Kubernetes::start(self))).await;
        self.kubernetes.get_or_try_init(start).await
    }

    /// The controllers of Kubernetes, beside the API server.
    ///
    /// # Errors
    /// As [`Bed::nats`].
    pub async fn controller_manager(&self) -> anyhow::Result<&ControllerManager> {
        let start = async || self.starting("kube-controller-manager", Box::pin(ControllerManager::start(self))).await;
        self.controller_manager.get_or_try_init(start).await
    }

    /// The node on which pods run; only a bed that [`node::run`](crate::node::run) made has grounds for one.
    ///
    /// # Errors
    /// As [`Bed::nats`], and when the bed has no grounds.
    pub async fn node(&self) -> anyhow::Result<&Node> {
        self.node.get_or_try_init(async || self.starting("a node", Box::pin(Node::start(self))).await).await
    }

    /// The address on which every server of the bed listens: loopback, or one that pods reach.
    pub(crate) fn host(&self) -> Ipv4Addr {
        if self.has_grounds() { Grounds::HOST } else { Ipv4Addr::LOCALHOST }
    }

    pub(crate) fn has_grounds(&self) -> bool {
        self.grounds.is_some()
    }

    pub(crate) fn grounds(&self) -> anyhow::Result<&Grounds> {
        self.grounds.as_ref().context("this bed has no grounds for a node: make it with testbed::node::run")
    }

    pub(crate) fn settings(&self) -> &BedBuilder {
        &self.settings
    }

    /// Tells about a start. The future is boxed, as every test would otherwise carry the start of every server.
    async fn starting<S: fmt::Display>(
        &self,
        name: &str,
        start: Pin<Box<impl Future<Output = anyhow::Result<S>>>>,
    ) -> anyhow::Result<S> {
        let watch = Stopwatch::start();
        self.settings.say(&format!("starting {name}"));
        let server = start.await?;
        self.settings.say(&format!("{name} is ready after {watch}: {server}"));
        Ok(server)
    }
}

/// How a bed is set up, and which servers start with it rather than when they are first asked for.
#[derive(Default)]
pub struct BedBuilder {
    base: Option<PathBuf>,
    nats_nodes: Vec<NatsNodes>,
    postgres: bool,
    redis: bool,
    kubernetes: bool,
    relaxed_sync: bool,
    nats_settings: String,
    progress: Option<Progress>,
}

/// Hears each step as one plain line.
type Progress = Box<dyn Fn(&str) + Send + Sync>;

/// The two ways to have NATS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NatsNodes {
    One,
    Three,
}

impl BedBuilder {
    /// Starts one nats-server at once.
    #[must_use]
    pub fn nats(mut self) -> Self {
        self.nats_nodes.push(NatsNodes::One);
        self
    }

    /// Starts three nats-servers at once.
    #[must_use]
    pub fn nats_cluster(mut self) -> Self {
        self.nats_nodes.push(NatsNodes::Three);
        self
    }

    /// Starts Postgres at once.
    #[must_use]
    pub fn postgres(mut self) -> Self {
        self.postgres = true;
        self
    }

    /// Starts Redis at once.
    #[must_use]
    pub fn redis(mut self) -> Self {
        self.redis = true;
        self
    }

    /// Starts etcd and kube-apiserver at once.
    #[must_use]
    pub fn kubernetes(mut self) -> Self {
        self.kubernetes = true;
        self
    }

    /// Lets JetStream keep what it acknowledged in the page cache for up to two minutes, its default, instead of syncing
    /// every write to the disk. It still survives a killed process, only not a power cut.
    #[must_use]
    pub fn relaxed_sync(mut self) -> Self {
        self.relaxed_sync = true;
        self
    }

    /// Adds this to the configuration of the one nats-server, for example users and what each may do.
    #[must_use]
    pub fn nats_settings(mut self, settings: impl Into<String>) -> Self {
        self.nats_settings = settings.into();
        self
    }

    /// Makes the bed's folder below `base` instead of the system's folder for temporary files.
    #[must_use]
    pub fn below(mut self, base: impl Into<PathBuf>) -> Self {
        self.base = Some(base.into());
        self
    }

    /// Tells each step as one plain line.
    #[must_use]
    pub fn progress(mut self, tell: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.progress = Some(Box::new(tell));
        self
    }

    /// Makes the bed and starts what was asked for, side by side.
    ///
    /// # Errors
    /// When the folder cannot be made, or a server is not installed or does not start.
    pub async fn start(self) -> anyhow::Result<Bed> {
        let warden = self.warden()?;
        self.start_on(warden, None).await
    }

    /// Makes the bed's folder, and who removes it.
    pub(crate) fn warden(&self) -> anyhow::Result<Warden> {
        let base = self.base.clone().unwrap_or_else(std::env::temp_dir);
        let base = base.canonicalize().with_context(|| format!("no folder {}", base.display()))?;
        Warden::start(&base)
    }

    /// Starts what was asked for in a folder that was made.
    pub(crate) async fn start_on(self, warden: Warden, grounds: Option<Grounds>) -> anyhow::Result<Bed> {
        crate::files::allow_servers()?;
        let bed = Bed {
            settings: self,
            node: OnceCell::new(),
            nats: OnceCell::new(),
            nats_cluster: OnceCell::new(),
            postgres: OnceCell::new(),
            redis: OnceCell::new(),
            controller_manager: OnceCell::new(),
            kubernetes: OnceCell::new(),
            grounds,
            warden,
        };
        let asked = &bed.settings;
        tokio::try_join!(
            wanted(asked.kubernetes, bed.kubernetes()),
            wanted(asked.postgres, bed.postgres()),
            wanted(asked.nats_nodes.contains(&NatsNodes::One), bed.nats()),
            wanted(asked.nats_nodes.contains(&NatsNodes::Three), bed.nats_cluster()),
            wanted(asked.redis, bed.redis()),
        )?;
        Ok(bed)
    }

    pub(crate) fn say(&self, line: &str) {
        if let Some(tell) = &self.progress {
            tell(line);
        }
    }

    pub(crate) fn further_nats_settings(&self) -> &str {
        &self.nats_settings
    }

    pub(crate) fn syncs_every_write(&self) -> bool {
        !self.relaxed_sync
    }
}

impl fmt::Debug for BedBuilder {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("BedBuilder").field("base", &self.base).finish_non_exhaustive()
    }
}

async fn wanted<S>(asked: bool, start: impl Future<Output = anyhow::Result<S>>) -> anyhow::Result<()> {
    if asked {
        start.await?;
    }
    Ok(())
}

/// Starts a server; again, on other ports, when a stranger had taken one of its ports.
pub(crate) async fn on_free_ports<S>(start: impl AsyncFn() -> anyhow::Result<S>) -> anyhow::Result<S> {
    let mut attempt = 1;
    loop {
        match start().await {
            Err(failed) if attempt < PORT_ATTEMPTS && says_port_taken(&failed) => attempt += 1,
            outcome => return outcome,
        }
    }
}

fn says_port_taken(failed: &anyhow::Error) -> bool {
    format!("{failed:#}").to_lowercase().contains("address already in use")
}
