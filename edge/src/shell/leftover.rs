//! What is left of a request's body when its answer is known.
//!
//! **What it is for.** Many a no needs no body, or not all of it: nobody is signed in, there is no such sale, it is too large. A connection on
//! which a body was left unread is closed, and whoever has already sent the next request on it (a browser, and above all an
//! ingress with its pool of connections) loses that request without an answer. So what is left is read and thrown away, as
//! far as that is cheap; past it the answer says that the connection ends.
//!
//! **What it costs.** Nothing without a body; with one, an allocation.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Frame, SizeHint};

/// Most bytes that are thrown away: what a client with large windows may have sent before it looks for an answer.
const LEFT_BYTES_MAX: usize = 256 * 1_024;
/// How long they are waited for: they are on their way already, or nobody sends them.
const LEFT_WITHIN: Duration = Duration::from_secs(1);

/// Where a body comes back to that nobody read to its end.
#[derive(Default)]
pub(super) struct Leftover(Option<Arc<Mutex<Option<Body>>>>);

/// A body on loan.
struct Lent {
    body: Option<Body>,
    home: Arc<Mutex<Option<Body>>>,
}

impl Leftover {
    /// Lends a body; what is not read of it comes back.
    pub(super) fn lend(body: Body) -> (Body, Self) {
        if body.is_end_stream() {
            return (body, Self(None));
        }
        let home = Arc::<Mutex<Option<Body>>>::default();
        (Body::new(Lent { body: Some(body), home: Arc::clone(&home) }), Self(Some(home)))
    }

    /// Throws away what came back. Whether the connection can go on.
    pub(super) async fn discard(self) -> bool {
        let Some(home) = self.0 else { return true };
        let Some(body) = home.lock().unwrap_or_else(PoisonError::into_inner).take() else { return true };
        if body.size_hint().lower() > LEFT_BYTES_MAX as u64 {
            return false;
        }
        tokio::time::timeout(LEFT_WITHIN, read_to_end(body)).await.unwrap_or(false)
    }
}

async fn read_to_end(mut body: Body) -> bool {
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return false };
        length += frame.data_ref().map_or(0, Bytes::len);
        if length > LEFT_BYTES_MAX {
            return false;
        }
    }
    true
}

impl hyper::body::Body for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Some(body) = self.body.as_mut() else { return Poll::Ready(None) };
        let polled = Pin::new(body).poll_frame(cx);
        // At its end, or broken: there is nothing left to throw away.
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.body = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(hyper::body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), hyper::body::Body::size_hint)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(body) = self.body.take().filter(|body| !body.is_end_stream()) {
            *self.home.lock().unwrap_or_else(PoisonError::into_inner) = Some(body);
        }
    }
}

#[cfg(test)]
mod tests;
