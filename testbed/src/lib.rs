//! The real components on free ports, for tests and for the demo.
//!
//! No mock stands where a user would have the real thing: a [`Bed`] starts nats-server (one node or three), Postgres,
//! Redis, and etcd with kube-apiserver, each on a free port of loopback, all of it below one temporary folder. What is
//! not asked for is not started.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! let bed = testbed::Bed::shared().await?;
//! let nats = bed.nats().await?.url();
//! let database = bed.postgres().await?.create_database("orders").await?;
//! # drop((nats, database)); Ok(()) }
//! ```
//!
//! What must always hold: **a bed leaves neither a process nor a file behind**, however its owner ends: return, panic,
//! Ctrl-C or `kill -9` ([`warden`] says how). Two beds, and two test binaries, never meet: ports are reserved per process
//! ([`free_port`]), names are handed out once ([`Bed::unique`]).
//!
//! A bed with a [`node`] runs containers too, in namespaces of its own, where the machine allows it.
//!
//! What it costs to start: NATS and Redis 0.1 s, three NATS nodes 1 s, Postgres 1 s, Kubernetes 3 s and 330 MB, and
//! its controllers 1 s and 120 MB when they are asked for; a node with all of Kubernetes 5 s and 900 MB.
//!
//! Everything that breaks on purpose is here too: processes can be killed, paused and started again on the same port and
//! data, and a [`Proxy`] between two parties cuts, delays, resets, or swallows exactly the answer that matters.
//!
//! Deliberately absent: anything that has to be installed by hand (`make tools` does that).

pub mod bed;
pub mod books;
pub mod browser;
pub mod collector;
mod command;
pub mod crowd;
pub mod dashboard;
mod eventually;
mod files;
mod http;
pub mod image;
pub mod installation;
pub mod issuer;
pub mod kubernetes;
pub mod load;
pub mod nats;
pub mod node;
pub mod onlookers;
pub mod people;
pub mod picture;
mod port;
pub mod postgres;
mod process;
pub mod prometheus;
pub mod provision;
pub mod proxy;
pub mod redis;
pub mod reference;
pub mod service;
mod stopwatch;
pub mod tool;
pub mod values;
pub mod viewers;
pub mod warden;
pub mod window;

pub use bed::{Bed, BedBuilder};
pub use browser::Browser;
pub use collector::Collector;
pub use eventually::eventually;
pub use issuer::Issuer;
pub use kubernetes::{Audited, ControllerManager, Kubernetes};
pub use nats::{Nats, NatsCluster};
pub use node::Node;
pub use port::free_port;
pub use postgres::Postgres;
pub use prometheus::Prometheus;
pub use proxy::Proxy;
pub use redis::Redis;
pub use service::{Service, binary};
pub use stopwatch::Stopwatch;
pub use viewers::Viewers;
