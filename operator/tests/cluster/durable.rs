//! `Durable` on three real servers: it says what is so, and nothing that nobody knows.

use std::time::Duration;

use anyhow::ensure;
use protocol::Shard;
use serde_json::{Value, json};
use testbed::{Bed, NatsCluster, eventually};

use crate::world::{World, field, metric, spec};

/// A round of questions to the servers, an election, and a look, on a machine that does other things as well.
const BOUND: Duration = Duration::from_secs(120);

/// An operator that keeps three copies on disk on these servers.
async fn world_on(cluster: &NatsCluster, more: &[&str]) -> anyhow::Result<World> {
    let usual = ["--storage", "file", "--default-replicas", "3"];
    World::start_with(Bed::shared().await?, &cluster.url(), &[&usual, more].concat()).await
}

/// Waits until the condition is this, for this reason, and says what it should.
async fn durable(
    world: &World,
    name: &str,
    (status, reason): (&str, &str),
    says: impl Fn(&str) -> bool,
) -> anyhow::Result<()> {
    eventually(BOUND, &format!("Durable is {status} because of {reason}"), async || {
        let sale = world.get(name).await?;
        let said = [field(&sale, "Durable", "status"), field(&sale, "Durable", "reason")];
        let message = field(&sale, "Durable", "message");
        ensure!(said == [status, reason] && says(message), "{said:?}: {message}");
        Ok(())
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
    let synced = |message: &str| message.starts_with("3 copies, on nats-0, nats-1, nats-2; each syncs every write");
    durable(&world, "kept", ("True", "EveryWriteSynced"), synced).await?;
    let events = world.events("kept").await?;
    assert!(!events.contains(&"StorageNotDurable".to_owned()), "nothing was wrong: {events:?}");

    let stream = world.definition("kept").await?.unwrap().stream(Shard(0)).name();
    let follower = (cluster.stream_leader(&stream).await? + 1) % 3;
    cluster.kill9(follower).await?;
    let missing = format!("2 of 3 copies are current: nats-{follower} ");
    durable(&world, "kept", ("False", "CopyMissing"), |message| message.starts_with(&missing)).await?;
    world.until_told("kept", "StorageNotDurable").await?;
    world.sell("kept", "A", 1).await?;
    world.until("kept", "it sells all the same", |sale| field(sale, "Ready", "status") == "True").await?;

    cluster.restart(follower)?;
    cluster.ready().await?;
    durable(&world, "kept", ("True", "EveryWriteSynced"), synced).await
}

#[tokio::test]
async fn servers_that_sync_later_are_named_unless_the_sale_may_lose_seconds() -> anyhow::Result<()> {
    let bed = Bed::builder().relaxed_sync().nats_cluster().start().await?;
    let cluster = bed.nats_cluster().await?;
    let world = world_on(cluster, &["--nats-monitor-urls", &cluster.monitor_urls().join(",")]).await?;
    world.apply("strict", &spec(-10, &shoes())).await?;
    let late = "nats-0 (every 120 s), nats-1 (every 120 s), nats-2 (every 120 s)";
    durable(&world, "strict", ("False", "SyncNotAlways"), |message| message.contains(late)).await?;
    world.until_told("strict", "StorageNotDurable").await?;
    let mut relaxed = spec(-10, &shoes());
    relaxed["storage"] = json!({ "requiredSync": "Relaxed" });
    world.apply("relaxed", &relaxed).await?;
    durable(&world, "relaxed", ("True", "Replicated"), |_| true).await
}

#[tokio::test]
async fn servers_that_cannot_be_asked_are_told_and_turn_nobody_away() -> anyhow::Result<()> {
    let cluster = Bed::shared().await?.nats_cluster().await?;
    // The port for clients, and one where nobody listens; the third server is asked as it should be.
    let [wrong, nobody] = [format!("http://{}", cluster.addresses()[0]), "http://127.0.0.1:1".to_owned()];
    let urls = [wrong.as_str(), &nobody, &cluster.monitor_urls()[2]].join(",");
    let world = world_on(cluster, &["--nats-monitor-urls", &urls]).await?;
    world.apply("unknown", &spec(-10, &shoes())).await?;
    let sentences = ["how nats-0, nats-1 syncs", &wrong, &format!("{nobody}: ")];
    let named = |message: &str| sentences.iter().all(|sentence| message.contains(sentence));
    durable(&world, "unknown", ("Unknown", "ServerNotAnswering"), named).await?;
    world.wait_for("unknown", "Provisioned").await?;

    eventually(BOUND, "two servers are silent, and turn nobody away", async || {
        let ready = reqwest::get(format!("{}/readyz", world.admin)).await?;
        ensure!(ready.status().is_success(), "{}", ready.status());
        let ready: Value = ready.json().await?;
        let part =
            ready["parts"].as_array().and_then(|parts| parts.iter().find(|part| part["name"] == "nats-monitors"));
        let part = part.cloned().unwrap_or_default();
        ensure!((&part["required"], &part["ok"]) == (&json!(false), &json!(false)), "{ready}");
        ensure!(part["detail"].as_str().is_some_and(|detail| detail.contains(&wrong)), "{part}");
        let silent = metric(&world.admin, "sluice_operator_nats_monitors_silent").await?;
        ensure!(silent == 2, "{silent} are silent");
        Ok(())
    })
    .await?;

    let unasked = world_on(cluster, &[]).await?;
    unasked.apply("unasked", &spec(-10, &shoes())).await?;
    let told = |message: &str| message.contains("--nats-monitor-urls");
    durable(&unasked, "unasked", ("Unknown", "NotMonitored"), told).await
}
