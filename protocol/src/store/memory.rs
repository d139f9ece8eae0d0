//! The in-memory twin of a shard's stream, with faults.
//!
//! **What it is for.** Lanes, settling, the supply loop and the follower run against it in simulation: same port, same
//! answers, and every fault at the moment a test names, or by the dice of a seed.
//!
//! **What must always hold.** Without a fault it answers as the server does: every condition is checked at the commit
//! against the state before the batch, a batch is stored as a whole with contiguous revisions or not at all, one value
//! is kept per key, and a conflict names the last revision of the first key, in message order, whose condition failed.
//! Same seed and same calls give the same answers.
//!
//! **What is deliberately absent.** A clock and a runtime. Time is what [`Memory::set_time`] says; a fault that lasts
//! ends after a number of calls, so that a test under paused time cannot hang on it.

mod calls;
mod chaos;
mod feed;
mod history;
mod log;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use jiff::Timestamp;

pub use self::chaos::Chaos;
use self::chaos::Dice;
pub use self::feed::MemoryFeed;
pub use self::history::{Broken, check_history};
use self::log::Log;
pub use self::log::Logged;
use super::{Entry, Outcome, Unavailable, Write};
use crate::id::Revision;
use crate::key::Key;

/// What happens to one commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The server decides it, the answer gets lost: `Unknown`.
    AckLost,
    /// It never reaches the server: `Unknown`.
    Lost,
    /// `Unknown` now; it stays on the way until the test lets it [`land`](Memory::land) or [`forget`](Memory::forget)s
    /// it.
    Delayed,
    /// A passing reason: `NotTaken`.
    NotTaken,
    /// A clash with a write in flight: `Conflict(None)`.
    Clash,
}

/// Names a commit that is still on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(u64);

/// One shard's stream in memory. Clones share it.
#[derive(Clone, Debug)]
pub struct Memory {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug)]
struct Shared {
    log: Log,
    now: Timestamp,
    script: VecDeque<Scripted>,
    dice: Dice,
    /// Calls so far: what a fault that lasts is measured in.
    calls: u64,
    on_the_way: Vec<OnTheWay>,
    next_ticket: u64,
    leader_away: bool,
    /// With chaos: the call at which a leader is back.
    leader_back_at: u64,
    stale_at: Option<Revision>,
    /// Feeds that were started before this counter rose are broken.
    feeds_broken: u64,
    waiting: Vec<Waker>,
}

#[derive(Debug)]
struct Scripted {
    /// The commit that it is for must write this key; `None` for whichever comes next.
    writes: Option<Key>,
    fault: Fault,
}

#[derive(Debug)]
struct OnTheWay {
    ticket: Ticket,
    batch: Vec<Write>,
    /// `None` while its caller waits for it; then the call at which it lands by itself, if it ever does.
    orphan: Option<Option<u64>>,
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

impl Memory {
    /// An empty stream whose first position is 1, without faults.
    #[must_use]
    pub fn new() -> Self {
        Self::starting_at(1)
    }

