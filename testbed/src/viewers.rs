//! People who only look on: thousands of open event streams of one sale, and what each of them was shown.
//!
//! **What it is for.** Most of those who come to a sale watch the stock move, before and after they buy. The demo shows that
//! they do not slow the buyers down, the tests that each of them ends on the right numbers.
//!
//! **What must always hold.** Nothing is forgiven: a stream that ends is opened again, as a browser would, and counted as
//! cut; the longest silence of each is kept.
//!
//! **What it costs.** One thread for all of them, so that they take the crowd's threads nothing; a task and some 20 KB per
//! viewer. An event is copied, not read: only what a viewer saw last is ever parsed.

mod report;
mod stream;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use serde_json::Value;
use tokio::sync::{Semaphore, watch};

pub use report::Report;

use crate::eventually;
use crate::stopwatch::Stopwatch;

/// Streams that are being opened at a time: more would only fill the edges' queues of connections.
const OPENING_MAX: usize = 64;
/// How long it may take until each has seen its first event.
const OPEN_WITHIN: Duration = Duration::from_secs(60);

/// Free units of each item.
pub type Stock = BTreeMap<String, u64>;

/// The free units that a page or an event of a sale shows.
///
/// # Errors
/// When it shows no items, or an item of which it is not known.
pub fn stock(shown: &Value) -> anyhow::Result<Stock> {
    let items = shown["items"].as_array().context("no items are shown")?;
    let free = |item: &Value| Some((item["sku"].as_str()?.to_owned(), item["free"].as_u64()?));
    items.iter().map(|item| free(item).with_context(|| format!("no stock is shown: {item}"))).collect()
}

/// What one viewer was shown.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// How many events.
    pub events: u64,
    /// How often its stream ended, or could not be opened.
    pub cuts: u64,
    /// How long it watches, from its first event.
    pub watched: Duration,
    /// Longest time without an event, the present silence included.
    pub longest_silence: Duration,
    last: Bytes,
}

impl Seen {
    /// The free units that it saw last.
    ///
    /// # Errors
    /// When it saw nothing, or what it saw shows none.
    pub fn stock(&self) -> anyhow::Result<Stock> {
        stock(&serde_json::from_slice(&self.last).context("the last event is no JSON")?)
    }
}

/// What a viewer notes while it watches; times since the start of all of them.
#[derive(Default)]
struct Notes {
    seen: Seen,
    first_at: Duration,
    last_at: Duration,
}

/// What the viewers share.
struct Stand {
    /// `host:port` of each edge.
    edges: Vec<String>,
    path: String,
    clock: Stopwatch,
    opening: Semaphore,
    notes: Vec<Mutex<Notes>>,
}

impl Stand {
    fn notes(&self, viewer: usize) -> Option<MutexGuard<'_, Notes>> {
        // Nothing that holds the lock leaves the notes half written.
        Some(self.notes.get(viewer)?.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Open event streams. Dropping them closes all.
pub struct Viewers {
    stand: Arc<Stand>,
    over: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Viewers {
    /// Opens so many streams of a sale, spread over the edges, and waits until each has shown its first event.
    ///
    /// # Errors
    /// When there is no edge, too few files may be open, or not all are open within a minute.
    pub async fn open(edges: &[String], sale: &str, count: usize) -> anyhow::Result<Self> {
        ensure!(!edges.is_empty(), "viewers need an edge to watch");
        crate::files::allow(count)?;
        let host = |edge: &String| edge.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let stand = Arc::new(Stand {
            edges: edges.iter().map(host).collect(),
            path: format!("/v1/sales/{sale}/events"),
            clock: Stopwatch::start(),
            opening: Semaphore::new(OPENING_MAX),
            notes: std::iter::repeat_with(Mutex::default).take(count).collect(),
        });
        let (over, ends) = watch::channel(false);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let watching = Arc::clone(&stand);
        let thread = std::thread::Builder::new().name("viewers".to_owned());
        let thread = thread.spawn(move || runtime.block_on(all(watching, ends)))?;
        let viewers = Self { stand, over, thread: Some(thread) };
        eventually(OPEN_WITHIN, "every viewer to see something", async || {
            let waiting = viewers.seen().iter().filter(|seen| seen.events == 0).count();
            ensure!(waiting == 0, "{waiting} of {count} see nothing");
            Ok(())
        })
        .await?;
        Ok(viewers)
    }

    /// What each was shown so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        let now = self.stand.clock.elapsed();
        let seen = |viewer| {
            let notes = self.stand.notes(viewer)?;
            let mut seen = notes.seen.clone();
            if seen.events > 0 {
                seen.watched = now.saturating_sub(notes.first_at);
                seen.longest_silence = seen.longest_silence.max(now.saturating_sub(notes.last_at));
            }
            Some(seen)
        };
        (0..self.stand.notes.len()).filter_map(seen).collect()
    }

    /// Waits until every one of them sees this stock.
    ///
    /// # Errors
    /// When one does not within `bound`; tells how many, and what one of them sees.
    pub async fn all_see(&self, truth: &Stock, bound: Duration) -> anyhow::Result<()> {
        eventually(bound, "every viewer to see the right numbers", async || {
            let seen = self.seen();
            let mut wrong = seen.iter().filter(|seen| seen.stock().ok().as_ref() != Some(truth));
            let Some(one) = wrong.next() else { return Ok(()) };
            anyhow::bail!("{} of {} see other numbers than {truth:?}: {one:?}", 1 + wrong.count(), seen.len())
        })
        .await
    }

    /// What they were shown, summed up, next to the truth.
    #[must_use]
    pub fn report(&self, truth: &Stock) -> Report {
        Report::of(&self.seen(), truth)
    }
}

impl Drop for Viewers {
    fn drop(&mut self) {
        self.over.send_replace(true);
        // It ends at once; a panic of it was printed.
        self.thread.take().map(JoinHandle::join);
    }
}

/// All viewers, until it is over.
async fn all(stand: Arc<Stand>, mut over: watch::Receiver<bool>) {
    let mut watching = tokio::task::JoinSet::new();
    for viewer in 0..stand.notes.len() {
        watching.spawn(stream::watch(Arc::clone(&stand), viewer));
    }
    // Closed is over, too.
    drop(over.wait_for(|over| *over).await);
}
