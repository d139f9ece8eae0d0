//! The life of a process, from its first line to its exit code.
//!
//! **What it is for.** [`main`] is all of a service's `main.rs`: it sets up logging, opens the admin port, listens for
//! signals, and hands the service a [`Process`]. The service wires its parts, spawns its tasks and returns; from then on
//! the process lives until a signal comes, a task fails, or no task is left.
//!
//! **What must always hold.** A process is not ready before its start has returned. A start is dropped at whatever it
//! waits for when a signal comes; nothing needs undoing, because everything that matters is stored elsewhere and a
//! restart goes on from there. The admin port answers until the drain is over.

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::args::ProcessArgs;
use crate::clock::Clock;
use crate::drain::{Drain, Signals};
use crate::metrics::{self, Metrics};
use crate::readiness::{Readiness, ReadinessMetrics};
use crate::release;
use crate::trace::Tracer;
use crate::{admin, telemetry};

/// How long blocking calls may take once everything else has ended; then they end with the process.
const BLOCKING_BOUND: Duration = Duration::from_secs(1);

/// What every part of a service may need; its clones are the same.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Process {
    /// What runs, as `sluice-edge`.
    pub component: &'static str,
    /// Its version.
    pub version: &'static str,
    /// What time it is.
    pub clock: Clock,
    /// What it counts.
    pub metrics: Metrics,
    /// Which parts work.
    pub readiness: Readiness,
    /// The same, as metrics.
    pub(crate) shown: ReadinessMetrics,
    /// Its tasks, and its end.
    pub drain: Drain,
    /// What it tells of requests that are traced.
    pub tracer: Tracer,
}

impl Process {
    /// A process without a life: no port, no signals. What tests of a service need.
    ///
    /// # Errors
    /// When the metrics that every process has cannot be registered.
    pub fn new(component: &'static str, version: &'static str, clock: Clock) -> Result<Self, metrics::Error> {
        let drain = Drain::new();
        let readiness = Readiness::new(clock.clone(), drain.stopping());
        let metrics = Metrics::new(component, version)?;
        let shown = ReadinessMetrics::new(&metrics)?;
        Ok(Self { component, version, metrics, clock, readiness, shown, drain, tracer: Tracer::default() })
    }

    /// Lives: starts, serves the admin port, drains for at most `bound`. Meanwhile `signals` is polled: it may stop the
    /// [drain](Self::drain), as [`Signals::obey`] does.
    ///
    /// # Errors
    /// Why it could not start, which task failed, or which are late.
    pub async fn live(
        self,
        admin: TcpListener,
        signals: impl Future<Output = ()> + Send + 'static,
        bound: Duration,
        start: impl AsyncFnOnce(Self) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let started = self.readiness.part("start", true);
        // These two outlive the drain and end with this function.
        let mut attendants = JoinSet::new();
        attendants.spawn(signals);
        let router = admin::router(self.clone());
        attendants.spawn(async move { drop(axum::serve(admin, router).await) });

        let stopping = self.drain.stopping();
        let outcome = match stopping.run_until_cancelled(Box::pin(start(self.clone()))).await {
            Some(Ok(())) => {
                started.set_ok();
                self.drain.ending().await;
                Ok(())
            }
            Some(Err(error)) => Err(error),
            None => Ok(()),
        };
        match (outcome, self.drain.finish(bound).await) {
            (Ok(()), drained) => Ok(drained?),
            (Err(error), drained) => {
                drained.unwrap_or_else(|also| tracing::error!("{also}"));
                Err(error)
            }
        }
    }
}

/// Runs a service from beginning to end; its `main` is this call.
///
/// `start` wires the service, spawns its tasks on [`Process::drain`] and returns. It must not serve by itself: it is
/// dropped, not drained, when a signal comes.
pub fn main(
    component: &'static str,
    version: &'static str,
    args: &ProcessArgs,
    start: impl AsyncFnOnce(Process) -> anyhow::Result<()>,
) -> ExitCode {
    if let Err(error) = telemetry::init(args) {
        eprintln!("{component}: {error}");
        return ExitCode::FAILURE;
    }
    match run(component, version, args, start) {
        Ok(()) => {
            tracing::info!("{component} ended");
            ExitCode::SUCCESS
        }
        Err(error) => {
            tracing::error!("{component} ended with an error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(
    component: &'static str,
    version: &'static str,
    args: &ProcessArgs,
    start: impl AsyncFnOnce(Process) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let tokio = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = tokio.block_on(async {
        let signals = Signals::listen()?;
        let clock = Clock::system();
        clock.set_offset(args.clock_offset());
        let mut process = Process::new(component, version, clock)?;
        let (tracer, sending) = Tracer::start(&args.trace, component, version, &process.metrics)?;
        process.tracer = tracer.clone();
        // Outlives everything that may be told.
        let mut senders = JoinSet::new();
        if let Some(sending) = sending {
            senders.spawn(sending);
        }
        let admin = admin::bind(args.admin_addr).await?;
        announce(&process, args, &admin)?;
        let signals = signals.obey(process.drain.clone());
        let ended = process.live(admin, signals, args.drain_bound(), start).await;
        tracer.flush().await;
        ended
    });
    tokio.shutdown_timeout(BLOCKING_BOUND);
    ended
}

fn announce(process: &Process, args: &ProcessArgs, admin: &TcpListener) -> io::Result<()> {
    let Process { component, version, .. } = process;
    let address = admin.local_addr()?;
    tracing::info!(admin.address = %address, build.commit = release::commit(), "{component} {version} starts");
    if let Some(endpoint) = args.trace.endpoint() {
        tracing::info!(trace.share = args.trace.trace_sample, "traces are sent to {endpoint}");
    }
    if args.dev {
        tracing::warn!("secrets that everybody knows are accepted (--dev): not for real sales");
    }
    if args.clock_offset_ms != 0 {
        tracing::warn!(clock.offset_ms = args.clock_offset_ms, "the clock of this process is moved, as for a test");
    }
    Ok(())
}

#[cfg(test)]
mod tests;
