//! One process of a bed: started, watched, signalled, and started again.
//!
//! What must always hold: a process is registered with the [warden](crate::warden) before it runs, has a process group of
//! its own, and does not see the environment of whoever runs the tests. All its output goes to one file, where a start
//! that fails finds the lines it shows.
//!
//! Nothing here is bound to a runtime: a shared bed outlives that of the test that started it.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group};

use crate::eventually::eventually;
use crate::warden;

/// How long a server may take until it answers: a cold kube-apiserver on a busy machine with two cores takes 10 s.
const READY_BOUND: Duration = Duration::from_secs(60);
/// A process that was asked to end is looked after so often, so far apart (5 s in all), then killed.
const ENDING_LOOKS: usize = 1_000;
const ENDING_PAUSE: Duration = Duration::from_millis(5);
/// How long the system may take to end a process that was killed.
const KILLED_BOUND: Duration = Duration::from_secs(10);
/// How long its threads may take to stop; each does at the end of a system call at the latest.
const STOPPED_WITHIN: Duration = Duration::from_secs(10);
/// How many lines of a log an error shows.
const TAIL_LINES: usize = 12;
/// Where children find the few programs they call; nothing else is handed on from the environment.
const SEARCH_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What to run.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    /// Its name in messages and of its log.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
    /// How it ends when the bed does.
    pub(crate) ending: Ending,
}

impl Program {
    /// A program without environment that can be killed without a trace.
    pub(crate) fn new<S: Into<String>>(name: &str, path: PathBuf, arguments: impl IntoIterator<Item = S>) -> Self {
        let arguments = arguments.into_iter().map(Into::into).collect();
        Self { name: name.to_owned(), path, arguments, environment: Vec::new(), ending: Ending::Kill }
    }

    /// The same, which finds what it calls in this folder first.
    pub(crate) fn searching(mut self, folder: &Path) -> Self {
        self.environment.push(("PATH".to_owned(), format!("{}:{SEARCH_PATH}", folder.display())));
        self
    }
}

/// How a process is ended when nobody needs it any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// At once: it leaves nothing outside the bed's folder.
    Kill,
    /// Asked by `SIGQUIT` first: Postgres has a shared memory segment to give back.
    Quit,
}

impl Ending {
    fn name(self) -> &'static str {
        match self {
            Self::Kill => "KILL",
            Self::Quit => "QUIT",
        }
    }

    fn signal(self) -> Signal {
        match self {
            Self::Kill => Signal::KILL,
            Self::Quit => Signal::QUIT,
        }
    }
}

/// A program that runs, or ran and can run again.
#[derive(Debug)]
pub(crate) struct Process {
    program: Program,
    bed: PathBuf,
    log: PathBuf,
    /// Where the output of the present life begins in the log.
    log_start: AtomicU64,
    child: Mutex<Option<Child>>,
}

impl Process {
    /// Starts the program as a part of the bed in the folder `bed`.
    pub(crate) fn start(bed: &Path, program: Program) -> anyhow::Result<Self> {
        ensure!(program.path.is_file(), "{} is not at {}", program.name, program.path.display());
        let log = bed.join(format!("{}.log", program.name));
        let process = Self { program, bed: bed.to_owned(), log, log_start: AtomicU64::new(0), child: Mutex::new(None) };
        process.restart()?;
        Ok(process)
    }

    /// Starts it again, with the same arguments.
    ///
    /// # Errors
    /// When it still runs.
    pub(crate) fn restart(&self) -> anyhow::Result<()> {
        let mut child = self.child();
        if let Some(running) = child.as_mut() {
            ensure!(running.try_wait()?.is_some(), "{} runs already", self.program.name);
            warden::unregister(&self.bed, running.id());
        }
        let log = self.open_log()?;
        self.log_start.store(log.metadata()?.len(), Ordering::Relaxed);
        *child = Some(
            warden::register(&self.bed, self.program.ending.name(), &self.program.path)
                .args(&self.program.arguments)
                .env_clear()
                .env("PATH", SEARCH_PATH)
                .envs(self.program.environment.iter().map(|(name, value)| (name, value)))
                .current_dir(&self.bed)
                .stdin(Stdio::null())
                .stderr(log.try_clone()?)
                .stdout(log)
                .spawn()
                .with_context(|| format!("{} does not start", self.program.name))?,
        );
        Ok(())
    }

    fn open_log(&self) -> anyhow::Result<File> {
        let opened = OpenOptions::new().create(true).append(true).open(&self.log);
        opened.with_context(|| format!("no log at {}", self.log.display()))
    }

