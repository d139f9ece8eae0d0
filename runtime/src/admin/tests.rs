use axum::body::{Body, to_bytes};
use axum::http::Request;
use jiff::Timestamp;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::*;
use crate::clock::Clock;

fn process() -> Process {
    let clock = Clock::manual(Timestamp::constant(1_800_000_000, 0));
    Process::new("sluice-test", "1.2.3", clock).unwrap()
}

async fn ask(process: &Process, path: &str) -> (StatusCode, String) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let answer = router(process.clone()).oneshot(request).await.unwrap();
    let status = answer.status();
    let body = to_bytes(answer.into_body(), 1_000_000).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn the_index_names_the_process_and_every_route() {
    let (status, text) = ask(&process(), "/").await;
    assert_eq!(status, StatusCode::OK);
    for part in ["sluice-test 1.2.3", "/livez", "/readyz", "/metrics"] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

#[tokio::test]
async fn a_process_that_is_not_ready_says_503_and_which_part_it_is() {
    let process = process();
    let part = process.readiness.part("nats", true);
    part.set_failed("disconnected");
    let (status, text) = ask(&process, "/readyz").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    let report: Value = serde_json::from_str(&text).unwrap();
    let since = "2027-01-15T08:00:00Z";
    let parts = json!([{ "name": "nats", "required": true, "ok": false, "since": since, "detail": "disconnected" }]);
    assert_eq!(report, json!({ "ready": false, "draining": false, "parts": parts }));

    part.set_ok();
    assert_eq!(ask(&process, "/readyz").await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_process_that_drains_is_alive_and_not_ready() {
    let process = process();
    process.drain.stop();
    let (status, text) = ask(&process, "/readyz").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(text.contains("\"draining\":true"), "{text}");
    assert_eq!(ask(&process, "/livez").await, (StatusCode::OK, "ok".to_owned()));
}

#[tokio::test]
async fn metrics_are_served_as_text() {
    let process = process();
    process.metrics.counter("sluice_test_total", "Tests.").unwrap().inc();
    let (status, text) = ask(&process, "/metrics").await;
    assert_eq!(status, StatusCode::OK);
    assert!(text.contains("sluice_test_total 1"), "{text}");
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let taken = bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let address = taken.local_addr().unwrap();
    let error = bind(address).await.unwrap_err().to_string();
    assert!(error.starts_with(&format!("the admin port {address} cannot be opened: ")), "{error}");
}
