//! Where log lines go and how they look.
//!
//! **What must always hold.** Everything that a process says goes to standard error through `tracing`, a panic
//! included, so a line is never in a format of its own. Standard output belongs to commands that print an answer.
//!
//! **What is deliberately absent.** Files, rotation, shipping: the platform collects standard error.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, IsTerminal as _};
use std::panic::PanicHookInfo;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

use crate::args::{LogFormat, ProcessArgs};

/// The process cannot log as it was told to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The filter cannot be read.
    #[error("--log-filter {0:?} is not a filter such as info,edge=debug: {1}")]
    Filter(String, ParseError),
    /// Somebody else has set up logging.
    #[error("logging was set up twice: {0}")]
    Twice(Box<dyn std::error::Error + Send + Sync>),
}

/// Sets up logging, makes panics log lines, and chooses the cryptography of TLS. The first thing that a process does.
///
/// # Errors
/// [`Error`].
pub fn init(args: &ProcessArgs) -> Result<(), Error> {
    let lines = tracing_subscriber::fmt().with_env_filter(filter(&args.log_filter)?).with_writer(io::stderr);
    match args.log_format {
        LogFormat::Text => lines.with_ansi(io::stderr().is_terminal()).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).try_init(),
    }
    .map_err(Error::Twice)?;
    std::panic::set_hook(Box::new(log_panic));
    // Refused when one is chosen already, and every crate of ours chooses this one.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    Ok(())
}

/// Clients that tell by themselves what whoever uses them tells with the name of what it is for: that of NATS of every
/// connection, that of Kubernetes of every request that fails. Whoever wants both says so.
const TALKATIVE: [&str; 3] = ["async_nats", "kube_client", "kube_runtime"];

fn filter(text: &str) -> Result<EnvFilter, Error> {
    let quiet: String =
        TALKATIVE.iter().filter(|name| !text.contains(**name)).map(|name| format!(",{name}=off")).collect();
    EnvFilter::builder().parse(format!("{text}{quiet}")).map_err(|error| Error::Filter(text.to_owned(), error))
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    let message = panic.payload_as_str().unwrap_or("a value that is not text");
    let location = panic.location().map(tracing::field::display);
    let backtrace = Backtrace::capture();
    let backtrace = (backtrace.status() == BacktraceStatus::Captured).then(|| tracing::field::display(&backtrace));
    tracing::error!(panic.location = location, panic.backtrace = backtrace, "panicked: {message}");
}

#[cfg(test)]
mod tests;
