use tokio::io::DuplexStream;
use tokio::sync::watch;

use super::*;

const PATIENCE: Duration = Duration::from_secs(30);

/// The rest of an answer, who says it, and whether it is still held.
fn rest() -> (watch::Sender<Bytes>, Rest, std::sync::Weak<()>) {
    let (says, pieces) = watch::channel(Bytes::new());
    let held = Arc::new(());
    let holds = Arc::downgrade(&held);
    (says, Rest { pieces: WatchStream::new(pieces), _held: Box::new(held) }, holds)
}

async fn heard(peer: &mut DuplexStream, length: usize) -> String {
    let mut bytes = vec![0; length];
    peer.read_exact(&mut bytes).await.unwrap();
    String::from_utf8(bytes).unwrap()
}

#[tokio::test(start_paused = true)]
async fn pieces_are_carried_in_chunks_whose_end_is_said() {
    // A pipe that takes no chunk as a whole.
    let (mut peer, stream) = tokio::io::duplex(4);
    let (says, rest, holds) = rest();
    let hears = async {
        says.send_replace(Bytes::from_static(b"one piece of it"));
        assert_eq!(heard(&mut peer, 20).await, "f\r\none piece of it\r\n");
        says.send_replace(Bytes::from_static(b"another"));
        assert_eq!(heard(&mut peer, 12).await, "7\r\nanother\r\n");
        drop(says);
        let mut end = String::new();
        peer.read_to_string(&mut end).await.unwrap();
        assert_eq!(end, "0\r\n\r\n");
    };
    tokio::join!(rest.carry(stream, PATIENCE), hears);
    assert!(holds.upgrade().is_none());
}

#[tokio::test(start_paused = true)]
async fn whoever_leaves_or_asks_for_something_else_or_does_not_read_is_carried_nothing_more() {
    type Peer = fn(DuplexStream) -> Option<DuplexStream>;
    let leaves: Peer = |_| None;
    let asks: Peer = |mut peer| {
        // There is room for it, so it is written at once.
        let mut asked = std::pin::pin!(peer.write_all(b"GET /"));
        assert!(asked.as_mut().poll(&mut Context::from_waker(std::task::Waker::noop())).is_ready());
        Some(peer)
    };
    let does_not_read: Peer = Some;
    for peer in [leaves, asks, does_not_read] {
        let (other, stream) = tokio::io::duplex(8);
        let (says, rest, holds) = rest();
        says.send_replace(Bytes::from_static(b"more than eight bytes"));
        let _peer = peer(other);
        tokio::time::timeout(2 * PATIENCE, rest.carry(stream, PATIENCE)).await.unwrap();
        assert!(holds.upgrade().is_none());
        drop(says);
    }
}

#[tokio::test(start_paused = true)]
async fn silence_is_no_reason_to_end() {
    let (_peer, stream) = tokio::io::duplex(64);
    let (_says, rest, holds) = rest();
    assert!(tokio::time::timeout(100 * PATIENCE, rest.carry(stream, PATIENCE)).await.is_err());
    assert!(holds.upgrade().is_none());
}

#[tokio::test]
async fn a_body_gives_its_rest_to_the_connection_that_may_leave_with_it_and_else_is_whole() {
    use http_body_util::BodyExt as _;
    let (says, pieces) = watch::channel(Bytes::from_static(b"rest"));
    let (_, mut whole) = Endless::new(Bytes::from_static(b"first"), WatchStream::new(pieces), Box::new(()));
    for piece in ["first", "rest"] {
        assert_eq!(whole.frame().await.unwrap().unwrap().into_data().unwrap(), piece);
    }
    let pieces = WatchStream::new(says.subscribe());
    let (endless, mut beginning) = Endless::new(Bytes::from_static(b"first"), pieces, Box::new(()));
    let connection = Arc::new(Progress::default());
    endless.leave_with(&connection);
    assert_eq!(beginning.frame().await.unwrap().unwrap().into_data().unwrap(), "first");
    assert!(connection.rest().is_none(), "the first piece is not written yet");
    assert!(futures::poll!(beginning.frame()).is_pending());
    assert!(connection.rest().is_some());
}
