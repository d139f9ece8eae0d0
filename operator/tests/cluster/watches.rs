//! A watch that ends, is refused, or falls silent: what changed meanwhile is applied all the same.
//!
//! The sale stands still, so that it is looked at once in a minute; what is seen earlier was seen by the watch.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::ensure;
use serde_json::json;
use testbed::eventually;
use testbed::kubernetes::faulty::{Call, Fault, FaultyServer};

use crate::world::{BOUND, World, spec};

/// Longer than a silent watch is believed in, shorter than the time between two regular looks.
const SILENT_BOUND: Duration = Duration::from_secs(50);

fn watches(call: &Call) -> bool {
    call.is("watch", "flashsales")
}

/// A sale that is not looked at for a minute unless the watch says something.
async fn still() -> anyhow::Result<(World, FaultyServer)> {
    let (world, faulty) = World::behind().await?;
    world.apply("quiet", &spec(3_600, &[json!({ "sku": "A", "quantity": 100 })])).await?;
    world.in_force("quiet").await?;
    eventually(BOUND, "a watch", async || {
        ensure!(faulty.open_watches() == 1, "{} are open", faulty.open_watches());
        Ok(())
    })
    .await?;
    Ok((world, faulty))
}

async fn restock(world: &World, quantity: i64) -> anyhow::Result<()> {
    world.patch("quiet", &json!({ "spec": { "items": [{ "sku": "A", "quantity": quantity }] } })).await?;
    Ok(())
}

async fn restocked(world: &World, quantity: i64, bound: Duration) -> anyhow::Result<()> {
    eventually(bound, "the change is applied", async || {
        let stock = world.stock("quiet", "A").await?;
        ensure!(stock == (quantity, quantity), "{stock:?}");
        Ok(())
    })
    .await
}

/// A change in a gap that `open` opens and healing closes.
async fn changed_in_a_gap(
    (world, faulty): &(World, FaultyServer),
    quantity: i64,
    open: impl AsyncFnOnce(),
) -> anyhow::Result<()> {
    let tried = faulty.asked(watches).len();
    open().await;
    eventually(BOUND, "the watch is gone", async || {
        ensure!(faulty.open_watches() == 0, "it is open");
        ensure!(faulty.asked(watches).len() > tried, "it was not tried again");
        Ok(())
    })
    .await?;
    restock(world, quantity).await?;
    faulty.heal();
    restocked(world, quantity, BOUND).await
}

#[tokio::test]
async fn a_change_in_a_gap_of_the_watch_is_applied() -> anyhow::Result<()> {
    let pair = still().await?;
    let (world, faulty) = &pair;
    changed_in_a_gap(&pair, 110, async || {
        faulty.every(Fault::Refused(500), watches);
        faulty.end_watches();
    })
    .await?;
    changed_in_a_gap(&pair, 120, async || {
        faulty.every(Fault::Expired, watches);
        faulty.expire_watches();
    })
    .await?;
    changed_in_a_gap(&pair, 130, async || {
        faulty.every(Fault::Refused(500), |call| call.is("list", "flashsales"));
        faulty.every(Fault::Lost, watches);
        faulty.end_watches();
    })
    .await?;
    let log = world.operator.log();
    let told = log.lines().filter(|line| line.contains(" WARN ") && line.contains("watching FlashSales")).count();
    assert!(told <= 3, "one line per gap:\n{log}");
    Ok(())
}

#[tokio::test]
async fn a_server_that_has_forgotten_the_past_is_asked_for_the_present() -> anyhow::Result<()> {
    let (world, faulty) = still().await?;
    // From now on every watch is too old until everything is listed anew.
    let listed = Arc::new(AtomicBool::new(false));
    faulty.every(Fault::Refused(410), move |call| {
        // Of one alone asks whoever looks whether the namespace is served.
        if call.is("list", "flashsales") && call.limit != Some(1) {
            listed.store(true, Ordering::SeqCst);
        }
        watches(call) && !listed.load(Ordering::SeqCst)
    });
    faulty.end_watches();
    restock(&world, 110).await?;
    restocked(&world, 110, BOUND).await
}

#[tokio::test]
async fn a_watch_that_has_fallen_silent_is_not_believed_for_long() -> anyhow::Result<()> {
    let (world, faulty) = still().await?;
    faulty.silence_watches();
    restock(&world, 110).await?;
    restocked(&world, 110, SILENT_BOUND).await
}

#[tokio::test]
async fn a_long_outage_does_not_make_the_watch_slow() -> anyhow::Result<()> {
    let (world, faulty) = still().await?;
    // Of one alone asks whoever looks whether the namespace is served.
    let lists = |call: &Call| call.is("list", "flashsales") && call.limit != Some(1);
    faulty.every(Fault::Refused(500), lists);
    faulty.expire_watches();
    let tries = eventually(BOUND * 2, "eight tries", async || {
        let tries = faulty.asked(lists);
        ensure!(tries.len() > 8, "{} tries", tries.len());
        Ok(tries)
    })
    .await?;
    // It asks less often, and never more than a few seconds apart.
    let pauses: Vec<_> = tries.windows(2).map(|pair| pair[1].at - pair[0].at).collect();
    // A machine that stalls lengthens one or the other.
    let least = pauses.iter().rev().take(3).min().copied().unwrap_or_default();
    assert!((Duration::from_secs(2)..Duration::from_secs(10)).contains(&least), "{pauses:?}");
    restock(&world, 110).await?;
    faulty.heal();
    restocked(&world, 110, BOUND).await
}
