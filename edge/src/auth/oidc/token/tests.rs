use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{EncodingKey, Header as Head};
use serde_json::{Value, json};

use super::*;
use crate::auth::oidc::keys::KeySet;

const ISSUER: &str = "https://issuer.example";
const NOW: i64 = 1_800_000_000;

/// A key and the issuer's set in which it is called `here`.
fn keys() -> (EncodingKey, KeySet) {
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let key = EncodingKey::from_ec_der(&pair.serialize_der());
    let mut jwk = serde_json::to_value(Jwk::from_encoding_key(&key, Algorithm::ES256).unwrap()).unwrap();
    jwk["kid"] = json!("here");
    jwk["use"] = json!("sig");
    let set = KeySet::parse(json!({ "keys": [jwk] }).to_string().as_bytes()).unwrap();
    (key, set)
}

fn fair() -> Value {
    json!({ "iss": ISSUER, "aud": "shop", "sub": "ann", "exp": NOW + 60, "iat": NOW, "nonce": "n",
        "email": "ann@people.example", "email_verified": true, "name": "Ann" })
}

fn signed(key: &EncodingKey, kid: Option<&str>, claims: &Value) -> String {
    let head = Head { kid: kid.map(str::to_owned), ..Head::new(Algorithm::ES256) };
    jsonwebtoken::encode(&head, claims, key).unwrap()
}

fn judged(set: &KeySet, token: &str, nonce: Option<&str>) -> Result<Identity, Refused> {
    let parsed = parse(token)?;
    let key = set.find(&parsed.header).ok_or(Refused::UnknownKey)?;
    let expected = Expected { issuer: ISSUER, audience: "shop", nonce };
    parsed.verify(key, &expected, Timestamp::from_second(NOW).unwrap())
}

#[test]
fn an_honest_token_says_who_it_is() {
    let (key, set) = keys();
    let identity = judged(&set, &signed(&key, Some("here"), &fair()), Some("n")).unwrap();
    assert_eq!((identity.issuer.as_str(), identity.subject.as_str()), (ISSUER, "ann"));
    assert_eq!((identity.email.as_deref(), identity.name.as_deref()), (Some("ann@people.example"), Some("Ann")));
    // The only key needs no name.
    assert!(judged(&set, &signed(&key, None, &fair()), Some("n")).is_ok());
}

#[test]
fn each_claim_that_is_wrong_or_missing_is_refused_by_its_rule() {
    let (key, set) = keys();
    let cases = [
        ("iss", json!("https://evil.example"), Refused::Issuer),
        ("iss", json!("https://issuer.example/"), Refused::Issuer),
        ("iss", Value::Null, Refused::Shape),
        ("aud", json!("other"), Refused::Audience),
        ("aud", json!([]), Refused::Audience),
        ("aud", json!(["other"]), Refused::Audience),
        ("aud", json!(["shop", "other"]), Refused::Audience),
        ("aud", Value::Null, Refused::Shape),
        ("azp", json!("other"), Refused::Audience),
        ("exp", json!(NOW - SKEW_SECONDS), Refused::Expired),
        ("exp", json!("never"), Refused::Shape),
        ("exp", Value::Null, Refused::Shape),
        ("iat", json!(NOW + SKEW_SECONDS + 1), Refused::Expired),
        ("iat", Value::Null, Refused::Shape),
        ("nonce", json!("m"), Refused::Nonce),
        ("nonce", Value::Null, Refused::Nonce),
        ("sub", json!(""), Refused::Shape),
        ("sub", json!("a\0b"), Refused::Shape),
        ("sub", json!("a".repeat(256)), Refused::Shape),
        ("sub", Value::Null, Refused::Shape),
    ];
    for (field, value, refused) in cases {
        let mut claims = fair();
        claims[field] = value.clone();
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(field);
        }
        assert_eq!(judged(&set, &signed(&key, Some("here"), &claims), Some("n")), Err(refused), "{field}: {value}");
    }
    let mut claims = fair();
    claims["aud"] = json!(["shop", "other"]);
    claims["azp"] = json!("shop");
    assert!(judged(&set, &signed(&key, Some("here"), &claims), Some("n")).is_ok());
    assert_eq!(judged(&set, &signed(&key, Some("here"), &fair()), None), Err(Refused::Nonce), "somebody's sign-in");
}

#[test]
fn nobody_but_the_issuer_can_sign() {
    let ((key, set), (stranger, _)) = (keys(), keys());
    let good = signed(&key, Some("here"), &fair());
    assert_eq!(judged(&set, &signed(&stranger, Some("here"), &fair()), Some("n")), Err(Refused::Signature));
    assert_eq!(judged(&set, &signed(&key, Some("there"), &fair()), Some("n")), Err(Refused::UnknownKey));
    let [head, claims, signature] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
    let headed =
        |value: Value| format!("{}.{claims}.{signature}", BASE64URL_NOPAD.encode(value.to_string().as_bytes()));
    for (header, refused) in [
        (json!({ "alg": "none" }), Refused::Algorithm),
        (json!({ "alg": "HS256", "kid": "here" }), Refused::Algorithm),
        (json!({ "alg": "es256", "kid": "here" }), Refused::Algorithm),
        (json!({ "alg": "ES384", "kid": "here" }), Refused::Algorithm),
        (json!({ "alg": "PS256", "kid": "here" }), Refused::Algorithm),
        (json!({ "alg": "RS256", "kid": "here" }), Refused::UnknownKey),
        (json!({ "alg": "ES256", "kid": "here", "crit": ["exp"] }), Refused::Shape),
        (json!({ "alg": "ES256", "kid": "here", "jku": "https://evil.example" }), Refused::Signature),
        (json!({ "alg": "ES256", "kid": "there", "jwk": { "kty": "EC" } }), Refused::UnknownKey),
        (json!({ "alg": "ES256", "kid": 1 }), Refused::Shape),
        (json!({}), Refused::Shape),
        (json!([]), Refused::Shape),
    ] {
        assert_eq!(judged(&set, &headed(header.clone()), Some("n")), Err(refused), "{header}");
    }
    for text in
        ["", ".", "..", "a.b.c", &format!("{head}.{claims}."), &format!("{head}.{claims}"), &format!("{good}.{claims}")]
    {
        assert_eq!(judged(&set, text, Some("n")), Err(Refused::Shape), "{text:?}");
    }
    let other = BASE64URL_NOPAD.encode(json!({ "iss": ISSUER }).to_string().as_bytes());
    assert_eq!(judged(&set, &format!("{head}.{other}.{signature}"), Some("n")), Err(Refused::Signature));
    assert_eq!(judged(&set, &"a".repeat(TOKEN_BYTES_MAX + 1), Some("n")), Err(Refused::TooLong));
}

#[test]
fn what_cannot_be_kept_of_a_person_is_left_out() {
    let (key, set) = keys();
    for (field, value) in [
        ("email_verified", json!(false)),
        ("email", json!("")),
        ("email", json!("a\0b")),
        ("email", json!("a".repeat(EMAIL_BYTES_MAX + 1))),
    ] {
        let mut claims = fair();
        claims[field] = value.clone();
        let identity = judged(&set, &signed(&key, Some("here"), &claims), Some("n")).unwrap();
        assert_eq!(identity.email, None, "{field}: {value}");
    }
}
