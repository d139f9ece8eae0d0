use super::*;

fn suffices(text: &str) -> bool {
    Version::parse(text).unwrap() >= OLDEST
}

#[test]
fn versions_are_compared_as_numbers() {
    for enough in ["2.14.4", "2.14.10", "2.15.0", "2.15.1-RC.1", "3.0.0", "v2.14.4", "2.14.4+patched", "10.0.0"] {
        assert!(suffices(enough), "{enough}");
    }
    for older in ["2.9.1", "2.14.3", "2.13.99", "1.99.99", "0.0.0"] {
        assert!(!suffices(older), "{older}");
    }
}

#[test]
fn a_candidate_comes_before_its_release() {
    assert!(!suffices("2.14.4-RC.1"));
    assert!(suffices("2.14.5-RC.1"));
}

#[test]
fn what_is_no_version_is_not_taken_for_one() {
    for text in ["", "2", "2.14", "2.14.4.1", "2.14.x", "latest", "-2.14.4", "2..4", "99999999999.0.0"] {
        assert_eq!(Version::parse(text), None, "{text:?}");
    }
}
