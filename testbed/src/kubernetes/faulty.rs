//! An API server that misbehaves on request: a proxy that ends TLS, so that it knows what each request asks and can
//! answer in the server's place.
//!
//! A fault applies to the requests that a test names, a given number of times or until [`heal`](FaultyServer::heal). What
//! is not faulty passes unchanged; watches are passed on as they come. Every request is noted, so a test can say how
//! often something was written.
//!
//! It belongs to the runtime it was started in and ends when it is dropped, with its connections. Each client that is to
//! have faults of its own gets a proxy of its own.
//!
//! Deliberately absent: HTTP/2, which would make one connection of all requests, and upgrades.

mod call;
mod serve;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use runtime::clock::{Clock, Instant};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

pub use call::Call;

use crate::bed::Bed;
use crate::kubernetes::Kubernetes;
use crate::kubernetes::identity::Identity;
use crate::port::free_port;

/// What happens to a request instead of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The server never sees it; it is answered with this code.
    Refused(u16),
    /// As refused with 429, and told after how many seconds to come again.
    TooMany(u32),
    /// The server does it; what it says is lost, and this code is heard instead.
    LostBehind(u16),
    /// The server does it, and the connection ends without an answer.
    Lost,
    /// The server never sees it, and no answer comes for as long as the client waits, or until it heals.
    Silent,
    /// The server sees it only when it heals, as what a paused client sent long ago.
    Late,
    /// A watch begins, and says at once that what it wants to go on from is too old.
    Expired,
}

/// One request that came.
#[derive(Debug, Clone)]
pub struct Asked {
    /// What it asked.
    pub call: Call,
    /// When it came.
    pub at: Instant,
    /// What the server answered, if it was asked and did.
    pub answered: Option<u16>,
    /// What the client was told, if anything.
    pub told: Option<u16>,
}

impl Asked {
    /// Whether the server did it.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.answered.is_some_and(|code| (200..300).contains(&code))
    }
}

/// The proxy in front of one API server.
#[derive(Debug)]
pub struct FaultyServer {
    port: u16,
    kubeconfig: PathBuf,
    shared: Arc<Shared>,
    /// Owns the task that accepts, which owns those of the connections.
    _accepting: JoinSet<()>,
}

/// What the connections have in common.
#[derive(Debug)]
struct Shared {
    clock: Clock,
    rules: Mutex<Vec<Rule>>,
    asked: Mutex<Vec<Asked>>,
    order: watch::Sender<Order>,
    watches: AtomicUsize,
}

/// A fault and the requests that meet it.
struct Rule {
    concerns: Box<dyn Fn(&Call) -> bool + Send>,
    left: usize,
    fault: Fault,
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Rule").field("left", &self.left).field("fault", &self.fault).finish_non_exhaustive()
    }
}

/// What connections and watches have to obey, besides the rules.
#[derive(Debug, Clone, Default)]
struct Order {
    cut: bool,
    /// Counts the orders to end every connection, and to end every watch.
    connections_ended: usize,
    watches_ended: usize,
    /// Counts the ends of silence.
    healed: usize,
    how: End,
}

/// How an open watch ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum End {
    /// As the server ends it when its time is over.
    #[default]
    Plain,
    /// With an event that says that its place in the history is too old.
    Expired,
    /// It does not end, and nothing comes any more.
    Silent,
}

impl Shared {
    /// Notes a request, and says what goes wrong with it.
    fn meets(&self, call: &Call) -> (usize, Option<Fault>) {
        let mut asked = lock(&self.asked);
        asked.push(Asked { call: call.clone(), at: self.clock.monotonic(), answered: None, told: None });
        let mut rules = lock(&self.rules);
        let rule = rules.iter_mut().find(|rule| rule.left > 0 && (rule.concerns)(call));
        let fault = rule.map(|rule| {
            rule.left -= 1;
            rule.fault
        });
        (asked.len() - 1, fault)
    }

