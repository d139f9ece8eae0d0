//! Everything that goes wrong between two parties, on purpose: a TCP proxy that cuts, resets, delays, stalls, and, in
//! front of NATS, loses exactly the answer that says a batch was committed, or everything that a watch would tell.
//!
//! A fault applies to all connections through the proxy at once, those that are open and those that come, until
//! [`heal`](Proxy::heal). What is not faulty passes unchanged and in order.
//!
//! A proxy belongs to the runtime it was started in and ends when it is dropped, with its connections.
//!
//! Deliberately absent: dropping or reordering single packets. TCP hides these from its users; a peer that stays silent
//! is what they look like from above, and that is [`stall`](Proxy::stall).

mod frames;
mod link;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::port::free_port;

/// A way through the proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the server.
    ToServer,
    /// From the server to the client.
    ToClient,
    /// Both ways.
    Both,
}

impl Direction {
    fn covers(self, way: Self) -> bool {
        self == Self::Both || self == way
    }
}

/// A TCP proxy in front of one server.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    faults: watch::Sender<Faults>,
    shared: Arc<Shared>,
    /// Owns the task that accepts, which owns those of the connections.
    _accepting: JoinSet<()>,
}

/// What is wrong at present.
#[derive(Debug, Clone, Default)]
struct Faults {
    cut: bool,
    stalled: Option<Direction>,
    delay: Duration,
    /// Counts the orders to end every open connection. A connection ends when this is not what it began with.
    ended: usize,
    /// Whether connections end with RST instead of FIN.
    reset: bool,
}

/// What the connections have in common.
#[derive(Default)]
struct Shared {
    accepted: AtomicUsize,
    open: AtomicUsize,
    swallowed: AtomicUsize,
    swallow: Mutex<Option<Predicate>>,
    /// What the subjects of messages start with that are lost.
    silent: Mutex<Option<String>>,
    silenced: AtomicUsize,
}

/// Decides about the JSON of one answer.
type Predicate = Box<dyn FnMut(&str) -> bool + Send>;

impl std::fmt::Debug for Shared {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Shared").field("open", &self.open).field("swallowed", &self.swallowed).finish_non_exhaustive()
    }
}

impl Shared {
    /// Whether this frame from nats-server to a client is lost.
    fn swallows(&self, frame: &[u8]) -> bool {
        self.silences(frame) || self.swallows_answer(frame)
    }

    fn silences(&self, frame: &[u8]) -> bool {
        let silent = self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        let lost = silent
            .as_ref()
            .is_some_and(|prefix| frames::subject(frame).is_some_and(|subject| subject.starts_with(prefix.as_bytes())));
        if lost {
            self.silenced.fetch_add(1, Ordering::SeqCst);
        }
        lost
    }

    fn swallows_answer(&self, frame: &[u8]) -> bool {
        let Some(answer) = frames::commit_answer(frame) else { return false };
        let mut swallow = self.swallow.lock().unwrap_or_else(PoisonError::into_inner);
        let lost = swallow.as_mut().is_some_and(|decide| decide(answer));
        if lost {
            self.swallowed.fetch_add(1, Ordering::SeqCst);
        }
        lost
    }
}