    fn child(&self) -> MutexGuard<'_, Option<Child>> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn name(&self) -> &str {
        &self.program.name
    }

    /// The process id of the present life, or of the last one.
    pub(crate) fn id(&self) -> Option<u32> {
        self.child().as_ref().map(Child::id)
    }

    /// How it ended, if it did.
    pub(crate) fn ended(&self) -> anyhow::Result<Option<ExitStatus>> {
        let mut child = self.child();
        let running = child.as_mut().with_context(|| format!("{} was never started", self.program.name))?;
        let status = running.try_wait()?;
        if status.is_some() {
            warden::unregister(&self.bed, running.id());
        }
        Ok(status)
    }

    /// Waits until `check` succeeds, and not longer than the process lives.
    pub(crate) async fn ready<T>(&self, check: impl AsyncFn() -> anyhow::Result<T>) -> anyhow::Result<T> {
        let name = &self.program.name;
        let awaited = format!("{name} to be ready");
        let looking = eventually(READY_BOUND, &awaited, || async {
            if let Some(status) = self.ended()? {
                return Ok(Err(status));
            }
            check().await.map(Ok)
        });
        match looking.await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(status)) => bail!("{name} ended at its start ({status}); {}", self.tail()),
            Err(late) => Err(late.context(self.tail())),
        }
    }

    /// Sends a signal to the whole process group; nothing happens to one that ended.
    pub(crate) fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let child = self.child();
        let running = child.as_ref().with_context(|| format!("{} was never started", self.program.name))?;
        match kill_process_group(Pid::from_child(running), signal) {
            Ok(()) | Err(Errno::SRCH) => Ok(()),
            Err(failed) => Err(failed).with_context(|| format!("{} cannot be signalled", self.program.name)),
        }
    }

    /// Stops it in the middle of whatever it does, with its connections open; returns once none of its threads runs any more,
    /// as a signal is only on its way when it was sent.
    pub(crate) fn pause(&self) -> anyhow::Result<()> {
        self.signal(Signal::STOP)?;
        let Some(id) = self.id() else { return Ok(()) };
        for _ in 0..STOPPED_WITHIN.as_millis() {
            if stands_still(id)? {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        bail!("{} did not stop within {STOPPED_WITHIN:?}", self.program.name)
    }

    /// Lets it go on.
    pub(crate) fn resume(&self) -> anyhow::Result<()> {
        self.signal(Signal::CONT)
    }

    /// Kills it and waits until it is gone.
    pub(crate) async fn kill9(&self) -> anyhow::Result<()> {
        if self.ended()?.is_none() {
            self.signal(Signal::KILL)?;
            self.wait(KILLED_BOUND).await?;
        }
        Ok(())
    }

    /// Asks it to end by `signal` and waits for that, at most `bound`.
    pub(crate) async fn stop(&self, signal: Signal, bound: Duration) -> anyhow::Result<ExitStatus> {
        if let Some(status) = self.ended()? {
            return Ok(status);
        }
        self.signal(signal)?;
        self.signal(Signal::CONT)?;
        self.wait(bound).await.with_context(|| self.tail())
    }

    /// Waits until it has ended.
    pub(crate) async fn wait(&self, bound: Duration) -> anyhow::Result<ExitStatus> {
        eventually(bound, &format!("{} to end", self.program.name), async || self.ended()?.context("it runs")).await
    }

    /// Everything it wrote so far, over all its lives.
    pub(crate) fn log(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The last lines of its present life, as the end of an error.
    pub(crate) fn tail(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        let start = usize::try_from(self.log_start.load(Ordering::Relaxed)).unwrap_or(0);
        let text = String::from_utf8_lossy(bytes.get(start..).unwrap_or_default());
        let lines: Vec<&str> = text.lines().collect();
        match lines.get(lines.len().saturating_sub(TAIL_LINES)..) {
            Some(last) if !last.is_empty() => format!("the end of its log:\n  {}", last.join("\n  ")),
            _ => "it logged nothing".to_owned(),
        }
    }

    /// Ends it the way it is meant to end, without a runtime.
    fn end(&self) {
        let Ok(None) = self.ended() else { return };
        if self.program.ending != Ending::Kill {
            let _ = self.signal(self.program.ending.signal());
            let _ = self.signal(Signal::CONT);
            for _ in 0..ENDING_LOOKS {
                if matches!(self.ended(), Ok(Some(_))) {
                    return;
                }
                std::thread::sleep(ENDING_PAUSE);
            }
        }
        let _ = self.signal(Signal::KILL);
        if let Some(running) = self.child().as_mut() {
            let _ = running.wait();
            warden::unregister(&self.bed, running.id());
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// Whether every thread of a process is stopped, or has ended.
fn stands_still(process: u32) -> anyhow::Result<bool> {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{process}/task")) else { return Ok(true) };
    for thread in threads {
        // A thread that is gone meanwhile does not run.
        let Ok(told) = std::fs::read_to_string(thread?.path().join("stat")) else { continue };
        // The name stands in parentheses and may hold anything, parentheses too; the state follows.
        let state = told.rsplit_once(')').map(|(_, rest)| rest.trim_start());
        if state.is_some_and(|state| !state.starts_with(['T', 't', 'Z', 'X'])) {
            return Ok(false);
        }
    }
    Ok(true)
}
