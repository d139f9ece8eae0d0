use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream;

use super::*;
use crate::routes::body::BODY_BYTES_MAX;

const FAIR: &str = r#"{"sku":"shoe","quantity":2}"#;

fn json() -> HeaderMap {
    HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))])
}

fn pieces(pieces: impl IntoIterator<Item = String>) -> Body {
    let pieces: Vec<_> = pieces.into_iter().map(|piece| Ok::<_, axum::Error>(Bytes::from(piece))).collect();
    Body::from_stream(stream::iter(pieces))
}

async fn refused(body: Body) -> (How, String) {
    match read(&json(), body).await {
        Err(Problem::Invalid(invalid)) => (invalid.how, invalid.field.into_owned()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_wish_is_the_same_however_its_body_is_cut_into_pieces() {
    let fair = Wish { sku: Sku::parse("shoe").unwrap(), quantity: Units(2) };
    for length in 1..=FAIR.len() {
        let chunks = FAIR.as_bytes().chunks(length).map(|chunk| String::from_utf8(chunk.to_vec()).unwrap());
        assert_eq!(read(&json(), pieces(chunks)).await.unwrap(), fair, "pieces of {length}");
    }
    let with_nothing = [String::new(), FAIR[..5].to_owned(), String::new(), FAIR[5..].to_owned()];
    assert_eq!(read(&json(), pieces(with_nothing)).await.unwrap(), fair);
}

#[tokio::test]
async fn a_body_of_the_largest_size_is_read_and_one_byte_more_is_not() {
    let largest = format!("{FAIR}{}", " ".repeat(BODY_BYTES_MAX - FAIR.len()));
    assert!(read(&json(), Body::from(largest.clone())).await.is_ok());
    assert!(read(&json(), pieces([largest.clone()])).await.is_ok());
    let too_large = (How::TooLarge, "body".to_owned());
    assert_eq!(refused(Body::from(format!("{largest} "))).await, too_large);
    assert_eq!(refused(pieces([largest, " ".to_owned()])).await, too_large);
}

#[tokio::test]
async fn a_body_without_end_is_too_large_and_not_slow() {
    let piece = || Ok::<_, axum::Error>(Bytes::from_static(&[b' '; 1_024]));
    let endless = Body::from_stream(stream::repeat_with(piece));
    assert_eq!(refused(endless).await.0, How::TooLarge);
    // It stops coming after it was too large: to send it again would not help.
    let stuck = Body::from_stream(stream::repeat_with(piece).take(9).chain(stream::pending()));
    assert_eq!(refused(stuck).await.0, How::TooLarge);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_in_time_is_slow_and_one_that_breaks_off_unreadable() {
    let begun = || stream::iter([Ok(Bytes::from_static(b"{"))]);
    assert_eq!(
        refused(Body::from_stream(begun().chain(stream::pending::<Result<_, axum::Error>>()))).await.0,
        How::Slow
    );
    let broken = begun().chain(stream::iter([Err(axum::Error::new("gone"))]));
    assert_eq!(refused(Body::from_stream(broken)).await.0, How::Unreadable);
}
