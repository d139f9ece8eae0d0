//! One connection through the proxy.

use std::io;
use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::Sleep;

use super::frames::Frames;
use super::{Direction, Faults, Shared};

/// Chunks on their way between reading and writing. A sender faster than this finds its connection full, as it would.
const CHUNKS: usize = 1_024;
/// How much is read at once.
const CHUNK_BYTES: usize = 16 * 1024;

/// A piece of the stream, and the moment before which it may not arrive.
type Chunk = (Pin<Box<Sleep>>, Vec<u8>);

/// Passes everything on until both sides have ended, or the order came to end the connection.
///
/// `began` is the count of such orders when the connection was accepted; `swallowing` is there when the server is a
/// nats-server.
pub(super) async fn run(
    mut client: TcpStream,
    mut server: TcpStream,
    mut faults: watch::Receiver<Faults>,
    began: usize,
    swallowing: Option<&Shared>,
) -> io::Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let ended = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let there = pass(from_client, to_server, Direction::ToServer, faults.clone(), None);
        let back = pass(from_server, to_client, Direction::ToClient, faults.clone(), swallowing);
        tokio::select! {
            done = async { tokio::try_join!(there, back) } => return done.map(|_| ()),
            // An error says that the proxy was dropped: an end as well.
            now = faults.wait_for(|faults| faults.ended != began) => now.is_ok_and(|faults| faults.reset),
        }
    };
    if ended {
        client.set_zero_linger()?;
        server.set_zero_linger()?;
    }
    Ok(())
}

/// Passes one way on, up to the end of the stream, which is passed on too.
async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    way: Direction,
    mut faults: watch::Receiver<Faults>,
    swallowing: Option<&Shared>,
) -> io::Result<()> {
    let (sender, mut receiver) = mpsc::channel::<Chunk>(CHUNKS);
    let now = faults.clone();
    let read = async move {
        let mut frames = swallowing.map(|_| Frames::default());
        loop {
            let mut bytes = Vec::with_capacity(CHUNK_BYTES);
            if from.read_buf(&mut bytes).await? == 0 {
                return Ok(());
            }
            if let (Some(frames), Some(shared)) = (&mut frames, swallowing) {
                bytes = frames.filter(&bytes, |frame| !shared.swallows(frame))?;
            }
            let delay = now.borrow().delay;
            if sender.send((Box::pin(tokio::time::sleep(delay)), bytes)).await.is_err() {
                return Ok(());
            }
        }
    };
    let write = async {
        while let Some((due, bytes)) = receiver.recv().await {
            due.await;
            let flows = |faults: &Faults| !faults.stalled.is_some_and(|stalled| stalled.covers(way));
            if faults.wait_for(flows).await.is_err() {
                return Ok(());
            }
            to.write_all(&bytes).await?;
        }
        to.shutdown().await
    };
    tokio::try_join!(read, write).map(|_: ((), ())| ())
}