impl Proxy {
    /// Starts a proxy in front of `upstream`, a host and port.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start(upstream: &str) -> anyhow::Result<Self> {
        Self::listen(upstream, false).await
    }

    /// Starts a proxy in front of a nats-server: one that can [lose answers](Self::swallow_commit_answers), and
    /// [what a watch tells](Self::silence).
    ///
    /// # Errors
    /// When no port is free.
    pub async fn nats(upstream: &str) -> anyhow::Result<Self> {
        Self::listen(upstream, true).await
    }

    async fn listen(upstream: &str, speaks_nats: bool) -> anyhow::Result<Self> {
        let port = free_port()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.context("the proxy has no port")?;
        let faults = watch::Sender::new(Faults::default());
        let shared = Arc::new(Shared::default());
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, upstream.to_owned(), faults.subscribe(), Arc::clone(&shared), speaks_nats));
        Ok(Self { port, faults, shared, _accepting: accepting })
    }

    /// Host and port of the proxy: what to tell the client instead of the server's.
    #[must_use]
    pub fn address(&self) -> String {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port)).to_string()
    }

    /// `<scheme>://<address>`
    #[must_use]
    pub fn url(&self, scheme: &str) -> String {
        format!("{scheme}://{}", self.address())
    }

    /// Ends every connection, and each new one at once.
    pub fn cut(&self) {
        self.faults.send_modify(|faults| (faults.cut, faults.reset, faults.ended) = (true, false, faults.ended + 1));
    }

    /// Ends every connection with RST, as a host that has restarted does. New ones pass.
    pub fn reset(&self) {
        self.faults.send_modify(|faults| (faults.reset, faults.ended) = (true, faults.ended + 1));
    }

    /// Lets connections open and stay open, and nothing pass: a half-open connection, as a peer that vanished leaves
    /// behind. What was sent meanwhile arrives after [`heal`](Self::heal).
    pub fn stall(&self, direction: Direction) {
        self.faults.send_modify(|faults| faults.stalled = Some(direction));
    }

    /// Delays whatever is sent from now on by `delay` each way, without reordering it.
    pub fn delay(&self, delay: Duration) {
        self.faults.send_modify(|faults| faults.delay = delay);
    }

    /// Ends every fault, lost answers and messages included. Ended connections stay ended.
    pub fn heal(&self) {
        *self.shared.silent.lock().unwrap_or_else(PoisonError::into_inner) = None;
        *self.shared.swallow.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.faults.send_modify(|faults| *faults = Faults { ended: faults.ended, ..Faults::default() });
    }

    /// Loses the next `count` answers by which JetStream says that an atomic batch was committed: the batch is stored and
    /// its sender never hears of it. Only for a proxy in front of [`nats`](Self::nats).
    pub fn swallow_commit_answers(&self, count: usize) {
        let mut left = count;
        self.swallow_commit_answers_if(move |_| {
            let lost = left > 0;
            left = left.saturating_sub(1);
            lost
        });
    }

    /// Loses each such answer for which `decide` says so; it sees the JSON, `{"stream", "seq", "batch", "count"}`.
    pub fn swallow_commit_answers_if(&self, decide: impl FnMut(&str) -> bool + Send + 'static) {
        *self.shared.swallow.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(decide));
    }

    /// How many answers were lost so far.
    #[must_use]
    pub fn swallowed(&self) -> usize {
        self.shared.swallowed.load(Ordering::SeqCst)
    }

    /// Loses every message whose subject starts with `prefix`, e.g. `$KV.<table>.`, and nothing else: a watch of that table
    /// hears its heartbeats and takes the silence for peace, and whoever asks for a value gets it. Only for a proxy in
    /// front of [`nats`](Self::nats).
    pub fn silence(&self, prefix: &str) {
        *self.shared.silent.lock().unwrap_or_else(PoisonError::into_inner) = Some(prefix.to_owned());
    }

    /// How many messages were lost to [`silence`](Self::silence) so far.
    #[must_use]
    pub fn silenced(&self) -> usize {
        self.shared.silenced.load(Ordering::SeqCst)
    }

    /// How many connections were ever accepted.
    #[must_use]
    pub fn accepted(&self) -> usize {
        self.shared.accepted.load(Ordering::SeqCst)
    }

    /// How many connections are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.shared.open.load(Ordering::SeqCst)
    }
}

/// Accepts until the proxy is dropped.
async fn accept(
    listener: TcpListener,
    upstream: String,
    faults: watch::Receiver<Faults>,
    shared: Arc<Shared>,
    speaks_nats: bool,
) {
    let mut links = JoinSet::new();
    loop {
        tokio::select! {
            Some(_) = links.join_next() => {}
            accepted = listener.accept() => {
                // Out of file descriptors, or the peer was gone already: the next one may fare better.
                let Ok((client, _)) = accepted else { continue };
                shared.accepted.fetch_add(1, Ordering::SeqCst);
                let (upstream, faults, shared) = (upstream.clone(), faults.clone(), Arc::clone(&shared));
                links.spawn(async move {
                    shared.open.fetch_add(1, Ordering::SeqCst);
                    // A failure is an end like any other: both sides see it.
                    let _ = connect(client, &upstream, faults, &shared, speaks_nats).await;
                    shared.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        }
    }
}

async fn connect(
    client: TcpStream,
    upstream: &str,
    mut faults: watch::Receiver<Faults>,
    shared: &Shared,
    speaks_nats: bool,
) -> std::io::Result<()> {
    let now = faults.borrow_and_update().clone();
    if now.cut {
        return Ok(());
    }
    let server = TcpStream::connect(upstream).await?;
    link::run(client, server, faults, now.ended, speaks_nats.then_some(shared)).await
}
