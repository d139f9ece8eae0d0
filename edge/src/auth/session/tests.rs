//! Tests.

use super::*;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn ring(installation: &str, secrets: &[char]) -> Result<Keyring, KeyError> {
    let secrets: Vec<_> = secrets.iter().map(|c| SecretString::from(c.to_string().repeat(KEY_BYTES_MIN))).collect();
    Keyring::new(&Installation::parse(installation).unwrap(), &secrets)
}

fn ann() -> Session {
    let customer = CustomerId::derive(&[7; KEY_BYTES_MIN], ISSUER, "ann");
    Session { customer, guest: true, roles: vec![Role::Merchant] }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

#[test]
fn a_session_says_what_was_signed_until_the_second_it_expires() {
    let ring = ring("", &['a']).unwrap();
    let token = ring.sign(&ann(), NOW, at(60)).unwrap();
    assert_eq!(ring.verify(&token, at(59)), Ok(ann()));
    assert_eq!(ring.verify(&token, at(60)), Err(Refused::Expired));
}

#[test]
fn a_key_is_rotated_without_a_session_lost_and_is_dead_once_it_is_out() {
    let (old, both, new) = (ring("", &['a']).unwrap(), ring("", &['b', 'a']).unwrap(), ring("", &['b']).unwrap());
    let before = old.sign(&ann(), NOW, at(60)).unwrap();
    let after = both.sign(&ann(), NOW, at(60)).unwrap();
    assert_eq!(both.verify(&before, NOW), Ok(ann()));
    assert_eq!(new.verify(&after, NOW), Ok(ann()));
    assert_eq!(new.verify(&before, NOW), Err(Refused::Foreign));
    assert_eq!(old.verify(&after, NOW), Err(Refused::Foreign));
}

#[test]
fn a_session_of_another_installation_is_misplaced_even_with_the_same_key() {
    let names = ["", "blue", "green"];
    for (from, to) in names.iter().flat_map(|from| names.iter().map(move |to| (from, to))) {
        let token = ring(from, &['a']).unwrap().sign(&ann(), NOW, at(60)).unwrap();
        let told = ring(to, &['a']).unwrap().verify(&token, NOW);
        assert_eq!(told, if from == to { Ok(ann()) } else { Err(Refused::Misplaced) }, "{from:?} at {to:?}");
    }
}

#[test]
fn no_character_of_a_session_can_be_changed_left_out_or_cut_off() {
    let ring = ring("", &['a']).unwrap();
    let token = ring.sign(&ann(), NOW, at(60)).unwrap();
    for place in 0..token.len() {
        let (head, tail) = (&token[..place], &token[place + 1..]);
        let other = if token[place..].starts_with('A') { 'B' } else { 'A' };
        for forged in [format!("{head}{other}{tail}"), format!("{head}{tail}"), head.to_owned()] {
            let told = ring.verify(&forged, NOW);
            assert!(matches!(told, Err(Refused::Forged | Refused::Foreign)), "at {place}: {told:?}");
        }
    }
}

#[test]
fn only_a_token_beyond_the_limit_is_not_looked_at() {
    let ring = ring("", &['a']).unwrap();
    assert_eq!(ring.verify(&"A".repeat(TOKEN_BYTES_MAX), NOW), Err(Refused::Foreign));
    assert_eq!(ring.verify(&"A".repeat(TOKEN_BYTES_MAX + 1), NOW), Err(Refused::TooLong));
}

#[test]
fn a_ring_has_one_long_key_or_two() {
    for (keys, told) in [
        (&[][..], Some(KeyError::Count)),
        (&['a'], None),
        (&['a', 'b'], None),
        (&['a', 'b', 'c'], Some(KeyError::Count)),
    ] {
        assert_eq!(ring("", keys).err(), told, "{keys:?}");
    }
    let short = SecretString::from("a".repeat(KEY_BYTES_MIN - 1));
    assert_eq!(Keyring::new(&Installation::parse("").unwrap(), &[short]).err(), Some(KeyError::Short));
}
