//! A feed of the stream in memory: in order, without superseded values, woken by every commit.

use std::pin::Pin;
use std::task::{Context, Poll};

use super::super::{Entry, Feed, From, Unavailable};
use super::Memory;
use crate::id::Revision;
use crate::key::Keys;

/// See [`Feed`].
#[derive(Debug)]
pub struct MemoryFeed {
    memory: Memory,
    keys: Keys,
    after: Revision,
    started: u64,
}

impl MemoryFeed {
    pub(super) fn start(memory: Memory, keys: Keys, from: From) -> Self {
        // One value is kept per key, so everything that is kept is the newest of each.
        let after = match from {
            From::Newest => Revision(0),
            From::After(revision) => revision,
        };
        let started = memory.lock().feeds_broken;
        Self { memory, keys, after, started }
    }

    fn poll(&mut self, context: &Context<'_>) -> Poll<Result<Entry, Unavailable>> {
        let mut shared = self.memory.lock();
        if shared.feeds_broken != self.started {
            return Poll::Ready(Err(Unavailable("the feed broke".to_owned())));
        }
        let mut matching = shared.log.kept_after(self.after).filter(|m| self.keys.contains(&m.key));
        if let Some(message) = matching.next() {
            self.after = message.revision;
            let entry = message.entry();
            let pending = matching.count() as u64;
            return Poll::Ready(Ok(Entry { pending, ..entry }));
        }
        drop(matching);
        if !shared.waiting.iter().any(|waker| waker.will_wake(context.waker())) {
            shared.waiting.push(context.waker().clone());
        }
        Poll::Pending
    }
}

struct Next<'f>(&'f mut MemoryFeed);

impl Future for Next<'_> {
    type Output = Result<Entry, Unavailable>;
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll(context)
    }
}

impl Feed for MemoryFeed {
    async fn next(&mut self) -> Result<Entry, Unavailable> {
        // A batch comes message by message, and others act in between.
        self.memory.pause().await;
        Next(self).await
    }
}
