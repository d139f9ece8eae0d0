//! Many sales: what a thousand cost while they are made and while nobody buys, and how many replicated ones three NATS
//! nodes carry.
//!
//! Times are those of this machine and of whatever else it does meanwhile; counts of requests and writes are not.

#![expect(clippy::print_stdout, reason = "a program for a person at a terminal")]

mod api;
#[path = "../cpu.rs"]
mod cpu;
#[path = "../memory.rs"]
mod memory;
mod processes;
mod replicated;
mod sales;
mod single;

use clap::{Parser, Subcommand};

/// Measures an operator with many sales.
#[derive(Debug, Parser)]
#[command(name = "many", version = runtime::release::stamp())]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Sales with one copy each: how long until all are provisioned, and what they cost then.
    Single(Single),
    /// Sales with three copies each, more and more of them, until something breaks.
    Replicated(Replicated),
}

/// How sales with one copy are measured.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Single {
    /// How many sales.
    #[arg(long, default_value_t = 1_000)]
    sales: usize,
    /// How many seconds they are watched while nobody buys.
    #[arg(long, default_value_t = 120)]
    idle_seconds: u64,
    /// Whether they are open meanwhile; else they open one day.
    #[arg(long)]
    open: bool,
    /// Let NATS sync its disk every two minutes instead of at every message.
    #[arg(long)]
    relaxed_sync: bool,
    /// Ledgers that follow them.
    #[arg(long, default_value_t = 0)]
    ledgers: usize,
}

/// How sales with three copies are measured.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Replicated {
    /// How many sales there are in each step.
    #[arg(long, value_delimiter = ',', default_values_t = [25, 50, 100, 200, 400, 800])]
    steps: Vec<usize>,
    /// How many seconds each step is watched while nobody buys.
    #[arg(long, default_value_t = 15)]
    idle_seconds: u64,
    /// How many sales of each step somebody buys from, one after the other.
    #[arg(long, default_value_t = 20)]
    claims: usize,
    /// No step begins later than this.
    #[arg(long, default_value_t = 480)]
    seconds_max: u64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Single(single) => Box::pin(single::run(&single)).await,
        Command::Replicated(replicated) => Box::pin(replicated::run(&replicated)).await,
    }
}
