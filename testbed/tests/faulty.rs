//! The misbehaving API server passes what it is given, and misbehaves as it is told.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use testbed::kubernetes::faulty::{Call, Fault, FaultyServer};
use testbed::{Bed, Kubernetes, eventually};

/// Far beyond any delay that is not a fault.
const BOUND: Duration = Duration::from_secs(60);
/// Long enough that an answer which could come would have come.
const SILENCE: Duration = Duration::from_millis(300);

struct Fixture {
    faulty: FaultyServer,
    kubernetes: &'static Kubernetes,
    client: reqwest::Client,
    /// Config maps of a namespace of its own.
    maps: String,
}

impl Fixture {
    async fn start() -> anyhow::Result<Self> {
        let bed = Bed::shared().await?;
        let kubernetes = bed.kubernetes().await?;
        let namespace = kubernetes.create_namespace(bed, "faulty").await?;
        let authority = reqwest::Certificate::from_pem(kubernetes.authority().as_bytes())?;
        Ok(Self {
            faulty: FaultyServer::start(bed, kubernetes).await?,
            kubernetes,
            client: reqwest::Client::builder().tls_certs_only([authority]).build()?,
            maps: format!("/api/v1/namespaces/{namespace}/configmaps"),
        })
    }

    async fn ask(&self, method: Method, url: &str, body: Option<Value>) -> reqwest::Result<Response> {
        let request = self.client.request(method, url).bearer_auth(self.kubernetes.admin_token());
        match body {
            Some(body) => request.json(&body).send().await,
            None => request.send().await,
        }
    }

    /// Through the proxy.
    async fn through(&self, method: Method, path: &str, body: Option<Value>) -> reqwest::Result<Response> {
        self.ask(method, &format!("https://{}{path}", self.faulty.address()), body).await
    }

    async fn create(&self, name: &str) -> reqwest::Result<Response> {
        let map = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name } });
        self.through(Method::POST, &self.maps, Some(map)).await
    }

    /// Whether the real server has it.
    async fn exists(&self, name: &str) -> anyhow::Result<bool> {
        let url = format!("{}{}/{name}", self.kubernetes.url(), self.maps);
        Ok(self.ask(Method::GET, &url, None).await?.status().is_success())
    }

    /// Sends a request that is under way until it has come, and sees that no answer comes.
    async fn unanswered(
        &self,
        mut waiting: impl Future<Output = reqwest::Result<Response>> + Unpin,
    ) -> anyhow::Result<()> {
        let before = self.faulty.asked(creates).len();
        let comes = eventually(BOUND, "the request to come", async || {
            ensure!(self.faulty.asked(creates).len() > before, "it is under way");
            Ok(())
        });
        tokio::select! {
            answer = &mut waiting => anyhow::bail!("an answer came: {answer:?}"),
            came = comes => came?,
        }
        let answer = tokio::time::timeout(SILENCE, &mut waiting).await;
        ensure!(answer.is_err(), "an answer came: {answer:?}");
        Ok(())
    }

    async fn watch(&self) -> anyhow::Result<Response> {
        let watch = self.through(Method::GET, &format!("{}?watch=true", self.maps), None).await?;
        ensure!(watch.status().is_success(), "{}", watch.status());
        Ok(watch)
    }
}

fn creates(call: &Call) -> bool {
    call.is("create", "configmaps")
}

