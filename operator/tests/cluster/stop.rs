//! The emergency stop: without Kubernetes, against a crowd, and until somebody says that it is over.

use anyhow::ensure;
use serde_json::json;
use testbed::eventually;

use crate::world::{BOUND, World, field, reason, spec};

/// Runs `sluice-operator close`; whether it succeeded, and what it wrote.
async fn close(world: &World, sale: &str) -> anyhow::Result<(bool, String)> {
    let nats = world.bed.nats().await?.url();
    let mut command = tokio::process::Command::new(testbed::binary("sluice-operator")?);
    command.args(["close", "--sale", sale, "--nats-url", &nats, "--installation", &world.namespace]);
    let ended = command.output().await?;
    Ok((ended.status.success(), String::from_utf8(ended.stderr)?))
}

async fn all_buckets(world: &World, name: &str, stopped: bool) -> anyhow::Result<()> {
    let (_, shelf) = world.shelf(name).await?;
    let buckets = shelf.items.values().flat_map(|stock| &stock.buckets);
    let wrong = buckets.filter(|(_, bucket)| bucket.stopped != stopped).count();
    ensure!(wrong == 0, "{wrong} buckets are not {}", if stopped { "stopped" } else { "free" });
    Ok(())
}

#[tokio::test]
async fn a_stop_needs_no_operator_survives_its_reconciles_and_ends_by_an_annotation() -> anyhow::Result<()> {
    let world = World::start().await?;
    let item = json!({ "sku": "A", "quantity": 300 });
    world.apply("halt", &spec(-10, std::slice::from_ref(&item))).await?;
    world.in_force("halt").await?;
    let id = world.definition("halt").await?.unwrap().sale.to_string();

    world.operator.kill9().await?;
    for _ in 0..2 {
        let (done, told) = close(&world, &id).await?;
        assert!(done && told.contains("annotate flashsale halt sluice.dev/resume=true"), "{told}");
    }
    all_buckets(&world, "halt", true).await?;
    assert!(world.definition("halt").await?.unwrap().stopped);
    assert!(world.sell("halt", "A", 1).await.is_err(), "a stopped bucket gives nothing");

    world.operator.restart()?;
    world.operator.wait_ready(&world.admin).await?;
    world.patch("halt", &json!({ "spec": { "items": [{ "sku": "A", "quantity": 310 }] } })).await?;
    let held = world.until("halt", "the stop is told", |sale| reason(sale, "Ready") == "Paused").await?;
    assert_eq!(field(&held, "Ready", "message"), "an emergency stop holds the sale");
    eventually(BOUND, "the restock", async || {
        ensure!(world.stock("halt", "A").await? == (310, 310), "not yet");
        Ok(())
    })
    .await?;
    all_buckets(&world, "halt", true).await?;

    world.kubectl(&["annotate", "fs", "halt", "sluice.dev/resume=true"], "").await?;
    world.until("halt", "it goes on", |sale| reason(sale, "Ready") == "Open").await?;
    all_buckets(&world, "halt", false).await?;
    world.sell("halt", "A", 1).await?;
    world
        .until("halt", "the annotation is used up", |sale| {
            sale["metadata"]["annotations"]["sluice.dev/resume"].is_null()
        })
        .await?;
    let (done, _) = close(&world, &id).await?;
    assert!(done);
    world.until("halt", "another stop is another one", |sale| reason(sale, "Ready") == "Paused").await?;
    Ok(())
}

#[tokio::test]
async fn a_sale_that_is_not_there_is_told_in_one_sentence() -> anyhow::Result<()> {
    let world = World::start().await?;
    let (done, told) = close(&world, "nothing-00000000").await?;
    assert!(!done);
    assert_eq!(told.trim(), "sluice-operator: there is no sale nothing-00000000 in this installation");
    Ok(())
}
