//! Forged sessions at every route that asks for one.

use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use anyhow::ensure;
use edge::auth::session::{Keyring, Session};
use secrecy::SecretString;
use testbed::{Bed, eventually};

use crate::addresses::{self, protected};
use crate::provision::draft;
use crate::shop::{Edge, SESSION_KEY, SOON, Sale, answered, customer, place, problem, ring};

fn part(value: &Value) -> String {
    BASE64URL_NOPAD.encode(value.to_string().as_bytes())
}

fn raw(text: &str) -> String {
    BASE64URL_NOPAD.encode(text.as_bytes())
}

/// A value that is signed with our key and is no session.
fn sealed(sale: &Sale) -> String {
    let soon = runtime::clock::Clock::system().now() + std::time::Duration::from_secs(600);
    ring(&sale.installation).seal("oidc", &json!({ "sub": customer("ann") }), soon).unwrap()
}

/// The last character changed in bits that decode to nothing: the same bytes to whoever is careless.
fn twisted(signature: &str) -> String {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (start, last) = signature.split_at(signature.len() - 1);
    let place = ALPHABET.find(last).unwrap();
    format!("{start}{}", &ALPHABET[place ^ 1..][..1])
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
        ("a public-key algorithm of curves", headed(json!({ "alg": "ES256", "typ": "JWT", "kid": kid }))),
        ("a probabilistic one", headed(json!({ "alg": "PS256", "typ": "JWT", "kid": kid }))),
        ("an algorithm in small letters", headed(json!({ "alg": "hs256", "typ": "JWT", "kid": kid }))),
        ("no algorithm at all", headed(json!({ "typ": "JWT", "kid": kid }))),
        ("an algorithm that is null", headed(json!({ "alg": null, "typ": "JWT", "kid": kid }))),
        ("two algorithms", headed(json!({ "alg": ["none", "HS256"], "typ": "JWT", "kid": kid }))),
        ("one algorithm twice", format!("{}.{claims}.{signature}", raw(r#"{"alg":"HS256","alg":"none","typ":"JWT"}"#))),
        ("a certificate by address", headed(json!({ "alg": "HS256", "kid": kid, "x5u": "https://evil.example" }))),
        ("a certificate of its own", headed(json!({ "alg": "HS256", "kid": kid, "x5c": ["AAAA"] }))),
        ("something critical", headed(json!({ "alg": "HS256", "kid": kid, "crit": ["b64"], "b64": false }))),
        ("something compressed", headed(json!({ "alg": "HS256", "kid": kid, "zip": "DEF" }))),
        ("a token in a token", headed(json!({ "alg": "HS256", "kid": kid, "cty": "JWT" }))),
        ("an encrypted token", format!("{}.AA.AA.AA.AA", part(&json!({ "alg": "dir", "enc": "A256GCM" })))),
        ("a key's name with a null byte", headed(json!({ "alg": "HS256", "typ": "JWT", "kid": "a\0b" }))),
        ("a key's number", headed(json!({ "alg": "HS256", "typ": "JWT", "kid": 1 }))),
        ("a key's name in a list", headed(json!({ "alg": "HS256", "typ": "JWT", "kid": [kid] }))),
        ("a header with room in it", format!("{}.{claims}.{signature}", raw(r#"{ "alg": "HS256", "typ": "JWT" }"#))),
        ("a header that begins with a mark", format!("{}.{claims}.{signature}", raw("\u{feff}{\"alg\":\"HS256\"}"))),
        ("a header that is no JSON", format!("{}.{claims}.{signature}", raw("alg=HS256"))),
        ("a padded header", format!("{head}=.{claims}.{signature}")),
        ("a header in the other alphabet", format!("{}+/.{claims}.{signature}", &head[..head.len() - 2])),
        ("an issuer with a slash", but("iss", json!("sluice/"))),
        ("an audience with a null byte", but("aud", json!(format!("{audience}\0")))),
        ("an audience with a purpose", but("aud", json!(format!("{audience}#oidc")))),
        ("an expiry before time began", but("exp", json!(-1))),
        ("an expiry with a fraction", but("exp", serde_json::from_str(&format!("{}.5", now + 600)).unwrap())),
        ("an expiry in quotes", but("exp", json!((now + 600).to_string()))),
        ("an expiry beyond all numbers", but("exp", json!(1e300))),
        ("a customer with a null byte", but("sub", json!(format!("{}\0", customer("ann"))))),
        ("a customer in capitals", but("sub", json!(customer("ann").to_string().to_uppercase()))),
        ("a customer in wide letters", but("sub", json!("ａｎｎ".repeat(10)))),
        ("a customer by number", but("sub", json!(1))),
        ("a guest by word", but("guest", json!("yes"))),
        ("claims that are a list", with(&header, &key, &json!([]))),
        ("claims that are nothing", with(&header, &key, &Value::Null)),
        ("no claims", with(&header, &key, &json!({}))),
        ("what was sealed for something else", sealed(sale)),
        ("a signature of zeros", format!("{head}.{claims}.{}", "A".repeat(43))),
        (
            "a signature of something else",
            format!("{head}.{claims}.{}", with(&header, &key, &json!(1)).rsplit('.').next().unwrap()),
        ),
        ("a signature that ends otherwise", format!("{head}.{claims}.{}", twisted(signature))),
        ("a percent sign", format!("%20{good}")),
        ("two of them", format!("{good},{good}")),
        ("quotes", format!("\"{good}\"")),
        ("too long", format!("{good}{}", "A".repeat(5_000))),
    ]
}

#[tokio::test]
async fn a_forged_or_expired_session_is_refused_at_every_address_that_asks_for_one() {
    let edge = Edge::shared().await;
    let sale = edge.sell(draft("forge", 5)).await;
    let order: Value = answered(sale.claim(&sale.session("ann"), "k", 1)).await.json().await.unwrap();
    let id = order["id"].as_str().unwrap();
    let forgeries = forgeries(&sale);
    assert!(forgeries.len() >= 60, "{}", forgeries.len());
    let protected: Vec<_> = edge::app::addresses().into_iter().filter(|(_, path)| protected(path)).collect();
    assert!(protected.len() >= 9, "{protected:?}");
    for (what, token) in &forgeries {
        let asked = protected.iter().map(async |(method, path)| {
            let request = || addresses::ask(edge, &sale, id, method, path);
            for request in [
                request().bearer_auth(token),
                request().header("cookie", format!("__Host-sluice={token}")).header("sec-fetch-site", "same-origin"),
            ] {
                let (status, name, body) = problem(request.send().await.unwrap()).await;
                assert_eq!((status, name.as_str()), (401, "not-signed-in"), "{method} {path}, {what}: {body}");
            }
        });
        futures::future::join_all(asked).await;
    }
    assert_eq!(sale.free().await, 4);
}

#[tokio::test]
async fn a_session_key_is_replaced_under_a_running_edge_and_no_session_is_lost_meanwhile() {
    let bed = Bed::shared().await.unwrap();
    let (old, new) = ("an old session key of the tests, long enough", "a new session key of the tests, long enough");
    let names = ["first", "second"].map(|name| bed.unique(name));
    let keys =
        |first: &str, second: &str| [place(bed, &names[0], first).unwrap(), place(bed, &names[1], second).unwrap()];
    let [first, second] = keys(old, new);
    let both = format!("--session-key-file={},{}", first.display(), second.display());
    let edge = Edge::with(&[&both]).await;
    let sale = edge.sell(draft("rotate", 5)).await;
    let signed = |key: &str| {
        let session = Session { customer: customer("ann"), guest: false, roles: Vec::new() };
        let now = runtime::clock::Clock::system().now();
        let ring = Keyring::new(&edge.installation, &[SecretString::from(key)]).unwrap();
        ring.sign(&session, now, now + std::time::Duration::from_secs(600)).unwrap()
    };
    let status =
        async |key: &str| sale.http.get(sale.orders()).bearer_auth(signed(key)).send().await.unwrap().status().as_u16();
    assert_eq!((status(old).await, status(new).await), (200, 200), "two keys are live");
    let third = "a third session key of the tests, long enough";
    assert_eq!(status(third).await, 401);
    keys(new, third);
    eventually(SOON, "the third key to be live and the first one to be dead", async || {
        let statuses = (status(old).await, status(new).await, status(third).await);
        ensure!(statuses == (401, 200, 200), "{statuses:?}");
        Ok(())
    })
    .await
    .unwrap();
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
