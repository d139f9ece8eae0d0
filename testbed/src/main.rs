//! `demo`: the whole product on real servers, for a person to look at.

mod demo;

use clap::Parser as _;

#[tokio::main]
async fn main() -> std::process::ExitCode {
    match Box::pin(demo::run(demo::Arguments::parse())).await {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}
