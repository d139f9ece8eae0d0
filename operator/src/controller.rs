//! Wiring: which sale is looked at when, and what happens with what was found.
//!
//! **What it is for.** One controller per namespace watches FlashSales. A sale is looked at when its resource changes,
//! when the ledger says something new about it, when the servers do about themselves, when the clock changes its state, and
//! from time to time in between. A look observes, plans, does the next stage, and looks again until the plan is settled;
//! then it writes the status.
//!
//! **What must always hold.** Nothing that matters is remembered between two looks: [`Memory`] only keeps from asking or
//! writing too often. A look that fails becomes a condition and is tried again after a pause, never a crash.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use futures::channel::mpsc;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::api::Api;
use kube::core::DeserializeGuard;
use kube::runtime::controller::{Action, Config, Controller};
use kube::runtime::events::{Recorder, Reporter};
use kube::runtime::reflector::{self, ObjectRef};
use kube::{Resource as _, ResourceExt as _};
use protocol::sale::Definition;
use protocol::status::SaleStatus;
use protocol::{Revision, SaleId};
use runtime::backoff::Backoff;
use runtime::registry::Table;
use tokio::sync::watch::Receiver;
use tokio_util::sync::CancellationToken;

use crate::apply::{self, Hands};
use crate::durability::Servers;
use crate::error::Error;
use crate::events;
use crate::metrics::{Cause, OperatorMetrics};
use crate::resource::{FINALIZER, FlashSale, FlashSaleStatus};
use crate::served::Served;
use crate::status::{self, Change};

mod census;
mod ending;
mod look;
mod memory;
mod pending;
mod removal;
mod teller;
mod tenure;
mod traced;
mod wake;
mod watch;

use memory::Memory;
use teller::Teller;
pub use wake::Wakes;

/// Sales that are worked on at the same time: more than one, so that a busy sale delays no other.
const CONCURRENCY: u16 = 16;
/// Wake-ups that may wait; one that finds the queue full is made up for by the next regular look.
const WAKES_MAX: usize = 1_024;
/// Pauses after a look that failed.
const RETRY: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));
/// Pauses after a look that lost against somebody else's write: short, but they grow where it loses again and again.
const AGAIN: Backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5));
/// How long a look may take. A stream of three replicas may take ten seconds to be made.
const LOOK_MAX: Duration = Duration::from_secs(30);
/// How long telling of a look that failed may take.
const REPORT_MAX: Duration = Duration::from_secs(5);
/// How often numbers are written into the status of one sale.
const NUMBERS_EVERY: Duration = Duration::from_secs(2);
/// How often the time of the newest audit alone is.
const AUDIT_EVERY: Duration = Duration::from_secs(60);
/// Pauses between looks at a sale that sells or drains when nobody wakes us: longer after each look that found nothing
/// new, as the ledger wakes us for what is sold. Half of each pause is left to chance, here and below, or sales that were
/// looked at together once would be for ever.
const LIVE: Backoff = Backoff::new(Duration::from_secs(5), Duration::from_secs(20));
/// Between looks at one whose durability is in doubt and may mend by itself.
const DOUBTFUL: Backoff = Backoff::new(Duration::from_secs(15), Duration::from_secs(15));
/// Between looks at any other one.
const IDLE: Backoff = Backoff::new(Duration::from_secs(60), Duration::from_secs(60));

/// The object as the watch delivers it: readable or not.
type Guarded = DeserializeGuard<FlashSale>;

/// What every look needs.
pub struct Context {
    kubernetes: kube::Client,
    hands: Hands,
    statuses: Table<SaleStatus>,
    metrics: OperatorMetrics,
    teller: Teller,
    servers: Receiver<Servers>,
    memories: Mutex<HashMap<String, Memory>>,
    names: Mutex<HashMap<SaleId, (String, String)>>,
}

impl Context {
    /// Ready to look at sales.
    #[must_use]
    pub fn new(
        kubernetes: kube::Client,
        hands: Hands,
        statuses: Table<SaleStatus>,
        servers: Receiver<Servers>,
        metrics: OperatorMetrics,
        identity: &str,
    ) -> Self {
        let reporter = Reporter { controller: "sluice-operator".to_owned(), instance: Some(identity.to_owned()) };
        Self {
            teller: Teller::new(Recorder::new(kubernetes.clone(), reporter)),
            kubernetes,
            hands,
            statuses,
            servers,
            metrics,
            memories: Mutex::default(),
            names: Mutex::default(),
        }
    }

    /// The table in which edges and ledger read definitions.
    #[must_use]
    pub fn sales(&self) -> &Table<Definition> {
        &self.hands.sales
    }

    fn memory(&self, uid: &str) -> Memory {
        lock(&self.memories).get(uid).cloned().unwrap_or_default()
    }

    fn remember(&self, uid: &str, change: impl FnOnce(&mut Memory)) {
        change(lock(&self.memories).entry(uid.to_owned()).or_default());
    }

