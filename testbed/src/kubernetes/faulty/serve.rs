//! Passing requests on, or not.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::Context as _;
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, RETRY_AFTER, TRANSFER_ENCODING};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::{Call, End, Fault, Shared};

/// Why a connection ends without an answer. Nobody reads it: the client sees the end.
type Broken = anyhow::Error;
/// An answer as it goes to the client: whole, or piece by piece.
type Body = UnsyncBoxBody<Bytes, Broken>;

/// The real server.
#[derive(Debug, Clone)]
pub(super) struct Upstream {
    url: String,
    client: reqwest::Client,
}

impl Upstream {
    pub(super) fn new(url: String, authority: &str) -> anyhow::Result<Self> {
        let authority = reqwest::Certificate::from_pem(authority.as_bytes())?;
        // No bound on an answer: a watch takes as long as it takes.
        let client = reqwest::Client::builder().tls_certs_only([authority]).build().context("no HTTP client")?;
        Ok(Self { url, client })
    }
}

/// Accepts until the proxy is dropped.
pub(super) async fn accept(listener: TcpListener, tls: TlsAcceptor, upstream: Upstream, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => {
                // Out of file descriptors, or the peer was gone already: the next one may fare better.
                let Ok((client, _)) = accepted else { continue };
                connections.spawn(connection(client, tls.clone(), upstream.clone(), Arc::clone(&shared)));
            }
        }
    }
}

async fn connection(client: TcpStream, tls: TlsAcceptor, upstream: Upstream, shared: Arc<Shared>) {
    let mut orders = shared.order.subscribe();
    let began = orders.borrow_and_update().clone();
    if began.cut {
        return;
    }
    let serving = async {
        client.set_nodelay(true)?;
        let encrypted = tls.accept(client).await?;
        let service = service_fn(|request| answer(request, upstream.clone(), Arc::clone(&shared)));
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(encrypted), service).await?;
        anyhow::Ok(())
    };
    tokio::select! {
        // A failure is an end like any other: the client sees it.
        _ = serving => {}
        _ = orders.wait_for(|order| order.connections_ended != began.connections_ended) => {}
    }
}

async fn answer(request: Request<Incoming>, upstream: Upstream, shared: Arc<Shared>) -> Result<Response<Body>, Broken> {
    let call = Call::of(request.method().as_str(), request.uri().path(), request.uri().query());
    let (index, fault) = shared.meets(&call);
    let told = |answer: Response<Body>| {
        shared.note(index, |asked| asked.told = Some(answer.status().as_u16()));
        answer
    };
    match fault {
        Some(Fault::Refused(code)) => Ok(told(refusal(code, None)?)),
        Some(Fault::TooMany(seconds)) => Ok(told(refusal(429, Some(seconds))?)),
        Some(Fault::Expired) => Ok(told(whole(200, event(410))?)),
        Some(Fault::Silent) => {
            healed(&shared).await?;
            anyhow::bail!("silent until it healed")
        }
        Some(Fault::Lost | Fault::LostBehind(_)) => {
            let real = pass(request, &upstream).await?;
            shared.note(index, |asked| asked.answered = Some(real.status().as_u16()));
            // A watch goes on until the server ends it; whoever lost its beginning has lost it all.
            if call.verb != "watch" {
                real.bytes().await?;
            }
            match fault {
                Some(Fault::LostBehind(code)) => Ok(told(refusal(code, None)?)),
                _ => anyhow::bail!("the answer is lost"),
            }
        }
        None | Some(Fault::Late) => {
            if fault.is_some() {
                healed(&shared).await?;
            }
            let real = pass(request, &upstream).await?;
            shared.note(index, |asked| asked.answered = Some(real.status().as_u16()));
            Ok(told(streamed(real, call.verb == "watch", &shared)?))
        }
    }
}

/// Waits until every fault is over.
async fn healed(shared: &Shared) -> Result<(), Broken> {
    let mut orders = shared.order.subscribe();
    let began = orders.borrow_and_update().healed;
    orders.wait_for(|order| order.healed != began).await?;
    Ok(())
}

/// Asks the real server.
async fn pass(request: Request<Incoming>, upstream: &Upstream) -> Result<reqwest::Response, Broken> {
    let (mut head, body) = request.into_parts();
    for own in [HOST, CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING] {
        head.headers.remove(own);
    }
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let body = body.collect().await?.to_bytes();
    let request = upstream.client.request(head.method, format!("{}{path}", upstream.url)).headers(head.headers);
    Ok(request.body(body).send().await?)
}

/// The real answer, piece by piece as it comes; a watch ends when it is ordered to.
fn streamed(real: reqwest::Response, is_watch: bool, shared: &Arc<Shared>) -> anyhow::Result<Response<Body>> {
    let mut answer = Response::builder().status(real.status());
    for (name, value) in real.headers() {
        if ![CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING].contains(name) {
            answer = answer.header(name, value);
        }
    }
    let pieces = real.bytes_stream().map_err(Broken::from).map_ok(Frame::data);
    if !is_watch {
        return Ok(answer.body(StreamBody::new(pieces).boxed_unsync())?);
    }
    let open = Open::new(Arc::clone(shared));
    let mut orders = shared.order.subscribe();
    let began = orders.borrow_and_update().watches_ended;
    let (ordered, ends) = tokio::sync::oneshot::channel();
    let until = async move {
        let how = orders.wait_for(|order| order.watches_ended != began).await.map_or(End::Plain, |order| order.how);
        // Nobody listens when the stream has ended by itself.
        let _ = ordered.send(how);
    };
    let last = stream::once(async move {
        let _open = open;
        match ends.await {
            Ok(End::Expired) => Some(Ok(Frame::data(Bytes::from(event(410))))),
            Ok(End::Silent) => std::future::pending().await,
            Ok(End::Plain) | Err(_) => None,
        }
    });
    // Both halves are boxed: what waits for the order has no name and must not move.
    let pieces = pieces.take_until(Box::pin(until)).chain(last.filter_map(std::future::ready));
    Ok(answer.body(StreamBody::new(pieces).boxed_unsync())?)
}

/// Counts an open watch for as long as it is held.
struct Open(Arc<Shared>);

impl Open {
    fn new(shared: Arc<Shared>) -> Self {
        shared.watches.fetch_add(1, Ordering::SeqCst);
        Self(shared)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.watches.fetch_sub(1, Ordering::SeqCst);
    }
}

fn refusal(code: u16, retry_after: Option<u32>) -> anyhow::Result<Response<Body>> {
    let mut answer = whole(code, status(code).to_string())?;
    if let Some(seconds) = retry_after {
        answer.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    Ok(answer)
}

fn whole(code: u16, body: String) -> anyhow::Result<Response<Body>> {
    let body = Full::new(Bytes::from(body)).map_err(Broken::from).boxed_unsync();
    Ok(Response::builder().status(code).header(CONTENT_TYPE, "application/json").body(body)?)
}

/// A line of a watch that says what went wrong.
fn event(code: u16) -> String {
    format!("{}\n", json!({ "type": "ERROR", "object": status(code) }))
}

/// What an API server says instead of an answer.
fn status(code: u16) -> serde_json::Value {
    let reason = match code {
        403 => "Forbidden",
        404 => "NotFound",
        409 => "Conflict",
        410 => "Expired",
        429 => "TooManyRequests",
        503 => "ServiceUnavailable",
        504 => "Timeout",
        _ => "InternalError",
    };
    json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": format!("a fault of the test bed: {reason}"),
        "reason": reason,
        "code": code,
    })
}
