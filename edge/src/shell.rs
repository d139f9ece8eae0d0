//! What every request passes, once, around the routes.
//!
//! **What it is for.** Bounds on the head, a bound on time, an id, the headers that browsers are told by, and the counts. It
//! is one function rather than a stack of layers: each layer would cost every request a box and a clone.
//!
//! **What must always hold.** Whatever happens inside, the client gets one complete answer: a panic and a bound become
//! problems too.

mod leftover;
mod traced;

use std::net::{IpAddr, Ipv4Addr};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, Version};
use axum::response::{IntoResponse as _, Response};
use futures::FutureExt as _;
use protocol::trace::HEADER;
use runtime::clock::{Clock, Instant};
use runtime::trace::{self, Tracer};
use tower::Service as _;

use crate::cors::{Origins, Permissions};
use crate::limit::Limits;
use crate::metrics::{Metrics, Route};
use crate::problem::{self, How, Problem};
use crate::serve::Answer;
use crate::serve::network::Network;
use crate::serve::source::{self, Peer};
use leftover::Leftover;
use traced::Traced;

/// Most headers of a request.
pub const HEADERS_MAX: usize = 64;
/// Most bytes of a request's headers, names and values together.
pub const HEADER_BYTES_MAX: usize = 16 * 1_024;
/// Longest time until the head of an answer. Claims end well before, so that it never interrupts one.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest id that a client may give its request.
const REQUEST_ID_LENGTH_MAX: usize = 64;
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const CLOSE: HeaderValue = HeaderValue::from_static("close");
const NO_SNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const NO_REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");
/// Browsers ignore it unless it came over TLS, so it harms nobody who tries things without.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");
/// An answer of the API is no page: nothing of it may be run or framed.
const API_POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// When the head of a request was complete; in the request's extensions.
#[derive(Debug, Clone, Copy)]
pub struct Arrived(pub Instant);

/// The routes and what is around them.
pub struct Shell {
    router: Router,
    clock: Clock,
    metrics: Arc<Metrics>,
    timeout: Duration,
    strangers: Strangers,
    tracer: Tracer,
}

/// How people are told apart before anything is known about them.
#[derive(Default)]
pub struct Strangers {
    /// Networks of proxies, which say for whom they ask.
    pub proxies: Vec<Network>,
    /// Which other sites' pages may ask.
    pub origins: Origins,
    /// How often an address may.
    pub limits: Option<Arc<Limits>>,
}

impl Shell {
    /// Around these routes.
    #[must_use]
    pub fn new(router: Router, clock: Clock, metrics: Arc<Metrics>) -> Self {
        let (timeout, strangers, tracer) = (REQUEST_TIMEOUT, Strangers::default(), Tracer::default());
        Self { router, clock, metrics, timeout, strangers, tracer }
    }

    /// With another bound on time, for tests of the bound.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// With strangers told apart like this; else by their connections alone.
    #[must_use]
    pub fn with_strangers(self, strangers: Strangers) -> Self {
        Self { strangers, ..self }
    }

    /// With requests told here; else none is traced.
    #[must_use]
    pub fn with_tracer(self, tracer: Tracer) -> Self {
        Self { tracer, ..self }
    }

    async fn inner(&self, mut request: Request<Body>, permissions: &Permissions) -> Response {
        if let Err(problem) = check_head(request.headers()) {
            return problem.into_response();
        }
        // A test of the routes has no connection.
        let peer = request.extensions().get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |Peer(peer)| *peer);
        let source = source::source(peer, request.headers(), &self.strangers.proxies);
        request.extensions_mut().insert(source);
        // What a page is made of is no request for anything, and is many; a crowd behind one address has to get it.
        if let Some(limits) = &self.strangers.limits
            && Route::of(request.uri().path()) != Route::Page
            && let Err((too_soon, checked)) = limits.address(source.0).await
        {
            let mut response = too_soon.into_response();
            checked.tell(response.headers_mut());
            return response;
        }
        if permissions.is_preflight() {
            return problem::done();
        }
        // A clone of a router is a clone of two pointers, and it is always ready.
        let mut router = self.router.clone();
        let routed = AssertUnwindSafe(async move { router.call(request).await }).catch_unwind();
        match tokio::time::timeout(self.timeout, routed).await {
            Ok(Ok(Ok(response))) => problem::explain_method(response),
            Ok(Ok(Err(never))) => match never {},
            Ok(Err(_)) => {
                // The panic itself is a log line already.
                self.metrics.panics.inc();
                Problem::Internal.into_response()
            }
            Err(_) => Problem::TimedOut.into_response(),
        }
    }
}

