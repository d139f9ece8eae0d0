//! What is rendered is what an API server takes, to the last field.

use serde_json::{Value, json};
use testbed::Bed;

use crate::helm::{CLUSTER, Place, Values, chart, helm, kind_known, kubectl, list, of_kind, one, served};
use crate::monitoring;

/// A kind that the Gateway API brings, known to the server by its name alone: its schema is not ours to copy. So here it is
/// shown that the route is an object with nothing that a server knows nothing about, and below what is in it.
fn gateway_kind() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": "httproutes.gateway.networking.k8s.io",
            "annotations": { "api-approved.kubernetes.io": "unapproved, for a test" },
        },
        "spec": {
            "group": "gateway.networking.k8s.io",
            "scope": "Namespaced",
            "names": { "kind": "HTTPRoute", "plural": "httproutes" },
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": { "openAPIV3Schema": {
                    "type": "object",
                    "properties": { "spec": { "type": "object", "x-kubernetes-preserve-unknown-fields": true } },
                } },
            }],
        },
    })
}

async fn dry_run(objects: &[Value]) -> anyhow::Result<String> {
    kubectl(&["apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-"], &list(objects)).await
}

#[tokio::test]
async fn every_object_of_every_set_of_values_is_taken_by_a_real_api_server() -> anyhow::Result<()> {
    let place = Place::new(Bed::shared().await?).await?;
    kind_known().await?;
    monitoring::kinds_known().await?;
    for values in Values::ALL {
        let objects = place.render(values, &["crd.install=false"]).await?;
        let taken = dry_run(&objects).await?;
        assert_eq!(taken.lines().count(), objects.len(), "{values:?}: {taken}");
        assert!(objects.len() >= 25, "{values:?} renders {} objects", objects.len());
    }
    Ok(())
}

#[tokio::test]
async fn a_field_that_does_not_exist_is_not_taken() -> anyhow::Result<()> {
    let place = Place::new(Bed::shared().await?).await?;
    let mut objects = place.render(Values::Default, &["crd.install=false"]).await?;
    let edge = objects.iter_mut().find(|object| object["kind"] == "Deployment").unwrap();
    edge["spec"]["template"]["spec"]["gracePeriod"] = json!(5);
    let refused = dry_run(&objects).await.unwrap_err().to_string();
    assert!(refused.contains("gracePeriod"), "{refused}");
    Ok(())
}

#[tokio::test]
async fn the_kind_is_rendered_as_it_was_generated_and_is_kept() -> anyhow::Result<()> {
    let _alone = CLUSTER.lock().await;
    let place = Place::new(Bed::shared().await?).await?;
    let objects = place.render(Values::Default, &[]).await?;
    let kind = one(&objects, "CustomResourceDefinition", "");
    let generated: Value = serde_yaml_ng::from_str(&std::fs::read_to_string(chart().join("files/flashsale.yaml"))?)?;
    assert_eq!(kind["spec"], generated["spec"]);
    assert_eq!(kind["metadata"]["annotations"]["helm.sh/resource-policy"], "keep");
    dry_run(std::slice::from_ref(kind)).await?;
    Ok(())
}

#[tokio::test]
async fn a_route_of_a_gateway_leads_to_the_edges() -> anyhow::Result<()> {
    let place = Place::new(Bed::shared().await?).await?;
    let further = [
        "edge.httpRoute.enabled=true",
        "edge.httpRoute.parentRefs[0].name=public",
        "edge.httpRoute.parentRefs[0].namespace=gateways",
        "edge.httpRoute.hostnames={shop.example}",
        "edge.service.port=8080",
    ];
    let objects = place.render(Values::Default, &further).await?;
    let route = one(&objects, "HTTPRoute", "-edge");
    let service = one(&objects, "Service", "-edge");
    assert_eq!(route["spec"]["parentRefs"], json!([{ "name": "public", "namespace": "gateways" }]));
    assert_eq!(route["spec"]["hostnames"], json!(["shop.example"]));
    assert_eq!(
        route["spec"]["rules"][0]["backendRefs"],
        json!([{ "name": service["metadata"]["name"], "port": 8080 }])
    );
    assert_eq!(service["spec"]["ports"][0]["port"], 8080);

    kubectl(&["apply", "--server-side", "-f", "-"], &gateway_kind().to_string()).await?;
    served("httproutes.gateway.networking.k8s.io").await?;
    dry_run(std::slice::from_ref(route)).await?;
    Ok(())
}

