//! What those who watch a sale are sent, always the newest.
//!
//! **What must always hold.** At most two frames a second however fast the stock moves, at least one in fifteen seconds
//! however still it stands: the same frame with a newer time is the heartbeat, so viewers need no timers of their own. The
//! frames of a sale end when it is removed, when nobody watches, or when the process ends; viewers then end too, after the
//! last frame. Whoever comes is shown the newest at once, whenever the next is due.
//!
//! **What it costs.** One task per sale that somebody watches. A frame is encoded once for a [row](rows) of viewers, when it
//! is their turn, and shared by them.

mod rows;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use prometheus::IntGauge;
use protocol::SaleId;
use protocol::sale::Definition;
use runtime::clock::Clock;
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use utoipa::ToSchema;

use crate::claim::{Engine, Stock};
use crate::routes::sales::{ItemStock, State};
use crate::sales::Sales;
use rows::{FRAME_AFTER, Rows};

/// Longest time between two frames, less the shortest.
const HEARTBEAT_AFTER: Duration = Duration::from_millis(14_500);
/// How long the stock of a sale is waited for before a frame goes without it.
const LOOK_WAIT: Duration = Duration::from_secs(2);
/// How soon a stock that is not known is asked for again.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The frames of all sales; its clones are the same.
#[derive(Clone)]
pub struct Frames {
    shared: Arc<Shared>,
}

struct Shared {
    sales: Arc<Sales>,
    engine: Engine,
    clock: Clock,
    tasks: TaskTracker,
    stopping: CancellationToken,
    seats: Arc<Semaphore>,
    /// Of those who watch an order of their own: a crowd that only looks on must not take them.
    own_seats: Arc<Semaphore>,
    open: Mutex<HashMap<SaleId, Arc<Rows>>>,
}

/// What a sale is doing and what can be had of it now.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SaleEvent)]
pub(crate) struct Frame<'a> {
    /// The time by our clock, to count down with.
    server_time: Timestamp,
    /// What it is doing.
    state: State,
    /// First instant at which claims are taken.
    start: Timestamp,
    /// First instant at which they are not taken any more.
    end: Timestamp,
    /// What can be had of each item.
    items: Vec<ItemStock<'a>>,
}

/// A viewer's place, counted as long as it is there.
pub struct Seat {
    /// When the viewer has to leave.
    pub stopping: CancellationToken,
    count: IntGauge,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.count.dec();
    }
}

impl Frames {
    /// No frames yet; room for this many viewers.
    #[must_use]
    pub fn new(
        sales: Arc<Sales>,
        engine: Engine,
        clock: Clock,
        tasks: TaskTracker,
        stopping: CancellationToken,
        viewers_max: u32,
    ) -> Self {
        let seats = || Arc::new(Semaphore::new(viewers_max as usize));
        let (seats, own_seats) = (seats(), seats());
        let open = Mutex::default();
        Self { shared: Arc::new(Shared { sales, engine, clock, tasks, stopping, seats, own_seats, open }) }
    }

    /// Room for one viewer of an order of their own, until it is dropped; `None` when there is none, or the process ends.
    #[must_use]
    pub fn own_seat(&self, count: IntGauge) -> Option<Seat> {
        self.seat(&self.shared.own_seats, count)
    }

    fn seat(&self, seats: &Arc<Semaphore>, count: IntGauge) -> Option<Seat> {
        let permit = Arc::clone(seats).try_acquire_owned().ok()?;
        let stopping = self.shared.stopping.clone();
        if stopping.is_cancelled() {
            return None;
        }
        count.inc();
        Some(Seat { stopping, count, _permit: permit })
    }

    /// The frames of a sale; `None` when there is no room for another viewer, or the process ends.
    #[must_use]
    pub fn watch(&self, definition: &Definition, count: IntGauge) -> Option<(Seat, watch::Receiver<Bytes>)> {
        let shared = &self.shared;
        let seat = self.seat(&shared.seats, count)?;
        let mut open = shared.open();
        if let Some(rows) = open.get(&definition.sale) {
            return Some((seat, rows.join()));
        }
        let rows = Arc::new(Rows::default());
        let watching = rows.join();
        open.insert(definition.sale.clone(), Arc::clone(&rows));
        let (drawing, sale) = (Arc::clone(shared), definition.sale.clone());
        shared.tasks.spawn(async move { drawing.draw(&sale, rows).await });
        Some((seat, watching))
    }
}

