//! How long a connection is waited for.
//!
//! **What it is for.** A peer that says nothing, or says it a byte at a time, costs memory and a file handle. The bound
//! depends on what is waited for: the first request, the rest of a head that has begun, the next request, or somebody
//! who does not read. The HTTP library knows one bound, for HTTP/1 heads, from the moment it waits for one; here the
//! bytes themselves are watched, whatever protocol they are.
//!
//! **What it costs.** Nothing per request: the timer of an idle connection is left running over requests and looked at
//! when it fires, so an idle connection ends after once to twice the bound.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::Sleep;

use super::endless::Rest;

/// The bounds.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For the first request of a connection, and for the rest of a head that has begun.
    pub head: Duration,
    /// For the next request.
    pub idle: Duration,
    /// For somebody who does not read what is sent.
    pub write: Duration,
}

/// What a connection's requests tell its bytes.
#[derive(Default)]
pub(super) struct Progress {
    /// Requests that came.
    requests: AtomicU64,
    /// Requests whose answer is not complete.
    open: AtomicU32,
    /// Whether several can be open at a time: then bytes need not be part of a head.
    multiplexed: AtomicBool,
    /// The first request of a connection on which several can be open has come.
    begun: Notify,
    /// Complete answers that wait to be taken, and since which half, where the peer says how much it takes: such a peer may have nothing
    /// written to it for ever, and yet be heard all the time.
    answered: Mutex<BTreeMap<u64, u64>>,
    /// Half the bound on taking an answer has passed so often.
    halves: AtomicU64,
    /// The connection leaves with the rest of an answer at the next flush.
    leaving: AtomicBool,
    rest: Mutex<Option<Rest>>,
}

/// A request that is being answered, until dropped.
pub(super) struct OpenRequest {
    progress: Arc<Progress>,
    number: u64,
}

impl Progress {
    pub(super) fn open(self: &Arc<Self>, multiplexed: bool) -> OpenRequest {
        self.multiplexed.store(multiplexed, Ordering::Relaxed);
        self.open.fetch_add(1, Ordering::Relaxed);
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        if multiplexed && number == 0 {
            self.begun.notify_one();
        }
        OpenRequest { progress: Arc::clone(self), number }
    }

    /// Whether it has been seen to carry requests side by side, as HTTP/2 does.
    pub(super) fn is_multiplexed(&self) -> bool {
        self.multiplexed.load(Ordering::Relaxed)
    }

    /// Lets the connection leave with this when everything is written.
    pub(super) fn leave(&self, rest: Rest) {
        *self.rest.lock().unwrap_or_else(PoisonError::into_inner) = Some(rest);
        self.leaving.store(true, Ordering::Release);
    }

