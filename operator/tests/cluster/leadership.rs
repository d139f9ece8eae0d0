//! Two replicas: one acts, and the one that acted before can undo nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use protocol::Sku;
use protocol::bucket::State;
use protocol::sale::{Definition, DesiredState};
use protocol::status::SaleStatus;
use serde_json::{Value, json};
use testbed::kubernetes::faulty::{Call, Fault, FaultyServer};
use testbed::{Service, eventually};

use crate::world::{BOUND, World, metric, reason, spec};

const LEADER: &str = "sluice_operator_leader";

/// Everything that is stored about a sale, by which a step back would show.
#[derive(Debug, PartialEq)]
struct Stored {
    definition: Definition,
    /// Generation, state and units of each bucket.
    buckets: BTreeMap<Sku, Vec<(u64, State, u32)>>,
    /// The sum of the records.
    supply: BTreeMap<Sku, i64>,
    messages: u64,
    status: Value,
}

async fn stored(world: &World, name: &str) -> anyhow::Result<Stored> {
    let definition = world.definition(name).await?.context("nothing is published")?;
    let (_, shelf) = world.shelf(name).await?;
    let buckets = shelf.items.iter().map(|(sku, stock)| {
        let buckets = stock.buckets.iter().map(|(_, bucket)| (bucket.generation.0, bucket.state, bucket.free.0));
        (sku.clone(), buckets.collect())
    });
    Ok(Stored {
        definition,
        buckets: buckets.collect(),
        supply: shelf.items.iter().map(|(sku, stock)| (sku.clone(), stock.supply())).collect(),
        messages: shelf.messages,
        status: world.get(name).await?["status"].clone(),
    })
}

async fn until_leads(admin: &str, leads: u64) -> anyhow::Result<()> {
    eventually(BOUND, &format!("{LEADER} is {leads}"), async || {
        let now = metric(admin, LEADER).await?;
        ensure!(now == leads, "it is {now}");
        Ok(())
    })
    .await
}

fn items(quantity: i64) -> Value {
    json!({ "spec": { "items": [{ "sku": "A", "quantity": quantity }] } })
}

#[tokio::test]
async fn a_second_replica_is_ready_and_takes_over_when_the_first_dies() -> anyhow::Result<()> {
    let world = World::start().await?;
    world.apply("first", &spec(-10, &[json!({ "sku": "A", "quantity": 5 })])).await?;
    world.in_force("first").await?;
    let (second, admin) = world.second().await?;
    assert_eq!(metric(&admin, LEADER).await?, 0, "the first one holds the Lease");
    world.operator.kill9().await?;
    world.until_held_by("b").await?;
    world.apply("next", &spec(-10, &[json!({ "sku": "A", "quantity": 6 })])).await?;
    world.in_force("next").await?;
    assert_eq!(world.stock("next", "A").await?, (6, 6));
    // Asked to stop, it hands the Lease over at once.
    second.stop().await?;
    world.until_held_by("").await
}

/// Two replicas, and which of them acts.
struct Pair {
    world: World,
    second: Service,
    second_admin: String,
    first_acts: bool,
}

impl Pair {
    async fn start() -> anyhow::Result<Self> {
        let world = World::start().await?;
        let (second, second_admin) = world.second().await?;
        Ok(Self { world, second, second_admin, first_acts: true })
    }

    /// Service, metrics and name of the one that acts, or does not.
    fn replica(&self, acts: bool) -> (&Service, &str, &'static str) {
        if self.first_acts == acts {
            (&self.world.operator, &self.world.admin, "a")
        } else {
            (&self.second, &self.second_admin, "b")
        }
    }

    /// Stops the one that acts, waits until the other one does, changes every sale, wakes the first one, and looks
    /// whether anything went back.
    async fn overtaken(&mut self, names: &[String], quantity: i64) -> anyhow::Result<()> {
        let world = &self.world;
        let ((old, old_admin, _), (_, new_admin, new_name)) = (self.replica(true), self.replica(false));
        old.pause()?;
        world.until_held_by(new_name).await?;
        until_leads(new_admin, 1).await?;
        for (name, last) in names.iter().zip(["Paused", "Closed", "Scheduled"].into_iter().cycle()) {
            world.patch(name, &items(quantity)).await?;
            world.in_force(name).await?;
            world.patch(name, &json!({ "spec": { "desiredState": last } })).await?;
            world.in_force(name).await?;
            assert_eq!(world.stock(name, "A").await?, (quantity, quantity));
        }
        let mut before = Vec::new();
        for name in names {
            before.push(stored(world, name).await?);
        }
        old.resume()?;
        until_leads(old_admin, 0).await?;
        // What it had begun is over once it says so; a look at something new proves that the other one acts.
        let proof = format!("{}-proof", names[0]);
        world.apply(&proof, &spec(-10, &[json!({ "sku": "A", "quantity": 3 })])).await?;
        world.in_force(&proof).await?;
        for (name, before) in names.iter().zip(before) {
            let after = stored(world, name).await?;
            assert_eq!(after, before, "{name}");
            assert_eq!(after.definition.items[0].quantity.0, u32::try_from(quantity)?);
        }
        assert_eq!((metric(old_admin, LEADER).await?, metric(new_admin, LEADER).await?), (0, 1));
        world.until_held_by(new_name).await?;
        self.first_acts = !self.first_acts;
        Ok(())
    }
}

