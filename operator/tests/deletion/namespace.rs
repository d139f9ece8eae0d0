//! Sales whose namespace is deleted, by the real controllers.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use protocol::Shard;
use protocol::sale::Definition;
use runtime::jetstream::stream_info;
use serde_json::{Value, json};
use testbed::{Bed, eventually};

use crate::place::{ACCOUNT, kubectl};
use crate::rules;
use crate::world::{World, field, reason, spec};

/// Kubernetes tries again at growing intervals, up to a minute.
const NAMESPACE_BOUND: Duration = Duration::from_secs(150);
/// Lines of trouble that the whole end of a namespace may be worth to the operator.
const TROUBLE_LINES_MAX: usize = 5;

async fn world() -> anyhow::Result<World> {
    let world = rules::world().await?;
    Bed::shared().await?.controller_manager().await?;
    Ok(world)
}

async fn open(world: &World, name: &str) -> anyhow::Result<Definition> {
    world.apply(name, &spec(-10, &[json!({ "sku": "A", "quantity": 5 })])).await?;
    world.until(name, "it opens", |sale| reason(sale, "Ready") == "Open").await?;
    world.definition(name).await?.context("nothing is published")
}

async fn early(world: &World, name: &str) -> anyhow::Result<Definition> {
    world.apply(name, &spec(3_600, &[json!({ "sku": "A", "quantity": 5 })])).await?;
    world.until(name, "it is provisioned", |sale| reason(sale, "Ready") == "Scheduled").await?;
    world.definition(name).await?.context("nothing is published")
}

async fn delete(world: &World) -> anyhow::Result<()> {
    kubectl(&world.kubeconfig, &["delete", "namespace", &world.namespace, "--wait=false"], "").await.map(drop)
}