    /// How many looks in a row have found nothing new, this one included; `same` is what it found apart from the stream.
    fn quiet_looks(&self, uid: &str, position: Revision, same: bool) -> u32 {
        let mut memories = lock(&self.memories);
        let memory = memories.entry(uid.to_owned()).or_default();
        memory.quiet = if same && memory.position == position { memory.quiet.saturating_add(1) } else { 0 };
        memory.position = position;
        memory.quiet
    }

    fn forget(&self, sale: &FlashSale) {
        lock(&self.memories).remove(&sale.uid().unwrap_or_default());
        let gone = (sale.namespace().unwrap_or_default(), sale.name_any());
        lock(&self.names).retain(|_, name| *name != gone);
    }

    fn now(&self) -> Timestamp {
        self.hands.clock.now()
    }

    fn api(&self, namespace: &str) -> Api<FlashSale> {
        Api::namespaced(self.kubernetes.clone(), namespace)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Serves these namespaces until `stopping`; looks that have begun are finished.
pub async fn run(context: Arc<Context>, namespaces: &[Arc<Served>], stopping: CancellationToken) {
    lock(&context.memories).values_mut().for_each(Memory::others_acted);
    let mut controllers = Vec::new();
    let mut queues = HashMap::new();
    let mut stores = Vec::new();
    for served in namespaces {
        let (queue, wakes) = mpsc::channel::<ObjectRef<Guarded>>(WAKES_MAX);
        queues.insert(served.namespace.clone(), queue);
        let api: Api<Guarded> = Api::namespaced(context.kubernetes.clone(), &served.namespace);
        let stopped = stopping.clone().cancelled_owned();
        let reconcile = {
            let served = served.clone();
            move |sale, context| reconcile(sale, context, served.clone())
        };
        let (reader, writer) = reflector::store();
        let watched = watch::changes(api, context.hands.clock.clone(), writer, served.clone());
        let controller = Controller::for_stream(watched, reader)
            .with_config(Config::default().concurrency(CONCURRENCY))
            .trigger_backoff(watch::AtOnce)
            .reconcile_on(wakes)
            .reconcile_all_on(wake::of_servers(context.servers.clone()))
            .graceful_shutdown_on(stopped);
        let store = controller.store();
        stores.push(store.clone());
        let looks = controller.run(reconcile, |_, _, _| Action::requeue(IDLE.random_pause(1)), context.clone());
        // A look never fails here; what does is the watch, which tells by itself.
        controllers.push(ending::ended(looks.for_each(async |_| {}), store, stopping.clone()));
    }
    let wakes = Wakes { context: context.clone(), queues };
    let finished = CancellationToken::new();
    let looks = async {
        tokio::join!(futures::future::join_all(controllers), wakes.run(stopping.clone()));
        finished.cancel();
    };
    tokio::join!(looks, census::keep(&stores, &context.metrics, &finished), context.teller.run(&finished));
}

async fn reconcile(
    guarded: Arc<Guarded>,
    context: Arc<Context>,
    served: Arc<Served>,
) -> Result<Action, std::convert::Infallible> {
    context.metrics.reconciles.inc();
    let sale = match &guarded.0 {
        Ok(sale) => sale.clone(),
        Err(invalid) => {
            unreadable(&context, invalid);
            return Ok(Action::requeue(IDLE.random_pause(1)));
        }
    };
    let (uid, name) = (sale.uid().unwrap_or_default(), sale.name_any());
    let namespace = sale.namespace().unwrap_or_default();
    let api = context.api(&namespace);
    let Memory { early, told, .. } = context.memory(&uid);
    let under_way = context.begins(&uid);
    let look = tokio::time::timeout(LOOK_MAX, Box::pin(visit(&context, &api, sale.clone(), early > 0)));
    let look = async { look.await.unwrap_or(Err(Error::Overdue(LOOK_MAX.as_secs()))) };
    let look = traced::traced(&context.hands, &sale, look).await;
    drop(under_way);
    let error = match look {
        Ok(action) => {
            context.remember_unless_gone(&sale, |memory| (memory.early, memory.told) = (0, false));
            if sale.meta().deletion_timestamp.is_some() {
                // Its namespace may be going too, and a sale that only waits would not notice that our rights went first.
                served.doubt();
            }
            return Ok(action);
        }
        Err(error) => error,
    };
    context.metrics.errors[error.cause()].inc();
    let early = early.saturating_add(1);
    context.remember(&uid, |memory| (memory.early, memory.told) = (early, told || !error.is_passing()));
    if error.is_passing() {
        tracing::debug!(sale = %name, "{namespace}/{name}: {error}");
        // A crowd at the stock goes by; whoever lost against another writer must not meet them again at every turn.
        let tries = if matches!(error, Error::Busy(_)) { 1 } else { early };
        return Ok(Action::requeue(AGAIN.random_pause(tries)));
    }
    if matches!(error, Error::Kubernetes(_)) {
        served.doubt();
    }
    if !told {
        tracing::warn!(sale = %name, "{namespace}/{name} cannot be brought on: {error}; trying again");
    }
    let reported = tokio::time::timeout(REPORT_MAX, report(&context, &api, &sale, &error)).await;
    if reported.is_err() {
        tracing::debug!(sale = %name, "the trouble could not be told in time");
    }
    Ok(Action::requeue(RETRY.random_pause(early)))
}

/// A look that is under way, given up or not.
struct UnderWay<'a>(&'a OperatorMetrics);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.under_way.dec();
    }
}

