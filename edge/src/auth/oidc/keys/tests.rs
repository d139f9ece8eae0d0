use serde_json::{Value, json};

use super::*;

fn curve() -> Value {
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let key = jsonwebtoken::EncodingKey::from_ec_der(&pair.serialize_der());
    serde_json::to_value(Jwk::from_encoding_key(&key, Algorithm::ES256).unwrap()).unwrap()
}

fn rsa(length: usize) -> Value {
    // The last letter fills no whole byte; what it has beyond has to be zero.
    json!({ "kty": "RSA", "n": format!("{}A", "u".repeat(length - 1)), "e": "AQAB" })
}

fn with(mut key: Value, field: &str, value: Value) -> Value {
    key[field] = value;
    key
}

fn set(keys: &[Value]) -> KeySet {
    KeySet::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
}

fn named(algorithm: Algorithm, kid: Option<&str>) -> Header {
    Header { algorithm, kid: kid.map(str::to_owned) }
}

#[test]
fn only_keys_that_sign_as_we_take_it_are_used() {
    let usable = set(&[with(curve(), "kid", json!("a")), with(rsa(MODULUS_LENGTH_MIN), "kid", json!("b"))]);
    assert!(usable.find(&named(Algorithm::ES256, Some("a"))).is_some());
    assert!(usable.find(&named(Algorithm::RS256, Some("b"))).is_some());
    assert!(usable.find(&named(Algorithm::RS256, Some("a"))).is_none(), "a key is used in one way");
    assert!(usable.find(&named(Algorithm::ES256, None)).is_none(), "there is a choice");
    for unusable in [
        with(curve(), "use", json!("enc")),
        with(curve(), "alg", json!("ES384")),
        with(curve(), "crv", json!("P-384")),
        with(rsa(MODULUS_LENGTH_MIN), "alg", json!("PS256")),
        rsa(MODULUS_LENGTH_MIN - 1),
        json!({ "kty": "oct", "k": "AAAA", "kid": "a" }),
        json!({ "kty": "nothing" }),
        json!("rubbish"),
    ] {
        assert!(set(std::slice::from_ref(&unusable)).0.is_empty(), "{unusable}");
    }
    assert_eq!(set(&vec![curve(); 9]).0.len(), KEYS_MAX);
    assert!(KeySet::parse(b"[]").is_err());
}
