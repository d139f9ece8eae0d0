//! Every rule of the CRD, broken once on a real API server and once in Rust, and `kubectl explain`.

mod cases;

use std::collections::BTreeSet;

use anyhow::{Context as _, ensure};
use kube::CustomResourceExt as _;
use operator::resource::FlashSale;
use serde_json::{Value, json};
use testbed::Bed;

use crate::place::{install_crd, kubectl};
use crate::world::sale;
use cases::{STATES, allowed, base, changes, creation, merge, two};

#[tokio::test]
async fn every_rule_about_a_new_sale_refuses_with_a_sentence_for_merchants() -> anyhow::Result<()> {
    let bed = Bed::shared().await?;
    let kubeconfig = install_crd(bed).await?;
    let namespace = bed.kubernetes().await?.create_namespace(bed, "rules").await?;
    for (name, patch, message) in creation() {
        let mut spec = base();
        merge(&mut spec, &patch);
        let applied =
            kubectl(&kubeconfig, &["-n", &namespace, "create", "-f", "-"], &sale(name, &spec).to_string()).await;
        let Err(error) = applied else { anyhow::bail!("{name} was accepted") };
        ensure!(error.to_string().contains(message), "{name}: {error}");
    }
    Ok(())
}

#[tokio::test]
async fn every_rule_about_a_change_refuses_with_a_sentence_for_merchants() -> anyhow::Result<()> {
    let bed = Bed::shared().await?;
    let kubeconfig = install_crd(bed).await?;
    let namespace = bed.kubernetes().await?.create_namespace(bed, "rules").await?;
    let run = async |arguments: &[&str], input: &str| {
        kubectl(&kubeconfig, &[&["-n", namespace.as_str()], arguments].concat(), input).await
    };
    let patch = async |name: &str, patch: Value| {
        run(&["patch", "fs", name, "--type=merge", "-p", &patch.to_string()], "").await
    };
    for name in STATES {
        run(&["create", "-f", "-"], &sale(name, &two()).to_string()).await?;
    }
    let opened = json!({ "status": opened() }).to_string();
    run(&["patch", "fs", "opened", "--subresource=status", "--type=merge", "-p", &opened], "").await?;
    patch("closed", json!({ "spec": { "desiredState": "Closed" } })).await?;
    for (name, change, message) in changes() {
        let Err(error) = patch(name, change.clone()).await else { anyhow::bail!("{name} took {change}") };
        ensure!(error.to_string().contains(message), "{name} {change}: {error}");
    }
    for (name, change) in allowed() {
        patch(name, change.clone()).await.with_context(|| format!("{name} {change}"))?;
    }
    Ok(())
}

fn opened() -> Value {
    json!({ "openedAt": "2027-03-14T09:00:00Z" })
}

/// What the rules of the CRD say in Rust, sentences only; nothing about a resource that its types refuse.
fn told(new: &Value, old: Option<&Value>) -> Option<BTreeSet<String>> {
    // Through the types and back, so that defaults are there, as on the server.
    let full = |value: &Value| serde_json::to_value(serde_json::from_value::<FlashSale>(value.clone()).ok()?).ok();
    let schema = serde_json::to_value(FlashSale::crd()).ok()?;
    let schema = schema.pointer("/spec/versions/0/schema/openAPIV3Schema")?;
    let old = old.map(full);
    match kube_cel::Validator::new().validate(schema, &full(new)?, old.flatten().as_ref()) {
        Ok(()) => Some(BTreeSet::new()),
        Err(errors) => Some(errors.into_iter().map(|error| error.message).collect()),
    }
}

