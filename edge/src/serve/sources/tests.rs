use super::*;

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn an_address_has_so_many_connections_and_gets_places_back() {
    let sources = Sources::new(2, Vec::new());
    let (one, other) = (address("192.0.2.1"), address("192.0.2.2"));
    let first = sources.enter(one).unwrap();
    let _second = sources.enter(one).unwrap();
    assert!(sources.enter(one).is_none());
    assert!(sources.enter(address("::ffff:192.0.2.1")).is_none(), "the same address in other clothes");
    assert!(sources.enter(other).is_some(), "another address has its own places");
    drop(first);
    assert!(sources.enter(one).is_some());
}

#[test]
fn nothing_is_remembered_of_those_who_left() {
    let sources = Sources::new(8, Vec::new());
    let places: Vec<_> = (0..=255).map(|n| sources.enter(address(&format!("192.0.2.{n}"))).unwrap()).collect();
    assert_eq!(lock(&sources.counts).len(), 256);
    drop(places);
    assert_eq!(lock(&sources.counts).len(), 0);
}

#[test]
fn whoever_comes_through_a_trusted_proxy_is_not_counted_as_the_proxy() {
    let sources = Sources::new(1, vec!["10.0.0.0/8".parse().unwrap()]);
    let places: Vec<_> = (0..100).map(|_| sources.enter(address("10.1.2.3")).unwrap()).collect();
    assert_eq!((places.len(), lock(&sources.counts).len()), (100, 0));
}
