//! What a follower does while nothing comes.
//!
//! **What must always hold.** `exact` is said only when the leader named the position of the cursor after everything up
//! to it was committed. The sums that are said with it were complete before the leader was asked and nobody else changes
//! them (whoever does moves the cursor, and then nothing of ours commits), so one question answers for before and after.
//! An audit reads both sides afresh and therefore asks twice.

use std::time::Duration;

use protocol::Revision;
use protocol::store::Store;
use runtime::clock::Instant;

use super::{End, Following};
use crate::audit::{Cut, Trouble, audit};
use crate::metrics::Verdict;

/// Shortest time between the starts of two audits of a shard.
const AUDIT_PAUSE: Duration = Duration::from_secs(2);
/// An audit may take one part in this many of the time.
const AUDIT_SHARE: u32 = 20;
/// How long to wait before the leader is asked again when the feed is not at its position yet.
const ASK_AGAIN: Duration = Duration::from_millis(50);
/// How long a feed may deliver nothing although the leader is ahead; then it is started anew.
const SILENCE_MAX: Duration = Duration::from_secs(10);
/// How long to wait before looking whether there is something to do; a message ends it at once.
const IDLE: Duration = Duration::from_secs(5);
/// How often payments that are not at their end are counted: somebody may wait for the last one.
const COUNT_EVERY: Duration = Duration::from_secs(1);

/// What was said and done since the cursor last moved.
#[derive(Debug)]
pub(super) struct Quiet {
    /// Since when nothing came.
    since: Instant,
    /// Whether the leader has named the cursor's position.
    exact: bool,
    /// Whether both sides were compared at the cursor.
    audited: bool,
    /// Not before this.
    next_audit: Instant,
    /// How long the newest audit took.
    took: Duration,
    /// Whether the leader failed to answer and it was logged.
    complained: bool,
}

impl Quiet {
    pub(super) fn new(now: Instant) -> Self {
        Self { since: now, exact: false, audited: false, next_audit: now, took: Duration::ZERO, complained: false }
    }

    /// The cursor moved.
    pub(super) fn moved(&mut self, now: Instant) {
        (self.since, self.exact, self.audited) = (now, false, false);
    }

    /// An audit came to an end; when the next one may begin. The shorter of the newest two tells how long one takes: a sale
    /// that has grown makes every one longer, a machine that stood still for a moment only one. One that found the stream
    /// away tells nothing.
    fn pace<T>(&mut self, began: Instant, took: Duration, ended: &Result<T, Trouble>) {
        let cost = match ended {
            Err(Trouble::Stream(_)) => Duration::ZERO,
            _ => took.min(std::mem::replace(&mut self.took, took)),
        };
        self.next_audit = began + AUDIT_PAUSE.max(cost * AUDIT_SHARE);
    }
}

impl<S: Store> Following<'_, S> {
    /// One thing that is due, or a pause. Dropping it at any point undoes nothing.
    pub(super) async fn quiet(&mut self) -> Result<(), End> {
        let now = self.follower.clock.monotonic();
        if !self.quiet.exact {
            self.ask(now).await
        } else if self.quiet.audited {
            self.idle().await
        } else if now < self.quiet.next_audit {
            tokio::time::sleep_until(self.quiet.next_audit).await;
            Ok(())
        } else {
            self.compare(now).await
        }
    }

    /// Nothing is due but payments that were on their way when they were counted: their end moves no stream.
    async fn idle(&mut self) -> Result<(), End> {
        if self.payments_open == 0 {
            tokio::time::sleep(IDLE).await;
            return Ok(());
        }
        tokio::time::sleep(COUNT_EVERY).await;
        let open = self.follower.repo.payments_open(&self.follower.stream.sale).await?;
        if std::mem::replace(&mut self.payments_open, open) != open {
            self.say(0.0, true);
        }
        Ok(())
    }

    async fn ask(&mut self, now: Instant) -> Result<(), End> {
        let position = match self.follower.store.position().await {
            Ok(position) => position,
            Err(lost) => {
                if !std::mem::replace(&mut self.quiet.complained, true) {
                    tracing::warn!(shard = self.follower.stream.name(), "its leader does not say where it is: {lost}");
                }
                tokio::time::sleep(ASK_AGAIN).await;
                return Ok(());
            }
        };
        self.quiet.complained = false;
        if position == self.book.cursor {
            self.quiet.exact = true;
            self.say(0.0, true);
        } else if position < self.book.cursor {
            // A deposed leader may name an old position for a moment; one that stays there has lost what we have.
            if now - self.quiet.since > SILENCE_MAX {
                return Err(End::Halted(format!(
                    "postgres is at position {}, the stream only at {position}: it lost what was acknowledged",
                    self.book.cursor
                )));
            }
            tokio::time::sleep(ASK_AGAIN).await;
        } else {
            if now - self.quiet.since > SILENCE_MAX {
                return Err(End::Lost(format!(
                    "the feed delivers nothing, although the stream is at {position} and postgres at {}",
                    self.book.cursor
                )));
            }
            tokio::time::sleep(ASK_AGAIN).await;
        }
        Ok(())
    }

    async fn compare(&mut self, began: Instant) -> Result<(), End> {
        let follower = self.follower;
        let metrics = &follower.metrics;
        self.quiet.next_audit = began + AUDIT_PAUSE;
        let first = Revision(follower.identity.first_seq);
        let cut = Cut { position: self.book.cursor, first };
        let result = audit(&follower.store, &follower.repo, &self.rows, cut, follower.clock.now()).await;
        let took = follower.clock.monotonic() - began;
        self.quiet.pace(began, took, &result);
        match result {
            Ok(None) => {
                metrics.audits[Verdict::Discarded].inc();
                self.quiet.exact = false;
            }
            Ok(Some(audit)) => {
                self.payments_open = follower.repo.payments_open(&follower.stream.sale).await?;
                follower.repo.keep_audit(&self.rows, audit.at, audit.position, &audit.breaches).await?;
                if audit.breaches.is_empty() {
                    metrics.audits[Verdict::Balanced].inc();
                    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 fit a double for ages")]
                    metrics.balanced_at_seconds.set(audit.at.as_second() as f64);
                } else {
                    metrics.audits[Verdict::Broken].inc();
                    let (shard, breaches) = (follower.stream.name(), audit.breaches.join("; "));
                    tracing::error!(shard, position = audit.position.0, "the books do not balance: {breaches}");
                }
                self.audit = Some(audit);
                self.quiet.audited = true;
                self.say(0.0, true);
            }
            Err(Trouble::Broken(broken)) => return Err(End::Halted(broken.0)),
            Err(Trouble::Rows(error)) => return Err(error.into()),
            Err(Trouble::Stream(lost)) => {
                metrics.audits[Verdict::Discarded].inc();
                tracing::info!(shard = follower.stream.name(), "an audit is put off: {lost}");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
