//! The end of a term, with an API server that answers as the test says and time that passes at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kube::client::Body;
use serde_json::json;
use tower::service_fn;

use runtime::readiness::Readiness;

use super::*;

/// What becomes of one request; `None` is no answer at all.
type Script = fn(usize, &hyper::Method) -> Option<u16>;

/// A candidate whose server does what the script says, request by request. It keeps no Lease: what it answers is the
/// candidate's own.
fn candidate(script: Script) -> (Candidate, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let server = service_fn(move |request: hyper::Request<Body>| {
        let answer = script(counted.fetch_add(1, Ordering::SeqCst), request.method());
        async move {
            let Some(code) = answer else { return std::future::pending().await };
            let body = if code < 300 {
                json!({ "metadata": { "name": "l", "resourceVersion": "1" },
                        "spec": { "holderIdentity": "me", "leaseDurationSeconds": 10 } })
            } else {
                json!({ "kind": "Status", "status": "Failure", "code": code, "message": "no", "reason": "No" })
            };
            let body = Body::from(body.to_string().into_bytes());
            hyper::Response::builder().status(code).body(body).map_err(|error| error.to_string())
        }
    });
    let api = Api::namespaced(kube::Client::new(server, "shop"), "shop");
    let part = Readiness::new(Clock::system(), CancellationToken::new()).part("lease", true);
    (Candidate { api, name: "l".to_owned(), identity: "me".to_owned(), clock: Clock::system(), part }, asked)
}

/// How long the candidate leads, from its first renewal on; it is watched for a minute.
async fn leads_for(script: Script) -> Option<Duration> {
    let (candidate, _) = candidate(script);
    let (leads, mut changes) = watch::channel(false);
    let stopping = CancellationToken::new();
    let begun = candidate.clock.monotonic();
    let watching = async {
        changes.wait_for(|leads| *leads).await.unwrap();
        let ended = tokio::time::timeout(Duration::from_secs(60), changes.wait_for(|leads| !*leads)).await.is_ok();
        let lasted = candidate.clock.monotonic() - begun;
        stopping.cancel();
        ended.then_some(lasted)
    };
    tokio::join!(candidate.run(leads, stopping.clone()), watching).1
}

#[tokio::test(start_paused = true)]
async fn a_leader_whose_renewals_are_not_answered_stops_before_its_lease_ends() {
    let lasted = leads_for(|asked, _| (asked < 2).then_some(200)).await;
    assert_eq!(lasted.map(|lasted| lasted.as_secs()), Some(8));
}

#[tokio::test(start_paused = true)]
async fn a_leader_whose_renewals_are_refused_stops_before_its_lease_ends() {
    let lasted = leads_for(|asked, _| Some(if asked < 2 { 200 } else { 500 })).await;
    assert_eq!(lasted.map(|lasted| lasted.as_secs()), Some(8));
}

#[tokio::test(start_paused = true)]
async fn a_renewal_without_an_answer_and_one_that_is_refused_do_not_end_the_term() {
    let script: Script = |asked, _| match asked {
        2 => None,
        3 => Some(500),
        _ => Some(200),
    };
    assert_eq!(leads_for(script).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_lost_against_itself_does_not_end_the_term() {
    // Every second renewal is a conflict; the one after it finds the Lease as it should be.
    let script: Script = |asked, method| Some(if *method == hyper::Method::PUT && asked % 4 == 3 { 409 } else { 200 });
    assert_eq!(leads_for(script).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_candidate_that_only_ever_loses_the_race_does_not_lead() {
    let (candidate, asked) = candidate(|_, method| Some(if *method == hyper::Method::GET { 404 } else { 409 }));
    let (leads, changes) = watch::channel(false);
    let stopping = CancellationToken::new();
    let watching = async {
        while asked.load(Ordering::SeqCst) < 10 {
            tokio::time::sleep(RENEW_EVERY).await;
        }
        stopping.cancel();
        !changes.has_changed().unwrap_or(true)
    };
    assert!(tokio::join!(candidate.run(leads, stopping.clone()), watching).1);
}
