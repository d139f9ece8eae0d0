//! The chart's rules of admission, in force.

use anyhow::ensure;
use serde_json::json;
use testbed::eventually;
use testbed::installation::chart_file;
use tokio::sync::OnceCell;

use crate::place::kubectl;
use crate::world::{BOUND, World, spec};

static IN_FORCE: OnceCell<()> = OnceCell::const_new();

/// A world in which they are in force.
pub(crate) async fn world() -> anyhow::Result<World> {
    let world = World::start().await?;
    IN_FORCE.get_or_try_init(async || install(&world).await).await?;
    Ok(world)
}

/// The rules come into force one after the other and some time after they were applied, so the one of which that can be
/// seen without changing anything is applied last.
async fn install(world: &World) -> anyhow::Result<()> {
    for file in ["keep-rights-policy.yaml", "deletion-policy.yaml"] {
        let told = kubectl(&world.kubeconfig, &["apply", "-f", "-"], &chart_file(file)?).await?;
        ensure!(!told.contains("Warning"), "the API server warns: {told}");
    }
    world.apply("probe", &spec(-10, &[json!({ "sku": "A", "quantity": 5 })])).await?;
    world.in_force("probe").await?;
    eventually(BOUND, "the rules are in force", async || {
        let tried = world.kubectl(&["delete", "fs", "probe", "--dry-run=server"], "").await;
        ensure!(tried.is_err_and(|refused| refused.to_string().contains("open-sales.sluice.dev")), "it is not refused");
        Ok(())
    })
    .await?;
    world.kubectl(&["annotate", "fs", "probe", "sluice.dev/force-delete=true"], "").await?;
    world.kubectl(&["delete", "fs", "probe", "--timeout=40s"], "").await.map(drop)
}
