use super::*;

fn asking(known: &str) -> HeaderMap {
    HeaderMap::from_iter([(IF_NONE_MATCH, HeaderValue::from_str(known).unwrap())])
}

#[test]
fn whoever_names_the_tag_among_others_weakened_or_any_has_it_already() {
    let etag = strong(b"content");
    let text = etag.to_str().unwrap();
    for known in [text.to_owned(), format!("W/{text}"), format!("\"other\", {text}"), "*".to_owned()] {
        assert!(is_known(&asking(&known), &etag), "{known}");
    }
    for unknown in ["\"other\"", "", "W/\"other\"", text.trim_matches('"')] {
        assert!(!is_known(&asking(unknown), &etag), "{unknown}");
    }
    assert!(!is_known(&HeaderMap::new(), &etag));
}

#[test]
fn other_content_has_another_tag_and_a_weak_one_says_so() {
    assert_ne!(strong(b"one"), strong(b"two"));
    assert_eq!(format!("W/{}", strong(b"one").to_str().unwrap()), weak(b"one").to_str().unwrap());
}
