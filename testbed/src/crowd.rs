//! A crowd of shoppers, each of whom wants one thing and does not give up before it knows the truth.
//!
//! **What it is for.** The demo shows it, the tests assert on it, and a platform team can point it at its own edges. A
//! shopper has a session and an idempotency key, sends its request (twice at once, if told so), and repeats it with the
//! same key after a lost connection, a time-out, `busy` or `202`, on whichever edge comes next.
//!
//! **What must always hold.** Every answer is recorded. A story ends with an order, a refusal that is no invitation to
//! come back at once, or "gave up" after the bound, which no healthy run has.
//!
//! **What it costs.** A task per request and a bounded number of connections; latency is measured from the moment a
//! request was meant to be sent, so a slow system cannot hide behind a shopper who waits politely (coordinated omission).

mod course;
mod page;
mod report;
mod shopper;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::ensure;
use futures::StreamExt as _;

pub use course::{Course, Latency};
pub use page::{Asked, Page};
pub use report::Report;
pub use shopper::{Attempt, End, Story};

use crate::stopwatch::Stopwatch;
use shopper::Shopper;

/// How the shoppers come.
#[derive(Debug, Clone, Copy)]
pub enum Arrival {
    /// All at once; each connection takes the next shopper when it is free.
    Burst,
    /// So many per second, whether or not the earlier ones were answered.
    PerSecond(f64),
}

/// What the crowd wants, and how it behaves.
#[derive(Debug, Clone)]
pub struct Crowd {
    /// Base URLs of the edges; shoppers spread over them.
    pub edges: Vec<String>,
    /// The sale's id.
    pub sale: String,
    /// What everybody wants.
    pub sku: String,
    /// Units each.
    pub quantity: u32,
    /// How often each shopper sends the same request at once.
    pub sends: usize,
    /// Most requests in flight.
    pub connections: usize,
    /// How they come.
    pub arrival: Arrival,
    /// How long a shopper keeps asking.
    pub patience: Duration,
}

/// What all shoppers of a run share.
struct Stage {
    client: shopper::Client,
    crowd: Crowd,
    clock: Stopwatch,
    seats: tokio::sync::Semaphore,
    done: AtomicUsize,
}

/// Everything that happened.
#[derive(Debug)]
pub struct History {
    /// One per request of each shopper; the requests of one shopper share an idempotency key.
    pub stories: Vec<Story>,
    /// How long it took.
    pub took: Duration,
}

impl Crowd {
    /// Sends one shopper per session and waits until each knows how it ended. `progress` hears how many are done.
    ///
    /// # Errors
    /// When the crowd has no edge to go to.
    pub async fn run(&self, sessions: &[String], progress: impl Fn(usize)) -> anyhow::Result<History> {
        ensure!(!self.edges.is_empty(), "a crowd needs an edge to go to");
        let stage = Arc::new(Stage {
            client: shopper::client(),
            crowd: self.clone(),
            clock: Stopwatch::start(),
            seats: tokio::sync::Semaphore::new(self.connections.max(1)),
            done: AtomicUsize::new(0),
        });
        let mut shopping = tokio::task::JoinSet::new();
        for (number, session) in sessions.iter().enumerate() {
            let key = uuid::Uuid::new_v4().to_string();
            let due = self.due(number);
            for send in 0..self.sends.max(1) {
                let shopper = Shopper { number, edge: number + send, session: session.clone(), key: key.clone(), due };
                let stage = Arc::clone(&stage);
                shopping.spawn(async move {
                    let story = shopper.shop(&stage).await;
                    stage.done.fetch_add(1, Ordering::Relaxed);
                    story
                });
            }
        }
        let mut stories = Vec::with_capacity(sessions.len() * self.sends.max(1));
        let mut ticks = futures::stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            Some(((), ()))
        })
        .boxed();
        loop {
            tokio::select! {
                story = shopping.join_next() => match story {
                    Some(story) => stories.push(story?),
                    None => break,
                },
                _ = ticks.next() => progress(stage.done.load(Ordering::Relaxed)),
            }
        }
        progress(stage.done.load(Ordering::Relaxed));
        stories.sort_by_key(|story: &Story| story.shopper);
        Ok(History { stories, took: stage.clock.elapsed() })
    }

    /// The same, and something that goes wrong once `after` requests were answered for good; what that returns too.
    ///
    /// # Errors
    /// When the crowd cannot run, or what goes wrong does not.
    pub async fn disturbed<T>(
        &self,
        sessions: &[String],
        after: usize,
        trouble: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<(History, T)> {
        let (answered, mut seen) = tokio::sync::watch::channel(0);
        let run = self.run(sessions, |done| {
            answered.send_replace(done);
        });
        let trouble = async {
            seen.wait_for(|done| *done >= after).await?;
            trouble.await
        };
        tokio::try_join!(run, trouble)
    }

    #[expect(clippy::cast_precision_loss, reason = "a shopper's number is far below 2^52")]
    fn due(&self, number: usize) -> Duration {
        match self.arrival {
            Arrival::Burst => Duration::ZERO,
            Arrival::PerSecond(rate) => Duration::from_secs_f64(number as f64 / rate.max(0.001)),
        }
    }
}

impl History {
    /// The orders that shoppers were told of, by shopper; an error when two answers to one shopper contradict.
    ///
    /// # Errors
    /// Names the first contradiction: two orders for one key, or a yes and a no.
    pub fn orders(&self) -> anyhow::Result<BTreeMap<usize, String>> {
        let mut ends: BTreeMap<usize, &End> = BTreeMap::new();
        for story in &self.stories {
            let first = *ends.entry(story.shopper).or_insert(&story.end);
            let agree = match (first, &story.end) {
                (End::Order(one), End::Order(other)) => one == other,
                (End::Order(_), _) | (_, End::Order(_)) => false,
                _ => true,
            };
            ensure!(agree, "shopper {} was told two things: {first:?} and {:?}", story.shopper, story.end);
        }
        Ok(ends
            .into_iter()
            .filter_map(|(shopper, end)| match end {
                End::Order(id) => Some((shopper, id.clone())),
                _ => None,
            })
            .collect())
    }
}
