//! Durable claims per second and CPU-seconds per million, next to the peer, interleaved in one run.
//!
//! Absolute figures are noise on a shared machine; the median ratio of interleaved pairs is not. Both sides answer the
//! same crowd over HTTP on this machine, verify the same sessions, and count as done when the order is a row in Postgres.

#![expect(clippy::print_stdout, reason = "a program for a person at a terminal")]

mod cpu;
mod run;

use clap::Parser;

/// Compares Sluice with a conditional UPDATE and an INSERT in Postgres.
#[derive(Debug, Parser)]
#[command(name = "bench", version = runtime::release::stamp())]
pub(crate) struct Arguments {
    /// How many pairs of runs; the median of their ratios counts.
    #[arg(long, default_value_t = 5)]
    pairs: usize,
    /// Shoppers per run of Sluice, each buying one unit.
    #[arg(long, default_value_t = 60_000)]
    shoppers: usize,
    /// Shoppers per run of the peer.
    #[arg(long, default_value_t = 15_000)]
    peer_shoppers: usize,
    /// Requests in flight, as in the crowd of the demo.
    #[arg(long, default_value_t = 512)]
    connections: usize,
    /// NATS nodes: one, or three with three replicas and every write synced.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 3])]
    nodes: Vec<u8>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    for nodes in arguments.nodes.clone() {
        Box::pin(run::compare(&arguments, nodes)).await?;
    }
    Ok(())
}
