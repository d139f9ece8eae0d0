//! `bed`: the real components for a person, on free ports, until Ctrl-C.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser;
use testbed::Bed;

/// Starts real servers on free ports, prints their addresses, and ends them without a trace on Ctrl-C.
#[derive(Parser)]
struct Arguments {
    /// Only these, of those below; all but `nats-cluster` without a name.
    #[arg(value_enum)]
    servers: Vec<Server>,
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
    match up(Arguments::parse().servers).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            let _ = writeln!(std::io::stderr(), "bed: {failed:#}");
            ExitCode::FAILURE
        }
    }
}

async fn up(asked: Vec<Server>) -> anyhow::Result<()> {
    let all = vec![Server::Nats, Server::Postgres, Server::Redis, Server::Kubernetes];
    let servers = if asked.is_empty() { all } else { asked };
    let mut builder = Bed::builder().progress(|line| {
        let _ = writeln!(std::io::stdout(), "{line}");
    });
    for server in servers {
        builder = match server {
            Server::Nats => builder.nats(),
            Server::NatsCluster => builder.nats_cluster(),
            Server::Postgres => builder.postgres(),
            Server::Redis => builder.redis(),
            Server::Kubernetes => builder.kubernetes(),
        };
    }
    let bed = tokio::select! {
        started = builder.start() => started?,
        // What was started so far is dropped with the future.
        interrupted = tokio::signal::ctrl_c() => return interrupted.context("Ctrl-C cannot be heard"),
    };
    writeln!(std::io::stdout(), "everything is below {}; Ctrl-C ends it", bed.folder().display())?;
    tokio::signal::ctrl_c().await.context("Ctrl-C cannot be heard")
}
