//! The commands of the demo.

#![expect(clippy::print_stdout, reason = "a program for a person at a terminal")]

mod cluster;
mod crowd;
mod load;
mod pictures;
mod samples;
mod state;
mod up;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Sluice on real servers: etcd and kube-apiserver, NATS, Postgres, and two edges and two ledgers beside the operator, watched by
/// Prometheus.
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
    /// Run one of the loads of k6/, check the books against what shoppers were told, and list the loads if none is named.
    Load(Load),
    /// Draw the main panels of the overview, as the running demo's Prometheus saw the last minutes, as SVG.
    Pictures(Pictures),
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

/// Which load, how large, and against what.
#[derive(Debug, Args)]
pub(crate) struct Load {
    /// Which one; without a name all are listed.
    scenario: Option<String>,
    /// Part of the full load: 0.1 is a tenth of its shoppers, units and time.
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// By what times may exceed their bounds, on a machine that does other things as well.
    #[arg(long, default_value_t = 1.0)]
    slowness: f64,
    /// How many seconds the soak takes (600 if not given).
    #[arg(long, value_parser = clap::value_parser!(u32).range(5..=604_800))]
    duration: Option<u32>,
    /// Folder of the reports; each load has one of its own in it.
    #[arg(long, value_name = "FOLDER", default_value = "target/load")]
    into: PathBuf,
    /// Edges other than the demo's, separated by commas, as in https://shop.example; needs --sale and --merchant-session.
    #[arg(long, value_name = "URLS", value_delimiter = ',', requires = "sale")]
    url: Vec<String>,
    /// A sale that is there, by its id as in URLs, instead of one that is made for the load (and deleted after it).
    #[arg(long, value_name = "ID")]
    sale: Option<String>,
    /// What is bought there; its first item if not given.
    #[arg(long, requires = "sale")]
    sku: Option<String>,
    /// How many units that sale is said to have; compared with its books.
    #[arg(long, requires = "sale")]
    units: Option<u32>,
    /// File with the customers' sessions, one a line, as sluice-edge session prints them; guests come if not given.
    #[arg(long, value_name = "FILE", requires = "sale")]
    sessions: Option<PathBuf>,
    /// File with a merchant's session, with which the books are read.
    #[arg(long, value_name = "FILE", requires = "sale")]
    merchant_session: Option<PathBuf>,
}

/// What is drawn.
#[derive(Debug, Args)]
pub(crate) struct Pictures {
    /// How many minutes are shown.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=1_440))]
    minutes: u64,
    /// Where the pictures go.
    #[arg(long, default_value = "docs/pictures", value_name = "FOLDER")]
    folder: PathBuf,
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
        Command::Load(load) => load::run(load).await,
        Command::Pictures(pictures) => pictures::run(pictures).await,
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
