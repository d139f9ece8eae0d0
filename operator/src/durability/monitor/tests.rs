use std::time::Duration;

use runtime::clock::Clock;
use runtime::process::Process;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::*;

const VARZ: &str = r#"{
    "server_id": "N1", "server_name": "nats-1", "version": "2.15.1", "cluster": { "name": "c", "cluster_port": 6222 },
    "jetstream": { "config": { "store_dir": "/data", "sync_interval": 120000000000, "sync_always": true } }
}"#;

/// Answers each connection with this, word for word.
struct Speaker {
    url: Url,
    _tasks: JoinSet<()>,
}

async fn speaker(words: String) -> Speaker {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let mut request = [0_u8; 1_024];
            drop(connection.read(&mut request).await);
            drop(connection.write_all(words.as_bytes()).await);
        }
    });
    Speaker { url, _tasks: tasks }
}

async fn answering(body: &str) -> Speaker {
    let length = body.len();
    speaker(format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}")).await
}

fn monitor(urls: Vec<Url>) -> (Monitor, Process) {
    let process = Process::new("sluice-test", "1.2.3", Clock::system()).unwrap();
    let part = process.readiness.part("nats-monitors", false);
    let metrics = OperatorMetrics::new(&process.metrics).unwrap();
    (Monitor::new(urls, None, part, metrics).unwrap(), process)
}

fn parsed(varz: &str) -> Option<Server> {
    serde_json::from_str::<Varz>(varz).unwrap().into()
}

#[tokio::test]
async fn every_address_is_asked_and_each_failure_tells_its_address_and_why() {
    let good = answering(VARZ).await;
    let page = answering("<html>welcome</html>").await;
    let client_port = speaker("INFO {\"server_name\":\"nats-1\"}\r\n".to_owned()).await;
    let missing = speaker("HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".to_owned()).await;
    let nobody: Url = "http://127.0.0.1:1".parse().unwrap();
    let nowhere: Url = "http://no-such-host.invalid:8222".parse().unwrap();
    let all = [&good.url, &page.url, &client_port.url, &missing.url, &nobody, &nowhere].map(Clone::clone).to_vec();
    let (mut monitor, process) = monitor(all);
    let (answers, failures) = monitor.ask().await;
    let server = parsed(VARZ).unwrap();
    assert_eq!(server.syncs, Syncs::Always);
    assert_eq!(answers, [server]);
    assert_eq!(failures.len(), 5, "{failures:?}");
    let why = |url: &Url| {
        let address = url.as_str().trim_end_matches('/');
        failures.iter().find(|failure| failure.address == address).map(|failure| failure.why.clone()).unwrap()
    };
    assert!(why(&page.url).contains("not a nats-server's monitoring endpoint"));
    assert!(why(&missing.url).contains("404"));
    assert!(why(&nobody).contains("refused"));
    assert!(!why(&nowhere).is_empty() && !why(&client_port.url).is_empty());
    monitor.tell(&failures);
    let report = process.readiness.report();
    assert!(report.ready, "nobody is turned away for it: {report:?}");
    let detail = report.parts[0].detail.as_deref().unwrap();
    assert!(detail.contains("http://127.0.0.1:1: ") && detail.contains("no-such-host.invalid"), "{detail}");
    monitor.tell(&[]);
    assert!(process.readiness.report().parts[0].ok);
}

#[tokio::test]
async fn each_address_of_a_name_is_asked_and_told_with_it() {
    let good = answering(VARZ).await;
    let named: Url = format!("http://localhost:{}", good.url.port().unwrap()).parse().unwrap();
    // Where localhost has a second address, nobody listens there: it is asked all the same.
    let addresses = tokio::net::lookup_host(("localhost", named.port().unwrap())).await.unwrap();
    let addresses: BTreeSet<_> = addresses.collect();
    let (mut monitor, _process) = monitor(vec![named.clone(), named]);
    let (answers, failures) = monitor.ask().await;
    assert_eq!(answers, [parsed(VARZ).unwrap()]);
    assert_eq!(answers.len() + failures.len(), addresses.len(), "{failures:?}");
    assert!(failures.iter().all(|failure| failure.address.ends_with(')')), "{failures:?}");
    assert_eq!(monitor.clients.len(), addresses.len());
}

#[tokio::test]
async fn an_answer_is_read_up_to_its_bound() {
    let long = answering(&format!("{{\"filler\":\"{}\"}}", "x".repeat(ANSWER_BYTES_MAX))).await;
    let (mut monitor, _process) = monitor(vec![long.url.clone()]);
    let (answers, failures) = monitor.ask().await;
    assert!(answers.is_empty());
    assert!(failures[0].why.contains("are not read"), "{failures:?}");
}

#[tokio::test]
async fn more_addresses_than_the_bound_are_told_and_not_asked() {
    let urls: Vec<Url> = (1..=70).map(|port| format!("http://127.0.0.1:{port}").parse().unwrap()).collect();
    let (targets, failures) = targets(&urls).await;
    assert_eq!((targets.len(), failures.len()), (64, 6));
    assert!(failures[0].why.contains("64"), "{failures:?}");
}

#[tokio::test]
async fn only_a_change_is_published() {
    let good = answering(VARZ).await;
    let (mut monitor, _process) = monitor(vec![good.url.clone()]);
    let (first, second) = (monitor.ask().await, monitor.ask().await);
    assert_eq!(first, second);
    let (known, mut servers) = watch::channel(Servers::NotAskedYet);
    let stopping = CancellationToken::new();
    let mut running = JoinSet::new();
    running.spawn(monitor.run(known, stopping.clone()));
    tokio::time::timeout(Duration::from_secs(20), servers.changed()).await.unwrap().unwrap();
    assert_eq!(*servers.borrow(), Servers::Asked { answers: first.0, failures: first.1 });
    stopping.cancel();
    tokio::time::timeout(Duration::from_secs(20), running.join_next()).await.unwrap().unwrap().unwrap();
    assert!(servers.has_changed().is_err(), "the task has ended and took its sender with it");
}

#[test]
fn a_setting_that_is_off_is_left_out_by_the_server() {
    let varz = r#"{ "server_name": "n", "version": "2.15.1",
        "jetstream": { "config": { "store_dir": "/data", "sync_interval": 120000000000 } } }"#;
    let server = parsed(varz).unwrap();
    assert_eq!((server.syncs, server.cluster.as_str()), (Syncs::Every(Duration::from_secs(120)), ""));
    let none = parsed(r#"{ "server_name": "n", "version": "2.15.1", "jetstream": {} }"#);
    assert_eq!(none, None, "it keeps no streams");
}

#[test]
fn what_is_no_monitoring_endpoint_is_refused_at_the_start() {
    for text in
        ["nats-0:8222", "nats://nats-0:4222", "http://", "http://user:secret@nats:8222", "http://nats:8222/?a=b"]
    {
        let refused = monitor_url(text).unwrap_err();
        assert!(!refused.contains("secret"), "{refused}");
    }
    for text in ["http://nats-headless:8222", "https://10.0.0.1:8443/base", "http://[::1]:8222"] {
        monitor_url(text).unwrap();
    }
}
