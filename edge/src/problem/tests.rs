use axum::http::header::LOCATION;
use jiff::Timestamp;
use protocol::Units;
use protocol::refusal::Limit;
use serde_json::{Value, json};

use super::*;
use crate::metrics::Outcome;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// Status, body and `Retry-After` of an answer.
async fn told(problem: Problem) -> (u16, Value, Option<String>) {
    let response = problem.into_response();
    assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
    let after = response.headers().get(RETRY_AFTER).map(|value| value.to_str().unwrap().to_owned());
    let status = response.status().as_u16();
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap(), after)
}

/// A refusal, its status, name and retry, when to come back, and its numbers.
type Case = (Refusal, u16, &'static str, &'static str, Option<&'static str>, Value);

fn refusals() -> Vec<Case> {
    let three = Units(3);
    let (opens, ends) = (at(1_800_000_000), at(1_800_003_600));
    vec![
        (
            Refusal::NotOpenYet { opens_at: opens },
            409,
            "not-open-yet",
            "later",
            None,
            json!({ "opensAt": opens.to_string() }),
        ),
        (
            Refusal::SaleClosed { closed_at: Some(ends) },
            409,
            "sale-closed",
            "never",
            None,
            json!({ "closedAt": ends.to_string() }),
        ),
        (Refusal::SaleClosed { closed_at: None }, 409, "sale-closed", "never", None, json!({})),
        (
            Refusal::SalePaused { retry_after_seconds: 10 },
            409,
            "sale-paused",
            "later",
            Some("10"),
            json!({ "retryAfterSeconds": 10 }),
        ),
        (Refusal::SoldOut {}, 409, "sold-out", "later", None, json!({})),
        (
            Refusal::AllUnitsHeld { held: three, next_expiry: Some(ends), retry_after_seconds: 5 },
            409,
            "all-units-held",
            "later",
            Some("5"),
            json!({ "held": 3, "nextExpiry": ends.to_string(), "retryAfterSeconds": 5 }),
        ),
        (
            Refusal::FewerLeft { left: Units(1), asked: three },
            409,
            "fewer-left",
            "later",
            None,
            json!({ "left": 1, "asked": 3 }),
        ),
        (crate::claim::BUSY, 503, "busy", "now", Some("1"), json!({ "retryAfterSeconds": 1 })),
        (Refusal::IdempotencyKeyReused {}, 422, "idempotency-key-reused", "never", None, json!({})),
    ]
}

fn limits() -> Vec<Case> {
    let three = Units(3);
    let limit = |limit| Refusal::LimitReached { limit };
    vec![
        (
            limit(Limit::Order { limit: Units(2), asked: three }),
            409,
            "limit-reached",
            "never",
            None,
            json!({ "limit": { "which": "order", "limit": 2, "asked": 3 } }),
        ),
        (
            limit(Limit::Item { limit: Units(2), asked: Units(1), has: Units(2) }),
            409,
            "limit-reached",
            "never",
            None,
            json!({ "limit": { "which": "item", "limit": 2, "asked": 1, "has": 2 } }),
        ),
        (
            limit(Limit::Sale { limit: Units(4), asked: three, has: Units(2) }),
            409,
            "limit-reached",
            "never",
            None,
            json!({ "limit": { "which": "sale", "limit": 4, "asked": 3, "has": 2 } }),
        ),
        (
            limit(Limit::Orders { limit: 64 }),
            409,
            "limit-reached",
            "never",
            None,
            json!({ "limit": { "which": "orders", "limit": 64 } }),
        ),
    ]
}

#[tokio::test]
async fn every_refusal_has_its_status_its_promise_its_numbers_and_nothing_else() {
    for (refusal, status, name, retry, after, numbers) in refusals().into_iter().chain(limits()) {
        let (got, mut body, got_after) = told(refusal.clone().into()).await;
        assert_eq!((got, got_after.as_deref()), (status, after), "{refusal:?}");
        let fields = body.as_object_mut().unwrap();
        for text in ["title", "detail"] {
            let text = fields.remove(text).unwrap();
            assert!(text.as_str().is_some_and(|text| !text.is_empty()), "{refusal:?}");
        }
        let mut expected = json!({ "type": format!("{TYPE_BASE}{name}"), "status": status, "retry": retry });
        expected.as_object_mut().unwrap().extend(numbers.as_object().unwrap().clone());
        assert_eq!(body, expected, "{refusal:?}");
    }
}

#[tokio::test]
async fn every_other_no_has_its_status_and_its_promise() {
    let invalid = |how| Problem::invalid(how, "field", "it must be right");
    let limited = Problem::RateLimited { limit: 5, window_seconds: 10, retry_after_seconds: 3 };
    let cases = [
        (Problem::NotSignedIn { why: "Sign in." }, 401, "not-signed-in", "never"),
        (Problem::Forbidden { why: "No." }, 403, "forbidden", "never"),
        (Problem::not_found("Nothing here."), 404, "not-found", "never"),
        (Problem::NotFound { why: "Not yet.", retry: Retry::Now }, 404, "not-found", "now"),
        (Problem::MethodNotAllowed, 405, "method-not-allowed", "never"),
        (Problem::KeyRequired, 400, "idempotency-key-required", "never"),
        (invalid(How::Unreadable), 400, "invalid-request", "never"),
        (invalid(How::Slow), 408, "invalid-request", "now"),
        (invalid(How::TooLarge), 413, "invalid-request", "never"),
        (invalid(How::OtherType), 415, "invalid-request", "never"),
        (invalid(How::Content), 422, "invalid-request", "never"),
        (invalid(How::Headers), 431, "invalid-request", "never"),
        (limited, 429, "rate-limited", "later"),
        (Problem::TimedOut, 504, "timed-out", "now"),
        (Problem::Internal, 500, "internal", "now"),
        (NotReadYet.into(), 503, "busy", "now"),
    ];
    for (problem, status, name, retry) in cases {
        let what = format!("{problem:?}");
        let is_invalid = matches!(problem, Problem::Invalid(_));
        let (got, body, after) = told(problem).await;
        assert_eq!((got, &body["status"]), (status, &status.into()), "{what}");
        assert_eq!((&body["type"], &body["retry"]), (&format!("{TYPE_BASE}{name}").into(), &retry.into()), "{what}");
        assert_eq!(body["field"] == "field" && body["rule"] == "it must be right", is_invalid, "{what}");
        assert_eq!(after.is_some(), matches!(status, 429 | 503), "{what}");
    }
}

#[test]
fn whoever_is_not_signed_in_is_told_how_to() {
    let response = Problem::NotSignedIn { why: "Sign in." }.into_response();
    assert_eq!(response.headers()[WWW_AUTHENTICATE], "Bearer");
}

#[test]
fn settling_and_done_name_the_address_and_only_settling_asks_to_come_back() {
    let (done, settling) = (created(&json!({}), "/here"), settling(&json!({}), "/here"));
    assert_eq!((done.status().as_u16(), settling.status().as_u16()), (201, 202));
    assert_eq!(
        (&done.headers()[LOCATION], &settling.headers()[LOCATION]),
        (&"/here".parse().unwrap(), &"/here".parse().unwrap())
    );
    assert_eq!((done.headers().get(RETRY_AFTER), &settling.headers()[RETRY_AFTER]), (None, &"1".parse().unwrap()));
}

#[test]
fn answers_are_counted_by_what_they_mean() {
    let counted = |problem: Problem| outcome(&problem.into_response());
    assert!(matches!(counted(Problem::Refused(Refusal::SoldOut {})), Outcome::Refused));
    assert!(matches!(counted(crate::claim::BUSY.into()), Outcome::Busy));
    assert!(matches!(counted(Problem::KeyRequired), Outcome::Invalid));
    assert!(matches!(counted(Problem::Internal), Outcome::Failed));
    assert!(matches!(outcome(&found(&json!({}))), Outcome::Answered));
}
