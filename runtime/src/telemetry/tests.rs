use super::*;

#[test]
fn a_filter_that_cannot_be_read_is_refused_with_the_flag_and_its_value() {
    let error = filter("info,edge=loud").unwrap_err().to_string();
    assert!(error.starts_with("--log-filter \"info,edge=loud\" is not a filter"), "{error}");
}

#[test]
fn talkative_clients_are_quiet_unless_they_are_asked_to_speak() {
    for name in TALKATIVE {
        assert!(filter("debug").unwrap().to_string().contains(&format!("{name}=off")));
        let asked = filter(&format!("info,{name}=debug")).unwrap().to_string();
        assert!(asked.contains(&format!("{name}=debug")) && !asked.contains(&format!("{name}=off")), "{asked}");
    }
}
