use serde_json::{Value, json};

use super::*;

fn sale(conditions: &[(&str, &str, &str)]) -> Guarded {
    let conditions: Vec<Value> = conditions
        .iter()
        .map(|(kind, status, reason)| {
            json!({ "type": kind, "status": status, "reason": reason, "message": "",
                    "lastTransitionTime": "2027-03-14T09:00:00Z" })
        })
        .collect();
    let object = json!({
        "apiVersion": "sluice.dev/v1alpha1", "kind": "FlashSale", "metadata": { "name": "aurora" },
        "spec": { "schedule": { "startTime": "2027-03-14T09:00:00Z", "endTime": "2027-03-14T10:00:00Z" },
                  "items": [{ "sku": "A", "quantity": 1 }] },
        "status": { "conditions": conditions },
    });
    serde_json::from_value(object).unwrap()
}

#[test]
fn sales_are_counted_by_where_they_are_and_by_every_condition() {
    let metrics = OperatorMetrics::new(&runtime::metrics::Metrics::new("test", "0").unwrap()).unwrap();
    let mut census = Census::default();
    for guarded in [
        sale(&[("Ready", "True", "Open"), ("Durable", "Unknown", NO_LEADER)]),
        sale(&[("Ready", "True", "Open"), ("Durable", "True", "EveryWriteSynced")]),
        sale(&[("Ready", "False", LOST), ("Durable", "False", "CopyMissing")]),
        sale(&[]),
    ] {
        census.add(&guarded);
    }
    let unreadable = json!({ "apiVersion": "sluice.dev/v1alpha1", "kind": "FlashSale", "metadata": { "name": "odd" },
                             "spec": 7 });
    census.add(&serde_json::from_value(unreadable).unwrap());
    census.show(&metrics);
    let of = |state: State| metrics.sales[state].get();
    assert_eq!((of(State::Open), of(State::Failed), of(State::Waiting), of(State::Paused)), (2, 2, 1, 0));
    let durable = |status: Status| metrics.conditions[(Kind::Durable, status)].get();
    assert_eq!((durable(Status::True), durable(Status::False), durable(Status::Unknown)), (1, 1, 2));
    assert_eq!((metrics.storage_lost.get(), metrics.leaderless.get()), (1, 1));
    Census::default().show(&metrics);
    assert_eq!((of(State::Open), durable(Status::True), metrics.leaderless.get()), (0, 0, 0));
}

#[test]
fn a_refused_change_hides_neither_that_a_sale_sells_nor_that_its_storage_is_lost() {
    let refused = ("Ready", "False", "Refused");
    let provisioned = ("Provisioned", "True", "Provisioned");
    for (others, expected, lost) in [
        (vec![provisioned], State::Refused, 0),
        (vec![provisioned, ("Paused", "True", "Stopped")], State::Paused, 0),
        (vec![provisioned, ("Paused", "False", "NotPaused"), ("Completed", "True", "Completed")], State::Completed, 0),
        (vec![("Provisioned", "False", LOST)], State::Failed, 1),
        (vec![("Provisioned", "False", "Refused")], State::Failed, 0),
    ] {
        let mut census = Census::default();
        census.add(&sale(&[vec![refused], others.clone()].concat()));
        assert_eq!((counted(&census.sales, expected), census.storage_lost), (1, lost), "{others:?}");
    }
}
