use axum::http::header::RETRY_AFTER;
use axum::response::IntoResponse as _;
use serde_json::{Value, json};

use super::*;
use crate::problem::TYPE_BASE;

fn euros(amount_minor: i64) -> Money {
    Money { amount_minor, currency: "EUR".to_owned() }
}

#[tokio::test]
async fn every_no_of_the_ledger_has_its_status_its_name_its_promise_and_its_numbers() {
    let at = Timestamp::from_second(1_800_000_000).unwrap();
    let invalid = No::Invalid { field: "email".to_owned(), rule: "it must be one".to_owned() };
    let short = No::InsufficientFunds { balance: euros(5), needed: euros(7) };
    let cases: Vec<(No, u16, &str, &str, Value)> = vec![
        (No::NotFound, 404, "not-found", "never", json!({})),
        (invalid, 422, "invalid-request", "never", json!({ "field": "email", "rule": "it must be one" })),
        (No::AccountExists, 409, "account-exists", "never", json!({})),
        (No::WrongCredentials, 401, "not-signed-in", "never", json!({})),
        (
            No::TooManyAttempts { retry_after_seconds: 7 },
            429,
            "rate-limited",
            "later",
            json!({ "retryAfterSeconds": 7 }),
        ),
        (No::Busy { retry_after_seconds: 2 }, 503, "busy", "now", json!({ "retryAfterSeconds": 2 })),
        (No::Unsettled, 503, "busy", "now", json!({ "retryAfterSeconds": 1 })),
        (
            No::HoldExpired { expired_at: Some(at) },
            409,
            "hold-expired",
            "never",
            json!({ "expiredAt": at.to_string() }),
        ),
        (No::HoldExpired { expired_at: None }, 409, "hold-expired", "never", json!({})),
        (No::AlreadyPaid, 409, "already-paid", "never", json!({})),
        (No::Released { reason: Reason::Expired }, 409, "hold-expired", "never", json!({})),
        (No::Released { reason: Reason::Cancelled }, 409, "order-released", "never", json!({ "reason": "cancelled" })),
        (No::Released { reason: Reason::Refunded }, 409, "order-released", "never", json!({ "reason": "refunded" })),
        (
            short,
            402,
            "insufficient-funds",
            "later",
            json!({ "balance": { "amountMinor": 5, "currency": "EUR" }, "needed": { "amountMinor": 7, "currency": "EUR" } }),
        ),
        (No::OtherPayment, 402, "payment-declined", "never", json!({})),
        (No::NotTheProvider, 403, "forbidden", "never", json!({})),
    ];
    for (no, status, name, retry, numbers) in cases {
        let what = format!("{no:?}");
        let response = Problem::from(no).into_response();
        assert_eq!(response.status().as_u16(), status, "{what}");
        assert_eq!(response.headers().contains_key(RETRY_AFTER), matches!(status, 429 | 503), "{what}");
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let mut body: Value = serde_json::from_slice(&bytes).unwrap();
        let fields = body.as_object_mut().unwrap();
        for text in ["title", "detail"] {
            assert!(fields.remove(text).unwrap().as_str().is_some_and(|text| !text.is_empty()), "{what}");
        }
        let mut expected = json!({ "type": format!("{TYPE_BASE}{name}"), "status": status, "retry": retry });
        expected.as_object_mut().unwrap().extend(numbers.as_object().unwrap().clone());
        assert_eq!(body, expected, "{what}");
    }
}
