use super::{VERSION, stamped};

#[test]
fn a_release_names_its_commit_and_the_day_of_it() {
    assert_eq!(stamped(Some("1f2a785c03d1"), Some("2026-11-21")), format!("{VERSION} (1f2a785c03d1, 2026-11-21)"));
    assert_eq!(stamped(Some("1f2a785c03d1"), None), format!("{VERSION} (1f2a785c03d1)"));
}

#[test]
fn a_build_that_nobody_stamped_does_not_pretend_to_be_a_release() {
    for (commit, date) in [(None, None), (Some(""), Some("")), (Some(" "), None), (None, Some("2026-11-21"))] {
        assert_eq!(stamped(commit, date), format!("{VERSION} (unreleased build)"));
    }
}