    /// What it leaves with.
    pub(super) fn rest(&self) -> Option<Rest> {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Returns when the peer has not taken a complete answer for so long.
    pub(super) async fn untaken(&self, bound: Duration) {
        self.begun.notified().await;
        loop {
            tokio::time::sleep(bound / 2).await;
            let halves = self.halves.fetch_add(1, Ordering::Relaxed) + 1;
            let answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
            // Three of them are at least the whole bound, wherever between two the first one began.
            if answered.values().any(|since| halves.saturating_sub(*since) >= 3) {
                return;
            }
        }
    }
}

impl OpenRequest {
    /// Its answer is complete, and now has to be taken.
    pub(super) fn answered(self) -> Self {
        if self.progress.multiplexed.load(Ordering::Relaxed) {
            let mut answered = self.progress.answered.lock().unwrap_or_else(PoisonError::into_inner);
            answered.insert(self.number, self.progress.halves.load(Ordering::Relaxed));
        }
        self
    }
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        self.progress.open.fetch_sub(1, Ordering::Relaxed);
        if self.progress.multiplexed.load(Ordering::Relaxed) {
            let mut answered = self.progress.answered.lock().unwrap_or_else(PoisonError::into_inner);
            answered.remove(&self.number);
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wait {
    First,
    Head,
    Idle,
}

/// Where a connection is that has left with the rest of an answer.
pub(super) type Left<S> = Arc<Mutex<Option<S>>>;

/// A connection that is waited for with patience, not for ever.
pub(super) struct Patient<S> {
    /// Until it has left.
    stream: Option<S>,
    left: Left<S>,
    patience: Patience,
    progress: Arc<Progress>,
    /// How many requests had come when bytes of the next one did.
    head_begun_after: Option<u64>,
    reading: Option<(Wait, u64)>,
    read_timer: Pin<Box<Sleep>>,
    write_timer: Option<Pin<Box<Sleep>>>,
}

impl<S> Patient<S> {
    pub(super) fn new(stream: S, patience: Patience, progress: Arc<Progress>, left: Left<S>) -> Self {
        let read_timer = Box::pin(tokio::time::sleep(patience.head));
        Self {
            stream: Some(stream),
            left,
            patience,
            progress,
            head_begun_after: None,
            reading: Some((Wait::First, 0)),
            read_timer,
            write_timer: None,
        }
    }

    /// Whether a read that found nothing has been waited for long enough.
    fn poll_impatience(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let requests = self.progress.requests.load(Ordering::Relaxed);
        let multiplexed = self.progress.multiplexed.load(Ordering::Relaxed);
        let wait = match self.head_begun_after {
            _ if requests == 0 => Wait::First,
            Some(begun) if begun == requests && !multiplexed => Wait::Head,
            _ => Wait::Idle,
        };
        let goes_on =
            self.reading.is_some_and(|(since, after)| since == wait && (wait != Wait::Head || after == requests));
        if !goes_on {
            self.wait_for(wait, requests);
        }
        loop {
            ready!(self.read_timer.as_mut().poll(cx));
            match self.reading {
                Some((_, after)) if after == requests => return Poll::Ready(io::ErrorKind::TimedOut.into()),
                // Requests came while it ran: the present wait began later.
                _ => self.wait_for(wait, requests),
            }
        }
    }

    fn wait_for(&mut self, wait: Wait, requests: u64) {
        let bound = if wait == Wait::Idle { self.patience.idle } else { self.patience.head };
        self.reading = Some((wait, requests));
        self.read_timer.set(tokio::time::sleep(bound));
    }

    fn poll_written<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.write_timer = None;
            return written;
        }
        let bound = self.patience.write;
        let timer = self.write_timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(bound)));
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let busy = this.progress.open.load(Ordering::Relaxed) > 0;
        let Some(stream) = &mut this.stream else { return Poll::Pending };
        if let Poll::Ready(read) = Pin::new(stream).poll_read(cx, buf) {
            if !busy {
                this.head_begun_after = Some(this.progress.requests.load(Ordering::Relaxed));
            }
            return Poll::Ready(read);
        }
        if busy {
            return Poll::Pending;
        }
        this.poll_impatience(cx).map(Err)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let Some(stream) = &mut self.stream else { return gone() };
        let written = Pin::new(stream).poll_write(cx, buf);
        self.poll_written(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Whoever flushes has written everything before.
        if self.progress.leaving.load(Ordering::Acquire) {
            let stream = self.stream.take();
            *self.left.lock().unwrap_or_else(PoisonError::into_inner) = stream;
            return Poll::Ready(Ok(()));
        }
        let Some(stream) = &mut self.stream else { return gone() };
        let flushed = Pin::new(stream).poll_flush(cx);
        self.poll_written(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(stream) = &mut self.stream else { return gone() };
        let shut = Pin::new(stream).poll_shutdown(cx);
        self.poll_written(cx, shut)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.as_ref().is_some_and(AsyncWrite::is_write_vectored)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let Some(stream) = &mut self.stream else { return gone() };
        let written = Pin::new(stream).poll_write_vectored(cx, bufs);
        self.poll_written(cx, written)
    }
}

/// Nobody has anything to write to a connection that has left.
fn gone<T>() -> Poll<io::Result<T>> {
    Poll::Ready(Err(io::ErrorKind::NotConnected.into()))
}

#[cfg(test)]
mod tests;