impl Answer for Shell {
    async fn answer(&self, mut request: Request<Body>) -> Response {
        let arrived = self.clock.monotonic();
        let route = Route::of(request.uri().path());
        let id = request_id(request.headers());
        request.extensions_mut().insert(Arrived(arrived));
        let http1 = request.version() < Version::HTTP_2;
        let (head, body) = request.into_parts();
        let (body, leftover) = Leftover::lend(body);
        let permissions = self.strangers.origins.permissions(&head.method, &head.headers);
        let traced = self.traced(&head, route);
        let place = traced.as_ref().map(|traced| traced.context);
        let inner = self.inner(Request::from_parts(head, body), &permissions);
        let mut response = trace::within(place, inner).await;
        let goes_on = leftover.discard().await;
        let headers = response.headers_mut();
        if http1 && !goes_on {
            headers.insert(CONNECTION, CLOSE);
        }
        headers.insert(X_REQUEST_ID, id);
        headers.insert(X_CONTENT_TYPE_OPTIONS, NO_SNIFF);
        headers.insert(STRICT_TRANSPORT_SECURITY, HSTS);
        headers.entry(CACHE_CONTROL).or_insert(NO_STORE);
        headers.entry(CONTENT_SECURITY_POLICY).or_insert(API_POLICY);
        headers.entry(REFERRER_POLICY).or_insert(NO_REFERRER);
        permissions.tell(headers);
        let took = self.clock.monotonic().duration_since(arrived);
        let outcome = problem::outcome(&response);
        if let Some(traced) = traced {
            traced.tell(&self.tracer, self.clock.now(), took, outcome, &mut response);
        }
        self.metrics.seconds[route].observe(took.as_secs_f64());
        self.metrics.requests[(route, outcome)].inc();
        response
    }
}

impl Shell {
    /// Events last for as long as somebody listens: nobody wants them in a trace.
    fn traced(&self, head: &Parts, route: Route) -> Option<Traced> {
        if !self.tracer.is_on() || matches!(route, Route::Page | Route::Events | Route::OrderEvents) {
            return None;
        }
        let header = head.headers.get(HEADER).and_then(|header| header.to_str().ok());
        let (context, parent) = self.tracer.begin(header)?;
        Some(Traced { context, parent, method: head.method.clone(), route })
    }
}

fn check_head(headers: &HeaderMap) -> Result<(), Problem> {
    if headers.len() > HEADERS_MAX {
        return Err(Problem::invalid(How::Headers, "headers", format!("at most {HEADERS_MAX} are taken")));
    }
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if bytes > HEADER_BYTES_MAX {
        return Err(Problem::invalid(How::Headers, "headers", format!("at most {HEADER_BYTES_MAX} bytes are taken")));
    }
    Ok(())
}

/// The client's own id if it is a plain word, so that it finds its request in our logs; else a new one.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let plain = |id: &&HeaderValue| {
        let bytes = id.as_bytes();
        (1..=REQUEST_ID_LENGTH_MAX).contains(&bytes.len())
            && bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
    };
    headers.get(X_REQUEST_ID).filter(plain).cloned().unwrap_or_else(|| {
        HeaderValue::from_str(&format!("{:016x}", rand::random::<u64>())).unwrap_or(HeaderValue::from_static("none"))
    })
}