impl Context {
    /// Counts a look that begins, until what is returned is dropped, and how late it is where it was due.
    fn begins(&self, uid: &str) -> UnderWay<'_> {
        self.metrics.under_way.inc();
        let due = lock(&self.memories).get_mut(uid).and_then(|memory| memory.due.take());
        if let Some(late) = due.and_then(|due| self.hands.clock.monotonic().checked_duration_since(due)) {
            self.metrics.late_seconds.observe(late.as_secs_f64());
        }
        UnderWay(&self.metrics)
    }

    fn remember_unless_gone(&self, sale: &FlashSale, change: impl FnOnce(&mut Memory)) {
        if let Some(memory) = lock(&self.memories).get_mut(&sale.uid().unwrap_or_default()) {
            change(memory);
        }
    }
}

/// One look, at what the watch has delivered or, after one that ended `early`, at what the API server has: the watch may
/// be behind, or broken.
async fn visit(context: &Context, api: &Api<FlashSale>, mut sale: FlashSale, early: bool) -> Result<Action, Error> {
    let latched = sale.status.as_ref().is_some_and(|status| status.storage.is_some());
    let finalized = sale.finalizers().iter().any(|finalizer| finalizer == FINALIZER);
    // Before anything is made it is asked as well: the watch may lag behind our own latch. Who writes the finalizer is
    // answered with the resource as it is, or not at all.
    if early || (finalized && !latched) {
        let uid = sale.uid();
        match api.get_opt(&sale.name_any()).await?.filter(|found| found.uid() == uid) {
            Some(found) => sale = found,
            None => {
                // Gone, or another one of the same name: the watch will tell.
                context.forget(&sale);
                return Ok(Action::await_change());
            }
        }
    }
    if sale.meta().deletion_timestamp.is_some() {
        return removal::remove(context, api, sale).await;
    }
    if !sale.finalizers().iter().any(|finalizer| finalizer == FINALIZER) {
        let finalizers = [sale.finalizers(), &[FINALIZER.to_owned()]].concat();
        sale = apply::write_finalizers(api, &sale, &finalizers).await?;
    }
    look::look(context, api, sale).await
}

/// A resource that this version cannot read at all is told of, and no other one suffers from it.
fn unreadable(context: &Context, invalid: &kube::core::error_boundary::InvalidObject) {
    let (name, namespace) = (invalid.metadata.name.clone(), invalid.metadata.namespace.clone());
    context.metrics.errors[Cause::Resource].inc();
    tracing::warn!(sale = name, namespace, "a FlashSale cannot be read: {invalid}");
    let reference = ObjectReference {
        api_version: Some(FlashSale::api_version(&()).into_owned()),
        kind: Some(FlashSale::kind(&()).into_owned()),
        name,
        namespace,
        uid: invalid.metadata.uid.clone(),
        ..ObjectReference::default()
    };
    context.teller.tell(events::warning("Refused", format!("the resource cannot be read: {invalid}")), reference);
}

/// Tells in the status why nothing happens; best effort, as the API server may be what is away.
async fn report(context: &Context, api: &Api<FlashSale>, sale: &FlashSale, error: &Error) {
    if matches!(error, Error::Kubernetes(_)) {
        return;
    }
    let old = sale.status.clone().unwrap_or_default();
    let generation = sale.meta().generation.unwrap_or_default();
    let new = status::troubled(&old, &error.to_string(), generation, context.now());
    if old != new
        && let Err(error) = apply::write_status(api, sale, &new).await
    {
        tracing::debug!("the trouble could not be told: {error}");
    }
}

/// Writes the status where it matters enough, and tells what changed. Returns when the rest is due.
async fn show(
    context: &Context,
    api: &Api<FlashSale>,
    sale: &FlashSale,
    new: &FlashSaleStatus,
) -> Result<Option<Duration>, Error> {
    let old = sale.status.clone().unwrap_or_default();
    let uid = sale.uid().unwrap_or_default();
    let every = match status::change(&old, new) {
        Change::Nothing => return Ok(None),
        Change::Level => Duration::ZERO,
        Change::Numbers => NUMBERS_EVERY,
        Change::Audit => AUDIT_EVERY,
    };
    let now = context.hands.clock.monotonic();
    let due = context.memory(&uid).written.map_or(Duration::ZERO, |written| every.saturating_sub(now - written));
    if !due.is_zero() {
        return Ok(Some(due));
    }
    apply::write_status(api, sale, new).await?;
    context.metrics.status_writes.inc();
    context.remember(&uid, |memory| memory.written = Some(now));
    let reference = sale.object_ref(&());
    for event in events::between(&old, new) {
        tracing::info!(sale = %sale.name_any(), "{}: {}", event.reason, event.note.as_deref().unwrap_or_default());
        context.teller.tell(event, reference.clone());
    }
    Ok(None)
}
