//! Signing in by another issuer, with a real one.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::ensure;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response, Url};
use serde_json::{Value, json};
use testbed::{Bed, Browser, Issuer, eventually};

use crate::books::Books;
use crate::identity::cookie;
use crate::page;
use crate::provision::draft;
use crate::shop::{Edge, SOON, answered, place, problem};

const SECRET: &str = "a client secret: with/signs+and spaces";

/// An edge whose people may sign in by this issuer.
async fn trusting(issuer: &Issuer) -> Edge {
    trusting_and(issuer, &[]).await
}

/// The same with these arguments too.
async fn trusting_and(issuer: &Issuer, more: &[&str]) -> Edge {
    let bed = Bed::shared().await.unwrap();
    let secret = place(bed, "oidc.secret", SECRET).unwrap();
    let (issuer, secret) =
        (format!("--oidc-issuer={}", issuer.url()), format!("--oidc-client-secret-file={}", secret.display()));
    let redirect = format!("--oidc-redirect-url={REDIRECT}");
    let trust = ["--dev", &issuer, "--oidc-client-id=shop", &secret, &redirect];
    Edge::with(&[&trust, more].concat()).await
}

/// Where the issuer sends browsers back to; the test's browser goes to the edge by itself.
const REDIRECT: &str = "https://shop.example/v1/sessions/oidc/callback";

async fn issuer() -> Issuer {
    let clients = json!([
        { "client_id": "shop", "client_secret": SECRET, "redirect_uris": [REDIRECT] },
        { "client_id": "other", "client_secret": SECRET, "redirect_uris": [REDIRECT] },
    ]);
    Issuer::start(Bed::shared().await.unwrap(), clients).await.unwrap()
}

fn location(answer: &Response) -> String {
    answer.headers()["location"].to_str().unwrap().to_owned()
}

/// Signs what an honest issuer would, but for one thing.
struct Forger {
    key: EncodingKey,
    kid: String,
    issuer: String,
}

impl Forger {
    fn of(issuer: &Issuer) -> Self {
        let (kid, key) = issuer.shared_key().unwrap();
        Self { key: EncodingKey::from_ec_der(&key), kid, issuer: issuer.url() }
    }

    fn fair(&self) -> Value {
        let now = runtime::clock::Clock::system().now().as_second();
        json!({ "iss": self.issuer, "aud": "shop", "sub": "ann", "exp": now + 300, "iat": now, "nonce": "n" })
    }

    fn with(&self, field: &str, value: Value) -> String {
        let mut claims = self.fair();
        claims[field] = value.clone();
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(field);
        }
        self.sign(Some(&self.kid), &claims)
    }

    fn sign(&self, kid: Option<&str>, claims: &Value) -> String {
        let header = Header { kid: kid.map(str::to_owned), ..Header::new(Algorithm::ES256) };
        jsonwebtoken::encode(&header, claims, &self.key).unwrap()
    }
}

fn exchange(http: &Client, edge: &Edge, token: &str, nonce: Option<&str>) -> RequestBuilder {
    let mut body = json!({ "idToken": token });
    if let Some(nonce) = nonce {
        body["nonce"] = nonce.into();
    }
    http.post(edge.url("/v1/sessions")).json(&body)
}

#[tokio::test]
async fn a_browser_is_sent_to_the_issuer_and_comes_back_as_somebody() {
    let issuer = issuer().await;
    let edge = trusting(&issuer).await;
    let _books = Books::open(&edge).await;
    let mut browser = Browser::new().unwrap();
    let begin = browser.send(browser.http.get(edge.url("/v1/sessions/oidc?returnTo=/sales/aurora"))).await.unwrap();
    assert_eq!(begin.status(), 303);
    let (_, attributes) = cookie(&begin, "__Host-sluice-oidc").unwrap();
    assert_eq!(attributes, " Path=/; Max-Age=600; Secure; HttpOnly; SameSite=Lax");
    let start: Url = location(&begin).parse().unwrap();
    assert!(start.as_str().starts_with(&issuer.url()));
    let asked: BTreeMap<_, _> = start.query_pairs().into_owned().collect();
    assert_eq!((asked["code_challenge_method"].as_str(), asked["response_type"].as_str()), ("S256", "code"));

    let back = browser.sign_in(start, "ann", REDIRECT).await.unwrap();
    let callback = edge.url(&format!("/v1/sessions/oidc/callback?{}", back.query().unwrap()));
    let replayed = browser.cookies.clone();
    let answer = browser.send(browser.http.get(&callback)).await.unwrap();
    assert_eq!((answer.status().as_u16(), location(&answer).as_str()), (303, "/sales/aurora"));
    assert!(cookie(&answer, "__Host-sluice").is_some());
    assert!(!browser.cookies.contains_key("__Host-sluice-oidc"), "one return");
    let me: Value = browser.send(browser.http.get(edge.url("/v1/me"))).await.unwrap().json().await.unwrap();
    assert_eq!(
        (&me["email"], &me["name"], &me["guest"]),
        (&"ann@people.example".into(), &"The ann".into(), &false.into())
    );
    let sale = edge.sell(draft("oidc", 5)).await;
    let claim = sale.http.post(sale.orders()).header("idempotency-key", "k").header("sec-fetch-site", "same-origin");
    let claim = browser.send(claim.json(&json!({ "sku": "shoe", "quantity": 1 }))).await.unwrap();
    assert_eq!(claim.status(), 201);

    // The same return again, with everything that the browser had then: the issuer takes a code once.
    browser.cookies = replayed;
    let again = browser.send(browser.http.get(&callback)).await.unwrap();
    assert_eq!(cookie(&again, "__Host-sluice"), None);
    assert_eq!(problem(again).await.0, 401);
}