    /// An empty stream with this first position (at least 1), as the operator makes them.
    #[must_use]
    pub fn starting_at(first: u64) -> Self {
        let shared = Shared {
            log: Log::new(first.max(1)),
            now: Timestamp::UNIX_EPOCH,
            script: VecDeque::new(),
            dice: Dice::default(),
            calls: 0,
            on_the_way: Vec::new(),
            next_ticket: 0,
            leader_away: false,
            leader_back_at: 0,
            stale_at: None,
            feeds_broken: 0,
            waiting: Vec::new(),
        };
        Self { shared: Arc::new(Mutex::new(shared)) }
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time that messages are stored with from now on.
    pub fn set_time(&self, now: Timestamp) {
        self.lock().now = now;
    }

    /// Lets this happen to the next commit that no earlier script took.
    pub fn script(&self, fault: Fault) {
        self.lock().script.push_back(Scripted { writes: None, fault });
    }

    /// Lets this happen to the next commit that writes this key.
    pub fn script_for(&self, key: Key, fault: Fault) {
        self.lock().script.push_back(Scripted { writes: Some(key), fault });
    }

    /// Faults by dice from now on.
    pub fn unleash(&self, chaos: Chaos) {
        self.lock().dice = Dice::new(chaos);
    }

    /// No faults any more: the leader is back, scripts and dice are gone. What is on the way stays there.
    pub fn calm(&self) {
        let mut shared = self.lock();
        shared.dice = Dice::default();
        shared.script.clear();
        shared.leader_away = false;
        shared.leader_back_at = 0;
        shared.stale_at = None;
    }

    /// Commits whose outcome their callers do not know, and that may still land, oldest first.
    #[must_use]
    pub fn delayed(&self) -> Vec<(Ticket, Vec<Write>)> {
        let shared = self.lock();
        let orphans = shared.on_the_way.iter().filter(|o| o.orphan.is_some());
        orphans.map(|o| (o.ticket, o.batch.clone())).collect()
    }

    /// Lets a delayed commit reach the server now; what it decided, `None` when it is not on the way any more.
    pub fn land(&self, ticket: Ticket) -> Option<Outcome> {
        self.lock().land(ticket)
    }

    /// Lets a delayed commit never reach the server.
    pub fn forget(&self, ticket: Ticket) {
        self.lock().on_the_way.retain(|o| o.ticket != ticket);
    }

    /// Takes the stream's leader away, or brings one back. Without one there are no leader reads, no positions, and
    /// commits are not taken; snapshots and feeds go on from replicas.
    pub fn set_leader_away(&self, away: bool) {
        self.lock().leader_away = away;
    }

    /// Snapshots come from a replica that knows nothing after this position, until told otherwise.
    pub fn set_snapshots_at(&self, at: Option<Revision>) {
        self.lock().stale_at = at;
    }

    /// Breaks every feed that was started so far.
    pub fn break_feeds(&self) {
        self.lock().break_feeds();
    }

    /// Drops everything after this position, as a server does that lost what it had not synced. Feeds break.
    pub fn lose_tail(&self, after: Revision) {
        let mut shared = self.lock();
        shared.log.truncate(after);
        shared.break_feeds();
    }

    /// Every message that was ever stored, superseded ones included, in order.
    #[must_use]
    pub fn log(&self) -> Vec<Logged> {
        self.lock().log.messages().to_vec()
    }

    /// Checks the laws at every position of the log so far.
    ///
    /// # Errors
    /// The first law that is broken, and where.
    pub fn check(&self) -> Result<(), Broken> {
        check_history(self.lock().log.messages())
    }

    /// The newest value of a key, past every fault.
    #[must_use]
    pub fn peek(&self, key: &Key) -> Option<Entry> {
        self.lock().log.newest(key)
    }

    /// The last position, past every fault.
    #[must_use]
    pub fn last(&self) -> Revision {
        self.lock().log.last()
    }
}

impl Shared {
    /// Counts a call; lands what is due and lets a leader go or come back.
    fn tick(&mut self) {
        self.calls += 1;
        let calls = self.calls;
        let due = |o: &OnTheWay| o.orphan.flatten().is_some_and(|at| at <= calls);
        let tickets: Vec<Ticket> = self.on_the_way.iter().filter(|o| due(o)).map(|o| o.ticket).collect();
        for ticket in tickets {
            self.land(ticket);
        }
        if let Some(calls) = self.dice.leader_goes_for() {
            self.leader_back_at = self.calls + calls;
        }
        if self.dice.feeds_break() {
            self.break_feeds();
        }
    }

    fn leader(&self) -> Result<(), Unavailable> {
        if self.leader_away || self.calls < self.leader_back_at {
            Err(Unavailable("the stream has no leader".to_owned()))
        } else {
            Ok(())
        }
    }

    fn land(&mut self, ticket: Ticket) -> Option<Outcome> {
        let position = self.on_the_way.iter().position(|o| o.ticket == ticket)?;
        let OnTheWay { batch, .. } = self.on_the_way.remove(position);
        let outcome = self.log.append(batch, self.now);
        if matches!(outcome, Outcome::Committed(_)) {
            self.wake();
        }
        Some(outcome)
    }

    fn break_feeds(&mut self) {
        self.feeds_broken += 1;
        self.wake();
    }

    fn wake(&mut self) {
        self.waiting.drain(..).for_each(Waker::wake);
    }

    fn fault_for(&mut self, batch: &[Write]) -> Option<Fault> {
        let meant = |s: &Scripted| s.writes.as_ref().is_none_or(|key| batch.iter().any(|write| write.key == *key));
        match self.script.iter().position(meant) {
            Some(position) => self.script.remove(position).map(|scripted| scripted.fault),
            None => self.dice.fault(),
        }
    }

    fn send(&mut self, batch: Vec<Write>) -> Ticket {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        self.on_the_way.push(OnTheWay { ticket, batch, orphan: None });
        ticket
    }

    /// Nobody waits for it any more; the dice say when it lands, if there are any.
    fn orphan(&mut self, ticket: Ticket) {
        let lands = self.dice.lands_after().map(|calls| self.calls + calls);
        if let Some(found) = self.on_the_way.iter_mut().find(|o| o.ticket == ticket) {
            found.orphan = Some(lands);
        }
    }
}

#[cfg(test)]
mod tests;
