//! Whoever fulfils orders: an HTTP server that checks what it gets, remembers it, and answers as a test wants.

use std::collections::{HashMap, HashSet};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Redirect, Response};
use ledger::signature::verify;
use secrecy::SecretString;
use serde_json::Value;
use testbed::{eventually, free_port};
use tokio::runtime::Runtime;

use crate::shop::{BOUND, Ledger, Shop};

/// How long nothing may move: leases of the dead end after 20 s, a receiver that is away is left alone for half a minute, and
/// an order that failed a few times in a test waits no longer than that either.
const STILL: Duration = Duration::from_secs(120);

pub(crate) const KEY: &str = "a key of the webhook in these tests, long enough";
pub(crate) const NEXT_KEY: &str = "the key that follows it, which is as long as that";

/// What it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// That it has it.
    Well,
    /// A status.
    Says(u16),
    /// That it is elsewhere now.
    Moved,
    /// Nothing, for so long.
    Slow(Duration),
    /// That it has it, and then more than anybody wants to read.
    Chatty,
}

/// A message that it got.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Got {
    pub(crate) id: String,
    pub(crate) event: String,
    pub(crate) order: String,
    pub(crate) body: Value,
    pub(crate) signatures: usize,
    /// What was answered.
    pub(crate) mood: Mood,
}

#[derive(Debug, Default)]
struct Seen {
    got: Vec<Got>,
    mood: Option<Mood>,
    under_way: HashSet<String>,
    /// Whatever must never happen.
    wrong: Vec<String>,
    most_at_once: usize,
}

#[derive(Clone, Default)]
struct Shared {
    seen: Arc<Mutex<Seen>>,
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }
}

/// A receiver on a port of its own.
pub(crate) struct Receiver {
    shared: Shared,
    address: SocketAddr,
    /// A runtime of its own: when it ends, so does every connection.
    serving: Option<Runtime>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.leave();
    }
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        // Nobody else gets it while this one is away.
        let listener = TcpListener::bind(("127.0.0.1", free_port().unwrap())).unwrap();
        let (shared, address) = (Shared::default(), listener.local_addr().unwrap());
        let mut receiver = Self { shared, address, serving: None };
        receiver.serve(listener);
        receiver
    }

    fn serve(&mut self, listener: TcpListener) {
        let router = Router::new().fallback(take).with_state(self.shared.clone());
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        listener.set_nonblocking(true).unwrap();
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, router).await.unwrap();
        });
        self.serving = Some(runtime);
    }

    /// Goes away: its port is closed, and so is every connection.
    pub(crate) fn leave(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.shutdown_background();
        }
    }

    pub(crate) async fn come_back(&mut self) {
        let listener = eventually(BOUND, "its old port", async || Ok(TcpListener::bind(self.address)?));
        let listener = listener.await.unwrap();
        self.serve(listener);
    }

    pub(crate) fn set(&self, mood: Mood) {
        self.shared.seen().mood = Some(mood);
    }

    pub(crate) fn got(&self) -> Vec<Got> {
        self.shared.seen().got.clone()
    }

    /// What it took, and not only heard.
    pub(crate) fn taken(&self) -> Vec<Got> {
        self.got().into_iter().filter(|got| matches!(got.mood, Mood::Well | Mood::Chatty)).collect()
    }

    /// The newest event of each order that it took.
    pub(crate) fn last(&self) -> HashMap<String, String> {
        self.taken().into_iter().map(|got| (got.order, got.event)).collect()
    }

    pub(crate) fn most_at_once(&self) -> usize {
        self.shared.seen().most_at_once
    }

    /// Nothing was unsigned, misnamed, or told twice at the same time.
    pub(crate) fn nothing_wrong(&self) {
        assert_eq!(self.shared.seen().wrong, Vec::<String>::new());
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/orders?token=a-secret-of-the-query", self.address)
    }

    /// The arguments that name it.
    pub(crate) fn arguments(&self, shop: &Shop) -> Vec<String> {
        vec![format!("--webhook-url={}", self.url()), format!("--webhook-key-file={}", key_file(shop, KEY))]
    }

    /// A replica that tells it.
    pub(crate) fn ledger(&self, shop: &Shop, replica: usize, more: &[&str]) -> Ledger {
        let arguments = self.arguments(shop);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).chain(more.iter().copied()).collect();
        shop.ledger(replica, &arguments)
    }

    /// Waits until it took so many messages.
    pub(crate) async fn took(&self, count: usize) -> Vec<Got> {
        let mut taken = self.taken();
        while taken.len() < count {
            let more = eventually(STILL, "another message", async || {
                let more = self.taken();
                anyhow::ensure!(more.len() > taken.len(), "{} of {count}; {} heard", more.len(), self.got().len());
                Ok(more)
            });
            taken = more.await.unwrap();
        }
        taken
    }
}

