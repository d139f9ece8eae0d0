//! One shard at one edge: its stream, the view of it, and a counter per item.
//!
//! A desk lives as long as the life of the streams it was opened on; a changed definition of the same life only
//! replaces what its lanes read before each batch.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use protocol::sale::Definition;
use protocol::store::Store;
use protocol::{Generation, Sku};
use runtime::clock::Clock;
use runtime::trace::Tracer;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::counter::{Counter, Waiting};
use super::history::Memory;
use super::index::ReadIndex;
use super::lane;
use super::metrics::{Metrics, Shed};
use super::turn::Turns;
use super::view::View;

/// How a stream is best written to.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Most lanes per item.
    pub lanes_max: usize,
    /// Most claims per batch.
    pub claims_max: usize,
}

impl Shape {
    /// Replicas and memory stage batches in RAM and gain from several lanes; a single replica on file stages every
    /// batch in files, so there it pays to have one lane with larger batches.
    #[must_use]
    pub fn of(replicas: u8, on_file: bool) -> Self {
        if replicas <= 1 && on_file {
            Self { lanes_max: 1, claims_max: 200 }
        } else {
            Self { lanes_max: 4, claims_max: 128 }
        }
    }
}

/// What every desk of a process shares.
#[derive(Clone)]
pub struct Floor {
    /// Tells this edge's order of buckets from that of others.
    pub edge: u64,
    /// The time.
    pub clock: Clock,
    /// Owns every task.
    pub tasks: TaskTracker,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Told of batches with claims that are traced.
    pub tracer: Tracer,
    /// Told when the buckets of a desk turn out to be ahead of its definition.
    pub overtaken: Arc<Notify>,
}

/// One shard at one edge.
pub struct Desk<S> {
    pub(super) store: S,
    pub(super) shape: Shape,
    pub(super) floor: Floor,
    pub(super) view: View,
    pub(super) index: ReadIndex,
    pub(super) memory: Memory,
    pub(super) turns: Turns,
    pub(super) stop: CancellationToken,
    /// Held by the one claim that closes the buckets of a sale that is over.
    pub(super) closing: tokio::sync::Mutex<()>,
    definition: watch::Sender<Arc<Definition>>,
    counters: RwLock<HashMap<Sku, Arc<Counter>>>,
}

impl<S: Store> Desk<S> {
    /// Opens a desk; its view starts to follow at once.
    #[must_use]
    pub fn open(store: S, definition: Arc<Definition>, shape: Shape, floor: Floor) -> Arc<Self> {
        let desk = Arc::new(Self {
            store,
            shape,
            view: View::new(definition.holds()),
            index: ReadIndex::default(),
            memory: Memory::default(),
            turns: Turns::new(),
            stop: CancellationToken::new(),
            closing: tokio::sync::Mutex::default(),
            definition: watch::Sender::new(definition),
            counters: RwLock::default(),
            floor,
        });
        let following = Arc::clone(&desk);
        desk.floor.tasks.spawn(async move {
            following.view.follow(&following.store, &following.floor.clock, &following.stop).await
        });
        let serving = Arc::clone(&desk);
        desk.floor.tasks.spawn(async move { serving.index.serve(&serving.store, &serving.view, &serving.stop).await });
        desk
    }

    /// The newest definition.
    #[must_use]
    pub fn definition(&self) -> Arc<Definition> {
        Arc::clone(&self.definition.borrow())
    }

    /// A newer definition of the same life; an older one is ignored.
    pub fn redefine(&self, definition: &Arc<Definition>) {
        self.definition.send_if_modified(|known| {
            let newer = definition.generation >= known.generation && definition != known;
            if newer {
                *known = Arc::clone(definition);
            }
            newer
        });
    }

    /// Whether the buckets show that there is a newer definition: they are stamped with it, or have been freed from the
    /// stop that this one has.
    pub(super) fn is_overtaken(&self) -> bool {
        let definition = self.definition();
        self.view.newest_generation() > definition.generation
            || (definition.stopped && self.view.is_ready() && self.view.every_bucket(|bucket| !bucket.stopped))
    }

    /// Has the definition asked for, if the buckets are ahead of it: what should have told may have fallen silent.
    pub(super) fn ask_if_overtaken(&self) {
        if self.is_overtaken() {
            self.floor.overtaken.notify_one();
        }
    }

    /// Waits for a definition that is at least as new as this, within the bound.
    pub(super) async fn redefined(&self, generation: Generation, within: Duration) -> bool {
        self.ask_if_overtaken();
        let mut changes = self.definition.subscribe();
        let wait = changes.wait_for(|definition| definition.generation >= generation);
        tokio::time::timeout(within, wait).await.is_ok()
    }

    /// Gives the shard up: waiting claims are told that nothing was taken.
    pub fn close(&self) {
        self.stop.cancel();
    }

    /// How many claims wait here, and how many lanes work.
    pub(super) fn load(&self) -> (usize, usize) {
        let counters = self.counters.read().unwrap_or_else(PoisonError::into_inner);
        counters.values().fold((0, 0), |(waiting, lanes), counter| {
            (waiting + counter.waiting(), lanes + counter.lanes.load(Ordering::Relaxed))
        })
    }

    /// Queues a claim and sees to it that somebody works on it, unless it would wait too long.
    pub(super) fn submit(self: &Arc<Self>, buckets: u16, waiting: Waiting, budget: Duration) -> Result<(), Shed> {
        let counter = self.counter(&waiting.order.sku, buckets);
        let queued = counter.enqueue(waiting, budget)?;
        let lanes = counter.lanes.load(Ordering::Acquire);
        // One lane always; a further one only when the queue holds a full batch for each that there is.
        let wanted = lanes == 0 || (lanes < self.shape.lanes_max && queued >= self.shape.claims_max * lanes);
        if wanted && counter.lanes.compare_exchange(lanes, lanes + 1, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            self.floor.tasks.spawn(lane::run(Arc::clone(self), counter));
        }
        Ok(())
    }

    fn counter(&self, sku: &Sku, buckets: u16) -> Arc<Counter> {
        if let Some(counter) = self.counters.read().unwrap_or_else(PoisonError::into_inner).get(sku) {
            return Arc::clone(counter);
        }
        let mut counters = self.counters.write().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(Counter::new(self.floor.edge, sku.clone(), buckets));
        Arc::clone(counters.entry(sku.clone()).or_insert_with(new))
    }
}
