//! Every rule of the CRD, broken once: as data, for the API server and for the same rules in Rust.

use serde_json::{Value, json};

use crate::world::spec;

/// A sale, a change that breaks a rule, and what the merchant reads.
pub(crate) type Breach = (&'static str, Value, &'static str);

pub(crate) fn base() -> Value {
    let mut spec = spec(3_600, &[json!({ "sku": "A", "quantity": 10 })]);
    spec["schedule"] = json!({ "startTime": "2027-03-14T09:00:00Z", "endTime": "2027-03-14T10:00:00Z" });
    spec
}

pub(crate) fn merge(into: &mut Value, patch: &Value) {
    match (into, patch) {
        (Value::Object(into), Value::Object(patch)) => {
            for (key, value) in patch {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, patch) => *into = patch.clone(),
    }
}

pub(crate) fn creation() -> Vec<Breach> {
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

/// Names of sales in three states that a change may meet.
pub(crate) const STATES: [&str; 3] = ["fresh", "opened", "closed"];

/// A sale of two items, one with a price.
pub(crate) fn two() -> Value {
    let mut spec = base();
    let priced = json!({ "sku": "A", "quantity": 10, "price": { "amountMinor": 100, "currency": "EUR" } });
    merge(&mut spec, &json!({ "items": [priced, { "sku": "B", "quantity": 1 }] }));
    spec
}

fn items(first: Value, second: bool) -> Value {
    let second = second.then(|| two()["items"][1].clone());
    let items: Vec<_> = [Some(first), second].into_iter().flatten().collect();
    json!({ "spec": { "items": items } })
}

fn changed(more: &Value) -> Value {
    let mut first = two()["items"][0].clone();
    merge(&mut first, more);
    first
}

/// Changes that are refused, by the state of the sale that they meet.
pub(crate) fn changes() -> Vec<Breach> {
    vec![
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
            items(changed(&json!({ "limits": { "perOrder": 2 } })), true),
            "the limits of an item cannot change any more",
        ),
        (
            "opened",
            items(changed(&json!({ "price": { "amountMinor": 1 } })), true),
            "the price of an item cannot change any more",
        ),
        ("opened", items(changed(&json!({})), false), "an item cannot be removed any more"),
    ]
}

/// Changes that are fine: what an opening fixes before it, everything else at any time.
pub(crate) fn allowed() -> Vec<(&'static str, Value)> {
    let early = changed(&json!({ "limits": { "perOrder": 2 }, "price": { "amountMinor": 1 } }));
    let restock = changed(&json!({ "quantity": 20, "withheld": 5, "displayName": "New", "imageURL": "https://a.b" }));
    let mut third = items(restock.clone(), true);
    if let Some(items) = third["spec"]["items"].as_array_mut() {
        items.push(json!({ "sku": "C", "quantity": 3 }));
    }
    vec![
        ("fresh", json!({ "spec": { "schedule": { "startTime": "2027-03-14T09:30:00Z" } } })),
        ("fresh", json!({ "spec": { "limits": { "perCustomer": 3 } } })),
        ("fresh", items(early, false)),
        ("opened", items(restock, true)),
        ("opened", third),
        ("opened", json!({ "spec": { "schedule": { "endTime": "2027-03-14T12:00:00Z" }, "desiredState": "Paused" } })),
        ("opened", json!({ "spec": { "rateLimit": { "requests": 5 }, "displayName": "Aurora" } })),
        ("opened", json!({ "spec": { "access": { "guests": "Allow" } } })),
        ("closed", json!({ "spec": { "displayName": "Aurora" } })),
    ]
}
