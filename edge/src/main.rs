//! The process.

use std::process::ExitCode;

use clap::Parser as _;
use edge::args::{Arguments, Command};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Run(args) => edge::run::run(*args),
        Command::Openapi => edge::openapi::print(),
        Command::Session(args) => edge::mint::run(&args),
    }
}
