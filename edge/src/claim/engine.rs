//! Which desk a request goes to: one per shard of every live sale, opened and closed as definitions come and go.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::time::Duration;

use protocol::claim::Request;
use protocol::key::Installation;
use protocol::sale::{Definition, Gate, StreamIdentity};
use protocol::store::Unavailable;
use protocol::{CustomerId, Epoch, Generation, OrderId, OrderNumber, SaleId, Shard, Sku, Units};
use runtime::jetstream::{JetStream, OpenError};
use tokio::sync::watch;

use super::cancel::{self, Cancelled};
use super::desk::{Desk, Floor, Shape};
use super::history::{self, Stored};
use super::tally::Held;
use super::{Answer, BUSY};

/// How long a request waits for its desk to be opened.
const OPEN_WAIT: Duration = Duration::from_secs(2);
/// How long it waits for another one that opens it; then it tries by itself, as what the other one asked may be lost.
const OPENER_WAIT: Duration = Duration::from_millis(250);

/// What can be had of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockItem {
    /// Which item.
    pub sku: Sku,
    /// Units in its buckets, as last seen.
    pub free: Units,
    /// What may come back, as last seen; looked for only while nothing is free.
    pub held: Option<Held>,
}

/// What can be had in a sale, as last seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stock {
    /// In the order of the definition.
    pub items: Vec<StockItem>,
}

/// Identity of a desk: another epoch, or a stream that was made again, is another desk.
type Place = (SaleId, Epoch, Shard);

/// The claim engine of an edge. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

struct Shared {
    client: async_nats::Client,
    installation: Installation,
    floor: Floor,
    desks: RwLock<HashMap<Place, Open>>,
    /// Who opens a desk, while others who want it wait: a crowd's first claims are one question to NATS, not one each.
    openers: Mutex<HashMap<Place, Weak<tokio::sync::Mutex<()>>>>,
    /// Sales whose stock is not to be touched, by the definition that said so.
    withdrawn: RwLock<HashMap<SaleId, Generation>>,
    /// Cleared while the clock is known to be wrong: then nothing is claimed, and nothing closed, by it.
    punctual: AtomicBool,
}

struct Open {
    identity: StreamIdentity,
    desk: Arc<Desk<JetStream>>,
}