#[tokio::test]
async fn an_ingress_leads_to_the_edges() -> anyhow::Result<()> {
    let objects = Place::imagined().render(Values::Production, &[]).await?;
    let (ingress, service) = (one(&objects, "Ingress", "-edge"), one(&objects, "Service", "-edge"));
    let backend = &ingress["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"];
    assert_eq!(backend["name"], service["metadata"]["name"]);
    assert_eq!(backend["port"]["name"], service["spec"]["ports"][0]["name"]);
    let pod = &one(&objects, "Deployment", "-edge")["spec"]["template"];
    for (label, value) in service["spec"]["selector"].as_object().unwrap() {
        assert_eq!(&pod["metadata"]["labels"][label], value);
    }
    Ok(())
}

#[tokio::test]
async fn where_edges_scale_by_themselves_the_chart_says_nothing_of_how_many_there_are() -> anyhow::Result<()> {
    let place = Place::imagined();
    let by_hand = place.render(Values::Default, &["edge.replicas=4"]).await?;
    assert_eq!(one(&by_hand, "Deployment", "-edge")["spec"]["replicas"], 4);
    assert_eq!(of_kind(&by_hand, "HorizontalPodAutoscaler").count(), 0);

    let further = ["edge.autoscaling.enabled=true", "edge.autoscaling.targetConnections=5000"];
    let by_itself = place.render(Values::Default, &further).await?;
    let edge = one(&by_itself, "Deployment", "-edge");
    assert_eq!(edge["spec"].get("replicas"), None);
    let scaler = one(&by_itself, "HorizontalPodAutoscaler", "-edge");
    assert_eq!(scaler["spec"]["scaleTargetRef"]["name"], edge["metadata"]["name"]);
    let metrics: Vec<_> = scaler["spec"]["metrics"].as_array().unwrap().iter().map(|metric| &metric["type"]).collect();
    assert_eq!(metrics, ["Resource", "Pods"]);
    Ok(())
}

#[tokio::test]
async fn a_rollout_drops_no_claim() -> anyhow::Result<()> {
    let further = ["edge.preStopSeconds=7", "edge.drainSeconds=40"];
    let objects = Place::imagined().render(Values::Default, &further).await?;
    let edge = &one(&objects, "Deployment", "-edge")["spec"];
    assert_eq!(edge["strategy"]["rollingUpdate"]["maxUnavailable"], 0);
    let pod = &edge["template"]["spec"];
    let container = &pod["containers"][0];
    assert_eq!(container["lifecycle"]["preStop"]["sleep"]["seconds"], 7);
    assert!(container["args"].as_array().unwrap().contains(&json!("--drain-seconds=40")));
    let grace = pod["terminationGracePeriodSeconds"].as_i64().unwrap();
    assert!(grace > 7 + 40, "the pod is killed after {grace} s, before it has drained");
    Ok(())
}

#[tokio::test]
async fn a_zone_that_is_down_keeps_no_place_for_pods() -> anyhow::Result<()> {
    let objects = Place::imagined().render(Values::Production, &[]).await?;
    for deployment in of_kind(&objects, "Deployment") {
        let spread = deployment["spec"]["template"]["spec"]["topologySpreadConstraints"].as_array().unwrap();
        assert_eq!(spread.len(), 2);
        assert!(spread.iter().all(|constraint| constraint["nodeTaintsPolicy"] == "Honor"), "{spread:?}");
    }
    Ok(())
}

#[tokio::test]
async fn an_image_is_named_by_its_digest_where_there_is_one() -> anyhow::Result<()> {
    let digest = format!("edge.image.digest=sha256:{}", "a".repeat(64));
    let further = ["image.registry=localhost:5000/x/", "image.tag=v7", "ledger.image.tag=v8", digest.as_str()];
    let objects = Place::imagined().render(Values::Default, &further).await?;
    let image =
        |end: &str| one(&objects, "Deployment", end)["spec"]["template"]["spec"]["containers"][0]["image"].clone();
    assert_eq!(image("-operator"), "localhost:5000/x/sluice-operator:v7");
    assert_eq!(image("-ledger"), "localhost:5000/x/sluice-ledger:v8");
    assert_eq!(image("-edge"), format!("localhost:5000/x/sluice-edge@sha256:{}", "a".repeat(64)));
    Ok(())
}

#[tokio::test]
async fn the_chart_has_the_version_of_what_it_installs() -> anyhow::Result<()> {
    let told: Value = serde_yaml_ng::from_str(&std::fs::read_to_string(chart().join("Chart.yaml"))?)?;
    assert_eq!(told["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(told["appVersion"], env!("CARGO_PKG_VERSION"));
    Ok(())
}

#[tokio::test]
async fn helm_has_nothing_to_say_against_it() -> anyhow::Result<()> {
    for values in Values::ALL {
        let mut arguments = vec!["lint".to_owned(), "--strict".to_owned(), chart().display().to_string()];
        arguments.extend(Place::imagined().arguments(values, &[]));
        helm(&arguments).await?;
    }
    Ok(())
}
