//! What wakes a sale besides the clock: its resource, and what ledger and servers say.

use std::collections::HashMap;
use std::sync::Arc;

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use futures::channel::mpsc;
use futures::{Stream, stream};
use kube::api::Api;
use kube::runtime::reflector::{ObjectRef, Store, store};
use kube::runtime::{PredicateConfig, WatchStreamExt as _, watcher};
use kube::{Resource as _, ResourceExt as _};
use protocol::key::parse_status_key;
use runtime::registry::Change;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{Context, Guarded, lock};
use crate::durability::Servers;

/// Written by kubectl for itself; as large as the resource.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The sales of a namespace, and those among their changes that may ask for something. What nobody reads is not kept: it
/// is most of a resource.
pub(super) fn changes(
    api: Api<Guarded>,
) -> (Store<Guarded>, impl Stream<Item = Result<Guarded, watcher::Error>> + Send + 'static) {
    let (sales, writer) = store();
    let slim = |sale: &mut Guarded| {
        sale.managed_fields_mut().clear();
        sale.annotations_mut().remove(LAST_APPLIED);
    };
    let changes = watcher(api, watcher::Config::default()).modify(slim).reflect(writer).applied_objects();
    (sales, changes.predicate_filter(asked, PredicateConfig::default()))
}

/// What is asked, as a number. The status and the finalizer are our own: a look at each write of them would look twice at
/// everything. Whoever else changes them is noticed by the next regular look.
fn asked(sale: &Guarded) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    let meta = sale.meta();
    (&meta.uid, meta.generation, meta.deletion_timestamp.is_some(), &meta.annotations).hash(&mut hasher);
    Some(hasher.finish())
}

/// Says so whenever what is known of the servers has changed since now.
pub(super) fn of_servers(mut servers: watch::Receiver<Servers>) -> impl Stream<Item = ()> {
    servers.mark_unchanged();
    stream::unfold(servers, async |mut servers| servers.changed().await.ok().map(|()| ((), servers)))
}

/// Turns changes of the ledger's table into looks.
pub struct Wakes {
    pub(super) context: Arc<Context>,
    pub(super) queues: HashMap<String, mpsc::Sender<ObjectRef<Guarded>>>,
}

impl Wakes {
    /// Watches until `stopping`.
    pub async fn run(mut self, stopping: CancellationToken) {
        let mut watch = self.context.statuses.watch();
        while let Some(change) = stopping.run_until_cancelled(watch.next()).await {
            match change {
                Change::Put(key, _, _) => self.wake(&key),
                Change::Interrupted(why) => tracing::debug!("the ledger's table cannot be watched: {why}"),
                Change::Deleted(_) | Change::CaughtUp | Change::Reset => {}
            }
        }
    }

    fn wake(&mut self, key: &str) {
        let Some(stream) = parse_status_key(key) else { return };
        let Some((namespace, name)) = lock(&self.context.names).get(&stream.sale).cloned() else { return };
        if let Some(queue) = self.queues.get_mut(&namespace) {
            // A full queue drops the wake-up: the next regular look makes up for it.
            drop(queue.try_send(ObjectRef::new(&name).within(&namespace)));
        }
    }
}
