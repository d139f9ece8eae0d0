//! The port for shoppers: who is let in, for how long, and how it ends.
//!
//! **What it is for.** `axum::serve` has no bound for connections or slow peers, so the accept loop is ours.
//!
//! **What must always hold.** Past the bound of connections nobody is accepted, so that those inside are served; one
//! source alone cannot take the whole bound. When the process ends, the port closes first, then every connection ends
//! after the answer it owes; whoever keeps one learns of the end by an answer, and not by a connection that is gone when
//! the next request comes.
//!
//! **What is deliberately absent.** TLS: the ingress ends it.

pub mod endless;
pub mod network;
pub mod patience;
pub mod source;
mod sources;

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::Poll;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Version};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use prometheus::{IntCounter, IntGauge};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use endless::{Endless, Rest};
use network::Network;
use patience::{Left, OpenRequest, Patience, Patient, Progress};
use source::Peer;
use sources::Sources;

/// Pause after the system refused a connection, as when all file handles are taken.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long a connection that is kept open has for one more request, to which the answer says that it was the last one.
/// Closed at once, it would break under a request that was on its way. At most half of the time that there is to drain.
const FAREWELL: Duration = Duration::from_secs(2);
/// Most bytes of a head that are read; the shell refuses heads above half of it with an explanation.
const HEAD_BYTES_MAX: usize = 32 * 1_024;
/// Most requests that one HTTP/2 connection has open.
const STREAMS_MAX: u32 = 128;
/// Most bytes that wait to be written per HTTP/2 stream.
const STREAM_BYTES_MAX: usize = 64 * 1_024;

/// Whatever answers requests.
pub trait Answer: Send + Sync + 'static {
    /// Answers one.
    fn answer(&self, request: axum::http::Request<Body>) -> impl Future<Output = axum::response::Response> + Send;
}

/// The bounds of the port.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// Most connections.
    pub connections_max: u32,
    /// Most connections of one source.
    pub per_source_max: u32,
    /// Networks whose connections are not bounded by source.
    pub proxies: Vec<Network>,
    /// How long connections are waited for.
    pub patience: Patience,
}

/// What the port counts.
#[derive(Debug, Clone)]
pub struct Gauges {
    /// Open connections.
    pub open: IntGauge,
    /// Connections closed because their source has too many.
    pub refused: IntCounter,
}

/// Serves until told to stop, then until every connection has ended or `drain` is over.
pub async fn serve<A: Answer>(
    listener: TcpListener,
    answers: Arc<A>,
    bounds: Bounds,
    gauges: Gauges,
    stopping: CancellationToken,
    drain: Duration,
) {
    let connections = TaskTracker::new();
    let accepted = connections.clone();
    let port = Arc::new(Port {
        answers,
        patience: bounds.patience,
        protocols: protocols(),
        gauges,
        farewell: FAREWELL.min(drain / 2),
        stopping: stopping.clone(),
    });
    let seats = Arc::new(Semaphore::new(bounds.connections_max as usize));
    let sources = Sources::new(bounds.per_source_max, bounds.proxies);
    // The listener goes with this future: once it stops nobody else is let in.
    let accepting = async move {
        loop {
            // Never closed, so the error arm is not reached.
            let Ok(seat) = Arc::clone(&seats).acquire_owned().await else { return };
            let (stream, peer) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    if is_ours(&error) {
                        tracing::warn!("cannot accept a connection: {error}");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                    continue;
                }
            };
            let Some(place) = sources.enter(peer.ip()) else {
                port.gauges.refused.inc();
                continue;
            };
            let (port, carried) = (Arc::clone(&port), accepted.clone());
            accepted.spawn(async move {
                port.gauges.open.inc();
                let left = port.connection(stream, Peer(peer.ip())).await;
                let (open, patience) = (port.gauges.open.clone(), port.patience.write);
                let ended = move || {
                    open.dec();
                    drop((seat, place));
                };
                match left {
                    // In a task of its own, which has room for nothing else.
                    Some((stream, rest)) => drop(carried.spawn(async move {
                        rest.carry(stream, patience).await;
                        ended();
                    })),
                    None => ended(),
                }
            });
        }
    };
    stopping.run_until_cancelled(Box::pin(accepting)).await;
    connections.close();
    if tokio::time::timeout(drain, connections.wait()).await.is_err() {
        tracing::warn!(connections.open = connections.len(), "connections are cut: they did not end in time");
    }
}

