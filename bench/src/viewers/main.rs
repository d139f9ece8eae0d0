//! What thousands of open event streams cost those who buy: the same crowd without and with them, in turns in one run.
//!
//! The crowd comes at a fixed rate, half of what the machine can take, whether or not earlier shoppers were answered, and
//! latency counts from when a request was meant to be sent. The viewers share the machine with everything else, so what is
//! told is an upper bound of what the edges do to the crowd. Every run with viewers ends when all of them see the right
//! number.

#![expect(clippy::print_stdout, reason = "a program for a person at a terminal")]

#[path = "../cpu.rs"]
mod cpu;
#[path = "../memory.rs"]
mod memory;
mod turns;

use clap::Parser;

/// Compares a crowd beside open event streams with the same crowd alone.
#[derive(Debug, Parser)]
#[command(name = "viewers", version = runtime::release::stamp())]
struct Arguments {
    /// How many pairs of runs; the median of their ratios counts.
    #[arg(long, default_value_t = 5)]
    pairs: usize,
    /// Open event streams.
    #[arg(long, default_value_t = 2_000)]
    viewers: usize,
    /// How many seconds each crowd comes for.
    #[arg(long, default_value_t = 8.0)]
    seconds: f64,
    /// Shoppers per second; half of what is measured first if not given.
    #[arg(long)]
    rate: Option<f64>,
    /// Most requests in flight.
    #[arg(long, default_value_t = 512)]
    connections: usize,
    /// Open a real page on each of the two edges beside the viewers; they draw on the same machine.
    #[arg(long)]
    pages: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    Box::pin(turns::compare(&Arguments::parse())).await
}
