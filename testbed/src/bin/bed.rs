//! `bed`: the real components for a person, on free ports, until Ctrl-C.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use testbed::Bed;
use tokio::signal::unix::{SignalKind, signal};

/// Starts real servers on free ports, prints their addresses, and ends them without a trace on Ctrl-C.
#[derive(Parser)]
#[command(name = "bed", version = runtime::release::stamp())]
struct Arguments {
    /// Only these, of those below; all but `nats-cluster` without a name.
    #[arg(value_enum)]
    servers: Vec<Server>,
    /// Make the folder of the servers in this one instead of the system's for temporary files.
    #[arg(long, value_name = "FOLDER")]
    below: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Server {
    /// One nats-server.
    Nats,
    /// Three nats-servers.
    NatsCluster,
    Postgres,
    Redis,
    /// etcd and kube-apiserver.
    Kubernetes,
}

#[tokio::main]
async fn main() -> ExitCode {
    match up(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            let _ = writeln!(std::io::stderr(), "bed: {failed:#}");
            ExitCode::FAILURE
        }
    }
}

async fn up(asked: Arguments) -> anyhow::Result<()> {
    let all = vec![Server::Nats, Server::Postgres, Server::Redis, Server::Kubernetes];
    let servers = if asked.servers.is_empty() { all } else { asked.servers };
    let mut builder = Bed::builder().progress(|line| {
        let _ = writeln!(std::io::stdout(), "{line}");
    });
    if let Some(folder) = asked.below {
        builder = builder.below(folder);
    }
    for server in servers {
        builder = match server {
            Server::Nats => builder.nats(),
            Server::NatsCluster => builder.nats_cluster(),
            Server::Postgres => builder.postgres(),
            Server::Redis => builder.redis(),
            Server::Kubernetes => builder.kubernetes(),
        };
    }
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let run = async {
        let bed = builder.start().await?;
        writeln!(std::io::stdout(), "everything is below {}; Ctrl-C ends it", bed.folder().display())?;
        std::future::pending().await
    };
    tokio::select! {
        failed = run => failed,
        // What runs is dropped with the future, and ends in order.
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
    }
}
