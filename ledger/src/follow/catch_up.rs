//! Orders that nobody noted for whoever fulfils them.
//!
//! **What it is for.** A follower notes what has to be told beside every order that it stores. Orders that were stored before
//! there was a webhook, or by a replica that did not know of it yet, are found here, whenever a shard is followed anew.
//!
//! **What it costs.** Nothing without a webhook. With one, the orders of the sale are read once, by the thousand, beside the
//! follower's own work.

use std::convert::Infallible;
use std::time::Duration;

use protocol::key::Stream;
use runtime::backoff::Backoff;

use crate::repo::Repo;

/// Orders that are looked at in one statement: some milliseconds of Postgres.
const ORDERS: i64 = 2_000;
/// Between tries of a database that is away.
const RETRY: Backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(10));

/// Looks through the orders of a shard once, and then waits for ever.
pub(super) async fn catch_up(repo: &Repo, stream: &Stream) -> Infallible {
    let (mut seen, mut failures) = (None, 0);
    while repo.has_outbox() {
        match repo.catch_up(stream, seen.as_ref(), ORDERS).await {
            Ok(None) => break,
            Ok(further) => (seen, failures) = (further, 0),
            Err(error) => {
                failures += 1;
                if failures == 1 {
                    tracing::warn!(shard = stream.name(), "orders cannot be looked through for the webhook: {error}");
                }
                tokio::time::sleep(RETRY.random_pause(failures)).await;
            }
        }
    }
    std::future::pending().await
}