impl Engine {
    /// An engine that claims over this connection.
    #[must_use]
    pub fn new(client: async_nats::Client, installation: Installation, floor: Floor) -> Self {
        let shared = Shared {
            client,
            installation,
            floor,
            desks: RwLock::default(),
            openers: Mutex::default(),
            withdrawn: RwLock::default(),
            punctual: AtomicBool::new(true),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Claims, within a budget of time.
    pub async fn claim(
        &self,
        definition: &Arc<Definition>,
        customer: CustomerId,
        request: &Request,
        budget: Duration,
    ) -> Answer {
        if !self.shared.punctual.load(Ordering::Relaxed) {
            return Answer::Refused(BUSY);
        }
        match self.desk(definition, customer.shard(definition.shards())).await {
            Ok(desk) => super::claim(&desk, customer, request, budget).await,
            Err(error) => {
                tracing::debug!(sale = %definition.sale, %error, "no desk for a claim");
                Answer::Refused(BUSY)
            }
        }
    }

    /// A customer's orders in a sale, from the leader.
    ///
    /// # Errors
    /// [`Unavailable`] when the leader did not answer.
    pub async fn orders(&self, definition: &Arc<Definition>, customer: CustomerId) -> Result<Vec<Stored>, Unavailable> {
        let desk = self.desk(definition, customer.shard(definition.shards())).await?;
        history::read(&desk.store, customer).await
    }

    /// One of a customer's orders, from the leader.
    ///
    /// # Errors
    /// [`Unavailable`] when the leader did not answer.
    pub async fn order(
        &self,
        definition: &Arc<Definition>,
        customer: CustomerId,
        number: OrderNumber,
    ) -> Result<Option<Stored>, Unavailable> {
        let desk = self.desk(definition, customer.shard(definition.shards())).await?;
        history::read_one(&desk.store, customer, number).await
    }

    /// Gives a held order of a customer back, within a budget of time.
    ///
    /// # Errors
    /// [`Unavailable`] when the stream did not answer and nothing was sent.
    pub async fn cancel(
        &self,
        definition: &Arc<Definition>,
        customer: CustomerId,
        order: OrderId,
        budget: Duration,
    ) -> Result<Cancelled, Unavailable> {
        let desk = self.desk(definition, customer.shard(definition.shards())).await?;
        let cancelled = cancel::cancel(&desk, customer, order, budget).await?;
        if let Cancelled::Released(_, true) = cancelled {
            let subject = self.shared.installation.order_hint(&definition.sale, &customer);
            // A hint: whoever watches the order looks again by itself before long.
            drop(self.shared.client.publish(subject, bytes::Bytes::new()).await);
        }
        Ok(cancelled)
    }

    /// Told whenever an order of this customer changed, as far as hints go: they may be lost.
    ///
    /// # Errors
    /// [`Unavailable`] when NATS takes no subscription.
    pub async fn hints(&self, sale: &SaleId, customer: &CustomerId) -> Result<async_nats::Subscriber, Unavailable> {
        let subject = self.shared.installation.order_hint(sale, customer);
        self.shared.client.subscribe(subject).await.map_err(|error| Unavailable(error.to_string()))
    }

    /// The stock of a sale, as last seen; `None` until every shard was seen. Never waits.
    #[must_use]
    pub fn stock(&self, definition: &Definition) -> Option<Stock> {
        let desks = self.desks_of(definition)?;
        let ready = desks.iter().all(|desk| desk.view.is_ready());
        let free = |sku: &Sku| Units(desks.iter().fold(0, |sum, desk| sum.saturating_add(desk.view.free(sku).0)));
        // Of a sale that is over, or has not begun, nobody waits for what may come back; to know it costs every order.
        let waits = matches!(definition.gate(self.shared.floor.clock.now()), Gate::Open | Gate::Paused);
        let items = definition.items.iter().map(|item| {
            let free = free(&item.sku);
            let held = (ready && waits && free == Units::ZERO).then(|| held(&desks, &item.sku)).flatten();
            StockItem { sku: item.sku.clone(), free, held }
        });
        ready.then(|| Stock { items: items.collect() })
    }

    /// Opens the desks of a sale that somebody looks at, so that [`stock`](Self::stock) knows it soon.
    ///
    /// # Errors
    /// [`Unavailable`] when a stream could not be opened.
    pub async fn look_at(&self, definition: &Arc<Definition>) -> Result<(), Unavailable> {
        for identity in &definition.streams {
            self.desk(definition, identity.shard).await?;
        }
        Ok(())
    }

    /// Told whenever the stock of a shard changed; `None` while the desk is not open.
    #[must_use]
    pub fn stock_changes(&self, definition: &Definition) -> Option<Vec<watch::Receiver<u64>>> {
        let desks = self.desks_of(definition)?;
        Some(desks.iter().map(|desk| desk.view.changed.subscribe()).collect())
    }

    fn desks_of(&self, definition: &Definition) -> Option<Vec<Arc<Desk<JetStream>>>> {
        definition.streams.iter().map(|identity| self.opened(definition, identity)).collect()
    }

    /// How many claims wait at this edge, and how many lanes work on them.
    #[must_use]
    pub fn load(&self) -> (usize, usize) {
        let desks = self.shared.desks.read().unwrap_or_else(PoisonError::into_inner);
        desks.values().map(|open| open.desk.load()).fold((0, 0), |sum, load| (sum.0 + load.0, sum.1 + load.1))
    }

    /// Whether the clock may open and close sales. While it may not, every claim is told to come back.
    pub fn trust_clock(&self, punctual: bool) {
        self.shared.punctual.store(punctual, Ordering::Relaxed);
    }

    /// Milliseconds by which this edge's clock is ahead of the servers' (positive) or behind, at worst over its shards;
    /// `None` where too little was followed lately. Ahead may be nothing but a slow delivery; behind is certain.
    #[must_use]
    pub fn clock_skew_ms(&self) -> Option<i64> {
        let now = self.shared.floor.clock.monotonic();
        let desks = self.shared.desks.read().unwrap_or_else(PoisonError::into_inner);
        desks.values().filter_map(|open| open.desk.view.skew.milliseconds(now)).max_by_key(|ms| ms.abs())
    }

    /// Applies the newest definitions: desks of the same life learn them, all others are closed.
    pub fn redefine(&self, definitions: &HashMap<SaleId, Arc<Definition>>) {
        let withdrawn = definitions.values().filter(|definition| definition.withdrawn.is_some());
        let withdrawn = withdrawn.map(|definition| (definition.sale.clone(), definition.generation)).collect();
        *self.shared.withdrawn.write().unwrap_or_else(PoisonError::into_inner) = withdrawn;
        let mut desks = self.shared.desks.write().unwrap_or_else(PoisonError::into_inner);
        desks.retain(|(sale, epoch, _), open| {
            let definition = definitions.get(sale).filter(|d| d.epoch == *epoch && d.streams.contains(&open.identity));
            match definition {
                Some(definition) if definition.withdrawn.is_none() => {
                    open.desk.redefine(definition);
                    true
                }
                _ => {
                    open.desk.close();
                    false
                }
            }
        });
    }

    /// Sales whose buckets are ahead of the definition that their desks have.
    #[must_use]
    pub fn overtaken(&self) -> HashSet<SaleId> {
        let desks = self.shared.desks.read().unwrap_or_else(PoisonError::into_inner);
        let overtaken = desks.iter().filter(|(_, open)| open.desk.is_overtaken());
        overtaken.map(|((sale, ..), _)| sale.clone()).collect()
    }

    /// Returns when somebody meets a desk that is [`overtaken`](Self::overtaken).
    pub async fn wait_overtaken(&self) {
        self.shared.floor.overtaken.notified().await;
    }

    /// Closes every desk: for the end of the process, when all requests are answered.
    pub fn close(&self) {
        self.redefine(&HashMap::new());
    }

    /// Whether the newest definitions say that the stock of this sale is not to be touched. Somebody may still hold a
    /// definition from before: one that is withdrawn has the same generation.
    fn is_withdrawn(&self, definition: &Definition) -> bool {
        let withdrawn = self.shared.withdrawn.read().unwrap_or_else(PoisonError::into_inner);
        withdrawn.get(&definition.sale).is_some_and(|generation| *generation >= definition.generation)
    }

    fn opened(&self, definition: &Definition, identity: &StreamIdentity) -> Option<Arc<Desk<JetStream>>> {
        let place = (definition.sale.clone(), definition.epoch, identity.shard);
        let desks = self.shared.desks.read().unwrap_or_else(PoisonError::into_inner);
        desks.get(&place).filter(|open| open.identity == *identity).map(|open| Arc::clone(&open.desk))
    }

    async fn desk(&self, definition: &Arc<Definition>, shard: Shard) -> Result<Arc<Desk<JetStream>>, Unavailable> {
        let named = |what: &str| Unavailable(format!("{} of {}", what, definition.sale));
        let identity = definition.streams.iter().find(|s| s.shard == shard).ok_or_else(|| named("no such shard"))?;
        if definition.withdrawn.is_some() || self.is_withdrawn(definition) {
            return Err(named("the stock is withdrawn"));
        }
        let desk = match self.opened(definition, identity) {
            Some(desk) => desk,
            None => {
                let open = tokio::time::timeout(OPEN_WAIT, self.open(definition, identity));
                open.await.map_err(|_| named("too slow to open a shard"))??
            }
        };
        // A request may carry a definition that came while its desk was being opened with the one before.
        if definition.generation > desk.definition().generation {
            desk.redefine(definition);
        }
        Ok(desk)
    }

    /// Opens a desk, or waits for whoever is opening it.
    async fn open(
        &self,
        definition: &Arc<Definition>,
        identity: &StreamIdentity,
    ) -> Result<Arc<Desk<JetStream>>, Unavailable> {
        let place = (definition.sale.clone(), definition.epoch, identity.shard);
        let opener = self.opener(&place);
        let _only_one = tokio::time::timeout(OPENER_WAIT, opener.lock()).await;
        if let Some(desk) = self.opened(definition, identity) {
            return Ok(desk);
        }
        let stream = definition.stream(identity.shard);
        let opened = JetStream::open(self.shared.client.clone(), &stream, Some(identity)).await;
        let store = opened.map_err(|error| match error {
            OpenError::Unavailable(unavailable) => unavailable,
            wrong => Unavailable(wrong.to_string()),
        })?;
        let shape = Shape::of(store.info().config.num_replicas, store.info().config.storage == "file");
        let mut desks = self.shared.desks.write().unwrap_or_else(PoisonError::into_inner);
        // There is one desk per shard, or its lanes would not know of each other.
        if let Some(open) = desks.get(&place).filter(|open| open.identity == *identity) {
            return Ok(Arc::clone(&open.desk));
        }
        let desk = Desk::open(store, Arc::clone(definition), shape, self.shared.floor.clone());
        let replaced = desks.insert(place, Open { identity: identity.clone(), desk: Arc::clone(&desk) });
        if let Some(replaced) = replaced {
            replaced.desk.close();
        }
        Ok(desk)
    }

    /// Held by whoever opens a desk there.
    fn opener(&self, place: &Place) -> Arc<tokio::sync::Mutex<()>> {
        let mut openers = self.shared.openers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(opener) = openers.get(place).and_then(Weak::upgrade) {
            return opener;
        }
        let opener = Arc::default();
        openers.retain(|_, opener| opener.strong_count() > 0);
        openers.insert(place.clone(), Arc::downgrade(&opener));
        opener
    }
}

/// What is on hold of an item over all shards; `None` until each of them knows.
fn held(desks: &[Arc<Desk<JetStream>>], sku: &Sku) -> Option<Held> {
    let all: Vec<_> = desks.iter().map(|desk| desk.view.held(sku)).collect::<Option<_>>()?;
    all.into_iter().reduce(Held::and)
}
