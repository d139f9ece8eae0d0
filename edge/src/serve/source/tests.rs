use axum::http::HeaderValue;

use super::*;

/// The source of a request from this peer with these lines, where 10.0.0.0/8 is trusted.
fn of(peer: &str, lines: &[&str]) -> String {
    let lines = lines.iter().map(|line| (X_FORWARDED_FOR.parse().unwrap(), HeaderValue::from_str(line).unwrap()));
    let headers: HeaderMap =
        lines.collect::<Vec<_>>().into_iter().fold(HeaderMap::new(), |mut headers, (name, line)| {
            let name: axum::http::HeaderName = name;
            headers.append(name, line);
            headers
        });
    source(peer.parse().unwrap(), &headers, &["10.0.0.0/8".parse().unwrap()]).0.to_string()
}

#[test]
fn a_stranger_is_who_it_is_whatever_it_writes() {
    assert_eq!(of("192.0.2.1", &["203.0.113.9"]), "192.0.2.1");
    assert_eq!(of("192.0.2.1", &[]), "192.0.2.1");
    assert_eq!(of("::ffff:192.0.2.1", &["203.0.113.9"]), "192.0.2.1");
}

#[test]
fn behind_proxies_the_rightmost_hop_that_is_not_ours_counts() {
    assert_eq!(of("10.0.0.1", &["203.0.113.9"]), "203.0.113.9");
    assert_eq!(of("10.0.0.1", &["1.1.1.1, 203.0.113.9"]), "203.0.113.9", "what is left of it was sent by the shopper");
    assert_eq!(of("10.0.0.1", &["1.1.1.1, 203.0.113.9, 10.0.0.7"]), "203.0.113.9");
    assert_eq!(of("10.0.0.1", &["1.1.1.1", "203.0.113.9 , 10.0.0.7"]), "203.0.113.9", "lines are one list");
    assert_eq!(of("10.0.0.1", &["203.0.113.9:4711"]), "203.0.113.9");
    assert_eq!(of("10.0.0.1", &["[2001:db8::1]:4711"]), "2001:db8::1");
    assert_eq!(of("10.0.0.1", &["2001:db8::1"]), "2001:db8::1");
}

#[test]
fn what_cannot_be_read_leaves_the_nearest_proxy() {
    for line in ["", "unknown", "203.0.113.9, nonsense", "_hidden"] {
        assert_eq!(of("10.0.0.1", &[line]), "10.0.0.1", "{line}");
    }
    let many = ["10.0.0.7"; 40].join(",");
    assert_eq!(of("10.0.0.1", &["203.0.113.9", &many]), "10.0.0.7", "hops are bounded");
}

#[test]
fn bytes_that_a_shopper_wrote_do_not_hide_what_a_proxy_wrote() {
    let mut headers = HeaderMap::new();
    headers.append(X_FORWARDED_FOR, HeaderValue::from_bytes(b"\xff\xfe, 203.0.113.9").unwrap());
    let proxies = ["10.0.0.0/8".parse().unwrap()];
    assert_eq!(source("10.0.0.1".parse().unwrap(), &headers, &proxies), Source("203.0.113.9".parse().unwrap()));
}
