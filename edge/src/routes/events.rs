//! What viewers of a sale are sent, as server-sent events.
//!
//! **What it is for.** A page that shows the stock moving. Each event is the whole state, so one that was missed is not
//! missed, and `Last-Event-ID` needs no memory of ours: whoever comes back gets the newest.
//!
//! **What it costs.** A viewer is a place in a [row](crate::frames) and a connection that carries
//! [nothing else](crate::serve::endless).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::Response;
use bytes::Bytes;
use tokio_stream::wrappers::WatchStream;

use crate::app::Edge;
use crate::frames::Frame;
use crate::openapi::parameters::OfSale;
use crate::problem::Problem;
use crate::routes::named;
use crate::serve::endless::Endless;

/// How long a browser waits before it comes back, in ms; spread, so that the viewers of a pod that ends do not come back
/// together.
const RETRY_MS: std::ops::Range<u32> = 500..3_000;

/// Streams what a sale is doing and what can be had, at most twice a second and at least every fifteen seconds.
///
/// Server-sent events named `sale`; the data of each is the whole state, so that one that was missed is not missed.
/// The stream ends when the sale is removed.
///
/// # Errors
/// When there is no such sale, or no room for another viewer.
#[utoipa::path(
    get,
    path = "/v1/sales/{sale}/events",
    operation_id = "watchSale",
    tag = "Sales",
    params(OfSale),
    responses((status = OK, content_type = "text/event-stream", body = Frame, description = "A stream of events")),
    extensions(("x-problems" = json!(["busy", "not-found"]))),
    security(()),
)]
pub async fn watch(State(edge): State<Arc<Edge>>, Path(sale): Path<String>) -> Result<Response, Problem> {
    let definition = named(&edge, &sale)?;
    let count = edge.metrics.viewers.clone();
    let (seat, frames) = edge.frames.watch(&definition, count).ok_or(Problem::Refused(crate::claim::BUSY))?;
    let (endless, body) = Endless::new(hello(), WatchStream::new(frames), Box::new(seat));
    let mut response = event_stream(body);
    response.extensions_mut().insert(endless);
    Ok(response)
}

/// What a stream of events begins with: when to come back once it ends. Viewers are spread by it, who would come back in step.
pub fn hello() -> Bytes {
    Bytes::from(format!("retry: {}\n\n", rand::random_range(RETRY_MS)))
}

/// A body of server-sent events.
pub fn event_stream(body: Body) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform"));
    // Proxies that collect answers would hold events back.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}
