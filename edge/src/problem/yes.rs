//! Every yes, and what it looks like on the wire.

use axum::body::Body;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, ETAG, LOCATION, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use serde::Serialize;

use crate::metrics::Outcome;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const CSV: HeaderValue = HeaderValue::from_static("text/csv; charset=utf-8");
/// When to ask again for something that is being settled, in seconds.
const SETTLING_RETRY_SECONDS: u32 = 1;

/// Our own plain values cannot fail to be written; an empty body would be seen at once.
pub(super) fn encode(value: &impl Serialize) -> Bytes {
    serde_json::to_vec(value).map(Bytes::from).unwrap_or_default()
}

fn json(status: StatusCode, body: Bytes) -> Response {
    let mut response = bare(status);
    *response.body_mut() = Body::from(body);
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

fn bare(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// A yes with a value.
pub fn found(value: &impl Serialize) -> Response {
    json(StatusCode::OK, encode(value))
}

/// A file to keep, under a plain name.
#[must_use]
pub fn attached(list: Body, name: &str) -> Response {
    let mut response = bare(StatusCode::OK);
    *response.body_mut() = list;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, CSV);
    let disposition = HeaderValue::from_str(&format!("attachment; filename=\"{name}\""));
    headers.insert(CONTENT_DISPOSITION, disposition.unwrap_or(HeaderValue::from_static("attachment")));
    response
}

/// A new thing, or the same thing again for whoever asks again.
pub fn created(value: &impl Serialize, location: &str) -> Response {
    located(json(StatusCode::CREATED, encode(value)), location)
}

/// Neither yes nor no yet: the truth will be found at this place.
pub fn settling(value: &impl Serialize, location: &str) -> Response {
    let mut response = located(json(StatusCode::ACCEPTED, encode(value)), location);
    response.headers_mut().insert(RETRY_AFTER, SETTLING_RETRY_SECONDS.into());
    response
}

/// A yes with nothing to tell.
#[must_use]
pub fn done() -> Response {
    bare(StatusCode::NO_CONTENT)
}

/// A browser is to go there now, whatever it came with.
#[must_use]
pub fn see_other(location: &str) -> Response {
    located(bare(StatusCode::SEE_OTHER), location)
}

/// What the client has is still true.
#[must_use]
pub fn not_modified(etag: HeaderValue) -> Response {
    let mut response = bare(StatusCode::NOT_MODIFIED);
    response.headers_mut().insert(ETAG, etag);
    response
}

fn located(mut response: Response, location: &str) -> Response {
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

/// How an answer is counted.
#[must_use]
pub fn outcome(response: &Response) -> Outcome {
    match response.status() {
        StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS | StatusCode::PAYMENT_REQUIRED => Outcome::Refused,
        StatusCode::SERVICE_UNAVAILABLE => Outcome::Busy,
        status if status.is_client_error() => Outcome::Invalid,
        status if status.is_server_error() => Outcome::Failed,
        _ => Outcome::Answered,
    }
}
