use super::*;

fn instant() -> Instant {
    runtime::clock::Clock::system().monotonic()
}

fn seen(differences: &[i64]) -> Option<i64> {
    seen_before(differences, Duration::ZERO)
}

fn seen_before(differences: &[i64], ago: Duration) -> Option<i64> {
    let skew = Skew::default();
    let at = instant();
    let stored = Timestamp::from_millisecond(1_700_000_000_000).unwrap();
    for difference in differences {
        skew.observe(stored, Timestamp::from_millisecond(stored.as_millisecond() + difference).unwrap(), at);
    }
    skew.milliseconds(at + ago)
}

#[test]
fn a_clock_that_is_ahead_or_behind_is_noticed() {
    assert_eq!(seen(&[601_000, 600_002, 600_050, 600_001]), Some(600_001));
    assert_eq!(seen(&[-599_000, -599_998, -599_500, -599_999]), Some(-599_999));
}

#[test]
fn late_messages_alone_do_not_make_a_clock_wrong() {
    assert_eq!(seen(&[4_000, 3, 900, 2_000]), Some(3));
}

#[test]
fn too_few_messages_say_nothing() {
    assert_eq!(seen(&[600_000, 600_000, 600_000]), None);
}

#[test]
fn a_clock_that_was_mended_is_right_again() {
    let differences: Vec<i64> = std::iter::repeat_n(-9_000, 40).chain(std::iter::repeat_n(1, RECENT)).collect();
    assert_eq!(seen(&differences), Some(1));
}

#[test]
fn what_was_seen_a_while_ago_says_nothing() {
    assert_eq!(seen_before(&[-9_000; 8], RECENT_FOR - Duration::from_millis(1)), Some(-9_000));
    assert_eq!(seen_before(&[-9_000; 8], RECENT_FOR), None);
}
