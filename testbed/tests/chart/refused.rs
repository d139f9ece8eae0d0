//! The rules of admission, as the chart installs them: for the namespaces of its sales and for no other.

use anyhow::{Context as _, ensure};
use serde_json::json;
use testbed::{Bed, eventually};

use crate::helm::{BOUND, CLUSTER, Place, Values, kind_known, kubectl, list};

/// A sale that its status calls open.
async fn open_sale(namespace: &str) -> anyhow::Result<()> {
    let sale = json!({
        "apiVersion": "sluice.dev/v1alpha1",
        "kind": "FlashSale",
        "metadata": { "name": "aurora", "namespace": namespace },
        "spec": {
            "schedule": { "startTime": "2026-01-01T00:00:00Z", "endTime": "2036-01-01T00:00:00Z" },
            "items": [{ "sku": "A", "quantity": 1 }],
        },
    });
    kubectl(&["create", "-f", "-"], &sale.to_string()).await?;
    let status = r#"{"status":{"openedAt":"2026-01-01T00:00:00Z","nextTransitionTime":"2036-01-01T00:00:00Z"}}"#;
    let patch = ["-n", namespace, "patch", "flashsale", "aurora", "--subresource=status", "--type=merge", "-p", status];
    kubectl(&patch, "").await.map(drop)
}

async fn delete(namespace: &str) -> anyhow::Result<()> {
    kubectl(&["-n", namespace, "delete", "flashsale", "aurora", "--dry-run=server"], "").await.map(drop)
}

#[tokio::test]
async fn an_open_sale_is_not_deleted_where_the_release_serves_it() -> anyhow::Result<()> {
    let _alone = CLUSTER.lock().await;
    let bed = Bed::shared().await?;
    let (place, elsewhere) = (Place::new(bed).await?, Place::new(bed).await?);
    kind_known().await?;
    open_sale(&place.sales).await?;
    open_sale(&elsewhere.sales).await?;
    eventually(BOUND, "nothing is in force", async || delete(&place.sales).await).await?;

    let objects = place.render(Values::Default, &[]).await?;
    let rules = |kind: &str| kind.starts_with("ValidatingAdmissionPolicy");
    let rules: Vec<_> = objects.iter().filter(|object| object["kind"].as_str().is_some_and(rules)).collect();
    assert_eq!(rules.len(), 4);
    for rule in &rules {
        let name = rule["metadata"]["name"].as_str().unwrap();
        assert!(name.ends_with(&format!(".try.{}", place.release)), "another release could have {name}");
    }
    kubectl(&["apply", "--server-side", "-f", "-"], &list(rules.iter().copied())).await?;
    eventually(BOUND, "the rule is in force", async || {
        let refused = delete(&place.sales).await.err().context("the sale could be deleted")?.to_string();
        ensure!(refused.contains("the sale aurora is open: close it first"), "{refused}");
        Ok(())
    })
    .await?;
    delete(&elsewhere.sales).await.context("the rule holds where the release serves nothing")?;
    kubectl(&["delete", "-f", "-"], &list(rules)).await.map(drop)
}

#[tokio::test]
async fn the_operators_rights_stay_as_long_as_a_namespace_that_is_deleted_has_sales() -> anyhow::Result<()> {
    let _alone = CLUSTER.lock().await;
    let place = Place::new(Bed::shared().await?).await?;
    kind_known().await?;
    open_sale(&place.sales).await?;
    let objects = place.render(Values::Default, &[]).await?;
    let needed = |object: &&serde_json::Value| {
        let kind = object["kind"].as_str().unwrap_or_default();
        kind.starts_with("ValidatingAdmissionPolicy")
            || (kind.starts_with("Role") && object["metadata"]["annotations"].is_null())
    };
    let needed: Vec<_> = objects.iter().filter(needed).collect();
    assert_eq!(needed.len(), 8, "two rules, two Roles, and a binding of each");
    kubectl(&["apply", "--server-side", "-f", "-"], &list(needed.iter().copied())).await?;
    let take = async |what: &str| {
        kubectl(&["-n", &place.sales, "delete", what, "sluice-operator", "--dry-run=server"], "").await.map(drop)
    };
    // Until the server knows the sales that the rule asks about, it refuses everything.
    eventually(BOUND, "a release can be uninstalled", async || take("role").await).await?;
    // Without controllers it stays there, and is on its way out.
    kubectl(&["delete", "namespace", &place.sales, "--wait=false"], "").await?;
    for what in ["role", "rolebinding"] {
        eventually(BOUND, "the rights stay", async || {
            let refused = take(what).await.err().with_context(|| format!("the {what} could be deleted"))?.to_string();
            ensure!(refused.contains("the operator needs its rights until the sale aurora"), "{refused}");
            Ok(())
        })
        .await?;
    }
    let rules = needed.iter().copied().filter(|object| object["metadata"]["namespace"].is_null());
    kubectl(&["delete", "-f", "-"], &list(rules)).await.map(drop)
}
