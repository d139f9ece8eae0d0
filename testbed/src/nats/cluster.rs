//! Three nats-servers that replicate, and everything that can happen to one of them.

use std::fmt;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::bed::{Bed, on_free_ports};
use crate::eventually::eventually;
use crate::nats::node::Node;
use crate::port::free_port;

const NODES: usize = 3;
/// How long an election may take; 4 to 9 s are usual after a leader was lost.
const ELECTION_BOUND: Duration = Duration::from_secs(30);

/// Three nodes, numbered 0 to 2, each with its own files and ports.
///
/// A node does not tell clients about the others, so that a client reaches exactly the addresses it was given and a
/// [`Proxy`](crate::Proxy) in front of a node is not walked around: give a client all of [`urls`](Self::urls).
#[derive(Debug)]
pub struct NatsCluster {
    nodes: Vec<Node>,
}

impl NatsCluster {
    pub(crate) async fn start(bed: &Bed) -> anyhow::Result<Self> {
        on_free_ports(async || {
            let host = bed.host();
            let ports = (0..NODES).map(|_| free_port()).collect::<Result<Vec<_>, _>>()?;
            let routes: Vec<String> = ports.iter().map(|port| format!("\"nats://{host}:{port}\"")).collect();
            let nodes = ports
                .iter()
                .enumerate()
                .map(|(index, port)| {
                    let cluster = format!(
                        "cluster {{\n  name: bed\n  listen: \"{host}:{port}\"\n  no_advertise: true\n  routes: [{}]\n}}",
                        routes.join(", ")
                    );
                    Node::start(bed, &format!("nats-{index}"), &cluster)
                })
                .collect::<anyhow::Result<Vec<_>>>()?;
            let cluster = Self { nodes };
            cluster.ready().await?;
            Ok(cluster)
        })
        .await
    }

    /// The address of every node for clients.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(Node::url).collect()
    }

    /// All of [`urls`](Self::urls) in one string, separated by commas.
    #[must_use]
    pub fn url(&self) -> String {
        self.urls().join(",")
    }

    /// Host and port of each node, to put a [`Proxy`](crate::Proxy) in front.
    #[must_use]
    pub fn addresses(&self) -> Vec<String> {
        self.nodes.iter().map(Node::address).collect()
    }

    /// The monitoring endpoint of every node.
    #[must_use]
    pub fn monitor_urls(&self) -> Vec<String> {
        self.nodes.iter().map(Node::monitor_url).collect()
    }

    /// Which node leads a stream: one that says so of itself. Waits for an election under way.
    ///
    /// # Errors
    /// When no node leads the stream within 30 s.
    pub async fn stream_leader(&self, stream: &str) -> anyhow::Result<usize> {
        self.leader(&format!("a leader of stream {stream}"), |monitor| {
            let details = monitor.pointer("/account_details/0/stream_detail")?.as_array()?;
            let detail = details.iter().find(|detail| text(detail, "/name") == Some(stream))?;
            text(detail, "/cluster/leader")
        })
        .await
    }

    /// Which node leads the assignment of streams. Waits for an election under way.
    ///
    /// # Errors
    /// When there is none within 30 s.
    pub async fn meta_leader(&self) -> anyhow::Result<usize> {
        self.leader("a meta leader", |monitor| text(monitor, "/meta_cluster/leader")).await
    }

    /// Makes the leader of a stream hand over to another node.
    ///
    /// # Errors
    /// When the cluster refuses, or does not answer.
    pub async fn step_down(&self, stream: &str) -> anyhow::Result<()> {
        let client = async_nats::connect(self.urls()).await?;
        let answer = client.request(format!("$JS.API.STREAM.LEADER.STEPDOWN.{stream}"), "".into()).await?;
        let answer: Value = serde_json::from_slice(&answer.payload)?;
        ensure!(answer.get("success") == Some(&Value::Bool(true)), "stream {stream} keeps its leader: {answer}");
        Ok(())
    }

    /// Kills a node; what it acknowledged is on its disk.
    ///
    /// # Errors
    /// When there is no such node, or it cannot be killed.
    pub async fn kill9(&self, index: usize) -> anyhow::Result<()> {
        self.node(index)?.process().kill9().await
    }

    /// Starts a node again on the same ports and files; it may still be catching up. [`ready`](Self::ready) waits.
    ///
    /// # Errors
    /// When it runs already.
    pub fn restart(&self, index: usize) -> anyhow::Result<()> {
        self.node(index)?.process().restart()
    }

    /// Stops a node in the middle of whatever it does, with its connections open.
    ///
    /// # Errors
    /// When there is no such node.
    pub fn pause(&self, index: usize) -> anyhow::Result<()> {
        self.node(index)?.process().pause()
    }

    /// Lets a node go on.
    ///
    /// # Errors
    /// When there is no such node.
    pub fn resume(&self, index: usize) -> anyhow::Result<()> {
        self.node(index)?.process().resume()
    }

    /// Everything a node logged.
    ///
    /// # Errors
    /// When there is no such node.
    pub fn log(&self, index: usize) -> anyhow::Result<String> {
        Ok(self.node(index)?.process().log())
    }

    /// Waits until every node is healthy and follows the meta leader.
    ///
    /// # Errors
    /// When that takes too long, or a node ended.
    pub async fn ready(&self) -> anyhow::Result<()> {
        for node in &self.nodes {
            node.ready().await?;
        }
        eventually(ELECTION_BOUND, "all NATS nodes to follow the meta leader", async || {
            let leader = self.node(self.meta_leader().await?)?;
            let monitor = leader.monitor("/jsz").await?;
            let followers = monitor.pointer("/meta_cluster/replicas").and_then(Value::as_array);
            let current =
                followers.into_iter().flatten().filter(|node| node.get("current") == Some(&Value::Bool(true))).count();
            ensure!(current == NODES - 1, "{current} of {} followers are current", NODES - 1);
            Ok(())
        })
        .await
    }

    fn node(&self, index: usize) -> anyhow::Result<&Node> {
        self.nodes.get(index).with_context(|| format!("there is no NATS node {index}"))
    }

    /// The node that names itself in what `named` finds on its monitoring page.
    async fn leader(&self, what: &str, named: impl Fn(&Value) -> Option<&str>) -> anyhow::Result<usize> {
        eventually(ELECTION_BOUND, what, async || {
            let mut seen = Vec::new();
            for (index, node) in self.nodes.iter().enumerate() {
                match node.monitor("/jsz?accounts=true&streams=true").await {
                    Ok(monitor) if named(&monitor) == Some(node.name()) => return Ok(index),
                    Ok(monitor) => seen.push(format!("{} names {:?}", node.name(), named(&monitor))),
                    Err(failed) => seen.push(format!("{}: {failed:#}", node.name())),
                }
            }
            anyhow::bail!("{}", seen.join(", "))
        })
        .await
    }
}

impl fmt::Display for NatsCluster {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.url())
    }
}

fn text<'value>(value: &'value Value, path: &str) -> Option<&'value str> {
    value.pointer(path)?.as_str()
}