#[tokio::test]
async fn a_return_that_was_not_begun_in_this_browser_signs_nobody_in() {
    let issuer = issuer().await;
    let edge = trusting(&issuer).await;
    let mut browser = Browser::new().unwrap();
    let begin = browser.send(browser.http.get(edge.url("/v1/sessions/oidc"))).await.unwrap();
    let (journey, _) = cookie(&begin, "__Host-sluice-oidc").unwrap();
    let start: Url = location(&begin).parse().unwrap();
    let state = start.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    let other = sealed_elsewhere(&edge).await;
    let http = &browser.http;
    let get = |query: String| http.get(edge.url(&format!("/v1/sessions/oidc/callback?{query}")));
    let with = |query: String, journey: &str| get(query).header("cookie", format!("__Host-sluice-oidc={journey}"));
    for request in [
        get(format!("code=a&state={state}")),
        with("code=a&state=other".to_owned(), &journey),
        with("code=a".to_owned(), &journey),
        with(format!("state={state}"), &journey),
        with(format!("error=access_denied&state={state}"), &journey),
        with(format!("code=a&state={state}&error=access_denied"), &journey),
        with(format!("code=a&state={state}&iss=https://evil.example"), &journey),
        with(format!("code=a&state={state}"), &other),
        with(format!("code=a&state={state}"), "rubbish"),
        with(format!("code=never-given&state={state}"), &journey),
    ] {
        let answer = request.send().await.unwrap();
        assert_eq!(cookie(&answer, "__Host-sluice"), None);
        let (status, name, body) = problem(answer).await;
        assert_eq!((status, name.as_str()), (401, "not-signed-in"), "{body}");
    }
    for elsewhere in ["https://evil.example", "//evil.example", "/%5Cevil.example"] {
        let request = http.get(edge.url(&format!("/v1/sessions/oidc?returnTo={elsewhere}")));
        assert_eq!(problem(request.send().await.unwrap()).await.0, 422, "{elsewhere}");
    }
}