/// Waits until a condition of the namespace says this.
async fn until_namespace(world: &World, condition: &str, message: &str) -> anyhow::Result<()> {
    eventually(NAMESPACE_BOUND, message, async || {
        let told = kubectl(&world.kubeconfig, &["get", "namespace", &world.namespace, "-o", "json"], "").await?;
        let namespace: Value = serde_json::from_str(&told)?;
        let conditions = namespace["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let found = conditions.iter().find(|found| found["type"] == condition && found["status"] == "True");
        let told = found.and_then(|found| found["message"].as_str()).unwrap_or_default();
        ensure!(told.contains(message), "{:#}", namespace["status"]);
        Ok(())
    })
    .await
}

async fn until_gone(world: &World) -> anyhow::Result<()> {
    eventually(NAMESPACE_BOUND, "the namespace is gone", async || {
        let get = ["get", "namespace", &world.namespace, "--ignore-not-found", "-o", "json"];
        let told = kubectl(&world.kubeconfig, &get, "").await?;
        ensure!(told.trim().is_empty(), "{told}");
        Ok(())
    })
    .await
}

async fn left_nothing(world: &World, definitions: &[Definition]) -> anyhow::Result<()> {
    for definition in definitions {
        let stream = definition.stream(Shard(0)).name();
        ensure!(stream_info(&world.client, &stream).await?.is_none(), "{stream} is still there");
        let published = world.sales()?.get(definition.sale.as_str()).await?.map(|(definition, _)| definition);
        ensure!(published.is_none_or(|left| left.withdrawn.is_some()), "{} is still published", definition.sale);
    }
    Ok(())
}

/// The operator's lines that somebody should look at.
fn trouble(world: &World) -> Vec<String> {
    let log = world.operator.log();
    log.lines().filter(|line| ["WARN", "ERROR"].iter().any(|l| line.contains(l))).map(str::to_owned).collect()
}

#[tokio::test]
async fn a_deleted_namespace_waits_for_the_books_of_its_sales_and_goes() -> anyhow::Result<()> {
    let world = world().await?;
    let sold = open(&world, "sold").await?;
    world.sell("sold", "A", 2).await?;
    let done = open(&world, "done").await?;
    world.patch("done", &json!({ "spec": { "desiredState": "Closed" } })).await?;
    world.until("done", "it drains", |sale| reason(sale, "Ready") == "Draining").await?;
    world.keep_books("done").await?;
    world.wait_for("done", "Completed").await?;
    let early = early(&world, "early").await?;

    let before = trouble(&world).len();
    delete(&world).await?;
    for (name, why) in [("sold", "no ledger follows"), ("done", "the ledger does not have everything yet")] {
        let waits = format!("deletion waits: {why}");
        world.until(name, &waits, |sale| field(sale, "Ready", "message").starts_with(&waits)).await?;
    }
    // The ledger knows the end of the one and nothing of the other.
    world.keep_books("done").await?;
    until_namespace(&world, "NamespaceFinalizersRemaining", "sluice.dev/finalizer in 1 resource instances").await?;
    let kept = "the operator needs its rights until the sale sold is gone";
    until_namespace(&world, "NamespaceDeletionContentFailure", kept).await?;
    let left = world.kubectl(&["get", "fs", "-o", "name"], "").await?;
    assert_eq!(left.trim(), "flashsale.sluice.dev/sold");
    left_nothing(&world, &[done, early]).await?;

    world.keep_books("sold").await?;
    until_gone(&world).await?;
    left_nothing(&world, &[sold]).await?;
    assert!(world.operator.ended()?.is_none(), "it never ended");
    let told = trouble(&world).split_off(before);
    assert!(told.len() <= TROUBLE_LINES_MAX, "{told:#?}");
    // No event is taken into such a namespace, and none is tried over and over.
    let asked = Bed::shared().await?.kubernetes().await?.audited(&world.home, ACCOUNT)?;
    let refused = asked.iter().filter(|request| request.resource == "events" && request.code == 403).count();
    assert!(refused <= 2 * TROUBLE_LINES_MAX, "{refused} events were refused");
    Ok(())
}

#[tokio::test]
async fn without_an_operator_the_namespace_waits_and_one_that_comes_back_finishes() -> anyhow::Result<()> {
    let world = world().await?;
    let (sold, early) = (open(&world, "sold").await?, early(&world, "early").await?);
    world.operator.kill9().await?;
    delete(&world).await?;
    until_namespace(&world, "NamespaceFinalizersRemaining", "sluice.dev/finalizer in 2 resource instances").await?;
    world.kubectl(&["get", "role,rolebinding", "sluice-operator"], "").await?;

    world.operator.restart()?;
    world.operator.wait_ready(&world.admin).await?;
    until_namespace(&world, "NamespaceFinalizersRemaining", "sluice.dev/finalizer in 1 resource instances").await?;
    world.kubectl(&["annotate", "fs", "sold", "sluice.dev/force-delete=true"], "").await?;
    until_gone(&world).await?;
    left_nothing(&world, &[sold, early]).await
}

#[tokio::test]
async fn rights_that_went_with_the_namespace_are_told_and_can_be_lent() -> anyhow::Result<()> {
    let world = world().await?;
    let sold = open(&world, "sold").await?;
    world.kubectl(&["label", "role,rolebinding", "sluice-operator", "sluice.dev/kept-for-"], "").await?;
    delete(&world).await?;
    let sentence = format!(
        "the operator may not create, patch events; get, list, watch, patch flashsales; patch flashsales/status in {}",
        world.namespace
    );
    eventually(NAMESPACE_BOUND, "it is told", async || {
        let answer = reqwest::get(&format!("{}/readyz", world.admin)).await?.text().await?;
        ensure!(
            answer.contains(&sentence) && answer.contains("lend it these rights by a ClusterRoleBinding"),
            "{answer}"
        );
        Ok(())
    })
    .await?;
    let again = kubectl(&world.kubeconfig, &["apply", "-f", "-"], &world.rights(&[&world.namespace])).await;
    assert!(again.is_err_and(|refused| refused.to_string().contains("being terminated")), "a Role could be made there");
    world.assert_told_whole(&world.namespace, &sentence);

    let rules = testbed::installation::chart_file("operator-rules.yaml")?;
    let rules = rules.split("served:\n").nth(1).and_then(|rest| rest.split("lease:\n").next()).context("no rules")?;
    let (name, home) = (&world.namespace, &world.home);
    let lent = format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{ name: {name} }}\nrules:\n{rules}---\n\
         apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {{ name: {name} }}\n\
         roleRef: {{ apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {name} }}\n\
         subjects: [{{ kind: ServiceAccount, name: {ACCOUNT}, namespace: {home} }}]\n"
    );
    kubectl(&world.kubeconfig, &["apply", "-f", "-"], &lent).await?;
    world.kubectl(&["annotate", "fs", "sold", "sluice.dev/force-delete=true"], "").await?;
    until_gone(&world).await?;
    kubectl(&world.kubeconfig, &["delete", "clusterrole,clusterrolebinding", name], "").await?;
    left_nothing(&world, &[sold]).await
}
