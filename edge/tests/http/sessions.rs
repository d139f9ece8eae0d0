//! Forged sessions at every route that asks for one.

use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::provision::draft;
use crate::shop::{Edge, SESSION_KEY, Sale, customer, problem};

fn part(value: &Value) -> String {
    BASE64URL_NOPAD.encode(value.to_string().as_bytes())
}

/// Everything that somebody without the key, or with an old session, may try.
fn forgeries(sale: &Sale) -> Vec<(&'static str, String)> {
    let good = sale.session("ann");
    let [head, claims, signature] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
    let header = jsonwebtoken::decode_header(&good).unwrap();
    let key = EncodingKey::from_secret(SESSION_KEY.as_bytes());
    let audience = format!("sluice-edge/{}", sale.installation.name());
    let now = runtime::clock::Clock::system().now().as_second();
    let fair = json!({ "iss": "sluice", "aud": audience, "sub": customer("ann"), "iat": now, "exp": now + 600 });
    let with = |header: &Header, key: &EncodingKey, claims: &Value| jsonwebtoken::encode(header, claims, key).unwrap();
    let but = |field: &str, value: Value| {
        let mut claims = fair.clone();
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(field);
        } else {
            claims[field] = value;
        }
        with(&header, &key, &claims)
    };
    let headed = |value: Value| format!("{}.{claims}.{signature}", part(&value));
    let named = |kid: Option<&str>| {
        let header = Header { kid: kid.map(str::to_owned), ..header.clone() };
        with(&header, &key, &fair)
    };
    let stranger = EncodingKey::from_secret(b"another key that is just as long as ours");
    let of = |algorithm| with(&Header { alg: algorithm, ..header.clone() }, &key, &fair);
    let kid = header.kid.clone();
    vec![
        ("no algorithm, no signature", format!("{}.{claims}.", part(&json!({ "alg": "none", "typ": "JWT" })))),
        ("no algorithm, a signature", headed(json!({ "alg": "none", "typ": "JWT", "kid": kid }))),
        ("NONE in capitals", headed(json!({ "alg": "NONE", "typ": "JWT", "kid": kid }))),
        ("another key", with(&header, &stranger, &fair)),
        ("an empty key", with(&header, &EncodingKey::from_secret(b""), &fair)),
        ("another hash", of(Algorithm::HS384)),
        ("a longer hash", of(Algorithm::HS512)),
        ("a public-key algorithm", headed(json!({ "alg": "RS256", "typ": "JWT", "kid": kid }))),
        ("no key's name", named(None)),
        ("an unknown key", named(Some("0000"))),
        ("a key in a file", named(Some("../../../../dev/null"))),
        ("a key by SQL", named(Some("' UNION SELECT 'key"))),
        ("a key of its own", headed(json!({ "alg": "HS256", "typ": "JWT", "jwk": { "kty": "oct", "k": "AAAA" } }))),
        ("a key by address", headed(json!({ "alg": "HS256", "typ": "JWT", "jku": "https://evil.example/keys" }))),
        ("the header in another order", headed(json!({ "kid": kid, "typ": "JWT", "alg": "HS256", "x": 1 }))),
        ("another audience", but("aud", json!("sluice-ledger"))),
        ("another installation", but("aud", json!("sluice-edge/other"))),
        ("no audience", but("aud", Value::Null)),
        ("audiences", but("aud", json!([audience]))),
        ("another issuer", but("iss", json!("https://evil.example"))),
        ("no issuer", but("iss", Value::Null)),
        ("expired", but("exp", json!(now - 1))),
        ("no expiry", but("exp", Value::Null)),
        ("an expiry in words", but("exp", json!("never"))),
        ("nobody", but("sub", Value::Null)),
        ("a customer by name", but("sub", json!("ann"))),
        ("a role of ours that is none", but("role", json!("merchant"))),
        ("another's claims", format!("{head}.{}.{signature}", part(&fair))),
        ("a changed signature", format!("{head}.{claims}.{}", signature.chars().rev().collect::<String>())),
        ("half a signature", format!("{head}.{claims}.{}", &signature[..20])),
        ("no signature", format!("{head}.{claims}.")),
        ("two parts", format!("{head}.{claims}")),
        ("four parts", format!("{good}.{signature}")),
        ("padding", format!("{good}=")),
        ("a space", format!("{head}. {claims}.{signature}")),
        ("empty", String::new()),
        ("rubbish", "rubbish".to_owned()),
        ("dots", "..".to_owned()),
        ("too long", format!("{good}{}", "A".repeat(5_000))),
    ]
}

#[tokio::test]
async fn a_forged_or_expired_session_is_refused_at_every_route() {
    let sale = Edge::shared().await.sell(draft("forge", 5)).await;
    let order: Value = sale.claim(&sale.session("ann"), "k", 1).send().await.unwrap().json().await.unwrap();
    let one = format!("{}/{}", sale.orders(), order["id"].as_str().unwrap());
    let forgeries = forgeries(&sale);
    assert!(forgeries.len() >= 20);
    for (what, token) in &forgeries {
        let requests = [
            sale.claim(token, "forged", 1),
            sale.http.get(sale.orders()).bearer_auth(token),
            sale.http.get(&one).bearer_auth(token),
            sale.http.get(&one).header("cookie", format!("__Host-sluice={token}")),
        ];
        for request in requests {
            let (status, name, body) = problem(request.send().await.unwrap()).await;
            assert_eq!((status, name.as_str()), (401, "not-signed-in"), "{what}: {body}");
        }
    }
    assert_eq!(sale.free().await, 4);
}

#[tokio::test]
async fn a_session_that_comes_in_another_way_is_none() {
    let sale = Edge::shared().await.sell(draft("way", 5)).await;
    let token = sale.session("ann");
    let get = || sale.http.get(sale.orders());
    for request in [
        get().header("authorization", format!("Basic {token}")),
        get().header("authorization", token.clone()),
        get().header("authorization", format!("Bearer {token}")).header("authorization", "Bearer other"),
        get().header("cookie", format!("sluice={token}")),
        get().header("cookie", format!("__Host-sluice={token}; __Host-sluice=other")),
        get().header("x-customer", customer("ann").to_string()),
        sale.http.get(format!("{}?token={token}", sale.orders())),
    ] {
        let (status, name, _) = problem(request.send().await.unwrap()).await;
        assert_eq!((status, name.as_str()), (401, "not-signed-in"));
    }
    assert_eq!(get().header("authorization", format!("bearer {token}")).send().await.unwrap().status(), 200);
}
