use super::*;

#[test]
fn a_filter_that_cannot_be_read_is_refused_with_the_flag_and_its_value() {
    let error = filter("info,edge=loud").unwrap_err().to_string();
    assert!(error.starts_with("--log-filter \"info,edge=loud\" is not a filter"), "{error}");
}

#[test]
fn the_client_of_nats_is_quiet_unless_it_is_asked_to_speak() {
    assert!(filter("debug").unwrap().to_string().contains("async_nats=off"));
    let asked = filter("info,async_nats=debug").unwrap().to_string();
    assert!(asked.contains("async_nats=debug") && !asked.contains("off"), "{asked}");
}
