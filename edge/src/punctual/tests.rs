use super::*;

fn told(asked: i64, server: i64, answered: i64) -> Told {
    let [asked, server, answered] =
        [asked, server, answered].map(|ms| Timestamp::from_millisecond(1_800_000_000_000 + ms).unwrap());
    Told { asked, server, answered }
}

#[test]
fn a_time_between_question_and_answer_proves_nothing_however_slow_the_answer_is() {
    for (asked, server, answered) in [(0, 0, 0), (0, 5, 10), (0, 1_900, 2_000), (-2_000, 0, 0)] {
        assert_eq!(told(asked, server, answered).skew_ms(), 0, "{asked} {server} {answered}");
    }
}

#[test]
fn a_time_outside_of_question_and_answer_proves_how_far_our_clock_is_off_at_least() {
    assert_eq!(told(600_000, 0, 600_040).skew_ms(), 600_000);
    assert_eq!(told(-600_000, 0, -599_960).skew_ms(), -599_960);
}

#[test]
fn a_followed_message_from_our_future_counts_and_a_late_one_does_not() {
    let fair = told(0, 1, 2);
    assert_eq!(worst(fair, Some(-700)), -700);
    assert_eq!(worst(fair, Some(9_000)), 0, "it was on its way for long");
    assert_eq!(worst(fair, None), 0);
    assert_eq!(worst(told(900, 0, 910), Some(-300)), 900);
}

#[test]
fn a_clock_is_complained_about_beyond_the_bound_and_told_to_which_side() {
    assert_eq!(complaint(SKEW_MS_MAX), None);
    assert_eq!(complaint(-SKEW_MS_MAX), None);
    assert!(complaint(251).unwrap().contains("251 ms ahead of"));
    assert!(complaint(-600_000).unwrap().contains("600000 ms behind"));
}
