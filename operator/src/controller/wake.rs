//! What wakes a sale besides its resource and the clock: what ledger and servers say.

use std::collections::HashMap;
use std::sync::Arc;

use futures::channel::mpsc;
use futures::{Stream, stream};
use kube::runtime::reflector::ObjectRef;
use protocol::key::parse_status_key;
use runtime::registry::Change;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{Context, Guarded, lock};
use crate::durability::Servers;

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
