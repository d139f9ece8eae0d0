//! Looks that ended early. Where a stall keeps NATS from answering in time, one does, and costs a warning, a further look and
//! a write: whoever counts any of these counts in peace, or takes it into account.

use crate::world::{World, metric};

/// How many did, for whatever reason.
pub(crate) const EARLY: &str = "sluice_operator_reconcile_errors_total";
/// How often something is tried in peace.
const ROUNDS_MAX: usize = 5;

/// Tries this, with the number of the round, until no more looks ended early meanwhile than were planned to.
pub(crate) async fn undisturbed<T>(
    world: &World,
    planned: u64,
    attempt: impl AsyncFn(usize) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    for round in 0..ROUNDS_MAX {
        let before = metric(&world.admin, EARLY).await?;
        let seen = attempt(round).await?;
        if metric(&world.admin, EARLY).await? <= before + planned {
            return Ok(seen);
        }
    }
    anyhow::bail!("looks ended early in each of {ROUNDS_MAX} rounds:\n{}", world.operator.log())
}
