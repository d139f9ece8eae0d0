//! Which sale may be deleted, state by state.

use serde_json::json;
use testbed::Bed;
use testbed::eventually;

use crate::place::kubectl;
use crate::rules;
use crate::world::{BOUND, World, at, reason, spec};

async fn delete(world: &World, name: &str) -> anyhow::Result<String> {
    world.kubectl(&["delete", "fs", name, "--wait=false"], "").await
}

/// What whoever tries is told; the sale is as it was.
async fn refused(world: &World, name: &str) -> anyhow::Result<String> {
    let Err(told) = delete(world, name).await else { anyhow::bail!("{name} could be deleted") };
    assert!(world.get(name).await?["metadata"]["deletionTimestamp"].is_null());
    Ok(told.to_string())
}

async fn open(world: &World, name: &str) -> anyhow::Result<()> {
    world.apply(name, &spec(-10, &[json!({ "sku": "A", "quantity": 5 })])).await?;
    world.until(name, "it opens", |sale| reason(sale, "Ready") == "Open").await.map(drop)
}

async fn set(world: &World, name: &str, state: &str, ready: &str) -> anyhow::Result<()> {
    world.patch(name, &json!({ "spec": { "desiredState": state } })).await?;
    world.until(name, ready, |sale| reason(sale, "Ready") == ready).await.map(drop)
}

#[tokio::test]
async fn a_sale_that_may_be_selling_is_not_deleted_and_the_refusal_says_what_to_do() -> anyhow::Result<()> {
    let world = rules::world().await?;
    open(&world, "open").await?;
    let told = refused(&world, "open").await?;
    let close = format!(
        "the sale open is open: close it first (kubectl -n {} patch flashsale open --type=merge -p \
         '{{\"spec\":{{\"desiredState\":\"Closed\"}}}}') and delete it then; the annotation sluice.dev/force-delete: \
         \"true\" deletes it at once, without waiting for the books",
        world.namespace
    );
    assert!(told.contains(&close), "{told}");

    open(&world, "paused").await?;
    set(&world, "paused", "Paused", "Paused").await?;
    let told = refused(&world, "paused").await?;
    assert!(told.contains("the sale paused is paused within its window: close it first"), "{told}");

    // Paused from its first moment, so that nobody ever saw it open.
    let mut spec_paused = spec(-10, &[json!({ "sku": "A", "quantity": 5 })]);
    spec_paused["desiredState"] = json!("Paused");
    world.apply("held", &spec_paused).await?;
    world.until("held", "it is paused", |sale| reason(sale, "Ready") == "Paused").await?;
    refused(&world, "held").await?;

    // An edit that cannot be is refused, and the sale sells on.
    open(&world, "edited").await?;
    world.patch("edited", &json!({ "spec": { "acknowledge": "Ledger" } })).await?;
    world.until("edited", "the edit is refused", |sale| reason(sale, "Ready") == "Refused").await?;
    refused(&world, "edited").await?;

    // All at once is no way around it.
    let all = format!("/apis/sluice.dev/v1alpha1/namespaces/{}/flashsales", world.namespace);
    let told = world.kubectl(&["delete", "--raw", &all], "").await.map_err(|refused| refused.to_string());
    assert!(told.is_err_and(|told| told.contains("close it first")), "all were deleted at once");
    for name in ["open", "paused", "held", "edited"] {
        assert!(world.get(name).await?["metadata"]["deletionTimestamp"].is_null(), "{name}");
    }
    // What the refusal says helps, without waiting until the operator has seen it.
    world.operator.pause()?;
    world.patch("open", &json!({ "spec": { "desiredState": "Closed" } })).await?;
    delete(&world, "open").await?;
    // A second try is no error, although the status still says open.
    assert_eq!(reason(&world.get("open").await?, "Ready"), "Open");
    delete(&world, "open").await?;
    world.operator.resume()?;
    world.kubectl(&["annotate", "fs", "paused", "sluice.dev/force-delete=true"], "").await?;
    world.kubectl(&["delete", "fs", "paused", "--timeout=40s"], "").await?;
    Ok(())
}

#[tokio::test]
async fn a_sale_that_cannot_be_selling_is_deleted_without_more_ado() -> anyhow::Result<()> {
    let world = rules::world().await?;
    let item = || json!({ "sku": "A", "quantity": 5 });

    open(&world, "completed").await?;
    set(&world, "completed", "Closed", "Draining").await?;
    world.keep_books("completed").await?;
    world.wait_for("completed", "Completed").await?;

    open(&world, "over").await?;
    world.patch("over", &json!({ "spec": { "schedule": { "endTime": at(2) } } })).await?;
    world.until("over", "it is over by the clock", |sale| reason(sale, "Ready") == "Draining").await?;

    world.apply("scheduled", &spec(3_600, &[item()])).await?;
    world.until("scheduled", "it is provisioned", |sale| reason(sale, "Ready") == "Scheduled").await?;

    let mut paused = spec(3_600, &[item()]);
    paused["desiredState"] = json!("Paused");
    world.apply("paused-early", &paused).await?;
    world.until("paused-early", "it is provisioned", |sale| reason(sale, "Ready") == "Scheduled").await?;

    let mut refused = spec(-10, &[item()]);
    refused["acknowledge"] = json!("Ledger");
    world.apply("never", &refused).await?;
    world.until("never", "it is refused", |sale| reason(sale, "Ready") == "Refused").await?;

    open(&world, "draining").await?;
    set(&world, "draining", "Closed", "Draining").await?;
    for name in ["completed", "over", "scheduled", "paused-early", "never", "draining"] {
        delete(&world, name).await?;
    }
    // Nobody has looked at it yet, so there is nothing to wait for either.
    world.operator.kill9().await?;
    world.apply("unseen", &spec(-10, &[item()])).await?;
    delete(&world, "unseen").await?;
    Ok(())
}

#[tokio::test]
async fn the_garbage_collector_is_let_through() -> anyhow::Result<()> {
    let world = rules::world().await?;
    Bed::shared().await?.controller_manager().await?;
    world.kubectl(&["create", "configmap", "owner"], "").await?;
    let uid = world.kubectl(&["get", "configmap", "owner", "-o", "jsonpath={.metadata.uid}"], "").await?;
    let mut owned = crate::world::sale("owned", &spec(-10, &[json!({ "sku": "A", "quantity": 5 })]));
    owned["metadata"]["ownerReferences"] =
        json!([{ "apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid.trim() }]);
    world.kubectl(&["apply", "-f", "-"], &owned.to_string()).await?;
    world.until("owned", "it opens", |sale| reason(sale, "Ready") == "Open").await?;
    let told = refused(&world, "owned").await?;
    assert!(told.contains("close it first"), "people are still refused: {told}");
    kubectl(&world.kubeconfig, &["-n", &world.namespace, "delete", "configmap", "owner"], "").await?;
    // The collector learns of kinds that were added later every half minute.
    eventually(BOUND * 3, "the collector deletes it", async || {
        anyhow::ensure!(!world.get("owned").await?["metadata"]["deletionTimestamp"].is_null(), "it is there");
        Ok(())
    })
    .await
}