#[tokio::test]
async fn a_leader_that_slept_longer_than_its_lease_undoes_nothing() -> anyhow::Result<()> {
    let mut pair = Pair::start().await?;
    let names = |round: &str| (0..3).map(|n| format!("{round}-{n}")).collect::<Vec<_>>();
    // The moment at which it falls asleep is what is tested, so it is not awaited.
    for (round, moment) in [("made", 30), ("filled", 110)] {
        let names = names(round);
        for name in &names {
            pair.world.apply(name, &spec(-10, &[json!({ "sku": "A", "quantity": 500 })])).await?;
        }
        tokio::time::sleep(Duration::from_millis(moment)).await;
        pair.overtaken(&names, 900).await?;
    }
    for (round, moment) in [("restocked", 0), ("moved", 8)] {
        let names = names(round);
        for name in &names {
            pair.world.apply(name, &spec(-10, &[json!({ "sku": "A", "quantity": 500 })])).await?;
            pair.world.in_force(name).await?;
        }
        for name in &names {
            pair.world.patch(name, &items(700)).await?;
        }
        tokio::time::sleep(Duration::from_millis(moment)).await;
        pair.overtaken(&names, 300).await?;
    }
    Ok(())
}

/// A world whose replicas have ways of their own to the API server.
async fn apart() -> anyhow::Result<(World, FaultyServer, Service, String)> {
    let (world, faulty) = World::behind().await?;
    let (second, admin) = world.second().await?;
    Ok((world, faulty, second, admin))
}

#[tokio::test]
async fn what_a_deposed_leader_wrote_long_ago_changes_nothing_when_it_arrives() -> anyhow::Result<()> {
    let (world, faulty, _second, _) = apart().await?;
    let is = |call: &Call| call.is("patch", "flashsales/status") && ["latch", "restock"].contains(&call.name.as_str());
    world.apply("restock", &spec(-10, &[json!({ "sku": "A", "quantity": 500 })])).await?;
    world.in_force("restock").await?;
    faulty.every(Fault::Late, is);
    let begun = faulty.asked(is).len();
    world.apply("latch", &spec(-10, &[json!({ "sku": "A", "quantity": 500 })])).await?;
    world.patch("restock", &items(700)).await?;
    eventually(BOUND, "both writes are on their way", async || {
        ensure!(faulty.asked(is).len() >= begun + 2, "{:?}", faulty.asked(is));
        Ok(())
    })
    .await?;
    world.operator.pause()?;
    world.until_held_by("b").await?;
    let mut before = Vec::new();
    for name in ["latch", "restock"] {
        world.in_force(name).await?;
        world.patch(name, &items(900)).await?;
        world.in_force(name).await?;
        before.push(stored(&world, name).await?);
    }
    // Now they arrive; then their sender wakes.
    faulty.heal();
    let answered = eventually(BOUND, "the server has answered them", async || {
        let late: Vec<_> = faulty.asked(is).into_iter().skip(begun).filter_map(|asked| asked.answered).collect();
        ensure!(late.len() >= 2, "{late:?}");
        Ok(late)
    })
    .await?;
    assert_eq!(answered[..2], [409, 409]);
    world.operator.resume()?;
    until_leads(&world.admin, 0).await?;
    for (name, before) in ["latch", "restock"].iter().zip(before) {
        assert_eq!(stored(&world, name).await?, before);
        assert_eq!(world.stock(name, "A").await?, (900, 900));
    }
    Ok(())
}

