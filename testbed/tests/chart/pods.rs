//! Every pod keeps to Pod Security `restricted`: the real admission says so.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use testbed::{Bed, eventually};

use crate::helm::{BOUND, Place, Values, kubectl, list, pods};

/// What a pod is told that is not taken.
const VIOLATION: &str = "violates PodSecurity";

/// A namespace that takes nothing else.
async fn restricted(place: &Place) -> anyhow::Result<()> {
    let label = "pod-security.kubernetes.io/enforce=restricted";
    kubectl(&["label", "namespace", &place.release, label], "").await?;
    let careless = json!({ "spec": { "containers": [{ "name": "careless", "image": "careless" }] } });
    eventually(BOUND, "the namespace to take nothing else", async || {
        let refused =
            admitted(&[made(place, "careless", &careless)]).await.err().context("it takes anything")?.to_string();
        ensure!(refused.contains(VIOLATION), "{refused}");
        Ok(())
    })
    .await
}

/// A pod as its controller would make it.
fn made(place: &Place, name: &str, template: &Value) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": name, "namespace": place.release, "labels": template["metadata"]["labels"] },
        "spec": template["spec"],
    })
}

async fn admitted(pods: &[Value]) -> anyhow::Result<String> {
    kubectl(&["create", "--dry-run=server", "--validate=strict", "-f", "-"], &list(pods)).await
}

#[tokio::test]
async fn every_pod_is_taken_where_only_restricted_ones_are() -> anyhow::Result<()> {
    let place = Place::new(Bed::shared().await?).await?;
    restricted(&place).await?;
    for values in Values::ALL {
        let templates = pods(&place.render(values, &[]).await?);
        let pods: Vec<_> = templates.iter().map(|(name, template)| made(&place, name, template)).collect();
        let taken = admitted(&pods).await.with_context(|| format!("{values:?}"))?;
        assert_eq!(taken.lines().count(), pods.len(), "{taken}");
        assert!(pods.len() >= 4, "{values:?} has only {} pods", pods.len());
    }
    Ok(())
}

#[tokio::test]
async fn a_pod_that_asks_for_more_is_not_taken_there() -> anyhow::Result<()> {
    let place = Place::new(Bed::shared().await?).await?;
    restricted(&place).await?;
    let templates = pods(&place.render(Values::Default, &[]).await?);
    let (name, template) = &templates[0];
    for (pointer, value) in [
        ("/spec/containers/0/securityContext/allowPrivilegeEscalation", json!(true)),
        ("/spec/containers/0/securityContext/capabilities", json!({ "drop": [] })),
        ("/spec/securityContext/seccompProfile", json!({ "type": "Unconfined" })),
        ("/spec/securityContext/runAsUser", json!(0)),
    ] {
        let mut pod = made(&place, name, template);
        *pod.pointer_mut(pointer).unwrap() = value;
        let refused = admitted(&[pod]).await.unwrap_err().to_string();
        assert!(refused.contains(VIOLATION), "{pointer}: {refused}");
    }
    Ok(())
}

#[tokio::test]
async fn nothing_is_written_to_an_image_and_only_the_operator_and_the_test_have_a_token() -> anyhow::Result<()> {
    let place = Place::imagined();
    for values in Values::ALL {
        let objects = place.render(values, &[]).await?;
        let mut with_token = Vec::new();
        for (name, pod) in pods(&objects) {
            let spec = &pod["spec"];
            let first = spec["initContainers"].as_array().into_iter().flatten();
            for container in first.chain(spec["containers"].as_array().unwrap()) {
                assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true, "{name}");
                assert!(container["resources"]["limits"]["memory"].is_string(), "{name} has no bound on memory");
            }
            assert_eq!(spec["securityContext"]["runAsUser"], 65532, "{name}");
            if spec["automountServiceAccountToken"] != false {
                with_token.push(name);
            }
        }
        with_token.sort();
        assert_eq!(with_token, ["try-sluice-operator", "try-sluice-test"], "{values:?}");
        for account in objects.iter().filter(|object| object["kind"] == "ServiceAccount") {
            assert_eq!(account["automountServiceAccountToken"], false, "{}", account["metadata"]["name"]);
        }
    }
    Ok(())
}
