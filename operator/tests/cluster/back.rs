//! Resources that come back: applied again, put into etcd again from a backup, left without their status. What was sold
//! stays sold.

use anyhow::{Context as _, ensure};
use protocol::Shard;
use protocol::sale::Definition;
use runtime::jetstream::stream_info;
use serde_json::{Value, json};
use testbed::eventually;
use testbed::kubernetes::Backup;

use crate::removal::gone;
use crate::world::{BOUND, World, condition, field, reason, spec};

/// Five units that are on sale.
fn five() -> Value {
    spec(-10, &[json!({ "sku": "A", "quantity": 5 })])
}

/// Waits until the newest generation is refused because of this.
async fn refused(world: &World, name: &str, because: &str) -> anyhow::Result<()> {
    let refused = |sale: &Value| {
        condition(sale, "Ready").is_some_and(|ready| ready["observedGeneration"] == sale["metadata"]["generation"])
            && reason(sale, "Ready") == "Refused"
            && field(sale, "Ready", "message").contains(because)
    };
    world.until(name, because, refused).await.map(drop)
}

async fn annotate(world: &World, name: &str, annotation: &str, about: &protocol::SaleId) -> anyhow::Result<()> {
    let annotation = format!("sluice.dev/{annotation}={about}");
    world.kubectl(&["annotate", "fs", name, &annotation], "").await.map(drop)
}

/// A sale of five units of which two are sold, deleted.
async fn sold_and_deleted(world: &World, name: &str) -> anyhow::Result<Definition> {
    world.apply(name, &five()).await?;
    world.in_force(name).await?;
    world.sell(name, "A", 2).await?;
    delete(world, name).await
}

/// Deletes a sale, while its books are kept; returns what was published last.
async fn delete(world: &World, name: &str) -> anyhow::Result<Definition> {
    let definition = world.definition(name).await?.context("nothing is published")?;
    world.kubectl(&["delete", "fs", name, "--wait=false"], "").await?;
    eventually(BOUND, "the sale is gone", async || {
        if world.kubectl(&["get", "fs", name, "--ignore-not-found"], "").await?.trim().is_empty() {
            return Ok(());
        }
        // Closing it moves the stream; a ledger would follow.
        world.keep_books_of(&definition).await?;
        anyhow::bail!("it is still there")
    })
    .await?;
    gone(world, name, &definition).await?;
    Ok(definition)
}

#[tokio::test]
async fn a_resource_that_is_applied_again_sells_nothing_until_a_person_says_what_it_is() -> anyhow::Result<()> {
    let world = World::start().await?;
    let old = sold_and_deleted(&world, "again").await?.sale;
    world.apply("again", &five()).await?;
    refused(&world, "again", &format!("annotate sluice.dev/start-over={old} to sell new stock")).await?;
    assert!(world.definition("again").await?.is_none(), "nothing is published");
    let own = world.sale_id("again").await?;
    assert_ne!(own, old);
    world.until_told("again", "Refused").await?;

    annotate(&world, "again", "adopt", &old).await?;
    let shown = world.until("again", "what became of it", |sale| reason(sale, "Ready") == "Completed").await?;
    assert_eq!(shown["status"]["saleID"], old.as_str());
    assert_eq!(shown["status"]["observedGeneration"], shown["metadata"]["generation"]);
    let totals = &shown["status"]["totals"];
    assert_eq!((&totals["quantity"], &totals["sold"], &totals["free"]), (&json!(5), &json!(2), &json!(3)));
    assert_eq!(field(&shown, "Completed", "status"), "True");
    assert_eq!(shown["status"]["conditions"].as_array().map(Vec::len), Some(9));
    assert!(world.definition("again").await?.is_none(), "nothing is published");

    annotate(&world, "again", "start-over", &old).await?;
    world.until("again", "new stock", |sale| reason(sale, "Ready") == "Open").await?;
    assert_eq!(world.sale_id("again").await?, own);
    assert_eq!(world.stock("again", "A").await?, (5, 5));
    Ok(())
}

#[tokio::test]
async fn a_backup_that_contains_the_annotation_sells_nothing_the_second_time() -> anyhow::Result<()> {
    let world = World::start().await?;
    let first = sold_and_deleted(&world, "twice").await?.sale;
    let mut again = crate::world::sale("twice", &five());
    again["metadata"]["annotations"] = json!({ "sluice.dev/start-over": first.as_str() });
    world.kubectl(&["apply", "-f", "-"], &again.to_string()).await?;
    world.in_force("twice").await?;
    world.sell("twice", "A", 1).await?;
    let second = delete(&world, "twice").await?;
    world.kubectl(&["apply", "-f", "-"], &again.to_string()).await?;
    refused(&world, "twice", &format!("sluice.dev/start-over={}", second.sale)).await
}

