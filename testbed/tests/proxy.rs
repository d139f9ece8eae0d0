//! The proxy passes what it is given, and loses what it is told to lose.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use async_nats::{HeaderMap, Request, jetstream};
use protocol::Revision;
use protocol::status::SaleStatus;
use runtime::clock::Clock;
use runtime::registry::{Change, Table};
use testbed::proxy::Direction;
use testbed::{Bed, Proxy, eventually};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Far beyond any delay that is not a fault.
const BOUND: Duration = Duration::from_secs(60);
/// Long enough that a byte which could pass would have passed.
const SILENCE: Duration = Duration::from_millis(200);

/// A server that sends back what it gets, and its address.
async fn echo() -> anyhow::Result<(JoinSet<()>, String)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut links = JoinSet::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            links.spawn(async move {
                let (mut from, mut to) = stream.split();
                let _ = tokio::io::copy(&mut from, &mut to).await;
            });
        }
    });
    Ok((tasks, address))
}

async fn sends_and_hears(stream: &mut TcpStream, text: &[u8]) -> anyhow::Result<()> {
    stream.write_all(text).await?;
    hears(stream, text).await
}

async fn hears(stream: &mut TcpStream, text: &[u8]) -> anyhow::Result<()> {
    let mut heard = vec![0; text.len()];
    tokio::time::timeout(BOUND, stream.read_exact(&mut heard)).await.context("no echo")??;
    ensure!(heard == text, "another echo");
    Ok(())
}