/// Every sentence of a rule in a schema.
fn sentences(schema: &Value, found: &mut BTreeSet<String>) {
    match schema {
        Value::Object(fields) => {
            let rules = fields.get("x-kubernetes-validations").and_then(Value::as_array);
            let messages = rules.into_iter().flatten().filter_map(|rule| rule["message"].as_str());
            found.extend(messages.map(ToOwned::to_owned));
            fields.values().for_each(|value| sentences(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| sentences(value, found)),
        _ => {}
    }
}

#[test]
fn every_rule_says_the_same_in_rust_and_none_is_untested() {
    let mut known = BTreeSet::new();
    sentences(&serde_json::to_value(FlashSale::crd()).unwrap(), &mut known);
    assert!(known.len() > 15, "{known:?}");
    let mut broken = BTreeSet::new();
    let mut breaks = |about: &str, told: Option<BTreeSet<String>>, message: &str| {
        let by_a_rule = known.iter().any(|sentence| sentence.contains(message));
        let told = told.unwrap_or_default();
        assert_eq!(told.iter().any(|sentence| sentence.contains(message)), by_a_rule, "{about}: {told:?}");
        broken.extend(told);
    };
    for (name, patch, message) in creation() {
        let mut spec = base();
        merge(&mut spec, &patch);
        breaks(name, told(&sale(name, &spec), None), message);
    }
    let state = |name: &str| {
        let mut old = sale(name, &two());
        match name {
            "opened" => old["status"] = opened(),
            "closed" => old["spec"]["desiredState"] = json!("Closed"),
            _ => {}
        }
        old
    };
    for (name, change, message) in changes() {
        let (old, mut new) = (state(name), state(name));
        merge(&mut new, &change);
        breaks(name, told(&new, Some(&old)), message);
    }
    assert_eq!(broken, known, "each rule is broken by a case");
    for (name, change) in allowed() {
        let (old, mut new) = (state(name), state(name));
        merge(&mut new, &change);
        assert_eq!(told(&new, Some(&old)), Some(BTreeSet::new()), "{name} {change}");
    }
}

#[tokio::test]
async fn five_lines_make_a_sale_and_every_default_is_explained() -> anyhow::Result<()> {
    let bed = Bed::shared().await?;
    let kubeconfig = install_crd(bed).await?;
    let namespace = bed.kubernetes().await?.create_namespace(bed, "rules").await?;
    let arguments = ["-n", &namespace, "create", "-o", "json", "-f", "-"];
    let created = kubectl(&kubeconfig, &arguments, &sale("five", &base()).to_string()).await?;
    let created: Value = serde_json::from_str(&created)?;
    let expected = json!({
        "displayName": "",
        "desiredState": "Scheduled",
        "schedule": { "startTime": "2027-03-14T09:00:00Z", "endTime": "2027-03-14T10:00:00Z" },
        "limits": {},
        "items": [{ "sku": "A", "displayName": "", "quantity": 10, "withheld": 0, "limits": { "perOrder": 1 } }],
        "sharding": { "shards": 1, "bucketsPerItem": 16 },
        "payment": { "mode": "None" },
        "access": { "guests": "Deny" },
        "acknowledge": "Stream",
        "storage": { "requiredSync": "Always" },
    });
    assert_eq!(created["spec"], expected);
    for (path, told) in [
        ("sharding.bucketsPerItem", "Counters per item and shard"),
        ("desiredState", "Scheduled follows the schedule"),
        ("payment.mode", "an order is confirmed at once"),
    ] {
        let explained = kubectl(&kubeconfig, &["explain", &format!("flashsale.spec.{path}")], "").await?;
        ensure!(explained.split_whitespace().collect::<Vec<_>>().join(" ").contains(told), "{explained}");
    }
    for alias in ["fs", "drop"] {
        let listed = kubectl(&kubeconfig, &["-n", &namespace, "get", alias, "-o", "wide"], "").await?;
        let header: Vec<_> = listed.lines().next().unwrap_or_default().split_whitespace().collect();
        let expected =
            ["NAME", "STATE", "START", "STOCK", "FREE", "HELD", "SOLD", "AGE", "CONSERVED", "DURABLE", "ENDS"];
        assert_eq!(header, expected);
    }
    Ok(())
}
