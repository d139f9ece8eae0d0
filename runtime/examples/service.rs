//! A service that does nothing, in the way that all of ours do it. `tests/life.rs` runs it as a real process.

use std::future::pending;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use runtime::Process;
use runtime::args::ProcessArgs;

/// Does nothing
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    process: ProcessArgs,
    /// What its only task does
    #[arg(long, value_enum, default_value = "wait")]
    task: Task,
}

#[derive(Clone, Copy, ValueEnum)]
enum Task {
    /// Waits for the end.
    Wait,
    /// Does not hear of it.
    Linger,
    /// Panics.
    Panic,
}

fn main() -> ExitCode {
    let args = Args::parse();
    runtime::process::main("sluice-example", runtime::release::VERSION, &args.process, async |process| {
        start(&process, args.task);
        Ok(())
    })
}

fn start(process: &Process, task: Task) {
    let stopping = process.drain.stopping();
    process.drain.spawn("example", async move {
        match task {
            Task::Wait => stopping.cancelled().await,
            Task::Linger => pending().await,
            Task::Panic => assert!(stopping.is_cancelled(), "as it was told"),
        }
        Ok(())
    });
}
