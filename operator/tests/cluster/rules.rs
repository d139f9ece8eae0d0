//! Every rule of the CRD, broken once on a real API server.

use anyhow::ensure;
use serde_json::{Value, json};
use testbed::Bed;

use crate::world::{install_crd, kubectl, sale, spec};

/// A sale, a change that breaks a rule, and what the merchant reads.
type Breach = (&'static str, Value, &'static str);

fn base() -> Value {
    let mut spec = spec(3_600, &[json!({ "sku": "A", "quantity": 10 })]);
    spec["schedule"] = json!({ "startTime": "2027-03-14T09:00:00Z", "endTime": "2027-03-14T10:00:00Z" });
    spec
}

fn merge(into: &mut Value, patch: &Value) {
    match (into, patch) {
        (Value::Object(into), Value::Object(patch)) => {
            for (key, value) in patch {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, patch) => *into = patch.clone(),
    }
}

fn creation() -> Vec<Breach> {
    let item = |more: Value| {
        let mut item = json!({ "sku": "A", "quantity": 10 });
        merge(&mut item, &more);
        json!({ "items": [item] })
    };
    let nine: Vec<_> = (0..9).map(|i| json!({ "sku": format!("A{i}"), "quantity": 1 })).collect();
    vec![
        ("window", json!({ "schedule": { "endTime": "2027-03-14T09:00:00Z" } }), "endTime must be after startTime"),
        (
            "limits",
            item(json!({ "limits": { "perOrder": 3, "perCustomer": 2 } })),
            "limits.perOrder cannot be more than limits.perCustomer",
        ),
        ("withheld", item(json!({ "withheld": 11 })), "withheld cannot be more than quantity"),
        ("sku", item(json!({ "sku": "A B" })), "a sku has 1 to 40 letters, digits, dashes or underscores"),
        ("negative", item(json!({ "quantity": -1 })), "should be greater than or equal to 0"),
        ("currency", item(json!({ "price": { "amountMinor": 1, "currency": "eur" } })), "^[A-Z]{3}$"),
        ("replicas", json!({ "storage": { "replicas": 2 } }), "storage.replicas is 1, 3 or 5"),
        (
            "hold",
            json!({ "reservation": { "holdSeconds": 60 } }),
            "reservation.holdSeconds is only for sales with payment",
        ),
        ("checkout", json!({ "payment": { "mode": "External" } }), "payment.mode External needs a checkoutURL"),
        (
            "template",
            json!({ "payment": { "mode": "External", "checkoutURL": "https://pay" } }),
            "payment.checkoutURL needs {order} in it",
        ),
        ("state", json!({ "desiredState": "Open" }), "supported values: \"Scheduled\", \"Paused\", \"Closed\""),
        (
            "twice",
            json!({ "items": [{ "sku": "A", "quantity": 1 }, { "sku": "A", "quantity": 2 }] }),
            "Duplicate value",
        ),
        ("none", json!({ "items": [] }), "should have at least 1 items"),
        (
            "buckets",
            json!({ "sharding": { "bucketsPerItem": 128 }, "items": nine }),
            "times sharding.bucketsPerItem is at most 1024",
        ),
        ("a-name-of-forty-one-characters-is-one-too", json!({}), "the name of a sale has at most 40 characters"),
        ("dots.in.it", json!({}), "no dots, because it is part of its addresses"),
    ]
}

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
    let mut spec = base();
    merge(
        &mut spec,
        &json!({ "items": [
        { "sku": "A", "quantity": 10, "price": { "amountMinor": 100, "currency": "EUR" } }, { "sku": "B", "quantity": 1 }
    ] }),
    );
    for name in ["fresh", "opened", "closed"] {
        run(&["create", "-f", "-"], &sale(name, &spec).to_string()).await?;
    }
    let opened = json!({ "status": { "openedAt": "2027-03-14T09:00:00Z" } }).to_string();
    run(&["patch", "fs", "opened", "--subresource=status", "--type=merge", "-p", &opened], "").await?;
    patch("closed", json!({ "spec": { "desiredState": "Closed" } })).await?;
    let items = |a: Value, b: Option<Value>| {
        let items: Vec<_> = [Some(a), b].into_iter().flatten().collect();
        json!({ "spec": { "items": items } })
    };
    let (a, b) = (spec["items"][0].clone(), spec["items"][1].clone());
    let changed = |more: Value| {
        let mut a = a.clone();
        merge(&mut a, &more);
        a
    };
    let breaches = vec![
        ("fresh", json!({ "spec": { "sharding": { "shards": 2 } } }), "sharding cannot change"),
        ("fresh", json!({ "spec": { "storage": { "replicas": 3 } } }), "storage cannot change"),
        ("fresh", json!({ "spec": { "payment": { "mode": "Wallet" } } }), "payment.mode cannot change"),
        ("closed", json!({ "spec": { "desiredState": "Scheduled" } }), "desiredState Closed is final"),
        (
            "opened",
            json!({ "spec": { "schedule": { "startTime": "2027-03-14T09:30:00Z" } } }),
            "startTime cannot change any more",
        ),
        (
            "opened",
            json!({ "spec": { "limits": { "perCustomer": 3 } } }),
            "the limits of the sale cannot change any more",
        ),
        (
            "opened",
            items(changed(json!({ "limits": { "perOrder": 2 } })), Some(b.clone())),
            "the limits of an item cannot change any more",
        ),
        (
            "opened",
            items(changed(json!({ "price": { "amountMinor": 1 } })), Some(b.clone())),
            "the price of an item cannot change any more",
        ),
        ("opened", items(a.clone(), None), "an item cannot be removed any more"),
    ];
    for (name, change, message) in breaches {
        let Err(error) = patch(name, change.clone()).await else { anyhow::bail!("{name} took {change}") };
        ensure!(error.to_string().contains(message), "{name} {change}: {error}");
    }
    // The same changes are fine as long as the sale has not opened.
    patch("fresh", json!({ "spec": { "schedule": { "startTime": "2027-03-14T09:30:00Z" } } })).await?;
    patch("fresh", items(changed(json!({ "limits": { "perOrder": 2 }, "price": { "amountMinor": 1 } })), None)).await?;
    // And these always are.
    let restock = items(changed(json!({ "quantity": 20, "withheld": 5, "displayName": "New" })), Some(b));
    patch("opened", restock).await?;
    patch("opened", json!({ "spec": { "schedule": { "endTime": "2027-03-14T12:00:00Z" }, "desiredState": "Paused" } }))
        .await?;
    Ok(())
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