    fn note(&self, index: usize, change: impl FnOnce(&mut Asked)) {
        if let Some(asked) = lock(&self.asked).get_mut(index) {
            change(asked);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl FaultyServer {
    /// Starts a proxy in front of this API server.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start(bed: &Bed, kubernetes: &Kubernetes) -> anyhow::Result<Self> {
        let port = free_port()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.context("the proxy has no port")?;
        let kubeconfig = bed.folder().join("kubernetes").join(format!("faulty-{port}.kubeconfig"));
        let url = format!("https://{}", SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        kubernetes.identity.write_kubeconfig(&kubeconfig, &url, kubernetes.admin_token())?;
        let shared = Arc::new(Shared {
            clock: Clock::system(),
            rules: Mutex::default(),
            asked: Mutex::default(),
            order: watch::Sender::default(),
            watches: AtomicUsize::new(0),
        });
        let tls = Identity::acceptor(&kubernetes.folder)?;
        let upstream = serve::Upstream::new(kubernetes.url(), kubernetes.authority())?;
        let mut accepting = JoinSet::new();
        accepting.spawn(serve::accept(listener, tls, upstream, Arc::clone(&shared)));
        Ok(Self { port, kubeconfig, shared, _accepting: accepting })
    }

    /// A kubeconfig file of the administrator that points here.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// A kubeconfig file of a service account that points here.
    ///
    /// # Errors
    /// When the server behind refuses.
    pub async fn kubeconfig_for(
        &self,
        kubernetes: &Kubernetes,
        namespace: &str,
        account: &str,
    ) -> anyhow::Result<PathBuf> {
        let token = kubernetes.service_account_token(namespace, account).await?;
        let kubeconfig =
            self.kubeconfig.with_file_name(format!("{namespace}.{account}.faulty-{}.kubeconfig", self.port));
        kubernetes.identity.write_kubeconfig(&kubeconfig, &format!("https://{}", self.address()), &token)?;
        Ok(kubeconfig)
    }

    /// Host and port.
    #[must_use]
    pub fn address(&self) -> String {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port)).to_string()
    }

    /// The next `count` requests that `concerns` names meet this fault. Faults told earlier come first.
    pub fn next(&self, count: usize, fault: Fault, concerns: impl Fn(&Call) -> bool + Send + 'static) {
        lock(&self.shared.rules).push(Rule { concerns: Box::new(concerns), left: count, fault });
    }

    /// Every such request does, until it heals.
    pub fn every(&self, fault: Fault, concerns: impl Fn(&Call) -> bool + Send + 'static) {
        self.next(usize::MAX, fault, concerns);
    }

    /// Ends every connection, and each new one at once.
    pub fn cut(&self) {
        self.shared.order.send_modify(|order| {
            order.cut = true;
            order.connections_ended += 1;
        });
    }

    /// Ends every fault. What is ended stays ended.
    pub fn heal(&self) {
        lock(&self.shared.rules).clear();
        self.shared.order.send_modify(|order| {
            order.cut = false;
            order.healed += 1;
        });
    }

    /// Ends the open watches as the server does when their time is over.
    pub fn end_watches(&self) {
        self.order_watches(End::Plain);
    }

    /// Ends the open watches with an event that says 410: their place in the history is too old.
    pub fn expire_watches(&self) {
        self.order_watches(End::Expired);
    }

    /// Leaves the open watches open and lets nothing come through them any more, as a peer that vanished does.
    pub fn silence_watches(&self) {
        self.order_watches(End::Silent);
    }

    fn order_watches(&self, how: End) {
        self.shared.order.send_modify(|order| {
            order.how = how;
            order.watches_ended += 1;
        });
    }

    /// How many watches are open.
    #[must_use]
    pub fn open_watches(&self) -> usize {
        self.shared.watches.load(Ordering::SeqCst)
    }

    /// The requests that came and that `concerns` names, in their order.
    #[must_use]
    pub fn asked(&self, concerns: impl Fn(&Call) -> bool) -> Vec<Asked> {
        lock(&self.shared.asked).iter().filter(|asked| concerns(&asked.call)).cloned().collect()
    }

    /// How many of these the server did.
    #[must_use]
    pub fn done(&self, concerns: impl Fn(&Call) -> bool) -> usize {
        self.asked(concerns).iter().filter(|asked| asked.is_done()).count()
    }
}