/// Reads a watch until an event says this.
async fn says(watch: &mut Response, text: &str) -> anyhow::Result<()> {
    let mut heard = String::new();
    let reading = async {
        while !heard.contains(text) {
            let piece = watch.chunk().await?.with_context(|| format!("the watch ended after {heard}"))?;
            heard.push_str(&String::from_utf8_lossy(&piece));
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(BOUND, reading).await.with_context(|| format!("{text} was not heard"))?
}

#[tokio::test]
async fn what_is_not_faulty_passes_and_is_noted_and_watches_come_as_they_are() -> anyhow::Result<()> {
    let world = Fixture::start().await?;
    let mut watch = world.watch().await?;
    assert_eq!(world.create("a").await?.status(), 201);
    says(&mut watch, r#""name":"a""#).await?;
    let again = world.create("a").await?;
    assert_eq!(again.status(), 409);
    assert_eq!(again.json::<Value>().await?["reason"], "AlreadyExists");
    let listed: Value = world.through(Method::GET, &world.maps, None).await?.json().await?;
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1));
    assert_eq!((world.faulty.asked(creates).len(), world.faulty.done(creates)), (2, 1));
    assert_eq!(world.faulty.asked(|call| !call.writes()).len(), 2);
    assert_eq!(world.faulty.open_watches(), 1);
    drop(watch);
    eventually(BOUND, "the watch is closed", async || {
        ensure!(world.faulty.open_watches() == 0, "it is open");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_refused_request_never_reaches_the_server_and_only_as_many_are_refused_as_were_asked_for()
-> anyhow::Result<()> {
    let world = Fixture::start().await?;
    world.faulty.next(1, Fault::Refused(409), creates);
    world.faulty.next(1, Fault::TooMany(7), creates);
    let refused = world.create("b").await?;
    assert_eq!(refused.status(), 409);
    let status: Value = refused.json().await?;
    assert_eq!(
        (&status["kind"], &status["reason"], &status["code"]),
        (&json!("Status"), &json!("Conflict"), &json!(409))
    );
    let refused = world.create("b").await?;
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["retry-after"], "7");
    assert!(!world.exists("b").await?);
    assert_eq!(world.create("b").await?.status(), 201);
    let told: Vec<_> = world.faulty.asked(creates).iter().map(|asked| (asked.answered, asked.told)).collect();
    assert_eq!(told, [(None, Some(409)), (None, Some(429)), (Some(201), Some(201))]);
    Ok(())
}

#[tokio::test]
async fn a_lost_answer_leaves_the_write_done_and_its_sender_in_doubt() -> anyhow::Result<()> {
    let world = Fixture::start().await?;
    world.faulty.next(1, Fault::LostBehind(500), creates);
    assert_eq!(world.create("c").await?.status(), 500);
    assert!(world.exists("c").await?);
    world.faulty.next(1, Fault::Lost, creates);
    world.create("d").await.expect_err("an answer that was to be lost");
    assert!(world.exists("d").await?);
    assert_eq!(world.faulty.done(creates), 2);
    // Also one that has no end.
    world.faulty.next(1, Fault::Lost, |call| call.verb == "watch");
    tokio::time::timeout(BOUND, world.watch()).await?.expect_err("a watch that was to be lost");
    Ok(())
}

#[tokio::test]
async fn watches_end_expire_and_fall_silent_when_they_are_told_to() -> anyhow::Result<()> {
    let world = Fixture::start().await?;
    let mut watch = world.watch().await?;
    world.faulty.end_watches();
    assert!(says(&mut watch, "nothing").await.unwrap_err().to_string().contains("the watch ended"));

    let mut watch = world.watch().await?;
    world.faulty.expire_watches();
    says(&mut watch, r#""type":"ERROR""#).await?;
    assert_eq!(watch.chunk().await?, None);

    let mut watch = world.watch().await?;
    world.faulty.silence_watches();
    assert_eq!(world.create("e").await?.status(), 201);
    assert!(tokio::time::timeout(SILENCE, watch.chunk()).await.is_err(), "something came");

    world.faulty.next(1, Fault::Expired, |call| call.verb == "watch");
    let mut watch = world.watch().await?;
    says(&mut watch, r#""code":410"#).await?;
    assert_eq!(watch.chunk().await?, None);
    says(&mut world.watch().await?, r#""name":"e""#).await
}

#[tokio::test]
async fn a_cut_and_a_silence_last_until_they_heal() -> anyhow::Result<()> {
    let world = Fixture::start().await?;
    let mut watch = world.watch().await?;
    world.faulty.cut();
    watch.chunk().await.expect_err("a watch that was cut");
    world.create("f").await.expect_err("a cut");
    world.faulty.heal();
    assert_eq!(world.create("f").await?.status(), 201);

    world.faulty.every(Fault::Silent, creates);
    let mut waiting = Box::pin(world.create("g"));
    world.unanswered(&mut waiting).await?;
    world.faulty.heal();
    waiting.await.expect_err("an answer that never came");
    assert!(!world.exists("g").await?);
    assert_eq!(world.create("g").await?.status(), 201);

    world.faulty.every(Fault::Late, creates);
    let mut waiting = Box::pin(world.create("h"));
    world.unanswered(&mut waiting).await?;
    assert!(!world.exists("h").await?);
    world.faulty.heal();
    assert_eq!(waiting.await?.status(), 201);
    Ok(())
}