#[tokio::test]
async fn a_browser_that_is_not_signed_in_lands_on_the_page_where_there_is_one_and_a_program_on_the_problem() {
    let issuer = issuer().await;
    let edge = trusting_and(&issuer, &[&format!("--page-dir={}", page::folder().await.display())]).await;
    let _books = Books::open(&edge).await;
    let current = get_json(&edge, "/v1/sessions/current").await;
    assert_eq!(current["ways"], json!({ "password": true, "oidc": true }));

    let mut browser = Browser::new().unwrap();
    let navigate = |path: &str| {
        Client::builder()
            .redirect(Policy::none())
            .build()
            .unwrap()
            .get(edge.url(path))
            .header("accept", page::NAVIGATES)
    };
    let begin = browser.send(navigate("/v1/sessions/oidc?returnTo=/sales/aurora?from=mail%23lamp")).await.unwrap();
    let back = browser.sign_in(location(&begin).parse().unwrap(), "ann", REDIRECT).await.unwrap();
    let callback = format!("/v1/sessions/oidc/callback?{}", back.query().unwrap());
    let went = browser.cookies.clone();
    let answer = browser.send(navigate(&callback)).await.unwrap();
    assert_eq!((answer.status().as_u16(), location(&answer).as_str()), (303, "/sales/aurora?from=mail#lamp"));
    let view = browser.send(navigate(&location(&answer))).await.unwrap();
    assert_eq!(
        (view.status().as_u16(), &view.headers()["content-type"]),
        (200, &"text/html; charset=utf-8".parse().unwrap())
    );
    let session =
        browser.send(browser.http.get(edge.url("/v1/sessions/current"))).await.unwrap().json::<Value>().await.unwrap();
    assert_eq!(session["session"]["guest"], false);

    // The same return again, a return that nobody began, one without what the issuer adds, and a person whom it refused.
    browser.cookies = went;
    let state = back.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    let refused = format!("/v1/sessions/oidc/callback?error=access_denied&state={state}");
    for (path, returns, problem_name) in [
        (callback.as_str(), true, "not-signed-in"),
        (callback.as_str(), false, "not-signed-in"),
        (refused.as_str(), true, "not-signed-in"),
        ("/v1/sessions/oidc/callback", true, "not-signed-in"),
        ("/v1/sessions/oidc/callback?code=a&code=b", true, "invalid-request"),
        ("/v1/sessions/oidc?returnTo=//evil.example", false, "invalid-request"),
    ] {
        let cookies = if returns { browser.cookies.clone() } else { BTreeMap::new() };
        let ask = async |request: reqwest::RequestBuilder| {
            let mut browser = Browser { cookies: cookies.clone(), ..Browser::new().unwrap() };
            browser.send(request).await.unwrap()
        };
        let answer = ask(navigate(path)).await;
        let place = format!("/sign-in?problem={problem_name}");
        assert_eq!((answer.status().as_u16(), location(&answer)), (303, place.clone()), "{path}");
        assert_eq!(cookie(&answer, "__Host-sluice"), None, "{path}");
        assert_eq!(ask(navigate(&place)).await.status(), 200, "it is an address of the page");
        assert_eq!(problem(ask(browser.http.get(edge.url(path))).await).await.1, problem_name, "{path}");
    }
    issuer.kill9().await.unwrap();
    let unknown = format!("/v1/sessions/oidc/callback?code=a&state={state}");
    let answer = browser.send(navigate(&unknown)).await.unwrap();
    assert_eq!(location(&answer), "/sign-in?problem=busy", "what the issuer would say is not known");
}

async fn get_json(edge: &Edge, path: &str) -> Value {
    Client::new().get(edge.url(path)).send().await.unwrap().json().await.unwrap()
}

