//! An API server that refuses, loses what it says, falls silent, or is not there.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use operator::plan::Shelf;
use protocol::Sku;
use runtime::clock::Clock;
use serde_json::{Value, json};
use testbed::eventually;
use testbed::kubernetes::faulty::{Asked, Call, Fault, FaultyServer};

use crate::early::undisturbed;
use crate::place::apply_crd;
use crate::world::{BOUND, World, at, metric, reason, spec};

/// Everything that may become of a write.
const FAULTS: [(&str, Fault); 6] = [
    ("conflict", Fault::Refused(409)),
    ("gone", Fault::Refused(404)),
    ("many", Fault::TooMany(1)),
    ("broken", Fault::Refused(500)),
    ("behind", Fault::LostBehind(500)),
    ("lost", Fault::Lost),
];

/// Lines of the log that somebody should read, and that name `what`.
fn warnings(world: &World, what: &str) -> Vec<String> {
    let log = world.operator.log();
    let loud = log.lines().filter(|line| line.contains(" WARN ") || line.contains("ERROR"));
    loud.filter(|line| line.contains(what)).map(ToOwned::to_owned).collect()
}

fn assert_provisioned_once(shelf: &Shelf, quantity: i64) {
    let stock = &shelf.items[&Sku::parse("A").unwrap()];
    assert_eq!((stock.free(), stock.supply()), (quantity, quantity));
    assert_eq!(shelf.messages, 1 + 16 * 2, "one meta, and a bucket and a record for each share");
}

