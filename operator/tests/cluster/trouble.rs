//! What must not go wrong when things do.

use std::time::Duration;

use anyhow::ensure;
use operator::apply::remove_stream;
use protocol::Shard;
use runtime::clock::Clock;
use serde_json::json;
use testbed::eventually;

use crate::churn::LOOKS;
use crate::early::EARLY;
use crate::world::{BOUND, World, field, metric, reason, spec};

#[tokio::test]
async fn a_stream_that_vanishes_is_lost_and_nothing_is_seeded_again() -> anyhow::Result<()> {
    let world = World::start().await?;
    world.apply("lost", &spec(-10, &[json!({ "sku": "A", "quantity": 50 })])).await?;
    world.in_force("lost").await?;
    world.sell("lost", "A", 5).await?;
    let definition = world.definition("lost").await?.unwrap();
    let stream = definition.stream(Shard(0));
    remove_stream(&world.hands()?, &stream).await?;
    world.patch("lost", &json!({ "metadata": { "annotations": { "touched": "yes" } } })).await?;
    let sale = world.until("lost", "it is lost", |sale| reason(sale, "Ready") == "StorageLost").await?;
    assert_eq!(field(&sale, "Provisioned", "status"), "False");
    assert_eq!(reason(&sale, "Provisioned"), "StorageLost");
    let withdrawn = world.definition("lost").await?.unwrap();
    assert!(withdrawn.withdrawn.as_ref().is_some_and(|why| why.contains("is gone")), "{withdrawn:?}");
    world.until_told("lost", "StorageLost").await?;
    // A stream of the same name that somebody makes is not the sale's either, whatever is asked meanwhile.
    let config = operator::apply::config(&stream, 1, operator::args::Storage::Memory, 1);
    async_nats::jetstream::new(world.client.clone()).create_stream(config).await?;
    world.patch("lost", &json!({ "spec": { "items": [{ "sku": "A", "quantity": 60 }] } })).await?;
    world
        .until("lost", "it is still lost", |sale| {
            sale["status"]["observedGeneration"] == sale["metadata"]["generation"]
                && field(sale, "Ready", "message").contains("its stock is not this sale's")
        })
        .await?;
    let (_, shelf) = world.shelf("lost").await?;
    assert_eq!(shelf.messages, 0, "nothing was seeded");
    Ok(())
}

#[tokio::test]
async fn a_foreign_stream_of_the_sales_name_is_left_alone() -> anyhow::Result<()> {
    let world = World::start().await?;
    world.operator.pause()?;
    world.apply("foreign", &spec(-10, &[json!({ "sku": "A", "quantity": 50 })])).await?;
    let uid = world.get("foreign").await?["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
    let sale = protocol::SaleId::of_resource("foreign", &uid)?;
    let stream = protocol::key::Stream { sale, epoch: operator::plan::FIRST_EPOCH, shard: Shard(0) };
    let config = operator::apply::config(&stream, 1, operator::args::Storage::Memory, 1);
    let context = async_nats::jetstream::new(world.client.clone());
    context.create_stream(config).await?;
    context.publish(format!("{}hello", stream.prefix()), "there".into()).await?.await?;
    world.operator.resume()?;
    let sale = world.until("foreign", "it is refused", |sale| reason(sale, "Ready") == "Refused").await?;
    assert!(field(&sale, "Ready", "message").contains("was not made for it"), "{:#}", sale["status"]);
    assert_eq!(world.shelf("foreign").await?.1.messages, 1);
    Ok(())
}

#[tokio::test]
async fn kill_9_at_any_moment_of_provisioning_seeds_nothing_twice() -> anyhow::Result<()> {
    let world = World::start().await?;
    let items: Vec<_> = (0..8).map(|i| json!({ "sku": format!("I{i}"), "quantity": 1_000 + i })).collect();
    for round in 0_u64..10 {
        let name = format!("killed-{round}");
        world.apply(&name, &spec(-10, &items)).await?;
        // Spread over the 100 ms that provisioning takes: the moment of the kill is what is tested, so it is not awaited.
        tokio::time::sleep(Duration::from_millis(round * 12)).await;
        world.operator.kill9().await?;
        world.operator.restart()?;
        world.wait_for(&name, "Provisioned").await?;
        world.in_force(&name).await?;
        for (i, item) in (0_i64..).zip(&items) {
            let sku = item["sku"].as_str().unwrap_or_default();
            assert_eq!(world.stock(&name, sku).await?, (1_000 + i, 1_000 + i), "{name} {sku}");
        }
        let definition = world.definition(&name).await?.unwrap();
        let (_, shelf) = world.shelf(&name).await?;
        assert_eq!(definition.streams, std::slice::from_ref(&shelf.identity));
        assert_eq!(shelf.messages, 1 + 8 * 16 * 2, "one meta, and a bucket and a record for each share");
    }
    Ok(())
}

#[tokio::test]
async fn kill_9_in_the_middle_of_changes_ends_with_what_was_asked_last() -> anyhow::Result<()> {
    let world = World::start().await?;
    world.apply("moving", &spec(-10, &[json!({ "sku": "A", "quantity": 500 })])).await?;
    world.in_force("moving").await?;
    world.sell("moving", "A", 7).await?;
    for (round, quantity) in (0_u64..).zip([900, 300, 1_200, 50, 77, 2_000]) {
        world.patch("moving", &json!({ "spec": { "items": [{ "sku": "A", "quantity": quantity }] } })).await?;
        // Spread over the time that a change takes: the moment of the kill is what is tested, so it is not awaited.
        tokio::time::sleep(Duration::from_millis(round * 7)).await;
        world.operator.kill9().await?;
        world.operator.restart()?;
        world.in_force("moving").await?;
        assert_eq!(world.stock("moving", "A").await?, (quantity - 7, quantity));
    }
    Ok(())
}

#[tokio::test]
async fn a_sale_is_made_in_one_look_and_the_operators_own_writes_ask_for_no_other() -> anyhow::Result<()> {
    let world = World::start().await?;
    let clock = Clock::system();
    let begun = clock.monotonic();
    // What was written of the first one has come back by the watch before anything of the second one does.
    for (name, expected) in [("one", 1), ("other", 2)] {
        world
            .apply(name, &spec(3_600, &[json!({ "sku": "A", "quantity": 5 }), json!({ "sku": "B", "quantity": 5 })]))
            .await?;
        world.in_force(name).await?;
        world.wait_for(name, "Provisioned").await?;
        // One that ended early is followed by another one, and so is each after half a minute.
        let regular = expected * ((clock.monotonic() - begun).as_secs() / 30);
        eventually(BOUND, "no look too many or too few", async || {
            let (looks, early) = (metric(&world.admin, LOOKS).await?, metric(&world.admin, EARLY).await?);
            let (least, most) = (expected + early, expected + early + regular);
            ensure!((least..=most).contains(&looks), "{looks}, {early} of them ended early:\n{}", world.operator.log());
            Ok(())
        })
        .await?;
    }
    Ok(())
}
