//! Tests.

use serde_json::{Value, json};

use super::*;

/// A sale of five lines.
fn plain() -> Value {
    json!({
        "apiVersion": "sluice.dev/v1alpha1",
        "kind": "FlashSale",
        "metadata": {"name": "drop", "namespace": "shop", "uid": "6f1c7a52-3a0e-4c0e-9d53-1f6d3c1d8a11", "generation": 3},
        "spec": {
            "schedule": {"startTime": "2026-11-27T09:00:00Z", "endTime": "2026-11-27T10:00:00Z"},
            "items": [{"sku": "shoe", "quantity": 1000}],
        },
    })
}

/// The sale of five lines with one more field.
fn with(pointer: &str, value: Value) -> Value {
    let mut sale = plain();
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
    let mut place = &mut sale;
    for step in parent.split('/').skip(1) {
        place = match step.parse::<usize>() {
            Ok(index) => &mut place[index],
            Err(_) => &mut place[step],
        };
    }
    place[name] = value;
    sale
}

fn wanted(sale: Value) -> Result<Wanted, Refused> {
    let sale: FlashSale = serde_json::from_value(sale).expect("a sale of the right shape");
    Wanted::try_from(&sale)
}

#[test]
fn five_lines_are_a_complete_sale() {
    let wanted = wanted(plain()).expect("accepted");
    let definition = &wanted.definition;
    assert_eq!((wanted.shards, wanted.buckets_per_item, wanted.replicas), (1, 16, None));
    assert_eq!(wanted.required_sync, RequiredSync::Always);
    assert!(!wanted.deleting && !wanted.force);
    assert_eq!((definition.display_name.as_str(), definition.generation), ("drop", Generation(3)));
    assert_eq!(definition.desired_state, sale::DesiredState::Scheduled);
    assert_eq!((definition.per_customer, definition.hold_seconds), (None, HOLD_SECONDS_DEFAULT));
    assert!(!definition.guests_allowed && definition.rate_limit.is_none());
    let item = definition.items.first().expect("an item");
    assert_eq!((item.display_name.as_str(), item.quantity, item.withheld), ("shoe", Units(1000), Units::ZERO));
    assert_eq!((item.per_order, item.per_customer, item.buckets), (Units(1), None, 16));
}

#[test]
fn what_cannot_be_sold_as_asked_is_refused_by_the_name_of_its_field() {
    let refused = [
        ("/spec/schedule/endTime", json!("2026-11-27T09:00:00Z"), "spec.schedule.endTime"),
        ("/spec/items", json!([]), "spec.items"),
        (
            "/spec/items",
            json!([{"sku": "a", "quantity": 1}, {"sku": "b", "quantity": 1}, {"sku": "a", "quantity": 2}]),
            "spec.items",
        ),
        ("/spec/items/0/sku", json!("a shoe"), "spec.items.sku"),
        ("/spec/items/0/quantity", json!(-1), "spec.items[shoe].quantity"),
        ("/spec/items/0/withheld", json!(1001), "spec.items[shoe].withheld"),
        ("/spec/items/0/limits", json!({"perOrder": 0}), "spec.items[shoe].limits.perOrder"),
        ("/spec/items/0/limits", json!({"perOrder": 3, "perCustomer": 2}), "spec.items[shoe].limits.perOrder"),
        ("/spec/items/0/limits", json!({"perCustomer": -2}), "spec.items[shoe].limits.perCustomer"),
        ("/spec/items/0/price", json!({"amountMinor": -1, "currency": "EUR"}), "spec.items[shoe].price.amountMinor"),
        ("/spec/limits", json!({"perCustomer": -1}), "spec.limits.perCustomer"),
        ("/spec/sharding", json!({"shards": 2}), "spec.sharding.shards"),
        ("/spec/sharding", json!({"shards": 70_000}), "spec.sharding.shards"),
        ("/spec/sharding", json!({"bucketsPerItem": 1025}), "spec.sharding.bucketsPerItem"),
        ("/spec/storage", json!({"replicas": 2}), "spec.storage.replicas"),
        ("/spec/payment", json!({"mode": "External"}), "spec.payment.checkoutURL"),
        ("/spec/rateLimit", json!({"requests": -1}), "spec.rateLimit.requests"),
        ("/spec/acknowledge", json!("Ledger"), "spec.acknowledge"),
    ];
    for (pointer, value, field) in refused {
        let told = wanted(with(pointer, value.clone())).expect_err(&format!("{pointer} = {value} was accepted"));
        assert_eq!(told.field, field, "{pointer} = {value}: {told}");
    }
}

#[test]
fn an_item_has_no_more_counters_than_units_for_sale_and_never_none() {
    for (quantity, withheld, buckets) in
        [(0, 0, 1), (1, 0, 1), (5, 0, 5), (16, 0, 16), (17, 0, 16), (100, 97, 3), (9, 9, 1)]
    {
        let items = json!([{"sku": "shoe", "quantity": quantity, "withheld": withheld}]);
        let wanted = wanted(with("/spec/items", items)).expect("accepted");
        let made: Vec<_> = wanted.definition.items.iter().map(|item| item.buckets).collect();
        assert_eq!(made, [buckets], "{quantity} units, {withheld} withheld");
    }
}

#[test]
fn a_sale_that_is_being_deleted_is_closed_and_only_the_word_true_forces_it() {
    for (word, force) in [("true", true), ("True", false), ("", false)] {
        let mut sale = with("/metadata/deletionTimestamp", json!("2026-11-27T09:30:00Z"));
        sale["metadata"]["annotations"] = json!({FORCE_DELETE: word});
        let wanted = wanted(sale).expect("accepted");
        assert_eq!(wanted.definition.desired_state, sale::DesiredState::Closed);
        assert_eq!((wanted.deleting, wanted.force), (true, force), "{word:?}");
    }
}
