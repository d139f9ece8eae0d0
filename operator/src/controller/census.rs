//! How many sales there are, by where they are and by their conditions.
//!
//! **What it is for.** Dashboards and alerts: no sale is ever a label, so they are counted.
//!
//! **What must always hold.** What is counted is what the watch has delivered, so the numbers are those that `kubectl get`
//! shows. A replica that does not act counts nothing: sums over replicas are right.
//!
//! **What it costs.** A walk over all sales in memory every [`EVERY`].

use std::time::Duration;

use kube::runtime::reflector::Store;
use runtime::metrics::Labels;
use tokio_util::sync::CancellationToken;

use super::Guarded;
use crate::durability::NO_LEADER;
use crate::metrics::{OperatorMetrics, State, Status};
use crate::resource::FlashSaleStatus;
use crate::status::{Kind, condition};

/// Between two counts: no longer than between two scrapes.
const EVERY: Duration = Duration::from_secs(1);

/// Where a sale is, by what its status says.
fn state(status: &FlashSaleStatus) -> State {
    match reason_of(status, Kind::Ready) {
        _ if is_lost(status) => State::Failed,
        Some("Scheduled") => State::Scheduled,
        Some("Open") => State::Open,
        Some("Paused") => State::Paused,
        Some("Draining" | "Closed") => State::Closed,
        Some("Completed") => State::Completed,
        Some("Refused") if !holds(status, Kind::Provisioned) => State::Failed,
        Some("Refused") if holds(status, Kind::Completed) => State::Completed,
        Some("Refused") if holds(status, Kind::Paused) => State::Paused,
        Some("Refused") => State::Refused,
        _ => State::Waiting,
    }
}

fn reason_of(status: &FlashSaleStatus, kind: Kind) -> Option<&str> {
    condition(&status.conditions, kind).map(|condition| condition.reason.as_str())
}

fn holds(status: &FlashSaleStatus, kind: Kind) -> bool {
    condition(&status.conditions, kind).is_some_and(|condition| condition.status == "True")
}

/// Whether the stream is gone, or may not be used: a refused definition does not hide that.
fn is_lost(status: &FlashSaleStatus) -> bool {
    [Kind::Ready, Kind::Provisioned].iter().any(|kind| reason_of(status, *kind) == Some(LOST))
}

const LOST: &str = "StorageLost";

/// What was counted.
#[derive(Debug, Default, PartialEq, Eq)]
struct Census {
    sales: Vec<i64>,
    conditions: Vec<i64>,
    storage_lost: i64,
    leaderless: i64,
}

fn one_more(counts: &mut Vec<i64>, labels: impl Labels) {
    let position = labels.position();
    if counts.len() <= position {
        counts.resize(position + 1, 0);
    }
    counts.get_mut(position).into_iter().for_each(|count| *count += 1);
}

fn counted(counts: &[i64], labels: impl Labels) -> i64 {
    counts.get(labels.position()).copied().unwrap_or(0)
}

impl Census {
    fn add(&mut self, sale: &Guarded) {
        let Ok(sale) = &sale.0 else { return one_more(&mut self.sales, State::Failed) };
        let status = sale.status.clone().unwrap_or_default();
        one_more(&mut self.sales, state(&status));
        self.storage_lost += i64::from(is_lost(&status));
        self.leaderless += i64::from(reason_of(&status, Kind::Durable) == Some(NO_LEADER));
        for kind in Kind::ALL {
            let known = match condition(&status.conditions, kind).map(|condition| condition.status.as_str()) {
                Some("True") => Status::True,
                Some("False") => Status::False,
                _ => Status::Unknown,
            };
            one_more(&mut self.conditions, (kind, known));
        }
    }

    fn show(&self, metrics: &OperatorMetrics) {
        for state in <State as Labels>::all() {
            metrics.sales[state].set(counted(&self.sales, state));
        }
        for labels in <(Kind, Status)>::all() {
            metrics.conditions[labels].set(counted(&self.conditions, labels));
        }
        metrics.storage_lost.set(self.storage_lost);
        metrics.leaderless.set(self.leaderless);
    }
}

/// Counts until `stopping`, and nothing from then on.
pub(super) async fn keep(stores: &[Store<Guarded>], metrics: &OperatorMetrics, stopping: &CancellationToken) {
    loop {
        let mut census = Census::default();
        for store in stores {
            store.state().iter().for_each(|sale| census.add(sale));
        }
        census.show(metrics);
        if stopping.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_none() {
            return Census::default().show(metrics);
        }
    }
}

#[cfg(test)]
mod tests;
