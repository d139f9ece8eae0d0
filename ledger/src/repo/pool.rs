//! Connections that are as good as new for whoever gets them next.
//!
//! **What must always hold.** Whoever gives up, as every question does that is late, may leave anything behind: a connection
//! that does not answer, and whose place would be taken until the network notices, a quarter of an hour later; or one in the
//! middle of a transaction that was about to begin, of which the driver knows nothing, so that whatever the next one writes is
//! never committed.
//!
//! **What it costs.** A round trip to Postgres when a connection is given back, which nobody waits for.

use std::time::Duration;

use sqlx::postgres::PgPoolOptions;

/// How long a connection may take to show that it is alive when it is given back.
const ANSWERS_WITHIN: Duration = Duration::from_secs(1);
/// Ends a transaction that is open, and is nothing where none is.
const END: &str = "BEGIN; COMMIT";

/// A pool that lets go of a connection which does not answer, and ends what was left open.
pub(super) fn pool() -> PgPoolOptions {
    PgPoolOptions::new().after_release(|connection, _| {
        Box::pin(async move {
            let ended = tokio::time::timeout(ANSWERS_WITHIN, sqlx::raw_sql(END).execute(connection)).await;
            ended.map_err(|_elapsed| sqlx::Error::PoolTimedOut)?.map(|_| true)
        })
    })
}

#[cfg(test)]
mod tests;
