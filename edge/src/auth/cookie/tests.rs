use super::*;

fn sent(lines: &[&[u8]]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(COOKIE, HeaderValue::from_bytes(line).unwrap());
    }
    headers
}

#[test]
fn ours_is_found_among_others_whatever_those_hold() {
    for lines in [
        &[b"__Host-sluice=abc".as_slice()] as &[&[u8]],
        &[b"a=b; __Host-sluice=abc ;c=d"],
        &[b"name=J\xfcrgen; __Host-sluice=abc"],
        &[b"name=\xff\xfe", b"__Host-sluice=abc"],
        &[b"__Host-sluice-oidc=other; __Host-sluice=abc"],
    ] {
        assert_eq!(find(&sent(lines), SESSION), Value::Once("abc"), "{lines:?}");
    }
}

#[test]
fn ours_is_taken_once_and_as_text() {
    assert_eq!(find(&sent(&[]), SESSION), Value::Absent);
    assert_eq!(find(&sent(&[b"sluice=abc"]), SESSION), Value::Absent);
    assert_eq!(find(&sent(&[b"__Host-sluice=a; __Host-sluice=b"]), SESSION), Value::Twice);
    assert_eq!(find(&sent(&[b"__Host-sluice=a", b"__Host-sluice=b"]), SESSION), Value::Twice);
    assert_eq!(find(&sent(&[b"__Host-sluice=\xff"]), SESSION), Value::Once("?"), "which is no session");
}