/// A file with a key, of this name.
pub(crate) fn key_file(shop: &Shop, key: &str) -> String {
    let name: String = key.chars().filter(char::is_ascii_alphanumeric).collect();
    let file = shop.bed.folder().join(format!("{}-{name:.24}.key", shop.installation.name()));
    // Written once: ledgers read it at every message, and would read half of it while it is written again.
    if !file.exists() {
        std::fs::write(&file, key).unwrap();
    }
    file.display().to_string()
}

/// Waits until nothing is left to tell.
pub(crate) async fn told_all(shop: &Shop) {
    let mut left = i64::MAX;
    while left > 0 {
        let fewer = eventually(STILL, "less to be left to tell", async || {
            let fewer = shop.number("SELECT count(*) FROM outbox WHERE due_at IS NOT NULL").await;
            anyhow::ensure!(fewer < left, "{fewer} are left");
            Ok(fewer)
        });
        left = fewer.await.unwrap();
    }
}

async fn take(State(shared): State<Shared>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let said: Value = serde_json::from_slice(&body).unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (order, id, event) = (text(&said["order"]["id"]), header("sluice-delivery"), header("sluice-event"));
    let mood = {
        let mut seen = shared.seen();
        let mood = seen.mood.unwrap_or(Mood::Well);
        let mut wrong = Vec::new();
        let timestamp = header("sluice-timestamp");
        let keys = [SecretString::from(KEY), SecretString::from(NEXT_KEY)];
        let signature = header("sluice-signature");
        let signed = signature.split(',').all(|one| verify(&keys, &timestamp, &body, one));
        if !signed || signature.is_empty() {
            wrong.push(format!("signed {signature:?}"));
        }
        if header("content-type") != "application/json" || body.len() > 8_192 {
            wrong.push(format!("{} with {} bytes", header("content-type"), body.len()));
        }
        if uri.path() != "/orders" {
            wrong.push(format!("sent to {}", uri.path()));
        }
        if order.is_empty() || id != text(&said["id"]) || event != text(&said["type"]) {
            wrong.push(format!("{id} {event} {said}"));
        }
        if !seen.under_way.insert(order.clone()) {
            wrong.push(format!("order {order} is told twice at the same time"));
        }
        seen.wrong.extend(wrong);
        seen.most_at_once = seen.most_at_once.max(seen.under_way.len());
        let signatures = signature.split(',').count();
        seen.got.push(Got { id, event, order: order.clone(), body: said, signatures, mood });
        mood
    };
    // Dropped when whoever sends gives up, at whatever point, so it is cleaned up either way.
    let _ended = Ended { shared: shared.clone(), order };
    // Told while others are under way, so that two at once would be seen.
    tokio::task::yield_now().await;
    match mood {
        Mood::Well => StatusCode::NO_CONTENT.into_response(),
        Mood::Says(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Mood::Moved => Redirect::temporary("/elsewhere").into_response(),
        Mood::Slow(long) => {
            tokio::time::sleep(long).await;
            StatusCode::OK.into_response()
        }
        Mood::Chatty => vec![b'x'; 4_000_000].into_response(),
    }
}

struct Ended {
    shared: Shared,
    order: String,
}

impl Drop for Ended {
    fn drop(&mut self) {
        self.shared.seen().under_way.remove(&self.order);
    }
}
