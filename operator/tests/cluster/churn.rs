//! How little is written where little changes.

use std::time::Duration;

use anyhow::ensure;
use serde_json::json;
use testbed::eventually;
use testbed::kubernetes::faulty::Call;

use crate::early::{EARLY, undisturbed};
use crate::world::{BOUND, World, field, metric, reason, spec};

/// How often a sale was looked at.
pub(crate) const LOOKS: &str = "sluice_operator_reconciles_total";
/// How often numbers may be written.
const NUMBERS_EVERY: Duration = Duration::from_secs(2);

fn status_writes(call: &Call) -> bool {
    call.is("patch", "flashsales/status")
}

#[tokio::test]
async fn five_hundred_units_sold_one_by_one_cost_one_write_in_two_seconds() -> anyhow::Result<()> {
    let (world, faulty) = World::behind().await?;
    world.apply("busy", &spec(-10, &[json!({ "sku": "A", "quantity": 1_000 })])).await?;
    world.in_force("busy").await?;
    let definition = world.definition("busy").await?.unwrap();
    world.keep_books_of(&definition).await?;
    world.until("busy", "the books are seen", |sale| field(sale, "LedgerInSync", "status") == "True").await?;
    let clock = runtime::clock::Clock::system();
    let (begun, written, looks) = (clock.monotonic(), faulty.done(status_writes), metric(&world.admin, LOOKS).await?);
    let early = metric(&world.admin, EARLY).await?;
    for customer in 0..500 {
        world.sell_of(&definition, "A", customer..customer + 1).await?;
        world.keep_books_of(&definition).await?;
    }
    world.until("busy", "all of it is told", |sale| sale["status"]["totals"]["sold"] == 500).await?;
    let took = clock.monotonic() - begun;
    let (written, looks) = (faulty.done(status_writes) - written, metric(&world.admin, LOOKS).await? - looks);
    let early = metric(&world.admin, EARLY).await? - early;
    println!("500 units in {took:?}: {looks} looks, {early} of them ended early, {written} writes");
    // The first one need not wait, and that a look ends early is told, and that the next one does not.
    let most = 1 + took.as_secs() / NUMBERS_EVERY.as_secs() + 2 * early;
    assert!(u64::try_from(written)? <= most, "{written} writes in {took:?}");
    assert!(looks > u64::try_from(written)?, "{looks} looks");
    assert_eq!(world.stock("busy", "A").await?, (500, 1_000));
    Ok(())
}

#[tokio::test]
async fn a_sale_that_stands_still_is_not_written() -> anyhow::Result<()> {
    let (world, faulty) = World::behind().await?;
    // What it may do is asked whenever a request was not answered, and changes nothing.
    let writes =
        |call: &Call| call.writes() && !["leases", "selfsubjectaccessreviews"].contains(&call.resource.as_str());
    let (written, before, after) = undisturbed(&world, 0, async |round| {
        let name = format!("still-{round}");
        world.apply(&name, &spec(3_600, &[json!({ "sku": "A", "quantity": 5 })])).await?;
        let made = world.in_force(&name).await?;
        // Events are told beside the looks.
        world.until_told(&name, "Provisioned").await?;
        world.until_told(&name, "StorageNotDurable").await?;
        // Three looks without a reason to write: the ledger says the same three times.
        world.keep_books(&name).await?;
        world.until(&name, "the books are seen", |sale| field(sale, "LedgerInSync", "status") == "True").await?;
        let before = world.get(&name).await?;
        assert_eq!(reason(&before, "Ready"), "Scheduled");
        assert_ne!(before["metadata"]["resourceVersion"], made["metadata"]["resourceVersion"]);
        let begun = metric(&world.admin, LOOKS).await?;
        let written = faulty.asked(writes).len();
        for look in 1..=3 {
            world.keep_books(&name).await?;
            eventually(BOUND, "a look", async || {
                let looks = metric(&world.admin, LOOKS).await?;
                ensure!(looks >= begun + look, "{looks} looks");
                Ok(())
            })
            .await?;
        }
        Ok((faulty.asked(writes).split_off(written), before, world.get(&name).await?))
    })
    .await?;
    assert!(written.is_empty(), "{written:?}");
    assert_eq!(before["metadata"]["resourceVersion"], after["metadata"]["resourceVersion"]);
    Ok(())
}

#[tokio::test]
async fn a_new_sale_costs_five_requests() -> anyhow::Result<()> {
    let (world, faulty) = World::behind().await?;
    let items: Vec<_> = ["A", "B", "C"].map(|sku| json!({ "sku": sku, "quantity": 100 })).into();
    let asked = undisturbed(&world, 0, async |round| {
        let name = format!("new-{round}");
        // An event says which sale it is of only in what it tells.
        let about =
            |call: &Call| call.resource.starts_with("flashsales") && call.name == name || call.resource == "events";
        let asked = || faulty.asked(|call| about(call) && !matches!(call.verb, "list" | "watch"));
        let begun = asked().len();
        world.apply(&name, &spec(3_600, &items)).await?;
        world.in_force(&name).await?;
        world.until_told(&name, "Provisioned").await?;
        world.until_told(&name, "StorageNotDurable").await?;
        Ok(asked().split_off(begun))
    });
    let mut asked: Vec<_> = asked.await?.into_iter().map(|asked| (asked.call.verb, asked.call.resource)).collect();
    asked.sort();
    let expected = [
        ("create", "events"),
        ("create", "events"),
        ("patch", "flashsales"),
        ("patch", "flashsales/status"),
        ("patch", "flashsales/status"),
    ];
    assert_eq!(asked, expected.map(|(verb, resource)| (verb, resource.to_owned())));
    Ok(())
}
