//! `Durable` on three real servers: it says what is so, and nothing that nobody knows.

use std::time::Duration;

use anyhow::ensure;
use protocol::Shard;
use serde_json::{Value, json};
use testbed::{Bed, NatsCluster, eventually};

use crate::world::{World, field, spec};

/// A round of questions to the servers, an election, and a look, on a machine that does other things as well.
const BOUND: Duration = Duration::from_secs(120);

/// An operator that keeps three copies on disk on these servers.
async fn world_on(cluster: &NatsCluster, more: &[&str]) -> anyhow::Result<World> {
    let usual = ["--storage", "file", "--default-replicas", "3"];
    World::start_with(Bed::shared().await?, &cluster.url(), &[&usual, more].concat()).await
}

/// Waits until the condition says this; its message.
async fn durable(world: &World, name: &str, status: &str, reason: &str) -> anyhow::Result<String> {
    eventually(BOUND, &format!("Durable is {status} because of {reason}"), async || {
        let sale = world.get(name).await?;
        let said = [field(&sale, "Durable", "status"), field(&sale, "Durable", "reason")];
        let message = field(&sale, "Durable", "message").to_owned();
        ensure!(said == [status, reason], "{said:?}: {message}");
        Ok(message)
    })
    .await
}

fn shoes() -> Vec<Value> {
    vec![json!({ "sku": "A", "quantity": 50 })]
}

#[tokio::test]
async fn synced_copies_are_durable_until_a_server_dies_and_again_when_it_is_back() -> anyhow::Result<()> {
    let bed = Bed::builder().nats_cluster().start().await?;
    let cluster = bed.nats_cluster().await?;
    let world = world_on(cluster, &["--nats-monitor-urls", &cluster.monitor_urls().join(",")]).await?;
    world.apply("kept", &spec(-10, &shoes())).await?;
    let message = durable(&world, "kept", "True", "EveryWriteSynced").await?;
    assert!(message.starts_with("3 copies, on nats-0, nats-1, nats-2; each syncs every write"), "{message}");
    let events = world.events("kept").await?;
    assert!(!events.contains(&"StorageNotDurable".to_owned()), "nothing was wrong: {events:?}");

    let stream = world.definition("kept").await?.unwrap().stream(Shard(0)).name();
    let follower = (cluster.stream_leader(&stream).await? + 1) % 3;
    cluster.kill9(follower).await?;
    let message = durable(&world, "kept", "False", "CopyMissing").await?;
    assert!(message.starts_with(&format!("2 of 3 copies are current: nats-{follower} ")), "{message}");
    world.until_told("kept", "StorageNotDurable").await?;
    world.sell("kept", "A", 1).await?;
    assert_eq!(field(&world.get("kept").await?, "Ready", "status"), "True", "it sells all the same");

    cluster.restart(follower)?;
    cluster.ready().await?;
    durable(&world, "kept", "True", "EveryWriteSynced").await?;
    Ok(())
}

#[tokio::test]
async fn servers_that_sync_later_are_named_unless_the_sale_may_lose_seconds() -> anyhow::Result<()> {
    let bed = Bed::builder().relaxed_sync().nats_cluster().start().await?;
    let cluster = bed.nats_cluster().await?;
    let world = world_on(cluster, &["--nats-monitor-urls", &cluster.monitor_urls().join(",")]).await?;
    world.apply("strict", &spec(-10, &shoes())).await?;
    let message = durable(&world, "strict", "False", "SyncNotAlways").await?;
    assert!(message.contains("nats-0 (every 120 s), nats-1 (every 120 s), nats-2 (every 120 s)"), "{message}");
    world.until_told("strict", "StorageNotDurable").await?;
    let mut relaxed = spec(-10, &shoes());
    relaxed["storage"] = json!({ "requiredSync": "Relaxed" });
    world.apply("relaxed", &relaxed).await?;
    durable(&world, "relaxed", "True", "Replicated").await?;
    Ok(())
}

#[tokio::test]
async fn servers_that_cannot_be_asked_are_told_and_turn_nobody_away() -> anyhow::Result<()> {
    let cluster = Bed::shared().await?.nats_cluster().await?;
    // The port for clients, and one where nobody listens; the third server is asked as it should be.
    let [wrong, nobody] = [format!("http://{}", cluster.addresses()[0]), "http://127.0.0.1:1".to_owned()];
    let urls = [wrong.as_str(), &nobody, &cluster.monitor_urls()[2]].join(",");
    let world = world_on(cluster, &["--nats-monitor-urls", &urls]).await?;
    world.apply("unknown", &spec(-10, &shoes())).await?;
    let message = durable(&world, "unknown", "Unknown", "ServerNotAnswering").await?;
    assert!(message.contains("how nats-0, nats-1 syncs"), "{message}");
    assert!(message.contains(&wrong) && message.contains(&format!("{nobody}: ")), "{message}");
    world.wait_for("unknown", "Provisioned").await?;

    let ready = reqwest::get(format!("{}/readyz", world.admin)).await?;
    assert!(ready.status().is_success(), "{}", ready.status());
    let ready: Value = ready.json().await?;
    let part = ready["parts"].as_array().and_then(|parts| parts.iter().find(|part| part["name"] == "nats-monitors"));
    let part = part.cloned().unwrap_or_default();
    assert_eq!((&part["required"], &part["ok"]), (&json!(false), &json!(false)), "{ready}");
    assert!(part["detail"].as_str().is_some_and(|detail| detail.contains(&wrong)), "{part}");
    let counted = reqwest::get(format!("{}/metrics", world.admin)).await?.text().await?;
    assert!(counted.contains("sluice_operator_nats_monitors_silent 2\n"), "{counted}");

    let unasked = world_on(cluster, &[]).await?;
    unasked.apply("unasked", &spec(-10, &shoes())).await?;
    let message = durable(&unasked, "unasked", "Unknown", "NotMonitored").await?;
    assert!(message.contains("--nats-monitor-urls"), "{message}");
    Ok(())
}
