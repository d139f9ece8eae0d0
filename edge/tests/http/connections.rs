//! What happens below requests: slow peers, large heads, a clock that is wrong, the end of the process.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use http_body_util::BodyExt as _;
use hyper_util::rt::{TokioExecutor, TokioIo};
use testbed::eventually;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::provision::draft;
use crate::shop::{Edge, SOON, answered, problem};

/// How long an edge waits for the body of a request that it has refused.
const BODY_WITHIN: Duration = Duration::from_secs(1);
/// How long a connection that is kept open has for one more request once its edge stops.
const FAREWELL: Duration = Duration::from_secs(2);
/// So often a test begins that has to be quicker than an edge is patient.
const TRIES_MAX: usize = 5;

async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset after the last byte is an end too.
    drop(tokio::time::timeout(SOON, stream.read_to_end(&mut bytes)).await.unwrap());
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn a_peer_that_says_nothing_or_says_it_slowly_is_cut_and_others_are_served() {
    let edge = Edge::shared().await;
    let connect = async || TcpStream::connect(&edge.address).await.unwrap();
    let clock = runtime::clock::Clock::system();
    let began = clock.monotonic();
    let mut silent = connect().await;
    let mut half = connect().await;
    half.write_all(b"GET /v1/sales HTTP/1.1\r\nHost: a\r\n").await.unwrap();
    let mut dripping = connect().await;
    let drip = async {
        // A byte now and then keeps nobody waiting for longer. The pause is what this peer does, not what is waited for.
        while dripping.write_all(b"G").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    let cut = async {
        assert_eq!(read_to_end(&mut silent).await, "");
        assert_eq!(read_to_end(&mut half).await, "");
    };
    tokio::join!(
        async { assert!(tokio::time::timeout(SOON, drip).await.is_ok(), "a dripping peer is never cut") },
        async {
            cut.await;
            let took = clock.monotonic().duration_since(began);
            assert!(took >= Duration::from_secs(4), "{took:?}");
        },
        async {
            let others = reqwest::get(format!("http://{}/v1/sales", edge.address)).await.unwrap();
            assert_eq!(others.status(), 200);
        }
    );
}

#[tokio::test]
async fn a_head_without_end_and_contradicting_lengths_are_refused_and_cut() {
    let edge = Edge::shared().await;
    let endless = format!("GET /v1/sales HTTP/1.1\r\nHost: a\r\nX-A: {}\r\n\r\n", "a".repeat(64 * 1_024));
    let many: String = (0..1_000).map(|number| format!("X-{number}: 1\r\n")).collect();
    let many = format!("GET /v1/sales HTTP/1.1\r\nHost: a\r\n{many}\r\n");
    let lengths = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde";
    let chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, identity\r\n\r\nabcde";
    for (request, status) in [(endless.as_str(), "431"), (many.as_str(), "431"), (lengths, "400"), (chunked, "400")] {
        let mut stream = TcpStream::connect(&edge.address).await.unwrap();
        // The edge may hang up while the rest is still on its way.
        drop(stream.write_all(request.as_bytes()).await);
        let answer = read_to_end(&mut stream).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{status}: {answer:?}");
    }
}

#[tokio::test]
async fn whoever_is_refused_before_the_body_came_can_go_on_with_the_connection() {
    let edge = Edge::shared().await;
    let body = r#"{"sku":"shoe","quantity":1}"#;
    let head = format!(
        "POST /v1/sales/none-00000000/orders HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let next = "GET /v1/sales HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let (http, clock) = (reqwest::Client::new(), runtime::clock::Clock::system());
    let ask_beside = async || http.get(edge.url("/v1/sales")).send().await.unwrap().status();
    assert_eq!(ask_beside().await, 200);
    for _ in 0..TRIES_MAX {
        let mut stream = TcpStream::connect(&edge.address).await.unwrap();
        let began = clock.monotonic();
        stream.write_all(head.as_bytes()).await.unwrap();
        // Once another request on another connection is answered, our head has been read.
        assert_eq!(ask_beside().await, 200);
        stream.write_all(format!("{body}{next}").as_bytes()).await.unwrap();
        if clock.monotonic().duration_since(began) >= BODY_WITHIN {
            // The machine was busy for too long.
            continue;
        }
        let answers = read_to_end(&mut stream).await;
        assert!(answers.starts_with("HTTP/1.1 401 ") && answers.contains("HTTP/1.1 200 "), "{answers}");
        return;
    }
    panic!("no body was sent in time");
}

#[tokio::test]
async fn whoever_is_refused_and_does_not_send_the_body_is_told_that_the_connection_ends() {
    let edge = Edge::shared().await;
    let mut stream = TcpStream::connect(&edge.address).await.unwrap();
    let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let answer = read_to_end(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 405 ") && answer.contains("\r\nconnection: close\r\n"), "{answer}");
}

#[tokio::test]
async fn http_2_is_spoken_to_whoever_begins_with_it() {
    let edge = Edge::shared().await;
    let stream = TcpStream::connect(&edge.address).await.unwrap();
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (sender, connection) = handshake.await.unwrap();
    let ask = async |number: u32| {
        let uri = format!("http://{}/v1/sales", edge.address);
        let request = hyper::Request::get(uri).body(http_body_util::Empty::<bytes::Bytes>::new()).unwrap();
        let answer = sender.clone().send_request(request).await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.version()), (200, hyper::Version::HTTP_2), "request {number}");
        answer.into_body().collect().await.unwrap();
    };
    tokio::select! {
        ended = connection => panic!("the connection ended: {ended:?}"),
        _ = futures::future::join_all((0..50).map(ask)) => {}
    }
}

#[tokio::test]
async fn a_stopping_edge_finishes_the_request_that_it_has_and_takes_no_other() {
    let edge = Edge::start().await.unwrap();
    let sale = edge.sell(draft("stop", 5)).await;
    let body = r#"{"sku":"shoe","quantity":1}"#;
    let head = format!(
        "POST /v1/sales/{}/orders HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nIdempotency-Key: k\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        sale.definition.sale,
        edge.address,
        sale.session("ann"),
        body.len()
    );
    let mut stream = TcpStream::connect(&edge.address).await.unwrap();
    let (first, rest) = body.split_at(5);
    stream.write_all(format!("{head}{first}").as_bytes()).await.unwrap();
    // Once another request on another connection is answered, ours has been read too: both ran at once.
    assert_eq!(reqwest::get(&sale.url).await.unwrap().status(), 200);
    let finish = async {
        eventually(SOON, "the closed port", async || {
            ensure!(TcpStream::connect(&edge.address).await.is_err(), "somebody is still let in");
            Ok(())
        })
        .await
        .unwrap();
        let ready = reqwest::get(format!("http://{}/readyz", edge.admin)).await.unwrap();
        assert_eq!(ready.status(), 503);
        stream.write_all(rest.as_bytes()).await.unwrap();
        read_to_end(&mut stream).await
    };
    let (ended, answer) = tokio::join!(edge.service.stop(), finish);
    assert!(answer.starts_with("HTTP/1.1 201 Created\r\n"), "{answer}");
    assert!(ended.unwrap().success(), "{}", edge.service.log());
    assert_eq!(sale.free().await, 4);
}

#[tokio::test]
async fn a_connection_that_is_kept_open_learns_of_the_end_by_an_answer() {
    for _ in 0..TRIES_MAX {
        if learns_of_the_end().await {
            return;
        }
    }
    panic!("nobody asked before the connection was closed");
}

/// Whether somebody asked in time once the edge was told to stop; then the answer said that it was the last one.
async fn learns_of_the_end() -> bool {
    let edge = Edge::start().await.unwrap();
    let stream = TcpStream::connect(&edge.address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    let ask = async |sender: &mut hyper::client::conn::http1::SendRequest<http_body_util::Empty<bytes::Bytes>>| {
        let request = hyper::Request::get("/v1/sales").header("Host", &edge.address);
        let answer = sender.send_request(request.body(http_body_util::Empty::new()).unwrap()).await?;
        assert_eq!(answer.status(), 200);
        let last = answer.headers().get("connection").is_some_and(|value| value == "close");
        answer.into_body().collect().await?;
        Ok::<_, hyper::Error>(last)
    };
    let mut connection = Box::pin(connection);
    tokio::select! {
        ended = &mut connection => panic!("nobody is about to stop: {ended:?}"),
        last = ask(&mut sender) => assert!(!last.unwrap(), "nobody is about to stop"),
    }
    let clock = runtime::clock::Clock::system();
    let began = clock.monotonic();
    let ask = async {
        eventually(SOON, "the closed port", async || {
            ensure!(TcpStream::connect(&edge.address).await.is_err(), "somebody is still let in");
            Ok(())
        })
        .await
        .unwrap();
        // Nothing was under way when it was told to stop: only an answer can say so.
        let last = ask(&mut sender).await;
        (last, clock.monotonic().duration_since(began))
    };
    let (ended, connection, (last, passed)) = tokio::join!(edge.service.stop(), connection, ask);
    assert!(ended.unwrap().success(), "{}", edge.service.log());
    if last.is_err() && passed >= FAREWELL {
        return false;
    }
    connection.unwrap();
    assert!(last.unwrap(), "it goes on as if nothing happened");
    true
}

#[tokio::test]
async fn what_was_asked_is_counted_by_route_and_outcome() {
    let edge = Edge::shared().await;
    let sale = edge.sell(draft("count", 5)).await;
    assert_eq!(answered(sale.claim(&sale.session("ann"), "k", 1)).await.status(), 201);
    let metrics = reqwest::get(format!("http://{}/metrics", edge.admin)).await.unwrap().text().await.unwrap();
    let count = |series: &str| {
        let line = metrics.lines().find_map(|line| line.strip_prefix(series)).unwrap_or_else(|| panic!("{series}"));
        line.trim().parse::<f64>().unwrap()
    };
    assert!(count("sluice_edge_requests_total{outcome=\"answered\",route=\"orders\"}") >= 1.0);
    assert!(count("sluice_edge_claims_total{answer=\"taken\"}") >= 1.0);
    assert!(count("sluice_edge_sessions_total{outcome=\"verified\"}") >= 1.0);
    assert!(count("sluice_edge_connections") >= 1.0);
    assert!(count("sluice_edge_request_seconds_count{route=\"orders\"}") >= 1.0);
    assert!(!metrics.contains(sale.definition.sale.as_str()), "no name of a sale is a label");
}

#[tokio::test]
async fn an_edge_whose_clock_is_wrong_is_unready_says_why_and_claims_nothing() {
    for (offset, side) in [("600000", "ahead of"), ("-600000", "behind")] {
        let edge = Edge::spawn(&[&format!("--clock-offset-ms={offset}")]).await.unwrap();
        eventually(SOON, "the complaint about the clock", async || {
            let answer = reqwest::get(format!("http://{}/readyz", edge.admin)).await?;
            let status = answer.status();
            let report: serde_json::Value = answer.json().await?;
            let parts = report["parts"].as_array().unwrap();
            let clock = parts.iter().find(|part| part["name"] == "clock").context("it is starting")?;
            let told = clock["detail"].as_str().is_some_and(|why| why.contains(side) && why.contains("250 ms"));
            ensure!(status == 503 && clock["ok"] == false && clock["required"] == true && told, "{status}: {report}");
            Ok(())
        })
        .await
        .unwrap();
        let sale = edge.sell(draft("clock", 5)).await;
        let (status, name, _) = problem(sale.claim(&sale.session("ann"), "k", 1).send().await.unwrap()).await;
        assert_eq!((status, name.as_str()), (503, "busy"));
        assert_eq!(sale.free().await, 5);
    }
}
