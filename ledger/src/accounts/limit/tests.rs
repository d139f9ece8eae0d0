use super::*;

#[test]
fn a_quota_is_there_at_once_and_then_one_by_one() {
    let used = |times: u32| ACCOUNT.interval * times;
    assert_eq!(ACCOUNT.wait(Duration::ZERO), Duration::ZERO);
    assert_eq!(ACCOUNT.wait(used(9)), Duration::ZERO, "the tenth at once");
    assert_eq!(ACCOUNT.wait(used(10)), ACCOUNT.interval, "the eleventh waits for one interval");
    assert_eq!(PAIR.wait(PAIR.interval), PAIR.interval);
    assert_eq!(PAIR.wait(Duration::ZERO), Duration::ZERO);
}

#[test]
fn nobody_waits_longer_than_a_few_seconds() {
    for quota in [SOURCE, ACCOUNT, PAIR] {
        assert!(quota.wait(quota.window()) <= Duration::from_secs(5), "{quota:?}");
    }
}

#[test]
fn a_household_is_one_source_however_many_addresses_it_has() {
    let of = |text: &str| network(text.parse().unwrap()).to_string();
    assert_eq!(of("192.0.2.7"), "192.0.2.7");
    assert_eq!(of("::ffff:192.0.2.7"), "192.0.2.7");
    assert_eq!(of("2001:db8:1:2ff::1"), of("2001:db8:1:200:ffff::9"));
    assert_ne!(of("2001:db8:1:2ff::1"), of("2001:db8:1:300::1"));
}

#[test]
fn a_wait_is_told_in_whole_seconds_rounded_up() {
    for (wait, seconds) in [(0, 1), (1, 1), (1_000, 1), (1_001, 2), (4_999, 5)] {
        let Failure::No(no) = too_many(Duration::from_millis(wait)) else { panic!("not a no") };
        assert_eq!(no, No::TooManyAttempts { retry_after_seconds: seconds });
    }
}
