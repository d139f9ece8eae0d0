//! nats-server with JetStream, where all stock lives: one node, or [three](NatsCluster).
//!
//! Every acknowledged write is synced to the disk, as in production, unless the bed was
//! [told otherwise](crate::BedBuilder::relaxed_sync). Clients need no password, as it listens where nobody but the bed comes,
//! unless [users are given](crate::BedBuilder::nats_settings).

mod cluster;
mod node;

use std::fmt;

use crate::bed::{Bed, on_free_ports};
use crate::nats::node::Node;

pub use cluster::NatsCluster;

/// One nats-server.
#[derive(Debug)]
pub struct Nats {
    node: Node,
}

impl Nats {
    pub(crate) async fn start(bed: &Bed) -> anyhow::Result<Self> {
        on_free_ports(async || {
            let node = Node::start(bed, "nats", bed.settings().further_nats_settings())?;
            node.ready().await?;
            Ok(Self { node })
        })
        .await
    }

    /// `nats://<host>:<port>`
    #[must_use]
    pub fn url(&self) -> String {
        self.node.url()
    }

    /// Host and port, to put a [`Proxy`](crate::Proxy) in front.
    #[must_use]
    pub fn address(&self) -> String {
        self.node.address()
    }

    /// `http://<host>:<port>`, with `/healthz`, `/varz`, `/jsz` below it.
    #[must_use]
    pub fn monitor_url(&self) -> String {
        self.node.monitor_url()
    }

    /// Kills it; what it acknowledged is on its disk.
    ///
    /// # Errors
    /// When it cannot be killed.
    pub async fn kill9(&self) -> anyhow::Result<()> {
        self.node.process().kill9().await
    }

    /// Starts it again on the same ports and files, and waits until it is healthy.
    ///
    /// # Errors
    /// When it runs already or does not start.
    pub async fn restart(&self) -> anyhow::Result<()> {
        self.node.process().restart()?;
        self.node.ready().await
    }

    /// Stops it in the middle of whatever it does, with its connections open.
    ///
    /// # Errors
    /// When it cannot be signalled.
    pub fn pause(&self) -> anyhow::Result<()> {
        self.node.process().pause()
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// When it cannot be signalled.
    pub fn resume(&self) -> anyhow::Result<()> {
        self.node.process().resume()
    }

    /// Everything it logged.
    #[must_use]
    pub fn log(&self) -> String {
        self.node.process().log()
    }
}

impl fmt::Display for Nats {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.url())
    }
}
