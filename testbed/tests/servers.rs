//! Each server of the bed starts, does what a user would have it do, and survives being killed.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use async_nats::jetstream;
use redis::AsyncCommands as _;
use serde_json::Value;
use sqlx::{Connection as _, PgConnection};
use testbed::prometheus::{self, AlertState, Target};
use testbed::{Bed, Prometheus, eventually, free_port};

/// Far beyond any delay that is not a fault.
const BOUND: Duration = Duration::from_secs(60);
/// Further than any test here takes, so that whatever was ever seen is seen.
const LOOKED_BACK: Duration = Duration::from_secs(300);

fn stream(name: &str, num_replicas: usize) -> jetstream::stream::Config {
    jetstream::stream::Config {
        name: name.to_owned(),
        subjects: vec![format!("{name}.>")],
        num_replicas,
        allow_atomic_publish: true,
        ..Default::default()
    }
}

#[tokio::test]
async fn what_nats_acknowledged_is_there_after_it_was_killed() -> anyhow::Result<()> {
    let bed = Bed::builder().nats().start().await?;
    let nats = bed.nats().await?;
    let jetstream = jetstream::new(async_nats::connect(nats.url()).await?);
    jetstream.create_stream(stream("kept", 1)).await?;
    jetstream.publish("kept.a", "x".into()).await?.await?;
    nats.kill9().await?;
    nats.restart().await?;
    let jetstream = jetstream::new(async_nats::connect(nats.url()).await?);
    assert_eq!(jetstream.get_stream("kept").await?.cached_info().state.messages, 1);
    Ok(())
}