/// A session is no journey, though the same key signs both.
async fn sealed_elsewhere(edge: &Edge) -> String {
    let answer = Client::new().post(edge.url("/v1/sessions")).json(&json!({ "guest": true })).send().await.unwrap();
    answer.json::<Value>().await.unwrap()["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_id_token_is_exchanged_and_forged_ones_are_refused() {
    let issuer = issuer().await;
    let edge = trusting(&issuer).await;
    let _books = Books::open(&edge).await;
    let forger = Forger::of(&issuer);
    let good = forger.sign(Some(&forger.kid), &forger.fair());
    let http = Client::new();
    let session = answered(exchange(&http, &edge, &good, Some("n"))).await;
    assert_eq!(session.status(), 201);
    let session: Value = session.json().await.unwrap();
    let me = http.get(edge.url("/v1/me")).bearer_auth(session["token"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(me.json::<Value>().await.unwrap()["customer"], session["customer"]);

    let now = runtime::clock::Clock::system().now().as_second();
    let stranger = Forger {
        key: EncodingKey::from_ec_der(&rcgen::KeyPair::generate().unwrap().serialize_der()),
        ..Forger::of(&issuer)
    };
    let public = good.rsplit_once('.').unwrap().0;
    let symmetric = jsonwebtoken::encode(
        &Header { kid: Some(forger.kid.clone()), ..Header::new(Algorithm::HS256) },
        &forger.fair(),
        &EncodingKey::from_secret(SECRET.as_bytes()),
    );
    let unsigned = data_encoding::BASE64URL_NOPAD.encode(br#"{"alg":"none"}"#);
    let claims = good.split('.').nth(1).unwrap();
    for (what, token, nonce) in [
        ("expired", forger.with("exp", json!(now - 60)), Some("n")),
        ("no expiry", forger.with("exp", Value::Null), Some("n")),
        ("from the future", forger.with("iat", json!(now + 600)), Some("n")),
        ("for somebody else", forger.with("aud", json!("other")), Some("n")),
        ("for us and somebody else", forger.with("aud", json!(["shop", "other"])), Some("n")),
        ("of another issuer", forger.with("iss", json!("https://evil.example")), Some("n")),
        ("for another party", forger.with("azp", json!("other")), Some("n")),
        ("another nonce", good.clone(), Some("m")),
        ("no nonce told", good.clone(), None),
        ("no nonce in it", forger.with("nonce", Value::Null), Some("n")),
        ("nobody", forger.with("sub", json!("")), Some("n")),
        ("another key", stranger.sign(Some(&forger.kid), &forger.fair()), Some("n")),
        ("an unknown key", forger.sign(Some("unknown"), &forger.fair()), Some("n")),
        ("no key's name", forger.sign(None, &forger.fair()), Some("n")),
        ("a secret for a key", symmetric.unwrap(), Some("n")),
        ("no algorithm", format!("{unsigned}.{claims}."), Some("n")),
        ("no signature", format!("{public}."), Some("n")),
        ("half of it", good[..good.len() / 2].to_owned(), Some("n")),
        ("too long", format!("{good}{}", "A".repeat(4_000)), Some("n")),
        ("a session of ours", session["token"].as_str().unwrap().to_owned(), None),
    ] {
        let (status, name, body) = problem(answered(exchange(&http, &edge, &token, nonce)).await).await;
        assert_eq!((status, name.as_str()), (401, "not-signed-in"), "{what}: {body}");
    }
}

#[tokio::test]
async fn keys_are_replaced_at_the_issuer_and_unknown_ones_do_not_make_us_ask_it_again_and_again() {
    let issuer = issuer().await;
    let edge = trusting(&issuer).await;
    let _books = Books::open(&edge).await;
    let (old, http) = (Forger::of(&issuer), Client::new());
    let person = |forger: &Forger| exchange(&http, &edge, &forger.with("sub", json!("ann")), Some("n"));
    let clock = runtime::clock::Clock::system();
    let began = clock.monotonic();
    assert_eq!(answered(person(&old)).await.status(), 201);
    assert_eq!(issuer.times_asked_for_keys(), 1);
    let flood = (0..50).map(|number| {
        let token = old.sign(Some(&format!("unknown-{number}")), &old.fair());
        answered(exchange(&http, &edge, &token, Some("n")))
    });
    let answers = futures::future::join_all(flood).await;
    assert!(answers.iter().all(|answer| answer.status() == 401), "{answers:?}");
    // One more whenever ten seconds were over.
    let bounded = || {
        let (times, passed) = (issuer.times_asked_for_keys(), clock.monotonic().duration_since(began));
        assert!(u64::try_from(times).unwrap() <= 2 + passed.as_secs() / 10, "{times} times in {passed:?}");
    };
    bounded();

    issuer.rotate().await.unwrap();
    let new = Forger::of(&issuer);
    eventually(SOON, "the new key to be known", async || {
        let status = person(&new).send().await?.status();
        ensure!(status == 201, "{status}");
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(answered(person(&old)).await.status(), 401, "the old key is gone");
    bounded();
}

#[tokio::test]
async fn an_issuer_that_is_away_costs_signing_in_by_it_and_nothing_else() {
    let issuer = issuer().await;
    let edge = trusting(&issuer).await;
    issuer.kill9().await.unwrap();
    let clock = runtime::clock::Clock::system();
    let http = Client::builder().redirect(Policy::none()).build().unwrap();
    let token = Forger::of(&issuer).with("sub", json!("ann"));
    for _ in 0..3 {
        let began = clock.monotonic();
        let begin = http.get(edge.url("/v1/sessions/oidc")).send().await.unwrap();
        let exchange = exchange(&http, &edge, &token, Some("n")).send().await.unwrap();
        let took = clock.monotonic().duration_since(began);
        assert!(took < Duration::from_secs(5), "{took:?}");
        assert_eq!((problem(begin).await.1, problem(exchange).await.1), ("busy".to_owned(), "busy".to_owned()));
    }
    let guest = http.post(edge.url("/v1/sessions")).json(&json!({ "guest": true })).send().await.unwrap();
    assert_eq!(guest.status(), 201);
    let sale = edge.sell(draft("alone", 5)).await;
    assert_eq!(answered(sale.claim(&sale.session("ann"), "k", 1)).await.status(), 201);
    issuer.restart().await.unwrap();
    eventually(SOON, "the issuer to be asked again", async || {
        let status = http.get(edge.url("/v1/sessions/oidc")).send().await?.status();
        ensure!(status == 303, "{status}");
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn an_issuer_without_tls_is_refused_at_the_start_in_one_sentence() {
    let arguments =
        ["--oidc-issuer=http://issuer.example", "--oidc-client-id=shop", &format!("--oidc-redirect-url={REDIRECT}")];
    let edge = Edge::spawn(&arguments).await.unwrap();
    assert!(!edge.service.wait(SOON).await.unwrap().success());
    assert!(edge.service.log().contains("--oidc-issuer must be an https URL"), "{}", edge.service.log());
}
