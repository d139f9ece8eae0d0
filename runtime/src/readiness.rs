//! Which parts of a process work, and since when.
//!
//! **What it is for.** Kubernetes sends shoppers to a process only while it is ready. Each part (a connection, a watch, a
//! clock that agrees with the others) reports for itself; the process is ready when every required one is well and it is
//! not about to end. An optional part is shown and never turns anybody away: Redis may vanish at any moment.
//!
//! **What must always hold.** A part is not well before it said so: forgetting to report keeps a process out of service
//! instead of letting it in.
//!
//! **What is deliberately absent.** Probing: `/readyz` answers from what was reported, so it costs nothing and a slow
//! dependency cannot make it slow.

mod metrics;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;

pub use metrics::ReadinessMetrics;

/// The parts of a process; its clones are the same.
#[derive(Debug, Clone)]
pub struct Readiness {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    clock: Clock,
    stopping: CancellationToken,
    parts: Mutex<Vec<PartReport>>,
}

/// One part; whoever keeps it well reports here.
#[derive(Debug, Clone)]
pub struct Part {
    readiness: Readiness,
    position: usize,
}

/// What `/readyz` answers.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Whether shoppers may be sent here.
    pub ready: bool,
    /// Whether the process is about to end.
    pub draining: bool,
    /// In the order in which they were named.
    pub parts: Vec<PartReport>,
}

/// How one part is.
#[derive(Debug, Clone, Serialize)]
pub struct PartReport {
    /// Its name.
    pub name: String,
    /// Whether the process is unready without it.
    pub required: bool,
    /// Whether it is well.
    pub ok: bool,
    /// Since when it is, or is not.
    pub since: Timestamp,
    /// Why it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Readiness {
    /// No parts yet; unready as soon as `stopping` is cancelled.
    #[must_use]
    pub fn new(clock: Clock, stopping: CancellationToken) -> Self {
        Self { shared: Arc::new(Shared { clock, stopping, parts: Mutex::default() }) }
    }

    /// Names a part; it is not well before it says so.
    #[must_use]
    pub fn part(&self, name: impl Into<String>, required: bool) -> Part {
        let since = self.shared.clock.now();
        let detail = Some("starting".to_owned());
        let mut parts = self.parts();
        parts.push(PartReport { name: name.into(), required, ok: false, since, detail });
        Part { readiness: self.clone(), position: parts.len() - 1 }
    }

    /// How everything is.
    #[must_use]
    pub fn report(&self) -> Report {
        let parts = self.parts().clone();
        let draining = self.shared.stopping.is_cancelled();
        let ready = !draining && parts.iter().all(|part| part.ok || !part.required);
        Report { ready, draining, parts }
    }

    fn parts(&self) -> MutexGuard<'_, Vec<PartReport>> {
        // Nothing that holds the lock leaves a part half written.
        self.shared.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Part {
    /// It is well. Cheap to repeat.
    pub fn set_ok(&self) {
        self.set(None);
    }

    /// It is not, and why: one sentence for whoever reads `/readyz` at night.
    pub fn set_failed(&self, reason: impl Into<String>) {
        self.set(Some(reason.into()));
    }

    fn set(&self, detail: Option<String>) {
        let mut parts = self.readiness.parts();
        let Some(part) = parts.get_mut(self.position) else { return };
        if part.detail == detail {
            return;
        }
        let ok = detail.is_none();
        if part.ok != ok {
            part.since = self.readiness.shared.clock.now();
        }
        part.ok = ok;
        part.detail = detail;
        let told = part.clone();
        drop(parts);
        let PartReport { name, required, detail, .. } = told;
        match detail {
            None => tracing::info!(part.name = name, part.required = required, "{name} is well"),
            Some(reason) => tracing::warn!(part.name = name, part.required = required, "{name} is not well: {reason}"),
        }
    }
}

#[cfg(test)]
mod tests;
