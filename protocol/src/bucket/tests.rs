use proptest::prelude::*;

use super::*;

fn bucket() -> impl Strategy<Value = Bucket> {
    (any::<u32>(), any::<bool>(), 0..4u64, any::<bool>()).prop_map(|(free, closed, generation, stopped)| Bucket {
        free: Units(free),
        state: if closed { State::Closed } else { State::Open },
        generation: Generation(generation),
        stopped,
    })
}

proptest! {
    #[test]
    fn a_claim_takes_exactly_its_units_and_never_more_than_there_are(
        bucket in bucket(), units in any::<u32>(), definition in 0..4u64,
    ) {
        match bucket.claim(Units(units), Generation(definition)) {
            Ok(next) => {
                prop_assert_eq!(next.free.0.checked_add(units), Some(bucket.free.0));
                prop_assert_eq!(Bucket { free: bucket.free, ..next }, bucket.clone());
                prop_assert!(bucket.state == State::Open && !bucket.stopped && definition >= bucket.generation.0);
            }
            Err(Refused::Short(has)) => prop_assert!(has == bucket.free && units > bucket.free.0),
            Err(Refused::Fenced(newer)) => prop_assert!(newer.0 > definition),
            Err(Refused::Stopped) => prop_assert!(bucket.stopped),
            Err(Refused::Closed) => prop_assert_eq!(bucket.state, State::Closed),
            Err(Refused::Overflow) => prop_assert!(false, "a claim adds nothing"),
        }
    }

    #[test]
    fn units_come_back_whatever_state_it_is_in(bucket in bucket(), units in any::<u32>()) {
        let next = bucket.give_back(Units(units));
        let sum = bucket.free.0.checked_add(units);
        prop_assert_eq!(next.map(|next| next.free.0).ok(), sum);
    }

    #[test]
    fn supply_moves_the_count_and_nothing_else(bucket in bucket(), delta in any::<i64>()) {
        let sum = i64::from(bucket.free.0).checked_add(delta).and_then(|sum| u32::try_from(sum).ok());
        match bucket.supply(delta) {
            Ok(next) => {
                prop_assert_eq!(Some(next.free.0), sum);
                prop_assert_eq!(Bucket { free: bucket.free, ..next }, bucket.clone());
            }
            Err(_) => prop_assert_eq!(sum, None),
        }
    }

    #[test]
    fn a_stamp_never_goes_back_and_says_when_nothing_changes(
        bucket in bucket(), generation in 0..4u64, close in any::<bool>(),
    ) {
        let state = if close { State::Closed } else { State::Open };
        match bucket.stamp(Generation(generation), state) {
            Err(refused) => {
                prop_assert_eq!(refused, Refused::Fenced(bucket.generation));
                prop_assert!(generation < bucket.generation.0);
            }
            Ok(stamped) => {
                prop_assert!(generation >= bucket.generation.0);
                prop_assert_ne!(stamped.as_ref(), Some(&bucket));
                let next = stamped.unwrap_or_else(|| bucket.clone());
                prop_assert_eq!((next.generation.0, next.free, next.stopped), (generation, bucket.free, bucket.stopped));
                // Only a newer definition reopens.
                let reopened = bucket.state == State::Closed && next.state == State::Open;
                prop_assert!(!reopened || generation > bucket.generation.0);
                prop_assert_eq!(next.stamp(Generation(generation), state), Ok(None));
            }
        }
    }

    #[test]
    fn what_is_stored_is_read_back(bucket in bucket()) {
        prop_assert_eq!(Bucket::decode(&bucket.encode()).unwrap(), bucket);
    }
}

#[test]
fn a_newer_release_is_refused_with_what_to_do_and_an_unknown_field_is_ignored() {
    let newer = Bucket::decode(br#"{"v":2,"free":1,"state":"open","generation":1}"#).unwrap_err();
    assert_eq!(newer.to_string(), "bucket has version 2, this release reads up to 1: upgrade it first");
    let more = Bucket::decode(br#"{"v":1,"free":1,"state":"open","generation":1,"colour":"red"}"#).unwrap();
    assert_eq!(more, Bucket { free: Units(1), ..Bucket::seeded(Generation(1)) });
    for broken in ["", "{}", "null", r#"{"v":1}"#, r#"{"v":1,"free":-1,"state":"open","generation":1}"#] {
        assert!(
            Bucket::decode(broken.as_bytes()).unwrap_err().to_string().starts_with("not a valid bucket"),
            "{broken}"
        );
    }
}

#[test]
fn the_value_is_short_and_spelled_like_this() {
    let bucket = Bucket { free: Units(625), ..Bucket::seeded(Generation(3)) };
    assert_eq!(bucket.encode(), &br#"{"v":1,"free":625,"state":"open","generation":3}"#[..]);
}
