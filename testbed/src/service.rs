//! One of our own programs, run as a process of the bed as it runs in production.

use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use rustix::process::Signal;

use crate::bed::Bed;
use crate::http;
use crate::process::{Process, Program};

/// How long a service may take to drain after `SIGTERM`; Kubernetes gives it 30 s.
const STOP_BOUND: Duration = Duration::from_secs(30);

/// A service as a process: it can be asked to stop, killed, paused and started again.
#[derive(Debug)]
pub struct Service {
    process: Process,
}

impl Service {
    /// Starts the workspace's binary of this name. It sees the environment it is given here and nothing else, except
    /// `RUST_BACKTRACE=1`; its output goes to a file of the bed. Its name there is `name`, so give each replica its own.
    ///
    /// # Errors
    /// When the binary is not built, or does not start.
    pub fn spawn<'pair>(
        bed: &Bed,
        name: &str,
        binary_name: &str,
        arguments: impl IntoIterator<Item = impl Into<String>>,
        environment: impl IntoIterator<Item = (&'pair str, String)>,
    ) -> anyhow::Result<Self> {
        let mut program = Program::new(name, binary(binary_name)?, arguments);
        program.environment.push(("RUST_BACKTRACE".to_owned(), "1".to_owned()));
        program.environment.extend(environment.into_iter().map(|(name, value)| (name.to_owned(), value)));
        Ok(Self { process: Process::start(bed.folder(), program)? })
    }

    /// Waits until `GET <admin_url>/readyz` succeeds, and not longer than the process lives.
    ///
    /// # Errors
    /// When it ends or is not ready within a minute; with the end of its log.
    pub async fn wait_ready(&self, admin_url: &str) -> anyhow::Result<()> {
        let client = http::client(None)?;
        self.process.ready(async || http::text(client.get(format!("{admin_url}/readyz"))).await.map(drop)).await
    }

    /// Sends `SIGTERM` and waits until it has ended, at most 30 s.
    ///
    /// # Errors
    /// When it does not end in time; with the end of its log.
    pub async fn stop(&self) -> anyhow::Result<ExitStatus> {
        self.process.stop(Signal::TERM, STOP_BOUND).await
    }

    /// Kills it and waits until it is gone.
    ///
    /// # Errors
    /// When it cannot be killed.
    pub async fn kill9(&self) -> anyhow::Result<()> {
        self.process.kill9().await
    }

    /// Waits until it has ended by itself, at most `bound`.
    ///
    /// # Errors
    /// When it still runs.
    pub async fn wait(&self, bound: Duration) -> anyhow::Result<ExitStatus> {
        self.process.wait(bound).await
    }

    /// Starts it again with the same arguments and environment, after it has ended.
    ///
    /// # Errors
    /// When it still runs.
    pub fn restart(&self) -> anyhow::Result<()> {
        self.process.restart()
    }

    /// Stops it in the middle of whatever it does, with its connections open.
    ///
    /// # Errors
    /// When it cannot be signalled.
    pub fn pause(&self) -> anyhow::Result<()> {
        self.process.pause()
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// When it cannot be signalled.
    pub fn resume(&self) -> anyhow::Result<()> {
        self.process.resume()
    }

    /// How it ended, if it did.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn ended(&self) -> anyhow::Result<Option<ExitStatus>> {
        self.process.ended()
    }

    /// The process id of its present or last life.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.process.id()
    }

    /// Its name in the bed.
    #[must_use]
    pub fn name(&self) -> &str {
        self.process.name()
    }

    /// Everything it wrote so far, over all its lives.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }
}

/// The workspace's binary of this name, built in the same profile as the program that asks.
///
/// # Errors
/// When it is not built; the sentence says how to.
pub fn binary(name: &str) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let mut folder = own.parent().context("this program lies in no folder")?;
    // Tests lie in deps, examples in examples, both beside the binaries.
    if folder.ends_with("deps") || folder.ends_with("examples") {
        folder = folder.parent().context("this program lies in no folder")?;
    }
    let path = folder.join(name);
    ensure!(path.is_file(), "{name} is not built: run cargo build --workspace --bins");
    Ok(path)
}
