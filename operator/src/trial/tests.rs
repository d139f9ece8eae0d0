use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::{completed, open, sale, told};
use crate::resource::FlashSale;

fn seen(conditions: serde_json::Value) -> FlashSale {
    let mut sale = sale(Timestamp::UNIX_EPOCH, Duration::from_secs(60)).unwrap();
    sale.status = serde_json::from_value(json!({ "saleID": "sluice-trial-x-1", "conditions": conditions })).unwrap();
    sale
}

fn condition(kind: &str, status: &str, reason: &str) -> serde_json::Value {
    let at = "1970-01-01T00:00:00Z";
    json!({ "type": kind, "status": status, "reason": reason, "message": "because", "lastTransitionTime": at })
}

#[test]
fn the_sale_of_a_trial_has_one_unit_and_ends_by_itself() {
    let sale = sale(Timestamp::UNIX_EPOCH, Duration::from_secs(60)).unwrap();
    let sold: Vec<_> = sale.spec.items.iter().map(|item| (item.sku.as_str(), item.quantity)).collect();
    assert_eq!(sold, [("TRIAL", 1)]);
    let ends = serde_json::to_value(&sale.spec.schedule).unwrap();
    assert_eq!(ends["endTime"], "1970-01-01T00:04:00Z");
    assert!(sale.metadata.name.is_none(), "a name that was sold under is never used again");
}

#[test]
fn a_sale_is_open_once_the_operator_says_so() {
    assert_eq!(open(&seen(json!([]))), None);
    assert_eq!(open(&seen(json!([condition("Ready", "True", "Scheduled")]))), None);
    assert_eq!(open(&seen(json!([condition("Provisioned", "True", "Open")]))), None);
    assert_eq!(open(&seen(json!([condition("Ready", "True", "Open")]))).as_deref(), Some("sluice-trial-x-1"));
}

#[test]
fn books_are_complete_only_where_the_condition_is_true() {
    assert!(completed(&seen(json!([condition("Completed", "Unknown", "Running")]))).is_none());
    assert!(completed(&seen(json!([condition("Completed", "True", "Balanced")]))).is_some());
}

#[test]
fn a_step_that_fails_tells_what_the_sale_says_of_itself() {
    let nobody = told(&seen(json!([])));
    assert!(nobody.contains("does one serve this namespace"), "{nobody}");
    let pending =
        told(&seen(json!([condition("Ready", "False", "Pending"), condition("Durable", "Unknown", "NotAsked")])));
    assert_eq!(pending, "Ready Pending: because");
}
