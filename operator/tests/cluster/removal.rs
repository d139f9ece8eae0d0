//! The end of a deleted sale.

use anyhow::ensure;
use protocol::Shard;
use runtime::jetstream::stream_info;
use serde_json::json;
use testbed::eventually;

use crate::world::{BOUND, World, field, spec};

pub(crate) async fn gone(world: &World, name: &str, definition: &protocol::sale::Definition) -> anyhow::Result<()> {
    eventually(BOUND, "the sale is gone", async || {
        let listed = world.kubectl(&["get", "fs", name, "--ignore-not-found"], "").await?;
        ensure!(listed.trim().is_empty(), "{listed}");
        Ok(())
    })
    .await?;
    let stream = definition.stream(Shard(0)).name();
    ensure!(stream_info(&world.client, &stream).await?.is_none(), "{stream} is still there");
    ensure!(world.sales()?.get(definition.sale.as_str()).await?.is_none(), "the definition is still there");
    Ok(())
}

#[tokio::test]
async fn a_deleted_sale_waits_for_the_ledger_and_leaves_nothing_behind() -> anyhow::Result<()> {
    let world = World::start().await?;
    world.apply("bye", &spec(-10, &[json!({ "sku": "A", "quantity": 5 })])).await?;
    world.in_force("bye").await?;
    world.sell("bye", "A", 2).await?;
    let definition = world.definition("bye").await?.unwrap();
    world.kubectl(&["delete", "fs", "bye", "--wait=false"], "").await?;
    world
        .until("bye", "the deletion waits", |sale| {
            field(sale, "Ready", "message").starts_with("deletion waits: no ledger follows the sale yet")
        })
        .await?;
    let closed = world.definition("bye").await?.unwrap();
    assert_eq!(closed.desired_state, protocol::sale::DesiredState::Closed);
    assert_eq!(world.stock("bye", "A").await?, (3, 5));
    world.keep_books("bye").await?;
    gone(&world, "bye", &definition).await
}

#[tokio::test]
async fn an_annotation_deletes_without_a_ledger() -> anyhow::Result<()> {
    let world = World::start().await?;
    world.apply("forced", &spec(-10, &[json!({ "sku": "A", "quantity": 5 })])).await?;
    world.in_force("forced").await?;
    let definition = world.definition("forced").await?.unwrap();
    world.kubectl(&["delete", "fs", "forced", "--wait=false"], "").await?;
    world.kubectl(&["annotate", "fs", "forced", "sluice.dev/force-delete=true"], "").await?;
    gone(&world, "forced", &definition).await
}

#[tokio::test]
async fn a_sale_that_never_opened_and_one_that_was_refused_go_at_once() -> anyhow::Result<()> {
    let world = World::start().await?;
    world.apply("early", &spec(3_600, &[json!({ "sku": "A", "quantity": 5 })])).await?;
    world.in_force("early").await?;
    let definition = world.definition("early").await?.unwrap();
    world.kubectl(&["delete", "fs", "early", "--wait=false"], "").await?;
    gone(&world, "early", &definition).await?;
    let mut refused = spec(3_600, &[json!({ "sku": "A", "quantity": 5 })]);
    refused["acknowledge"] = json!("Ledger");
    world.apply("refused", &refused).await?;
    world.until("refused", "it is refused", |sale| crate::world::reason(sale, "Ready") == "Refused").await?;
    world.kubectl(&["delete", "fs", "refused", "--timeout=30s"], "").await?;
    Ok(())
}