/// Makes a sale, where a write of `resource` meets a fault after so many others of it. Returns those that were sent, and the
/// warnings.
async fn provision(
    world: &World,
    faulty: &FaultyServer,
    name: &str,
    fault: Fault,
    (resource, before): (&'static str, usize),
) -> anyhow::Result<(Vec<Asked>, Vec<String>)> {
    let sale = name.to_owned();
    let is = move |call: &Call| call.is("patch", resource) && call.name == sale;
    let passed = AtomicUsize::new(0);
    faulty.next(1, fault, {
        let is = is.clone();
        move |call| is(call) && passed.fetch_add(1, Ordering::SeqCst) >= before
    });
    world.apply(name, &spec(-10, &[json!({ "sku": "A", "quantity": 700 })])).await?;
    world.in_force(name).await?;
    let (_, shelf) = world.shelf(name).await?;
    assert_provisioned_once(&shelf, 700);
    let definition = world.definition(name).await?.unwrap();
    assert_eq!(definition.streams, std::slice::from_ref(&shelf.identity));
    let sent = faulty.asked(is);
    ensure!(sent.iter().any(|asked| asked.told != Some(200)), "{name}: no fault was met: {sent:?}");
    Ok((sent, warnings(world, name)))
}

#[tokio::test]
async fn whatever_becomes_of_a_write_the_sale_is_provisioned_once_and_nothing_is_written_twice() -> anyhow::Result<()> {
    let (world, faulty) = World::behind().await?;
    let made = Cell::new(0);
    // The status is what is written after the latch.
    let writes =
        [("finalizer", "flashsales", 0), ("latch", "flashsales/status", 0), ("status", "flashsales/status", 1)];
    for (write, resource, before) in writes {
        for (kind, fault) in FAULTS {
            // The client itself tries again where a server is busy.
            let ends_early = u64::from(kind != "many");
            let provisioned = undisturbed(&world, ends_early, async |round| {
                let name = format!("{write}-{kind}-{round}");
                made.set(made.get() + 1);
                provision(&world, &faulty, &name, fault, (resource, before)).await
            });
            let (sent, told) = provisioned.await?;
            let done = sent.iter().filter(|asked| asked.is_done()).count();
            assert_eq!(done, if write == "finalizer" { 1 } else { 2 }, "{write}-{kind}: {sent:?}");
            assert!(told.len() <= 1, "{told:#?}");
        }
    }
    let sales = world.kubectl(&["get", "fs", "-o", "name"], "").await?;
    assert_eq!(sales.lines().count(), made.get());
    // The client of Kubernetes says nothing by itself, least of all once per try.
    let noise = warnings(&world, "kube");
    assert!(noise.iter().all(|line| line.contains("/kube") || !line.contains("kube_")), "{noise:#?}");
    assert!(world.operator.ended()?.is_none());
    Ok(())
}

#[tokio::test]
async fn events_that_cannot_be_told_hold_up_nothing() -> anyhow::Result<()> {
    let (world, faulty) = World::behind().await?;
    for (kind, fault) in FAULTS {
        faulty.heal();
        faulty.every(fault, |call| call.resource == "events");
        let untold = undisturbed(&world, 0, async |round| {
            let name = format!("untold-{kind}-{round}");
            world.apply(&name, &spec(-10, &[json!({ "sku": "A", "quantity": 700 })])).await?;
            world.in_force(&name).await?;
            assert_provisioned_once(&world.shelf(&name).await?.1, 700);
            world.patch(&name, &json!({ "spec": { "items": [{ "sku": "A", "quantity": 900 }] } })).await?;
            world.in_force(&name).await?;
            assert_eq!(world.stock(&name, "A").await?, (900, 900));
            Ok(warnings(&world, &name))
        });
        assert_eq!(untold.await?, Vec::<String>::new());
    }
    ensure!(faulty.asked(|call| call.resource == "events").len() >= FAULTS.len(), "no event was tried");
    Ok(())
}

/// How long each of these requests came after the one before.
fn pauses(asked: &[Asked]) -> Vec<Duration> {
    asked.windows(2).map(|pair| pair[1].at - pair[0].at).collect()
}

async fn tries(faulty: &FaultyServer, count: usize, is: impl Fn(&Call) -> bool) -> anyhow::Result<Vec<Asked>> {
    eventually(BOUND * 2, "enough tries", async || {
        let asked = faulty.asked(&is);
        ensure!(asked.len() >= count, "{} tries", asked.len());
        Ok(asked)
    })
    .await
}

#[tokio::test]
async fn a_server_that_refuses_for_long_is_asked_less_and_less_and_told_of_once() -> anyhow::Result<()> {
    let (world, faulty) = World::behind().await?;
    for (name, code) in [("conflicts", 409), ("vanishes", 404), ("breaks", 500)] {
        let is = move |call: &Call| call.is("patch", "flashsales/status") && call.name == name;
        faulty.every(Fault::Refused(code), is);
        world.apply(name, &spec(-10, &[json!({ "sku": "A", "quantity": 700 })])).await?;
        let asked = tries(&faulty, 8, is).await?;
        let pauses = pauses(&asked);
        assert!(pauses[6] >= Duration::from_secs(1), "{name}: {pauses:?}");
        faulty.heal();
        world.in_force(name).await?;
        assert_provisioned_once(&world.shelf(name).await?.1, 700);
        assert!(warnings(&world, name).len() * 2 < asked.len(), "{:#?}", warnings(&world, name));
    }
    Ok(())
}

#[tokio::test]
async fn a_busy_server_is_left_alone_for_as_long_as_it_says() -> anyhow::Result<()> {
    let (world, faulty) = World::behind().await?;
    let is = |call: &Call| call.is("patch", "flashsales/status") && call.name == "patient";
    faulty.next(2, Fault::TooMany(3), is);
    world.apply("patient", &spec(-10, &[json!({ "sku": "A", "quantity": 700 })])).await?;
    world.in_force("patient").await?;
    let pauses = pauses(&faulty.asked(is));
    assert!(pauses[..2].iter().all(|pause| *pause >= Duration::from_secs(3)), "{pauses:?}");
    Ok(())
}

#[tokio::test]
async fn a_write_that_is_never_answered_is_given_up_and_made_again() -> anyhow::Result<()> {
    let (world, faulty) = World::behind().await?;
    let is = |call: &Call| call.is("patch", "flashsales/status") && call.name == "hung";
    faulty.next(1, Fault::Silent, is);
    world.apply("hung", &spec(-10, &[json!({ "sku": "A", "quantity": 700 })])).await?;
    tries(&faulty, 1, is).await?;
    world.apply("served", &spec(-10, &[json!({ "sku": "A", "quantity": 700 })])).await?;
    world.in_force("served").await?;
    let again = tries(&faulty, 2, is).await?[1].at;
    // Others are served meanwhile.
    let served = faulty.asked(|call| call.is("patch", "flashsales/status") && call.name == "served");
    assert!(served.iter().filter(|asked| asked.at < again).count() >= 2, "{served:?}");
    world.in_force("hung").await?;
    assert_provisioned_once(&world.shelf("hung").await?.1, 700);
    assert!(!warnings(&world, "hung").is_empty(), "{}", world.operator.log());
    Ok(())
}

#[tokio::test]
async fn a_lease_that_is_refused_or_lost_for_a_moment_does_not_end_the_term() -> anyhow::Result<()> {
    let (world, faulty) = World::behind().await?;
    world.apply("before", &spec(-10, &[json!({ "sku": "A", "quantity": 700 })])).await?;
    world.in_force("before").await?;
    let transitions = world.lease().await?["spec"]["leaseTransitions"].clone();
    let is = |call: &Call| call.resource == "leases";
    let more = [("unavailable", Fault::LostBehind(503)), ("silent", Fault::Silent)];
    for (kind, fault) in FAULTS.into_iter().chain(more) {
        let renewed = |call: &Call| call.is("update", "leases");
        let done = faulty.done(renewed);
        // One request of a renewal, whichever it is. A Lease that is not there is made; two silences outlast a term.
        for verb in ["get", "update"] {
            if verb == "update" || !["gone", "silent"].contains(&kind) {
                faulty.next(1, fault, move |call| is(call) && call.verb == verb);
            }
        }
        eventually(BOUND, "the Lease is renewed", async || {
            ensure!(faulty.done(renewed) >= done + 2, "{:?}", faulty.asked(renewed).last());
            Ok(())
        })
        .await
        .with_context(|| kind.to_owned())?;
    }
    let log = world.operator.log();
    assert_eq!(log.matches("this replica acts").count(), 1, "{log}");
    assert!(!log.contains("this replica does not act any more"), "{log}");
    assert_eq!(world.lease().await?["spec"]["leaseTransitions"], transitions);
    let (told, tries) = (world.told("lease is "), faulty.asked(is).len());
    assert!(told.len() < tries, "{} lines of {tries} tries: {told:#?}", told.len());
    Ok(())
}

#[tokio::test]
async fn a_sale_opens_and_sells_while_the_api_server_is_away_and_is_told_of_when_it_is_back() -> anyhow::Result<()> {
    let world = World::alone().await?;
    let kubernetes = world.bed.kubernetes().await?;
    world.apply("away", &spec(3_600, &[json!({ "sku": "A", "quantity": 700 })])).await?;
    world.until("away", "it is scheduled", |sale| reason(sale, "Ready") == "Scheduled").await?;
    let (starts, mut change) = (at(12), restock(900));
    change["spec"]["schedule"] = json!({ "startTime": starts });
    world.patch("away", &change).await?;
    world.in_force("away").await?;
    let start: jiff::Timestamp = starts.parse()?;
    let definition = world.definition("away").await?.unwrap();
    kubernetes.kill9().await?;
    // The Lease runs out and the sale opens; then everything that had a timeout has met it: the Lease (10 s), its
    // requests (3 s), and the watch, whose connection ended with the server.
    eventually(BOUND, "the operator stops acting and the start passes", async || {
        ensure!(metric(&world.admin, "sluice_operator_leader").await? == 0, "it acts");
        ensure!(Clock::system().now() > start, "it has not opened");
        Ok(())
    })
    .await?;
    world.sell_of(&definition, "A", 0..200).await?;
    kubernetes.restart().await?;
    let sale = world
        .until("away", "it is told", |sale| reason(sale, "Ready") == "Open" && sale["status"]["totals"]["sold"] == 200)
        .await?;
    assert_eq!(sale["status"]["openedAt"], starts);
    assert_eq!(sale["status"]["totals"]["free"], 700);
    let (_, shelf) = world.shelf("away").await?;
    let stock = &shelf.items[&Sku::parse("A")?];
    assert_eq!((stock.free(), stock.supply()), (700, 900));
    // One meta, 16 buckets, the records of the first fill and of the restock, 200 orders.
    assert_eq!(shelf.messages, 1 + 16 + 16 + 16 + 200);
    world.patch("away", &restock(1_000)).await?;
    world.in_force("away").await?;
    assert_eq!(world.stock("away", "A").await?, (800, 1_000));
    // A connection ends, then nobody listens, and a server that starts may refuse what it will grant once it has read its
    // roles: each is said by whoever notices, and none of it again with every try.
    let namespace = format!("namespace {} is ", world.namespace);
    for who in ["lease is ", &namespace] {
        assert!(!world.told(who).is_empty(), "{who}: {}", world.operator.log());
    }
    for who in ["watching FlashSales", "away cannot be brought on: Kubernetes"] {
        world.told(who);
    }
    Ok(())
}

#[tokio::test]
async fn a_resource_definition_that_is_deleted_and_made_again_is_served_again() -> anyhow::Result<()> {
    let world = World::alone().await?;
    world.apply("early", &spec(3_600, &[json!({ "sku": "A", "quantity": 700 })])).await?;
    world.in_force("early").await?;
    let definition = world.definition("early").await?.unwrap();
    // Everything of the kind goes first, by its finalizers.
    world.kubectl(&["delete", "crd", "flashsales.sluice.dev", "--timeout=30s"], "").await?;
    assert!(world.sales()?.get(definition.sale.as_str()).await?.is_none(), "the sale was not removed");
    eventually(BOUND, "the operator has noticed", async || {
        ensure!(!warnings(&world, "does not know FlashSales").is_empty(), "{}", world.operator.log());
        Ok(())
    })
    .await?;
    apply_crd(&world.bed).await?;
    world.apply("later", &spec(-10, &[json!({ "sku": "A", "quantity": 700 })])).await?;
    world.in_force("later").await?;
    assert_provisioned_once(&world.shelf("later").await?.1, 700);
    world.told(&format!("namespace {} is ", world.namespace));
    // A kind that is not there is no trouble of each sale.
    assert_eq!(warnings(&world, "cannot be brought on: Kubernetes"), Vec::<String>::new());
    Ok(())
}

fn restock(quantity: u32) -> Value {
    json!({ "spec": { "items": [{ "sku": "A", "quantity": quantity }] } })
}