#[tokio::test]
async fn three_nats_nodes_elect_another_leader_when_theirs_is_killed() -> anyhow::Result<()> {
    let bed = Bed::shared().await?;
    let cluster = bed.nats_cluster().await?;
    let jetstream = jetstream::new(async_nats::connect(cluster.urls()).await?);
    eventually(BOUND, "a stream with three replicas that takes a message", async || {
        jetstream.create_stream(stream("led", 3)).await?;
        jetstream.publish("led.a", "x".into()).await?.await?;
        Ok(())
    })
    .await?;

    let first = cluster.stream_leader("led").await?;
    cluster.kill9(first).await?;
    let second = cluster.stream_leader("led").await?;
    assert_ne!(first, second);
    eventually(BOUND, "a publish that the new leader acknowledges", async || {
        jetstream.publish("led.b", "y".into()).await?.await?;
        Ok(())
    })
    .await?;
    cluster.restart(first)?;
    cluster.ready().await?;

    let before = cluster.stream_leader("led").await?;
    eventually(BOUND, "a leader that steps down", async || cluster.step_down("led").await).await?;
    eventually(BOUND, "another leader", async || {
        ensure!(cluster.stream_leader("led").await? != before, "node {before} leads");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn postgres_gives_each_caller_a_database_and_keeps_what_was_committed() -> anyhow::Result<()> {
    let bed = Bed::shared().await?;
    let postgres = bed.postgres().await?;
    let (mine, other) = (postgres.create_database("books").await?, postgres.create_database("books").await?);
    assert_ne!(mine, other);
    let mut connection = PgConnection::connect(&mine).await?;
    sqlx::raw_sql("CREATE TABLE t (v int); INSERT INTO t VALUES (7)").execute(&mut connection).await?;

    postgres.kill9().await?;
    postgres.restart().await?;
    let mut connection = PgConnection::connect(&mine).await?;
    let kept: i32 = sqlx::query_scalar("SELECT v FROM t").fetch_one(&mut connection).await?;
    assert_eq!(kept, 7);
    connection.close().await?;

    postgres.stop().await?;
    assert!(PgConnection::connect(&mine).await.is_err());
    postgres.restart().await
}

#[tokio::test]
async fn redis_answers_and_forgets_everything_when_it_is_killed() -> anyhow::Result<()> {
    let redis = Bed::shared().await?.redis().await?;
    let client = redis::Client::open(redis.url())?;
    let _: () = client.get_multiplexed_async_connection().await?.set("a", 1).await?;
    redis.kill9().await?;
    redis.restart().await?;
    let gone: Option<i64> = client.get_multiplexed_async_connection().await?.get("a").await?;
    assert_eq!(gone, None);
    Ok(())
}

#[tokio::test]
async fn kubernetes_enforces_rbac_and_keeps_what_was_applied_over_a_kill() -> anyhow::Result<()> {
    let bed = Bed::shared().await?;
    let kubernetes = bed.kubernetes().await?;
    let namespace = kubernetes.create_namespace(bed, "shop").await?;
    let token = kubernetes.service_account_token(&namespace, "stranger").await?;
    let authority = reqwest::Certificate::from_pem(kubernetes.authority().as_bytes())?;
    let client = reqwest::Client::builder().tls_certs_only([authority]).build()?;
    let namespaces = format!("{}/api/v1/namespaces/{namespace}", kubernetes.url());

    kubernetes.kill9().await?;
    kubernetes.restart().await?;
    let seen: Value = client.get(&namespaces).bearer_auth(kubernetes.admin_token()).send().await?.json().await?;
    assert_eq!(seen.pointer("/status/phase").and_then(Value::as_str), Some("Active"));
    // The stranger is known, and may nothing.
    assert_eq!(client.get(&namespaces).bearer_auth(token).send().await?.status(), 403);
    assert_eq!(client.get(&namespaces).bearer_auth("nobody").send().await?.status(), 401);

    let kubeconfig = kubernetes.kubeconfig_for(&namespace, "stranger").await?;
    let config: Value = serde_json::from_str(&std::fs::read_to_string(kubeconfig)?)?;
    config.pointer("/users/0/user/token").context("a token")?;

    let asked = kubernetes.audited(&namespace, "stranger")?;
    let [refused] = asked.as_slice() else { anyhow::bail!("one request of the stranger is written down: {asked:?}") };
    assert_eq!((refused.verb.as_str(), refused.resource.as_str(), refused.code), ("get", "namespaces", 403));
    assert_eq!(kubernetes.audited(&namespace, "nobody")?, []);
    Ok(())
}

#[tokio::test]
async fn the_controllers_empty_a_deleted_namespace_once_they_are_asked_for() -> anyhow::Result<()> {
    // Its own, as another test here kills the shared API server.
    let bed = Bed::builder().kubernetes().progress(|line| println!("{line}")).start().await?;
    let kubernetes = bed.kubernetes().await?;
    let namespace = kubernetes.create_namespace(&bed, "going").await?;
    kubernetes.service_account_token(&namespace, "left").await?;
    let authority = reqwest::Certificate::from_pem(kubernetes.authority().as_bytes())?;
    let client = reqwest::Client::builder().tls_certs_only([authority]).build()?;
    let url = format!("{}/api/v1/namespaces/{namespace}", kubernetes.url());
    let deleted: Value = client.delete(&url).bearer_auth(kubernetes.admin_token()).send().await?.json().await?;
    assert_eq!(deleted.pointer("/status/phase").and_then(Value::as_str), Some("Terminating"));

    bed.controller_manager().await?;
    eventually(BOUND, "the namespace is gone", async || {
        let status = client.get(&url).bearer_auth(kubernetes.admin_token()).send().await?.status();
        ensure!(status == 404, "{status}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_start_that_fails_shows_why() -> anyhow::Result<()> {
    let bed = Bed::builder().nats().start().await?;
    let nats = bed.nats().await?;
    let settings = bed.folder().join("nats").join("nats.conf");
    nats.kill9().await?;
    std::fs::write(settings, "nonsense: true")?;
    let failed = nats.restart().await.expect_err("a broken configuration").to_string();
    assert!(failed.contains("nats ended at its start") && failed.contains("unknown field \"nonsense\""), "{failed}");
    Ok(())
}

#[tokio::test]
async fn prometheus_looks_at_what_it_is_told_to_and_an_alert_fires_for_as_long_as_its_condition_holds()
-> anyhow::Result<()> {
    let bed = Bed::shared().await?;
    let rules = bed.folder().join("rules.yaml");
    std::fs::write(&rules, "groups: [{name: test, rules: [{alert: Away, expr: up == 0, for: 1s}]}]")?;
    prometheus::check_rules(std::slice::from_ref(&rules)).await?;
    let server = Prometheus::start(bed, Duration::from_millis(200), &[rules]).await?;
    let target = |job: &str, admin: String| Target { job: job.to_owned(), admin };
    let itself = target("itself", server.url().to_owned());
    let nobody = target("nobody", format!("http://127.0.0.1:{}", free_port()?));

    server.watch([itself.clone(), nobody])?;
    let alert = eventually(BOUND, "an alert that fires", async || {
        let alerts = server.alerts().await?;
        // Whoever is there may be slow to answer.
        let mut firing = alerts.iter().filter(|alert| alert.state == AlertState::Firing);
        firing.find(|alert| alert.labels["job"] == "nobody").cloned().with_context(|| format!("{alerts:?}"))
    })
    .await?;
    assert_eq!(alert.name(), "Away");

    server.watch([itself])?;
    eventually(BOUND, "no alert", async || {
        let alerts = server.alerts().await?;
        ensure!(alerts.is_empty(), "{alerts:?}");
        server.sees(1).await
    })
    .await?;
    let up = server.query_range("up{job='itself'}", LOOKED_BACK, Duration::from_millis(200)).await?;
    let [up] = up.as_slice() else { anyhow::bail!("one series: {up:?}") };
    let is = |value: f64| move |(_, seen): &(f64, f64)| (seen - value).abs() < f64::EPSILON;
    assert!(up.points.iter().all(|point| is(0.0)(point) || is(1.0)(point)), "{up:?}");
    assert!(up.points.iter().any(is(1.0)), "{up:?}");
    assert!(server.names().await?.contains(&"prometheus_build_info".to_owned()));
    let refused = server.query("up{").await.expect_err("no expression").to_string();
    assert!(refused.contains("parse error"), "{refused}");
    Ok(())
}
