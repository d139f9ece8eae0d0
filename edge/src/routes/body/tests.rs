use axum::http::HeaderValue;
use serde::Deserialize;

use super::*;

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Letter {
    to: String,
    #[serde(default)]
    urgent: Option<bool>,
}

impl Form for Letter {
    const FIELDS: &'static [Field] = &[
        Field { name: "to", required: true, kind: Kind::Text },
        Field { name: "urgent", required: false, kind: Kind::Flag },
    ];
}

async fn read(text: &str) -> Result<Letter, (How, String)> {
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    form(&headers, Body::from(text.to_owned())).await.map_err(|problem| match problem {
        Problem::Invalid(invalid) => (invalid.how, invalid.field.into_owned()),
        other => panic!("{other:?}"),
    })
}

#[tokio::test]
async fn a_form_is_read_and_a_wrong_one_is_told_its_first_wrong_field() {
    assert_eq!(read(r#"{"to":"ann"}"#).await, Ok(Letter { to: "ann".to_owned(), urgent: None }));
    assert_eq!(read(r#"{"urgent":true,"to":"ann"}"#).await, Ok(Letter { to: "ann".to_owned(), urgent: Some(true) }));
    for (text, how, field) in [
        ("", How::Unreadable, "body"),
        ("{", How::Unreadable, "body"),
        ("[]", How::Content, "body"),
        ("{}", How::Content, "to"),
        (r#"{"to":null}"#, How::Content, "to"),
        (r#"{"to":1}"#, How::Content, "to"),
        (r#"{"to":"ann","urgent":"yes"}"#, How::Content, "urgent"),
        (r#"{"to":"ann","price":1}"#, How::Content, "price"),
        (r#"{"to":"ann","to":"eve"}"#, How::Content, "body"),
    ] {
        assert_eq!(read(text).await, Err((how, field.to_owned())), "{text}");
    }
}

#[tokio::test]
async fn whoever_has_nothing_to_say_sends_nothing() {
    none(Body::empty()).await.unwrap();
    assert!(matches!(none(Body::from("{}")).await, Err(Problem::Invalid(_))));
}