/// Whether the fault is this process's; a peer that left before it was let in is no news.
fn is_ours(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

fn protocols() -> auto::Builder<TokioExecutor> {
    let mut protocols = auto::Builder::new(TokioExecutor::new());
    // Slow heads are dealt with by `patience`, which also sees them before the protocol is known.
    protocols.http1().timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(HEAD_BYTES_MAX);
    protocols
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(u32::try_from(HEAD_BYTES_MAX).unwrap_or(u32::MAX))
        .max_send_buf_size(STREAM_BYTES_MAX);
    protocols
}

struct Port<A> {
    answers: Arc<A>,
    patience: Patience,
    protocols: auto::Builder<TokioExecutor>,
    gauges: Gauges,
    farewell: Duration,
    stopping: CancellationToken,
}

impl<A: Answer> Port<A> {
    /// Until it ends; or until it leaves with the rest of an answer, which is returned.
    async fn connection(self: &Arc<Self>, stream: TcpStream, peer: Peer) -> Option<(TcpStream, Rest)> {
        // Answers are small and complete: waiting to fill a packet would only delay them.
        stream.set_nodelay(true).ok()?;
        let left = Left::default();
        let progress = Arc::new(Progress::default());
        let io = TokioIo::new(Patient::new(stream, self.patience, Arc::clone(&progress), Arc::clone(&left)));
        let service = hyper::service::service_fn(|mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(peer);
            let version = request.version();
            let open = progress.open(version >= Version::HTTP_2);
            let (port, progress) = (Arc::clone(self), Arc::clone(&progress));
            async move {
                let mut answer = port.answers.answer(request.map(Body::new)).await;
                // An older peer knows no chunks, and a newer one has other streams on the connection.
                let mut last = port.stopping.is_cancelled();
                if let Some(endless) = answer.extensions_mut().remove::<Endless>()
                    && version == Version::HTTP_11
                {
                    // Whoever asks something else on it would not be heard.
                    last = true;
                    endless.leave_with(&progress);
                }
                // HTTP/2 has a frame of its own for that.
                if last && version < Version::HTTP_2 {
                    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                Ok::<_, std::convert::Infallible>(answer.map(|body| {
                    // An endless answer is written to as long as it lasts; all others have to be taken.
                    let finite = hyper::body::Body::size_hint(&body).exact().is_some();
                    Owed { body, _open: if finite { open.answered() } else { open } }
                }))
            }
        });
        let mut connection = std::pin::pin!(self.protocols.serve_connection(io, service));
        let ended = tokio::select! {
            ended = ends_or_leaves(connection.as_mut(), &left) => ended,
            () = progress.untaken(self.patience.write) => return None,
            () = self.stopping.cancelled() => {
                // HTTP/2 says at once which requests are the last ones, and breaks none.
                let farewell = if progress.is_multiplexed() { Duration::ZERO } else { self.farewell };
                match tokio::time::timeout(farewell, ends_or_leaves(connection.as_mut(), &left)).await {
                    Ok(ended) => ended,
                    Err(_silent) => {
                        connection.as_mut().graceful_shutdown();
                        ends_or_leaves(connection, &left).await
                    }
                }
            }
        };
        match ended {
            Ok(stream) => Some((stream?, progress.rest()?)),
            Err(error) => {
                tracing::trace!("a connection ended early: {error}");
                None
            }
        }
    }
}

/// The stream, if the connection left.
async fn ends_or_leaves<C, S, E>(mut connection: Pin<&mut C>, left: &Left<S>) -> Result<Option<S>, E>
where
    C: Future<Output = Result<(), E>>,
{
    poll_fn(|cx| {
        let ended = connection.as_mut().poll(cx);
        match left.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(stream) => Poll::Ready(Ok(Some(stream))),
            None => ended.map_ok(|()| None),
        }
    })
    .await
}

/// A body; its request counts as open until it is sent.
struct Owed {
    body: Body,
    _open: OpenRequest,
}

impl hyper::body::Body for Owed {
    type Data = bytes::Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Self::Data>, Self::Error>>> {
        std::pin::Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.body.size_hint()
    }
}
