//! Definitions that the watch did not tell of, asked for.
//!
//! **What it is for.** A watch can fall silent: its server says that it is alive and nothing else arrives. The stamps of the
//! buckets keep this edge from selling by what it knows, whatever happened. They also show that there is something newer:
//! a sale that was resumed, put off or restocked would else be refused here, as busy, for as long as the silence lasts.
//!
//! **What must always hold.** Asking changes nothing but what is known, and only for the newer. Nobody waits for an answer
//! here: a claim that met the stamp waits for the definition, wherever it comes from.
//!
//! **What it costs.** Nothing while definitions arrive before the stamps that follow them, as they do. Else a read of one key
//! per sale and [`ASK_AGAIN_AFTER`].
//!
//! **What is deliberately absent.** Sales that are new: no bucket tells of one that nobody knows.

use std::time::Duration;

use protocol::sale::Definition;
use runtime::registry::Table;
use tokio_util::sync::CancellationToken;

use crate::claim::Engine;
use crate::metrics::Metrics;
use crate::sales::Sales;

/// How often desks are compared with their definitions while no shopper meets the difference.
const LOOK_AFTER: Duration = Duration::from_secs(1);
/// How often is asked while shoppers do.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(100);
/// How long one answer is waited for; others may be overtaken as well.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// Asks until told to stop.
pub async fn keep(
    engine: &Engine,
    sales: &Sales,
    table: &Table<Definition>,
    metrics: &Metrics,
    stopping: &CancellationToken,
) {
    stopping.run_until_cancelled(keep_asking(engine, sales, table, metrics)).await;
}

async fn keep_asking(engine: &Engine, sales: &Sales, table: &Table<Definition>, metrics: &Metrics) {
    loop {
        // A wake-up is a hint: what is overtaken is looked up, whether one came or not.
        drop(tokio::time::timeout(LOOK_AFTER, engine.wait_overtaken()).await);
        ask(engine, sales, table, metrics).await;
        tokio::time::sleep(ASK_AGAIN_AFTER).await;
    }
}

async fn ask(engine: &Engine, sales: &Sales, table: &Table<Definition>, metrics: &Metrics) {
    for sale in engine.overtaken() {
        metrics.definitions_asked.inc();
        match tokio::time::timeout(ANSWER_WITHIN, table.get(sale.as_str())).await {
            Ok(Ok(Some((definition, revision)))) => sales.learn(&sale, definition, revision, metrics),
            // It is gone: the watch says so, and there is nothing left to claim.
            Ok(Ok(None)) => {}
            Ok(Err(error)) => tracing::debug!(%sale, %error, "the definition cannot be asked for"),
            Err(_) => tracing::debug!(%sale, "the definition was asked for and nobody answered"),
        }
    }
}
