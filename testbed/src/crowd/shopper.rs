//! One request of one shopper, from the first attempt to the truth.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Method, Request, StatusCode};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde::Deserialize;

use super::{Arrival, Stage};

/// How long one attempt may take; an edge answers within 10 s.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a connection is kept that nobody uses: an edge that ends keeps one open for two seconds, and says to whoever comes
/// until then that it goes. Whoever came later could meet the end of the connection instead of an answer.
const IDLE_MAX: Duration = Duration::from_secs(1);
/// Longest pause before another attempt.
const PAUSE_MAX: Duration = Duration::from_secs(1);

pub(super) type Client = legacy::Client<HttpConnector, Full<Bytes>>;

pub(super) fn client() -> Client {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(Duration::from_secs(2)));
    let mut client = legacy::Client::builder(TokioExecutor::new());
    client.pool_max_idle_per_host(4_096).pool_idle_timeout(IDLE_MAX).pool_timer(TokioTimer::new());
    client.build(connector)
}

/// How a story ended.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// With this order.
    Order(String),
    /// With a refusal of this name that is no invitation to come back at once.
    Refused(String),
    /// Without the truth, within the bound.
    GaveUp,
}

/// One attempt and its answer.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// When it was meant to be sent, since the start of the run.
    pub due: Duration,
    /// When it was answered.
    pub answered: Duration,
    /// `201`, `202`, the name of a refusal, or what became of the connection.
    pub answer: String,
}

/// What happened to one request.
#[derive(Debug, Clone)]
pub struct Story {
    /// Whose request it was.
    pub shopper: usize,
    /// Under which idempotency key.
    pub key: String,
    /// All attempts, in order.
    pub attempts: Vec<Attempt>,
    /// How it ended.
    pub end: End,
}

pub(super) struct Shopper {
    pub(super) number: usize,
    pub(super) edge: usize,
    pub(super) session: String,
    pub(super) key: String,
    pub(super) due: Duration,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Body {
    id: String,
    #[serde(rename = "type")]
    problem: String,
    retry: String,
}

/// What one attempt came to.
enum Came {
    End(End),
    /// Ask again: nothing is decided yet.
    Again(Option<Duration>),
}

impl Shopper {
    pub(super) async fn shop(self, stage: &Stage) -> Story {
        let mut story = Story { shopper: self.number, key: self.key.clone(), attempts: Vec::new(), end: End::GaveUp };
        if let Some(wait) = self.due.checked_sub(stage.clock.elapsed()) {
            tokio::time::sleep(wait).await;
        }
        let mut due = self.due;
        for attempt in 0.. {
            // A closed semaphore would mean that the run is over; it is never closed.
            let Ok(seat) = stage.seats.acquire().await else { break };
            if matches!(stage.crowd.arrival, Arrival::Burst) {
                // A closed loop: a shopper's turn comes with a free connection.
                due = stage.clock.elapsed();
            }
            let (answer, came) = match tokio::time::timeout(ATTEMPT_TIMEOUT, self.attempt(stage, attempt)).await {
                Ok(Ok(answered)) => answered,
                Ok(Err(error)) => (connection(&error), Came::Again(None)),
                Err(_) => ("timed out".to_owned(), Came::Again(None)),
            };
            drop(seat);
            let answered = stage.clock.elapsed();
            story.attempts.push(Attempt { due, answered, answer });
            let pause = match came {
                Came::End(end) => {
                    story.end = end;
                    break;
                }
                Came::Again(pause) => {
                    pause.unwrap_or_else(|| Duration::from_millis(50 << attempt.min(4))).min(PAUSE_MAX)
                }
            };
            if answered > self.due + stage.crowd.patience {
                break;
            }
            tokio::time::sleep(pause.mul_f64(0.5 + rand::random::<f64>() / 2.0)).await;
            due = stage.clock.elapsed();
        }
        story
    }

    async fn attempt(&self, stage: &Stage, attempt: usize) -> anyhow::Result<(String, Came)> {
        let crowd = &stage.crowd;
        let edge = crowd.edges.iter().cycle().nth((self.edge + attempt) % crowd.edges.len().max(1));
        let url = format!("{}/v1/sales/{}/orders", edge.map_or("", |e| e.trim_end_matches('/')), crowd.sale);
        let body = serde_json::json!({ "sku": crowd.sku, "quantity": crowd.quantity }).to_string();
        let request = Request::builder()
            .method(Method::POST)
            .uri(url)
            .header("authorization", format!("Bearer {}", self.session))
            .header("content-type", "application/json")
            .header("idempotency-key", &self.key)
            .body(Full::new(Bytes::from(body)))?;
        let answer = stage.client.request(request).await?;
        let status = answer.status();
        let after = answer.headers().get("retry-after").and_then(|v| v.to_str().ok()).and_then(|v| v.parse().ok());
        let bytes = answer.into_body().collect().await?.to_bytes();
        let body: Body = serde_json::from_slice(&bytes).unwrap_or_default();
        let name = body.problem.rsplit(['/', ':']).next().unwrap_or_default().to_owned();
        Ok(match status {
            StatusCode::CREATED => ("201".to_owned(), Came::End(End::Order(body.id))),
            StatusCode::ACCEPTED => ("202".to_owned(), Came::Again(None)),
            _ if body.retry == "now" => (name, Came::Again(after.map(Duration::from_secs))),
            _ if status.is_server_error() => (format!("{status}"), Came::Again(None)),
            _ if name.is_empty() => (format!("{status}"), Came::End(End::Refused(format!("{status}")))),
            _ => (name.clone(), Came::End(End::Refused(name))),
        })
    }
}

/// A lost connection by its kind: the details name ports, and would make every answer one of its own.
fn connection(error: &anyhow::Error) -> String {
    match error.downcast_ref::<legacy::Error>() {
        Some(error) if error.is_connect() => "no connection".to_owned(),
        _ => "connection lost".to_owned(),
    }
}