#[tokio::test]
async fn a_name_under_which_nobody_bought_anything_is_free_at_once() -> anyhow::Result<()> {
    let world = World::start().await?;
    for round in 0..2 {
        world.apply("draft", &spec(3_600, &[json!({ "sku": "A", "quantity": 5 + round })])).await?;
        world.in_force("draft").await?;
        assert_eq!(world.stock("draft", "A").await?, (5 + round, 5 + round));
        let definition = world.definition("draft").await?.context("nothing is published")?;
        world.kubectl(&["delete", "fs", "draft", "--timeout=30s"], "").await?;
        gone(&world, "draft", &definition).await?;
        eventually(BOUND, "its deed is gone", async || {
            ensure!(world.deed("draft").await?.is_none(), "it is still there");
            Ok(())
        })
        .await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_sale_whose_resource_vanished_goes_on_under_another_one_that_adopts_it() -> anyhow::Result<()> {
    let world = World::start().await?;
    let manifest = five();
    world.apply("orphan", &manifest).await?;
    world.patch("orphan", &json!({ "spec": { "items": [{ "sku": "A", "quantity": 6 }] } })).await?;
    world.in_force("orphan").await?;
    world.sell("orphan", "A", 2).await?;
    let old = world.definition("orphan").await?.context("nothing is published")?;
    // The cluster is lost with the operator in it, and made again from the manifests.
    world.operator.kill9().await?;
    world.patch("orphan", &json!({ "metadata": { "finalizers": null } })).await?;
    world.kubectl(&["delete", "fs", "orphan", "--timeout=30s"], "").await?;
    world.operator.restart()?;
    world.apply("orphan", &manifest).await?;
    refused(&world, "orphan", &format!("annotate sluice.dev/adopt={} to go on with it", old.sale)).await?;
    annotate(&world, "orphan", "start-over", &old.sale).await?;
    world.patch("orphan", &json!({ "spec": { "displayName": "seen" } })).await?;
    refused(&world, "orphan", "still has its stock").await?;
    assert_eq!(world.sales()?.get(old.sale.as_str()).await?.map(|(now, _)| now), Some(old.clone()));

    annotate(&world, "orphan", "adopt", &old.sale).await?;
    world.until("orphan", "it goes on", |sale| reason(sale, "Ready") == "Open").await?;
    world.in_force("orphan").await?;
    assert_eq!(world.sale_id("orphan").await?, old.sale);
    // Five were asked for, and two of six are sold.
    assert_eq!(world.stock("orphan", "A").await?, (3, 5));
    let now = world.definition("orphan").await?.context("nothing is published")?;
    assert!(now.generation > old.generation, "{} after {}", now.generation, old.generation);
    assert_eq!((&now.uid, &now.streams), (&old.uid, &old.streams));
    world.patch("orphan", &json!({ "spec": { "items": [{ "sku": "A", "quantity": 9 }] } })).await?;
    world.in_force("orphan").await?;
    assert_eq!(world.stock("orphan", "A").await?, (7, 9));
    world.sell_to("orphan", "A", 10..12).await?;
    delete(&world, "orphan").await?;
    let deed = world.deed("orphan").await?.context("no tombstone")?;
    assert_eq!((deed.sale, deed.ended.map(|ended| ended.items[0].sold.0)), (old.sale, Some(4)));
    Ok(())
}

async fn back_up(world: &World, name: &str) -> anyhow::Result<Backup> {
    world.bed.kubernetes().await?.back_up("sluice.dev", "flashsales", &world.namespace, name).await
}

#[tokio::test]
async fn a_restored_resource_that_is_deleted_closes_its_sale_and_leaves_its_tombstone() -> anyhow::Result<()> {
    let world = World::start().await?;
    world.apply("late", &five()).await?;
    world.in_force("late").await?;
    let backup = back_up(&world, "late").await?;
    for quantity in 6..10 {
        world.patch("late", &json!({ "spec": { "items": [{ "sku": "A", "quantity": quantity }] } })).await?;
        world.in_force("late").await?;
    }
    world.sell("late", "A", 2).await?;
    let definition = world.definition("late").await?.context("nothing is published")?;
    world.bed.kubernetes().await?.restore(&backup).await?;
    world.patch("late", &json!({ "metadata": { "annotations": { "touched": "yes" } } })).await?;
    refused(&world, "late", "this resource was restored from a backup").await?;
    delete(&world, "late").await?;
    let deed = world.deed("late").await?.context("no tombstone")?;
    assert_eq!((deed.sale, deed.ended.map(|ended| ended.items[0].sold.0)), (definition.sale, Some(2)));
    Ok(())
}

#[tokio::test]
async fn a_restored_backup_of_the_resource_never_sells_a_unit_twice() -> anyhow::Result<()> {
    let world = World::start().await?;
    let kubernetes = world.bed.kubernetes().await?;
    world.operator.pause()?;
    world.apply("old", &five()).await?;
    // Before the operator had touched it: no status, no finalizer, generation 1.
    let backup = back_up(&world, "old").await?;
    world.operator.resume()?;
    world.patch("old", &json!({ "spec": { "items": [{ "sku": "A", "quantity": 7 }] } })).await?;
    world.in_force("old").await?;
    world.sell("old", "A", 2).await?;
    let definition = world.definition("old").await?.context("nothing is published")?;

    kubernetes.restore(&backup).await?;
    refused(&world, "old", "this resource was restored from a backup").await?;
    assert_eq!(world.sales()?.get(definition.sale.as_str()).await?.map(|(now, _)| now), Some(definition.clone()));
    annotate(&world, "old", "adopt", &definition.sale).await?;
    world.until("old", "it goes on", |sale| reason(sale, "Ready") == "Open").await?;
    world.in_force("old").await?;
    assert_eq!(world.stock("old", "A").await?, (3, 5));
    assert_eq!(world.definition("old").await?.context("nothing is published")?.streams, definition.streams);

    delete(&world, "old").await?;
    kubernetes.restore(&backup).await?;
    world.until("old", "it is over", |sale| reason(sale, "Ready") == "Completed").await?;
    let stream = definition.stream(Shard(0)).name();
    assert!(stream_info(&world.client, &stream).await?.is_none(), "{stream} was made again");
    assert!(world.sales()?.get(definition.sale.as_str()).await?.is_none(), "it was published again");
    Ok(())
}
