//! How a process of ours runs.
//!
//! **What it is for.** Operator, edge and ledger differ in what they do and in nothing else: they read their arguments,
//! log, count, say whether they are ready, connect to NATS, and end the same way. This crate is that way, and it knows
//! no business noun. A service is a function that wires its parts and returns:
//!
//! ```no_run
//! # use clap::Parser;
//! # #[derive(Parser)]
//! # struct Args { #[command(flatten)] process: runtime::args::ProcessArgs, #[command(flatten)] nats: runtime::args::NatsArgs }
//! fn main() -> std::process::ExitCode {
//!     let args = Args::parse();
//!     runtime::process::main("sluice-example", runtime::release::VERSION, &args.process, async |process| {
//!         let nats = runtime::nats::connect(&args.nats, &process, "claims").await?;
//!         let stopping = process.drain.stopping();
//!         process.drain.spawn("example", async move {
//!             stopping.cancelled().await;
//!             Ok(nats.flush().await?)
//!         });
//!         Ok(())
//!     })
//! }
//! ```
//!
//! | module | it settles |
//! | --- | --- |
//! | [`args`] | the arguments that every service has; the one place that reads the environment, and secrets from files |
//! | [`telemetry`] | where log lines go, how they look, that a panic is one of them |
//! | [`process`] | the life from the first line to the exit code; [`Process`] is what a service is handed |
//! | [`drain`] | what happens between the first `SIGTERM` and the exit; a task that fails takes the process with it |
//! | [`readiness`] | which parts work and since when; what `/readyz` answers |
//! | [`trace`] | what became of one request on its way through the processes |
//! | [`metrics`] | counters, gauges and histograms whose handles are resolved once and whose labels are enums |
//! | [`admin`] | the second port: `/livez`, `/readyz`, `/metrics` |
//! | [`credentials`] | until when the credentials of a process are good |
//! | [`clock`] | what time it is; the one place that asks |
//! | [`backoff`] | how long to wait before the next try |
//! | [`nats`] | a connection to a NATS that can do what we need, or one sentence that says why not |
//! | [`jetstream`] | one shard's stream: the store port of `protocol` on the wire |
//! | [`release`] | which build this is: number, commit, date |
//! | [`registry`] | small typed tables in KV that can be watched for ever |
//!
//! **How the pieces fit.**
//!
//! ```text
//! args ─► telemetry ─► Process { clock, metrics, readiness, drain } ─► start(process): connect, spawn, return
//!                         admin port serves the middle two ▲                 │ supervised tasks
//!                                                                            ▼
//!            SIGTERM, or a task fails ─► drain: unready, stop accepting, tasks end by themselves ─► exit code
//! ```
//!
//! **What must always hold.** No task dies unnoticed. No wait is without a bound, the end included. Whatever is refused
//! at the start is refused in one sentence that says how to mend it. No secret reaches a log line.

pub mod admin;
pub mod args;
pub mod backoff;
pub mod clock;
pub mod credentials;
pub mod drain;
pub mod jetstream;
pub mod metrics;
pub mod nats;
pub mod process;
pub mod readiness;
pub mod registry;
pub mod release;
pub mod telemetry;
pub mod trace;

pub use process::Process;
