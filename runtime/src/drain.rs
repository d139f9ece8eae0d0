//! What happens between the first signal and the exit.
//!
//! **What it is for.** A process that is asked to end stops taking work, finishes what it has, and goes. Its tasks learn
//! of it by one token and are awaited together, up to a bound.
//!
//! **What must always hold.** A supervised task never dies silently: one that fails or panics stops the process, the
//! others finish in the usual way, and the process exits with that task's error. So nobody serves with half of itself,
//! and Kubernetes starts a whole one.
//!
//! **What is deliberately absent.** Aborting tasks: what has not ended at the bound ends with the process, and whatever
//! it was doing is settled from what is stored. Waiting for load balancers to notice, too: the pod's `preStop` does.

use std::any::Any;
use std::collections::BTreeMap;
use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Why a process did not end as it should.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A supervised task gave up.
    #[error("task {task} failed: {reason:#}")]
    Failed {
        /// Its name.
        task: String,
        /// Why it did.
        reason: anyhow::Error,
    },
    /// A supervised task panicked.
    #[error("task {task} panicked: {message}")]
    Panicked {
        /// Its name.
        task: String,
        /// What the panic said.
        message: String,
    },
    /// Not everything was finished in time.
    #[error("after {} s of draining still at work: {tasks}", bound.as_secs())]
    Unfinished {
        /// How long was waited.
        bound: Duration,
        /// Names of the tasks.
        tasks: String,
    },
}

/// The end of a process, from when it is foreseen; its clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Drain {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    stopping: CancellationToken,
    tasks: TaskTracker,
    /// Supervised tasks at work, to name them when they are late.
    at_work: Mutex<BTreeMap<String, usize>>,
    /// What stopped the process, unless a signal did.
    first_failure: Mutex<Option<Error>>,
}

impl Drain {
    /// Nothing is spawned, no end is in sight.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancelled when the process is about to end: stop accepting, finish what is under way, return.
    #[must_use]
    pub fn stopping(&self) -> CancellationToken {
        self.shared.stopping.clone()
    }

    /// Foresees the end. Cheap to repeat.
    pub fn stop(&self) {
        self.shared.stopping.cancel();
    }

    /// Spawns a supervised task: its error or panic stops the process. A task that has nothing left to do may return.
    pub fn spawn<F>(&self, name: impl Into<String>, task: F)
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let (drain, task_name) = (self.clone(), name.into());
        *lock(&self.shared.at_work).entry(task_name.clone()).or_default() += 1;
        self.shared.tasks.spawn(async move {
            let ended = AssertUnwindSafe(task).catch_unwind().await;
            drain.ended(task_name, ended);
        });
    }

    /// Tasks spawned here are awaited by the drain and otherwise nobody's business, as one connection of many.
    #[must_use]
    pub fn tasks(&self) -> &TaskTracker {
        &self.shared.tasks
    }

    fn ended(&self, task: String, ended: Result<anyhow::Result<()>, Box<dyn Any + Send>>) {
        let mut at_work = lock(&self.shared.at_work);
        if let Some(count) = at_work.get_mut(&task) {
            *count -= 1;
            if *count == 0 {
                at_work.remove(&task);
            }
        }
        drop(at_work);
        let failure = match ended {
            Ok(Ok(())) => {
                tracing::debug!(task.name = task, "task {task} ended");
                return;
            }
            Ok(Err(reason)) => Error::Failed { task, reason },
            Err(panic) => Error::Panicked { message: message(&*panic), task },
        };
        let mut first = lock(&self.shared.first_failure);
        if first.is_some() {
            // Only the first one is returned at the end.
            tracing::error!("while stopping: {failure}");
            return;
        }
        let told = failure.to_string();
        *first = Some(failure);
        drop(first);
        // Whoever reads the line finds the process stopping.
        self.stop();
        tracing::info!("stopping: {told}");
    }

    /// Returns when the end is foreseen, or when no task is left that could do anything.
    pub async fn ending(&self) {
        self.shared.tasks.close();
        tokio::select! {
            () = self.shared.stopping.cancelled() => {}
            () = self.shared.tasks.wait() => {}
        }
    }

    /// Stops and awaits every task, at most this long.
    ///
    /// # Errors
    /// What the first task said that failed; or which ones are late.
    pub async fn finish(&self, bound: Duration) -> Result<(), Error> {
        self.stop();
        self.shared.tasks.close();
        let in_time = tokio::time::timeout(bound, self.shared.tasks.wait()).await.is_ok();
        let late = (!in_time).then(|| Error::Unfinished { bound, tasks: self.at_work() });
        let first_failure = lock(&self.shared.first_failure).take();
        match (first_failure, late) {
            (None, None) => Ok(()),
            (Some(error), None) | (None, Some(error)) => Err(error),
            (Some(error), Some(late)) => {
                tracing::error!("{late}");
                Err(error)
            }
        }
    }

    /// Names of the supervised tasks at work, and how many others there are.
    fn at_work(&self) -> String {
        let at_work = lock(&self.shared.at_work);
        let others = self.shared.tasks.len().saturating_sub(at_work.values().sum());
        let names =
            at_work.iter().map(|(name, count)| if *count == 1 { name.clone() } else { format!("{count} × {name}") });
        let others = (others > 0).then(|| format!("{others} unnamed"));
        names.chain(others).collect::<Vec<_>>().join(", ")
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that holds one of these locks leaves its value half written.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a value that is not text".to_owned())
}

/// `SIGTERM` and `SIGINT`.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// From now on the signals do not end the process by themselves.
    ///
    /// # Errors
    /// When the system does not let us listen.
    pub fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// The first signal stops the process, the second one ends it at once. Never returns.
    pub async fn obey(mut self, drain: Drain) {
        let (name, _) = self.next().await;
        // Whoever reads the line finds the process stopping.
        drain.stop();
        tracing::info!("stopping: {name}; once more to exit at once");
        let (name, status) = self.next().await;
        tracing::error!("exiting at once: {name} again; still at work: {}", drain.at_work());
        std::process::exit(status);
    }

    /// Its name and the exit status that a shell expects of who obeys it.
    async fn next(&mut self) -> (&'static str, i32) {
        tokio::select! {
            _ = self.terminate.recv() => ("SIGTERM", 143),
            _ = self.interrupt.recv() => ("SIGINT", 130),
        }
    }
}

#[cfg(test)]
mod tests;