impl Shared {
    async fn draw(&self, sale: &SaleId, rows: Arc<Rows>) {
        let mut changes = self.sales.changes();
        loop {
            // Before the definition is read, so that a change after that is not missed.
            changes.mark_unchanged();
            let Ok(Some(definition)) = self.sales.get(sale) else { break };
            let look = tokio::time::timeout(LOOK_WAIT, self.engine.look_at(&definition));
            if self.stopping.run_until_cancelled(look).await.is_none() {
                break;
            }
            // Subscribed before the stock is read, so that a change in between is not missed.
            let moves = self.engine.stock_changes(&definition);
            // Seen from before the first row's frame: what turns while the others are served is no past to them.
            let turns = definition.next_transition(self.clock.now());
            let next = async {
                let known = self.round(&definition, &rows).await;
                self.next(turns, &mut changes, moves, known).await;
            };
            if self.stopping.run_until_cancelled(next).await.is_none() || self.nobody_watches(sale, &rows) {
                break;
            }
        }
        self.forget(sale, &rows);
    }

    /// Sends every row what is so when its turn comes, and returns when the first one may have another frame; whether the
    /// stock was known.
    async fn round(&self, definition: &Definition, rows: &Rows) -> bool {
        let begun = self.clock.monotonic();
        let mut known = true;
        for number in 0.. {
            let Some(turn) = rows.turn(number, begun) else { break };
            tokio::time::sleep_until(turn).await;
            let stock = self.engine.stock(definition);
            known = stock.is_some();
            rows.send(number, encode(definition, stock.as_ref(), self.clock.now()), self.clock.monotonic());
        }
        tokio::time::sleep_until(begun + FRAME_AFTER).await;
        known
    }

    /// Returns when there is something new, or it is time to show that nothing is.
    async fn next(
        &self,
        turns: Option<Timestamp>,
        changes: &mut watch::Receiver<Arc<crate::sales::Snapshot>>,
        moves: Option<Vec<watch::Receiver<u64>>>,
        known: bool,
    ) {
        let moved = async {
            match moves {
                Some(mut moves) if known => {
                    let any = moves.iter_mut().map(|shard| Box::pin(shard.changed()));
                    // A desk that is closed is another change; the pause keeps it from turning idly.
                    if futures::future::select_all(any).await.0.is_err() {
                        tokio::time::sleep(LOOK_AGAIN_AFTER).await;
                    }
                }
                _ => tokio::time::sleep(LOOK_AGAIN_AFTER).await,
            }
        };
        let turns = async {
            match turns {
                Some(at) => self.clock.sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = moved => {}
            () = turns => {}
            _ = changes.changed() => {}
            () = tokio::time::sleep(HEARTBEAT_AFTER) => {}
        }
    }

    /// Under the lock, so that nobody begins to watch frames that have just ended.
    fn nobody_watches(&self, sale: &SaleId, rows: &Rows) -> bool {
        let mut open = self.open();
        let nobody = !rows.tidy();
        if nobody {
            open.remove(sale);
        }
        nobody
    }

    /// Unless others were begun meanwhile.
    fn forget(&self, sale: &SaleId, rows: &Arc<Rows>) {
        let mut open = self.open();
        if open.get(sale).is_some_and(|present| Arc::ptr_eq(present, rows)) {
            open.remove(sale);
        }
    }

    fn open(&self) -> MutexGuard<'_, HashMap<SaleId, Arc<Rows>>> {
        // Nothing that holds the lock leaves the map half written.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn encode(definition: &Definition, stock: Option<&Stock>, now: Timestamp) -> Bytes {
    let frame = Frame {
        server_time: now,
        state: State::of(definition, now),
        start: definition.start,
        end: definition.end,
        items: definition.items.iter().map(|item| ItemStock::of(item, stock)).collect(),
    };
    let json = serde_json::to_string(&frame).unwrap_or_default();
    Bytes::from(format!("id: {}\nevent: sale\ndata: {json}\n\n", now.as_millisecond()))
}