#[tokio::test]
async fn what_is_not_faulty_passes_unchanged_and_its_end_too() -> anyhow::Result<()> {
    let (_echo, upstream) = echo().await?;
    let proxy = Proxy::start(&upstream).await?;
    let mut stream = TcpStream::connect(proxy.address()).await?;
    let megabyte: Vec<u8> = (0..1_000_000_u32).map(|number| number.to_le_bytes()[0]).collect();
    let (mut from, mut to) = stream.split();
    let send = async {
        to.write_all(&megabyte).await?;
        to.shutdown().await
    };
    let mut heard = Vec::new();
    tokio::try_join!(send, from.read_to_end(&mut heard))?;
    assert!(heard == megabyte);
    eventually(BOUND, "no open connection", async || {
        ensure!(proxy.open() == 0, "{} are open", proxy.open());
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_cut_ends_what_is_open_and_what_comes_until_it_heals() -> anyhow::Result<()> {
    let (_echo, upstream) = echo().await?;
    let proxy = Proxy::start(&upstream).await?;
    let mut open = TcpStream::connect(proxy.address()).await?;
    sends_and_hears(&mut open, b"before").await?;
    proxy.cut();
    assert_eq!(open.read(&mut [0]).await?, 0);
    let mut late = TcpStream::connect(proxy.address()).await?;
    assert_eq!(late.read(&mut [0]).await?, 0);
    proxy.heal();
    sends_and_hears(&mut TcpStream::connect(proxy.address()).await?, b"after").await
}

#[tokio::test]
async fn a_reset_is_seen_as_one() -> anyhow::Result<()> {
    let (_echo, upstream) = echo().await?;
    let proxy = Proxy::start(&upstream).await?;
    let mut open = TcpStream::connect(proxy.address()).await?;
    sends_and_hears(&mut open, b"before").await?;
    proxy.reset();
    assert_eq!(open.read(&mut [0]).await.expect_err("a reset").kind(), std::io::ErrorKind::ConnectionReset);
    sends_and_hears(&mut TcpStream::connect(proxy.address()).await?, b"after").await
}

#[tokio::test]
async fn a_stalled_connection_stays_open_and_delivers_when_it_heals() -> anyhow::Result<()> {
    let (_echo, upstream) = echo().await?;
    let proxy = Proxy::start(&upstream).await?;
    let mut stream = TcpStream::connect(proxy.address()).await?;
    for direction in [Direction::ToServer, Direction::ToClient, Direction::Both] {
        proxy.stall(direction);
        stream.write_all(b"patience").await?;
        assert!(tokio::time::timeout(SILENCE, stream.read(&mut [0])).await.is_err(), "{direction:?} does not stall");
        proxy.heal();
        hears(&mut stream, b"patience").await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_delay_holds_back_both_ways_and_keeps_the_order() -> anyhow::Result<()> {
    let (_echo, upstream) = echo().await?;
    let proxy = Proxy::start(&upstream).await?;
    let mut stream = TcpStream::connect(proxy.address()).await?;
    proxy.delay(SILENCE);
    let clock = Clock::system();
    let sent = clock.monotonic();
    stream.write_all(b"one").await?;
    stream.write_all(b"two").await?;
    hears(&mut stream, b"onetwo").await?;
    let took = clock.monotonic() - sent;
    assert!(took >= SILENCE * 2, "{took:?}");
    Ok(())
}

/// Sends a batch of two messages as the product does, and returns the answer to its commit, if there is one within that time.
async fn commit(client: &async_nats::Client, stream: &str, within: Duration) -> anyhow::Result<serde_json::Value> {
    static BATCHES: AtomicU32 = AtomicU32::new(0);
    let id = format!("batch-{}", BATCHES.fetch_add(1, Ordering::SeqCst));
    let headers = |sequence: &str| {
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Batch-Id", id.as_str());
        headers.insert("Nats-Batch-Sequence", sequence);
        headers
    };
    client.publish_with_headers(format!("{stream}.a"), headers("1"), "1".into()).await?;
    let mut last = headers("2");
    last.insert("Nats-Batch-Commit", "1");
    let request = Request::new().headers(last).payload("2".into()).timeout(Some(within));
    Ok(serde_json::from_slice(&client.send_request(format!("{stream}.b"), request).await?.payload)?)
}

#[tokio::test]
async fn a_swallowed_answer_leaves_the_batch_committed_and_its_sender_in_doubt() -> anyhow::Result<()> {
    let nats = Bed::shared().await?.nats().await?;
    let proxy = Proxy::nats(&nats.address()).await?;
    let client = async_nats::connect(proxy.url("nats")).await?;
    let jetstream = jetstream::new(client.clone());
    let config = jetstream::stream::Config {
        name: "doubt".to_owned(),
        subjects: vec!["doubt.>".to_owned()],
        allow_atomic_publish: true,
        ..Default::default()
    };
    let stream = jetstream.create_stream(config).await?;
    assert_eq!(commit(&client, "doubt", BOUND).await?["count"], 2);

    proxy.swallow_commit_answers(1);
    let lost = commit(&client, "doubt", SILENCE).await.expect_err("an answer that was to be lost").to_string();
    assert!(lost.contains("timed out"), "{lost}");
    eventually(BOUND, "the answer to be lost", async || {
        ensure!(proxy.swallowed() == 1, "{} are lost", proxy.swallowed());
        Ok(())
    })
    .await?;
    // Committed all the same; other answers arrive, and so does the next commit's.
    assert_eq!(stream.get_info().await?.state.messages, 4);
    assert_eq!(commit(&client, "doubt", BOUND).await?["seq"], 6);

    proxy.swallow_commit_answers_if(|answer| answer.contains(r#""seq":8"#));
    assert!(commit(&client, "doubt", SILENCE).await.is_err());
    assert_eq!(commit(&client, "doubt", BOUND).await?["seq"], 10);
    assert_eq!((proxy.swallowed(), proxy.accepted()), (2, 1));
    Ok(())
}

#[tokio::test]
async fn a_silenced_watch_takes_the_silence_for_peace_while_whoever_asks_is_told() -> anyhow::Result<()> {
    let nats = Bed::shared().await?.nats().await?;
    let proxy = Proxy::nats(&nats.address()).await?;
    let client = async_nats::connect(proxy.url("nats")).await?;
    let table = Table::<SaleStatus>::new(client, "silence");
    table.create(1).await?;
    let status = |cursor| SaleStatus {
        cursor: Revision(cursor),
        at: jiff::Timestamp::UNIX_EPOCH,
        lag_seconds: 0.0,
        exact: true,
        items: Vec::new(),
        payments_open: 0,
        audit: None,
        halted: None,
    };
    let mut watch = table.watch();
    assert!(matches!(watch.next().await, Change::CaughtUp));
    table.put("a", &status(1)).await?;
    assert!(matches!(watch.next().await, Change::Put(_, Ok(told), _) if told.cursor == Revision(1)));

    proxy.silence("$KV.silence.");
    table.put("a", &status(2)).await?;
    let heard = tokio::time::timeout(SILENCE, watch.next()).await;
    assert!(heard.is_err(), "{heard:?}");
    assert_eq!(table.get("a").await?.map(|(told, _)| told.cursor), Some(Revision(2)));
    eventually(BOUND, "what the watch would tell to be lost", async || {
        ensure!(proxy.silenced() == 1, "{} are lost", proxy.silenced());
        Ok(())
    })
    .await?;

    // What was lost is missed as soon as something else arrives, and then all of it is told.
    proxy.heal();
    table.put("b", &status(3)).await?;
    assert!(matches!(watch.next().await, Change::Interrupted(_)));
    let mut told = Vec::new();
    for _ in 0..2 {
        let Change::Put(key, Ok(status), _) = watch.next().await else { anyhow::bail!("not a value") };
        told.push((key, status.cursor.0));
    }
    assert_eq!(told, [("a".to_owned(), 2), ("b".to_owned(), 3)]);
    Ok(())
}
