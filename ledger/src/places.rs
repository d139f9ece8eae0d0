//! Where the orders of a sale are: its definition and the streams of its shards, for whoever moves an order.
//!
//! **What must always hold.** A definition is read when it is needed, so nobody is paid by an old one; a stream is the very
//! one that the definition names, or it is refused.
//!
//! **What it costs.** A small read per question, and per shard a handle that is kept.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use protocol::key::{Installation, Stream};
use protocol::sale::{Definition, StreamIdentity};
use protocol::store::Unavailable;
use protocol::{CustomerId, SaleId};
use runtime::jetstream::{JetStream, OpenError};
use runtime::registry::{ReadError, Table};

/// Finds sales and their streams. Cheap to clone.
#[derive(Clone)]
pub struct Places {
    client: async_nats::Client,
    installation: Installation,
    sales: Table<Definition>,
    opened: Arc<Mutex<HashMap<String, (StreamIdentity, JetStream)>>>,
}

impl Places {
    /// Over this connection.
    #[must_use]
    pub fn new(client: async_nats::Client, installation: Installation) -> Self {
        let sales = Table::new(client.clone(), installation.sales_bucket());
        Self { client, installation, sales, opened: Arc::default() }
    }

    /// A sale, if there still is one.
    ///
    /// # Errors
    /// [`Unavailable`] when nobody answers, or what answers cannot be read.
    pub async fn sale(&self, sale: &SaleId) -> Result<Option<Definition>, Unavailable> {
        match self.sales.get(sale.as_str()).await {
            Ok(found) => Ok(found.map(|(definition, _)| definition)),
            Err(ReadError::Unavailable(lost)) => Err(lost),
            Err(error @ ReadError::Unreadable(..)) => Err(Unavailable(error.to_string())),
        }
    }

    /// The stream in which a customer's orders of this sale are.
    ///
    /// # Errors
    /// [`Unavailable`] when it cannot be reached, or is another one than the definition names.
    pub async fn store(&self, definition: &Definition, customer: &CustomerId) -> Result<JetStream, Unavailable> {
        let shard = customer.shard(definition.shards());
        let identity = definition.streams.iter().find(|identity| identity.shard == shard);
        let identity = identity.ok_or_else(|| Unavailable(format!("{} has no shard {shard}", definition.sale)))?;
        let stream = definition.stream(shard);
        let name = stream.name();
        if let Some((of, store)) = self.kept().get(&name)
            && of == identity
        {
            return Ok(store.clone());
        }
        let store =
            JetStream::open(self.client.clone(), &stream, Some(identity)).await.map_err(|error| match error {
                OpenError::Unavailable(lost) => lost,
                wrong => Unavailable(wrong.to_string()),
            })?;
        self.kept().insert(name, (identity.clone(), store.clone()));
        Ok(store)
    }

    /// Whether a stream is known not to be there any more.
    ///
    /// # Errors
    /// [`Unavailable`] when nobody can say.
    pub async fn is_gone(&self, stream: &Stream) -> Result<bool, Unavailable> {
        match JetStream::open(self.client.clone(), stream, None).await {
            Err(OpenError::Missing(_)) => Ok(true),
            Err(OpenError::Unavailable(lost)) => Err(lost),
            Ok(_) | Err(_) => Ok(false),
        }
    }

    /// Tells whoever watches that an order of this customer changed. A hint: it may be lost.
    pub async fn hint(&self, sale: &SaleId, customer: &CustomerId) {
        drop(self.client.publish(self.installation.order_hint(sale, customer), Bytes::new()).await);
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, HashMap<String, (StreamIdentity, JetStream)>> {
        // Nothing that holds the lock leaves the map half written.
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Places {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Places").field("installation", &self.installation).finish_non_exhaustive()
    }
}
