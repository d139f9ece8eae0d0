//! The sales that the demo applies: one whose orders are sold at once, and one whose orders are held until they are paid.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// Seconds until the first sale opens: time to open a page or type a command.
const OPENS_IN_SECONDS: i64 = 10;

/// A thousand pairs of shoes, one per customer; and a small sale with two items that are paid from wallets within a minute.
pub(crate) fn samples(now: Timestamp) -> anyhow::Result<Vec<Value>> {
    let at = |seconds: i64| now.checked_add(SignedDuration::from_secs(seconds)).map(|t| format!("{t:.0}"));
    let aurora = json!({
        "apiVersion": "sluice.dev/v1alpha1",
        "kind": "FlashSale",
        "metadata": { "name": "aurora" },
        "spec": {
            "displayName": "Aurora Sneaker, first run",
            "schedule": { "startTime": at(OPENS_IN_SECONDS)?, "endTime": at(3_600)? },
            "items": [{
                "sku": "AUR-42-BLK",
                "displayName": "Aurora, EU 42, black",
                "quantity": 1_000,
                "price": { "amountMinor": 12_900, "currency": "EUR" },
                "limits": { "perOrder": 1, "perCustomer": 1 }
            }]
        }
    });
    let borealis = json!({
        "apiVersion": "sluice.dev/v1alpha1",
        "kind": "FlashSale",
        "metadata": { "name": "borealis" },
        "spec": {
            "displayName": "Borealis lamp, two colours",
            "schedule": { "startTime": at(OPENS_IN_SECONDS)?, "endTime": at(7_200)? },
            "payment": { "mode": "Wallet" },
            "reservation": { "holdSeconds": 60 },
            "limits": { "perCustomer": 3 },
            "rateLimit": { "requests": 10, "windowSeconds": 60 },
            "items": [
                { "sku": "BOR-WHITE", "displayName": "Borealis, white", "quantity": 200,
                  "price": { "amountMinor": 4_900, "currency": "EUR" }, "limits": { "perOrder": 2, "perCustomer": 2 } },
                { "sku": "BOR-GREEN", "displayName": "Borealis, green", "quantity": 50, "withheld": 10,
                  "price": { "amountMinor": 5_900, "currency": "EUR" }, "limits": { "perOrder": 1, "perCustomer": 1 } }
            ]
        }
    });
    Ok(vec![aurora, borealis])
}
