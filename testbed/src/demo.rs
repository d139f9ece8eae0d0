//! The commands of the demo.

#![expect(clippy::print_stdout, reason = "a program for a person at a terminal")]

mod cluster;
mod crowd;
mod samples;
mod state;
mod up;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Sluice on real servers: etcd and kube-apiserver, NATS, Postgres, and two edges and two ledgers beside the operator.
#[derive(Debug, Parser)]
#[command(name = "demo", version = runtime::release::stamp())]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start everything, apply sample sales, and tell what happens until Ctrl-C (the default).
    Up(Up),
    /// Start a real node, install the chart with images built here, apply sample sales, and tell what happens until Ctrl-C.
    Cluster,
    /// Send a crowd of shoppers to the running demo and show what became of it.
    Crowd(Crowd),
    /// Print a session for the running demo, for use with curl.
    Session {
        /// Who it is for.
        #[arg(default_value = "alice")]
        customer: String,
    },
}

/// Which servers to use.
#[derive(Debug, Default, Args)]
pub(crate) struct Up {
    /// Three NATS nodes with three replicas of every stream, instead of one.
    #[arg(long)]
    cluster_nats: bool,
    /// Use this cluster instead of starting an API server: a kubeconfig file. Needs the right to create custom
    /// resource definitions, and --nats-url and --postgres-url.
    #[arg(long, requires = "nats_url", requires = "postgres_url")]
    kubeconfig: Option<PathBuf>,
    /// Namespace in that cluster; it must exist.
    #[arg(long, default_value = "default", requires = "kubeconfig")]
    namespace: String,
    /// Use this NATS (2.14.4 or newer, with JetStream).
    #[arg(long, requires = "kubeconfig")]
    nats_url: Option<String>,
    /// Monitoring endpoint of every server of that NATS, separated by commas, as in http://nats:8222; without them nobody
    /// knows whether replicated sales are durable.
    #[arg(long, requires = "nats_url", value_delimiter = ',', value_name = "URLS")]
    nats_monitor_urls: Vec<String>,
    /// Use this Postgres (15 or newer): a database of its own.
    #[arg(long, requires = "kubeconfig")]
    postgres_url: Option<String>,
    /// Use this Redis for rate limits that the edges share; without one each edge applies them by itself.
    #[arg(long, requires = "kubeconfig")]
    redis_url: Option<String>,
    /// Replicas of each stream in that NATS.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=5))]
    replicas: u8,
    /// Send a trace of every request to this OpenTelemetry collector, as in `http://127.0.0.1:4318`.
    #[arg(long, value_name = "URL")]
    trace_endpoint: Option<String>,
}

/// What the crowd does.
#[derive(Debug, Args)]
pub(crate) struct Crowd {
    /// How many shoppers come, each with a session of their own.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    shoppers: u32,
    /// Which sale, by the name of its resource.
    #[arg(long, default_value = "aurora")]
    sale: String,
    /// Which item; the sale's first one if not given.
    #[arg(long)]
    sku: Option<String>,
    /// Units that each shopper wants.
    #[arg(long, default_value_t = 1)]
    quantity: u32,
    /// How often each shopper sends the same request at once.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=16))]
    sends: u8,
    /// Most requests in flight.
    #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..=8192))]
    connections: u32,
    /// Shoppers per second (open loop); all at once if not given.
    #[arg(long)]
    rate: Option<f64>,
    /// How many seconds a shopper keeps asking.
    #[arg(long, default_value_t = 60)]
    patience: u64,
    /// How many people only look on: each has an event stream open, from before the crowd begins until it has ended.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=40_000))]
    viewers: u32,
    /// Write the same as a page of HTML with pictures, which needs nothing else: answers and latency over time, the stock
    /// as an edge showed it, both sides of the books.
    #[arg(long, value_name = "FILE", overrides_with = "report")]
    report: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// One sentence about what went wrong.
pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    match arguments.command.unwrap_or_else(|| Command::Up(Up::default_here())) {
        Command::Up(up) => up::run(up).await,
        Command::Cluster => cluster::run().await,
        Command::Crowd(crowd) => crowd::run(crowd).await,
        Command::Session { customer } => {
            let sessions = state::State::read()?.installation().sessions(&customer, 1).await?;
            println!("{}", sessions.concat());
            Ok(())
        }
    }
}

impl Up {
    fn default_here() -> Self {
        Self { namespace: "default".to_owned(), replicas: 1, ..Self::default() }
    }
}
