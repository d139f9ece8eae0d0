//! The watch of a namespace, whatever becomes of it.
//!
//! **What must always hold.** It goes on for ever. A watch that is broken is begun again after a pause of a few seconds at
//! most, however long the API server was away; one that has fallen silent is not believed in for long; and a server that
//! has forgotten where the watch was is asked for everything anew, however it says so.
//!
//! **What it costs.** One request every twenty seconds and namespace.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt as _, stream};
use kube::api::Api;
use kube::runtime::utils::Backoff as Pausing;
use kube::runtime::watcher::{self, Event, watcher};
use kube::runtime::{PredicateConfig, WatchStreamExt as _, reflector};
use kube::{Resource as _, ResourceExt as _};
use runtime::backoff::Backoff;
use runtime::clock::{Clock, Instant};

use super::Guarded;
use crate::client::WATCH_SECONDS;
use crate::error::plain;
use crate::served::Served;

/// Pauses between the tries of a watch that fails.
const PAUSES: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));
/// A failure this long after the one before is another story: told of again, and tried again soon.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(30);

/// Written by kubectl for itself; as large as the resource.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Every object that was made or changed so that it may ask for something. `writer` keeps all of them, but nothing that
/// nobody reads: it is most of a resource.
pub(super) fn changes(
    api: Api<Guarded>,
    clock: Clock,
    writer: reflector::store::Writer<Guarded>,
    served: Arc<Served>,
) -> impl Stream<Item = Result<Guarded, watcher::Error>> + Send {
    let mut failures = Failures { clock, last: None, count: 0 };
    let pauses = Pauses(failures.clone());
    endless(api)
        .inspect(move |event| {
            let Err(error) = event else { return };
            served.doubt();
            // Rights and definitions that are missing are told as a level; that a watch is interrupted, once.
            if failures.failed() == 1 && !is_level(error) {
                tracing::warn!("watching FlashSales in {}: {}; trying again", served.namespace, told(error));
            }
        })
        .backoff(pauses)
        .modify(|sale| {
            sale.managed_fields_mut().clear();
            sale.annotations_mut().remove(LAST_APPLIED);
        })
        .reflect(writer)
        .applied_objects()
        .predicate_filter(asked, PredicateConfig::default())
}

/// What is asked, as a number. The status and the finalizer are our own: a look at each write of them would look twice at
/// everything. Whoever else changes them is noticed by the next regular look.
fn asked(sale: &Guarded) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    let meta = sale.meta();
    (&meta.uid, meta.generation, meta.deletion_timestamp.is_some(), &meta.annotations).hash(&mut hasher);
    Some(hasher.finish())
}

/// The client's watch, begun anew where it would for ever ask for what the server has forgotten.
fn endless(api: Api<Guarded>) -> impl Stream<Item = Result<Event<Guarded>, watcher::Error>> + Send {
    let begin = move || watcher(api.clone(), watcher::Config::default().timeout(WATCH_SECONDS)).boxed();
    stream::unfold((None, begin), async |(watch, begin)| {
        let mut watch = watch.unwrap_or_else(&begin);
        let event = watch.next().await?;
        let forgotten = matches!(
            &event,
            Err(watcher::Error::WatchStartFailed(kube::Error::Api(status))) if status.code == 410
        );
        Some((event, ((!forgotten).then_some(watch), begin)))
    })
    .boxed()
}

/// Whether it is for [`Served`] to tell: it stays so until somebody grants or applies something.
fn is_level(error: &watcher::Error) -> bool {
    use watcher::Error as Trouble;
    let (Trouble::InitialListFailed(error) | Trouble::WatchStartFailed(error)) = error else { return false };
    matches!(error, kube::Error::Api(status) if matches!(status.code, 403 | 404))
}

/// What went wrong, in one line.
fn told(error: &watcher::Error) -> String {
    use watcher::Error as Trouble;
    match error {
        Trouble::InitialListFailed(error) | Trouble::WatchStartFailed(error) | Trouble::WatchFailed(error) => {
            plain(error)
        }
        Trouble::WatchError(status) => format!("{} ({})", status.message, status.code),
        Trouble::NoResourceVersion => error.to_string(),
    }
}

/// Counts failures in a row. What comes in between proves nothing: a list that is about to fail announces itself.
#[derive(Clone)]
struct Failures {
    clock: Clock,
    last: Option<Instant>,
    count: u32,
}

impl Failures {
    /// The place of this failure in its row, from 1.
    fn failed(&mut self) -> u32 {
        let now = self.clock.monotonic();
        if self.last.is_none_or(|last| now - last > FORGOTTEN_AFTER) {
            self.count = 0;
        }
        self.last = Some(now);
        self.count = self.count.saturating_add(1);
        self.count
    }
}

struct Pauses(Failures);

impl Iterator for Pauses {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        Some(PAUSES.random_pause(self.0.failed()))
    }
}

impl Pausing for Pauses {
    /// Time alone ends a row.
    fn reset(&mut self) {}
}

/// For a stream that pauses by itself.
pub(super) struct AtOnce;

impl Iterator for AtOnce {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        Some(Duration::ZERO)
    }
}

impl Pausing for AtOnce {
    fn reset(&mut self) {}
}
