use std::time::Duration;

use clap::Parser;
use jiff::Timestamp;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::*;
use crate::clock::Clock;

const WAIT: Duration = Duration::from_secs(20);

#[derive(Parser)]
struct Service {
    #[command(flatten)]
    nats: NatsArgs,
}

fn args(arguments: &[&str]) -> NatsArgs {
    Service::parse_from(std::iter::once(&"service").chain(arguments)).nats
}

fn process() -> Process {
    Process::new("sluice-test", "1.2.3", Clock::manual(Timestamp::UNIX_EPOCH)).unwrap()
}

/// Enough of a server to be connected to: it greets as this version and answers pings. Asked about JetStream it is busy at
/// first, as a cluster is that elects its leader.
struct Greeter {
    address: String,
    _tasks: JoinSet<()>,
}

async fn greeter(version: &'static str) -> Greeter {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let (connection, _) = listener.accept().await.unwrap();
            connections.spawn(greet(connection, version));
        }
    });
    Greeter { address, _tasks: tasks }
}

async fn greet(connection: TcpStream, version: &str) {
    let (reader, mut writer) = connection.into_split();
    let info =
        format!("INFO {{\"server_id\":\"G\",\"version\":\"{version}\",\"max_payload\":1024,\"headers\":true}}\r\n");
    writer.write_all(info.as_bytes()).await.unwrap();
    let mut answers =
        [r#"{"error":{"code":503,"err_code":10008,"description":"system temporarily unavailable"}}"#, "{}"].into_iter();
    let mut lines = BufReader::new(reader).lines();
    let mut inbox = String::new();
    while let Ok(Some(line)) = lines.next_line().await {
        let said = match line.split(' ').collect::<Vec<_>>()[..] {
            ["PING"] => "PONG\r\n".to_owned(),
            ["SUB", _, id] => {
                id.clone_into(&mut inbox);
                continue;
            }
            ["PUB", "$JS.API.INFO", reply, _] => {
                let answer = answers.next().unwrap_or("{}");
                format!("MSG {reply} {inbox} {}\r\n{answer}\r\n", answer.len())
            }
            _ => continue,
        };
        if writer.write_all(said.as_bytes()).await.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn a_server_without_atomic_batches_is_refused_in_one_sentence() {
    let server = greeter("2.9.1").await;
    let address = &server.address;
    let args = args(&["--nats-url", &format!("nats://{address}")]);
    let expected = format!("nats-server 2.9.1 at {address} cannot do atomic batches: Sluice needs 2.14.4 or newer");

    let service = tokio::time::timeout(WAIT, connect(&args, &process(), "claims")).await.unwrap();
    assert_eq!(service.unwrap_err().to_string(), expected);
    let command = connect_once(&args, "sluice-test", "close").await;
    assert_eq!(command.unwrap_err().to_string(), expected);
}

#[tokio::test]
async fn a_command_does_not_wait_for_a_server_that_is_not_there() {
    let address = format!("127.0.0.1:{}", testbed::free_port().unwrap());
    let error = connect_once(&args(&["--nats-url", &address]), "sluice-test", "close").await.unwrap_err();
    assert!(error.to_string().starts_with(&format!("nats at {address} not reachable: ")), "{error}");
}

#[tokio::test]
async fn a_service_waits_for_a_server_that_is_not_there_and_says_so() {
    let address = format!("127.0.0.1:{}", testbed::free_port().unwrap());
    let (args, process) = (args(&["--nats-url", &address]), process());
    let waiting = connect(&args, &process, "claims");
    tokio::select! {
        ended = waiting => panic!("it did not wait: {ended:?}"),
        () = told(&process, "not reachable") => {}
    }
    let report = process.readiness.report();
    assert!(!report.ready);
    assert_eq!(report.parts[0].name, "nats-claims");
    let detail = report.parts[0].detail.as_deref().unwrap();
    assert!(detail.starts_with(&format!("nats at {address} not reachable: ")), "{detail}");
    assert!(detail.ends_with("; trying again"), "{detail}");
}

#[tokio::test]
async fn a_stream_server_that_is_busy_at_first_is_asked_again_and_then_all_is_well() {
    let server = greeter("2.14.4").await;
    let process = process();
    let nats = args(&["--nats-url", &server.address]);
    tokio::time::timeout(WAIT, connect(&nats, &process, "claims")).await.unwrap().unwrap();
    let report = process.readiness.report();
    assert!(report.ready, "{report:?}");
}

async fn told(process: &Process, what: &str) {
    let told = async {
        while !process.readiness.report().parts.iter().any(|part| part.detail.iter().any(|text| text.contains(what))) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(WAIT, told).await.unwrap();
}

#[tokio::test]
async fn a_password_in_an_address_is_refused_and_not_repeated() {
    let args = args(&["--nats-url", "nats://edge:hunter2@127.0.0.1:4222"]);
    let error = connect_once(&args, "sluice-test", "close").await.unwrap_err();
    assert!(matches!(error, Error::PasswordInUrl));
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_secret_that_is_missing_is_not_waited_for() {
    let args = args(&["--nats-user", "edge", "--nats-password-file", "/nowhere/password"]);
    let error = tokio::time::timeout(WAIT, connect(&args, &process(), "claims")).await.unwrap().unwrap_err();
    assert!(error.to_string().contains("/nowhere/password"), "{error}");
}

#[test]
fn a_lost_connection_makes_the_process_unready_until_it_is_back() {
    let process = process();
    let part = process.readiness.part("nats-claims", true);
    tell(Some(&part), &Event::Connected);
    assert!(process.readiness.report().ready);
    tell(Some(&part), &Event::Disconnected);
    assert!(!process.readiness.report().ready);
    tell(Some(&part), &Event::ClientError(async_nats::ClientError::Other("refused".to_owned())));
    assert!(process.readiness.report().parts[0].detail.iter().any(|text| text.contains("refused")));
    tell(Some(&part), &Event::Connected);
    assert!(process.readiness.report().ready);
}
