//! One viewer: a connection of its own, opened again whenever it ends, as a browser does.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::Request;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::Stand;

/// How long a viewer whom nobody told otherwise waits before it comes back.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Longest event that is put together; those of a sale have some hundred bytes per item.
const EVENT_BYTES_MAX: usize = 1 << 20;

/// Watches for ever.
pub(super) async fn watch(stand: Arc<Stand>, viewer: usize) {
    let mut retry_after = RETRY_AFTER;
    for edge in stand.edges.iter().cycle().skip(viewer % stand.edges.len().max(1)) {
        // However it ended: whoever watches comes back.
        drop(follow(&stand, viewer, edge, &mut retry_after).await);
        if let Some(mut notes) = stand.notes(viewer) {
            notes.seen.cuts += 1;
        }
        tokio::time::sleep(retry_after).await;
    }
}

/// One stream, until it ends.
async fn follow(stand: &Stand, viewer: usize, edge: &str, retry_after: &mut Duration) -> anyhow::Result<()> {
    let opening = stand.opening.acquire().await?;
    let (mut requests, connection) = http1::handshake(TokioIo::new(TcpStream::connect(edge).await?)).await?;
    let carried = async {
        // What it brought before it ended still has to be read; then the answer ends by itself.
        drop(connection.await);
        std::future::pending::<Infallible>().await
    };
    let watched = async {
        let request = Request::get(&stand.path).header("host", edge).header("accept", "text/event-stream");
        let answer = requests.send_request(request.body(Empty::<Bytes>::new())?).await?;
        ensure!(answer.status().is_success(), "{}", answer.status());
        drop(opening);
        read(stand, viewer, answer.into_body(), retry_after).await
    };
    tokio::select! {
        watched = watched => watched,
        never = carried => match never {},
    }
}

async fn read(stand: &Stand, viewer: usize, mut body: Incoming, retry_after: &mut Duration) -> anyhow::Result<()> {
    let mut text = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        text.extend_from_slice(&data);
        while let Some(end) = text.windows(2).position(|pair| pair == b"\n\n") {
            let block: Vec<u8> = text.drain(..end + 2).collect();
            take(stand, viewer, &block, retry_after);
        }
        ensure!(text.len() <= EVENT_BYTES_MAX, "an event does not end");
    }
    Ok(())
}

/// Takes one block of fields in. One without data is no event.
fn take(stand: &Stand, viewer: usize, block: &[u8], retry_after: &mut Duration) {
    for line in block.split(|byte| *byte == b'\n') {
        if let Some(data) = line.strip_prefix(b"data: ") {
            let (now, data) = (stand.clock.elapsed(), Bytes::copy_from_slice(data));
            let Some(mut notes) = stand.notes(viewer) else { return };
            if notes.seen.events == 0 {
                notes.first_at = now;
            } else {
                let silence = now.saturating_sub(notes.last_at);
                notes.seen.longest_silence = notes.seen.longest_silence.max(silence);
            }
            notes.last_at = now;
            notes.seen.events += 1;
            notes.seen.last = data;
        } else if let Some(told) = line.strip_prefix(b"retry: ")
            && let Some(milliseconds) = std::str::from_utf8(told).ok().and_then(|told| told.parse().ok())
        {
            *retry_after = Duration::from_millis(milliseconds);
        }
    }
}
