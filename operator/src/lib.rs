//! Stage 1: `kubectl apply` becomes stock that can be claimed.
//!
//! ```text
//! FlashSale ─► wanted (parsed) ─┐
//! status    ─► latch            ├─► plan (pure) ─► steps ─► apply ─► streams, buckets, supply, definition
//! NATS      ─► observe ─────────┘        └─► standing ─► status (pure) ─► conditions, totals ─► events (pure)
//! ```
//!
//! The operator is asleep most of the time, and a sale does not need it to open, to sell or to refuse: edges follow the
//! published definition by their own clock, and only the compare-and-set of a bucket decides.

pub mod apply;
pub mod args;
mod client;
pub mod controller;
pub mod crd;
pub mod deed;
pub mod durability;
pub mod error;
pub mod events;
pub mod leader;
pub mod metrics;
pub mod observe;
pub mod plan;
pub mod resource;
pub mod rights;
mod served;
mod service;
pub mod status;
pub mod stock;
pub mod stop;
pub mod trial;
pub mod wanted;

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::{Args, Command};

/// The program.
#[must_use]
pub fn main() -> ExitCode {
    match Args::parse().command {
        Command::Crd => crd::print(),
        Command::Rbac(args) => rights::manifest::print(&args),
        Command::Close(args) => stop::run(&args),
        Command::Trial(args) => trial::run(&args),
        Command::Run(args) => {
            let process = args.process.clone();
            runtime::process::main("sluice-operator", runtime::release::VERSION, &process, async move |process| {
                service::start(*args, process).await
            })
        }
    }
}
