//! Answers without an end, and connections that have nothing else to carry any more.
//!
//! **What it is for.** Viewers are many and say nothing. In the hands of the HTTP library each would keep two buffers of 8 KB
//! and the state of a conversation; but all that is left to do is to write a piece now and then. So once the head of such
//! an answer is sent over HTTP/1.1, the connection leaves the library, and its memory with it. Over HTTP/2, which has other
//! streams on the connection, the answer stays a body like any other.
//!
//! **What must always hold.** A connection leaves only when every byte that the library owes it was written: the body says
//! that it has nothing more for the library, and the next flush is the last one. What the peer says from then on ends the
//! connection: it was told that nothing else will be answered before the end that never comes.
//!
//! **What it costs.** A task of about a kilobyte, and one write per piece.

use std::any::Any;
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::{Buf, Bytes};
use futures::{Stream, StreamExt as _};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio_stream::wrappers::WatchStream;

use super::patience::Progress;

/// Ends a body in chunks.
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// An answer that goes on until its pieces end; in the extensions of its response.
#[derive(Clone)]
pub struct Endless(Arc<Shared>);

struct Shared {
    rest: Mutex<Option<Rest>>,
    /// The connection that may leave with the rest.
    leaves: OnceLock<Arc<Progress>>,
}

/// What is still to be sent.
pub(super) struct Rest {
    pieces: WatchStream<Bytes>,
    /// Dropped with the answer.
    _held: Box<dyn Any + Send>,
}

/// The answer as the HTTP library sees it: its beginning, and the rest unless the connection leaves with that.
struct Beginning {
    first: Option<Bytes>,
    endless: Endless,
}

impl Endless {
    /// An answer that begins with this, goes on with the newest piece whenever there is one, and holds something meanwhile.
    /// Empty pieces are none.
    pub fn new(first: Bytes, pieces: WatchStream<Bytes>, held: Box<dyn Any + Send>) -> (Self, Body) {
        let rest = Mutex::new(Some(Rest { pieces, _held: held }));
        let endless = Self(Arc::new(Shared { rest, leaves: OnceLock::new() }));
        (endless.clone(), Body::from_stream(Beginning { first: Some(first), endless }))
    }

    /// Lets the connection leave with it, as soon as its beginning is sent.
    pub(super) fn leave_with(&self, connection: &Arc<Progress>) {
        // Each answer is given once.
        drop(self.0.leaves.set(Arc::clone(connection)));
    }

    fn rest(&self) -> MutexGuard<'_, Option<Rest>> {
        // Nothing that holds the lock leaves the rest half taken.
        self.0.rest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stream for Beginning {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(first)));
        }
        let mut rest = self.endless.rest();
        if let Some(connection) = self.endless.0.leaves.get() {
            if let Some(rest) = rest.take() {
                connection.leave(rest);
            }
            // The library has what it needs, and is not asked again.
            return Poll::Pending;
        }
        let Some(rest) = rest.as_mut() else { return Poll::Ready(None) };
        rest.poll_piece(cx).map(|piece| piece.map(Ok))
    }
}

impl Rest {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            match self.pieces.poll_next_unpin(cx) {
                // Nothing was said yet.
                Poll::Ready(Some(piece)) if piece.is_empty() => {}
                piece => return piece,
            }
        }
    }

    /// Carries the rest in chunks until it ends, or the peer leaves, or does not take a piece for so long.
    pub(super) async fn carry(mut self, mut stream: impl AsyncRead + AsyncWrite + Unpin, patience: Duration) {
        let (mut said, mut out) = tokio::io::split(&mut stream);
        let sending = async {
            while let Some(piece) = poll_fn(|cx| self.poll_piece(cx)).await {
                let size = format!("{:x}\r\n", piece.len());
                let mut chunk = Buf::chain(size.as_bytes(), piece).chain(&b"\r\n"[..]);
                tokio::time::timeout(patience, out.write_all_buf(&mut chunk)).await??;
            }
            tokio::time::timeout(patience, out.write_all(LAST_CHUNK)).await??;
            tokio::time::timeout(patience, out.shutdown()).await?
        };
        let ended = tokio::select! {
            sent = sending => sent,
            // Nobody is there any more, or asks for what will never be answered.
            heard = said.read_u8() => heard.map(drop),
        };
        if let Err(error) = ended {
            tracing::trace!("a viewer's connection ended early: {error}");
        }
    }
}

#[cfg(test)]
mod tests;