#[tokio::test]
async fn a_leader_that_is_cut_off_stops_and_the_other_one_goes_on() -> anyhow::Result<()> {
    let (world, faulty, _second, admin) = apart().await?;
    world.apply("cut", &spec(-10, &[json!({ "sku": "A", "quantity": 500 })])).await?;
    world.in_force("cut").await?;
    faulty.cut();
    until_leads(&world.admin, 0).await?;
    until_leads(&admin, 1).await?;
    world.patch("cut", &items(900)).await?;
    world.in_force("cut").await?;
    faulty.heal();
    world.patch("cut", &json!({ "spec": { "desiredState": "Paused" } })).await?;
    let sale = world.in_force("cut").await?;
    assert_eq!(reason(&sale, "Ready"), "Paused");
    assert_eq!(world.definition("cut").await?.unwrap().desired_state, DesiredState::Paused);
    assert_eq!((metric(&world.admin, LEADER).await?, metric(&admin, LEADER).await?), (0, 1));
    assert_eq!(world.stock("cut", "A").await?, (900, 900));
    Ok(())
}

#[tokio::test]
async fn a_look_that_hangs_when_the_term_ends_does_not_keep_the_replica_from_the_next_one() -> anyhow::Result<()> {
    let (world, faulty, second, admin) = apart().await?;
    let hangs = |call: &Call| call.is("patch", "flashsales/status") && call.name == "hung";
    faulty.next(1, Fault::Silent, hangs);
    world.apply("hung", &spec(-10, &[json!({ "sku": "A", "quantity": 500 })])).await?;
    eventually(BOUND, "it hangs", async || {
        ensure!(!faulty.asked(hangs).is_empty(), "it has not come so far");
        Ok(())
    })
    .await?;
    // Only the Lease is out of reach, and long enough for the other one to have it. The silence goes on.
    let out_of_reach = Arc::new(AtomicBool::new(true));
    let refused = Arc::clone(&out_of_reach);
    faulty.every(Fault::Refused(500), move |call| {
        call.resource == "leases" && call.writes() && refused.load(Ordering::SeqCst)
    });
    until_leads(&admin, 1).await?;
    out_of_reach.store(false, Ordering::SeqCst);
    until_leads(&world.admin, 0).await?;
    world.in_force("hung").await?;
    assert_eq!(world.stock("hung", "A").await?, (500, 500));
    second.stop().await?;
    until_leads(&world.admin, 1).await?;
    world.apply("next", &spec(-10, &[json!({ "sku": "A", "quantity": 6 })])).await?;
    world.in_force("next").await?;
    Ok(())
}

#[tokio::test]
async fn a_leader_that_wakes_after_a_sale_was_deleted_brings_nothing_back() -> anyhow::Result<()> {
    let (world, faulty, _second, _) = apart().await?;
    // One falls asleep before its latch is told, the other one when everything is done.
    let is = |call: &Call| call.is("patch", "flashsales/status") && call.name == "half";
    world.apply("whole", &spec(-10, &[json!({ "sku": "A", "quantity": 500 })])).await?;
    world.in_force("whole").await?;
    faulty.every(Fault::LostBehind(500), is);
    world.apply("half", &spec(-10, &[json!({ "sku": "A", "quantity": 500 })])).await?;
    world.until("half", "it is latched", |sale| !sale["status"]["storage"].is_null()).await?;
    world.operator.pause()?;
    world.until_held_by("b").await?;
    let mut gone = Vec::new();
    for name in ["half", "whole"] {
        world.in_force(name).await?;
        gone.push(world.definition(name).await?.unwrap());
        world.kubectl(&["annotate", "fs", name, "sluice.dev/force-delete=true"], "").await?;
        world.kubectl(&["delete", "fs", name, "--timeout=30s"], "").await?;
    }
    // A change of the ledger's table makes the sleeper look at once, from what it remembers.
    let status: SaleStatus = serde_json::from_value(json!({
        "cursor": 0, "at": gone[0].start, "lag_seconds": 0.0, "exact": false, "items": [], "audit": null, "halted": null,
    }))?;
    for definition in &gone {
        let key = protocol::key::status_key(&definition.stream(protocol::Shard(0)));
        world.statuses()?.put(&key, &status).await?;
    }
    faulty.heal();
    world.operator.resume()?;
    until_leads(&world.admin, 0).await?;
    world.apply("proof", &spec(-10, &[json!({ "sku": "A", "quantity": 3 })])).await?;
    world.in_force("proof").await?;
    for definition in &gone {
        let found = world.sales()?.get(definition.sale.as_str()).await?;
        ensure!(found.is_none(), "{} is back: {found:?}", definition.sale);
        let stream = definition.stream(protocol::Shard(0)).name();
        ensure!(runtime::jetstream::stream_info(&world.client, &stream).await?.is_none(), "{stream} is back");
    }
    Ok(())
}
