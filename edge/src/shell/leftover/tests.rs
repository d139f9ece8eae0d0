use axum::Error;
use futures::stream;

use super::*;

type Piece = Result<Bytes, Error>;

fn pieces(count: usize, length: usize) -> Vec<Piece> {
    (0..count).map(|_| Ok(Bytes::from(vec![b' '; length]))).collect()
}

fn streamed(pieces: Vec<Piece>) -> Body {
    Body::from_stream(stream::iter(pieces))
}

#[tokio::test]
async fn a_body_that_nobody_read_is_thrown_away_and_the_connection_goes_on() {
    let (lent, leftover) = Leftover::lend(streamed(pieces(3, 100)));
    drop(lent);
    assert!(leftover.discard().await);
}

#[tokio::test]
async fn the_rest_of_a_body_that_was_read_in_part_is_thrown_away() {
    let (mut lent, leftover) = Leftover::lend(streamed(pieces(3, 100)));
    assert_eq!(lent.frame().await.unwrap().unwrap().into_data().unwrap().len(), 100);
    drop(lent);
    assert!(leftover.discard().await);
}

#[tokio::test]
async fn a_body_that_was_read_arrives_whole_and_leaves_nothing() {
    let (lent, leftover) = Leftover::lend(streamed(pieces(3, 100)));
    assert_eq!(lent.collect().await.unwrap().to_bytes().len(), 300);
    assert!(leftover.discard().await);
}

#[tokio::test]
async fn a_body_without_end_ends_the_connection() {
    for body in [streamed(pieces(3, LEFT_BYTES_MAX / 2)), Body::from(vec![b' '; LEFT_BYTES_MAX + 1])] {
        let (lent, leftover) = Leftover::lend(body);
        drop(lent);
        assert!(!leftover.discard().await);
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_ends_the_connection_soon() {
    let (lent, leftover) = Leftover::lend(Body::from_stream(stream::pending::<Piece>()));
    drop(lent);
    assert!(!tokio::time::timeout(2 * LEFT_WITHIN, leftover.discard()).await.unwrap());
}
