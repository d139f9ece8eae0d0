use runtime::clock::Clock;
use serde_json::json;

use super::*;

fn sale(generation: i64, in_force: Option<i64>) -> FlashSale {
    let text = json!({
        "apiVersion": "sluice.dev/v1alpha1", "kind": "FlashSale",
        "metadata": { "name": "aurora", "generation": generation },
        "spec": {
            "schedule": { "startTime": "2027-03-14T09:00:00Z", "endTime": "2027-03-14T10:00:00Z" },
            "items": [{ "sku": "A", "quantity": 1 }],
        },
        "status": { "observedGeneration": in_force },
    });
    serde_json::from_value(text).unwrap()
}

#[test]
fn a_change_is_measured_once_from_its_first_look() {
    let mut pending = Pending::default();
    let first = Clock::system().monotonic();
    let after = |seconds| first + Duration::from_secs(seconds);
    pending.look(&sale(2, Some(1)), first);
    pending.look(&sale(2, Some(1)), after(1));
    assert_eq!(pending.in_force(&sale(1, Some(1)), after(2)), None, "an older one is in force");
    assert_eq!(pending.in_force(&sale(2, Some(1)), after(3)), Some(Duration::from_secs(3)));
    pending.look(&sale(2, Some(2)), after(4));
    assert_eq!(pending.in_force(&sale(2, Some(2)), after(5)), None, "it was told");
}

#[test]
fn what_was_in_force_before_a_restart_is_no_change() {
    let mut pending = Pending::default();
    let now = Clock::system().monotonic();
    pending.look(&sale(7, Some(7)), now);
    assert_eq!(pending.in_force(&sale(7, Some(7)), now), None);
}
