//! A sale from its first line to its closed books.

use anyhow::{Context as _, ensure};
use protocol::bucket::State;
use protocol::sale::DesiredState;
use serde_json::json;
use testbed::eventually;

use crate::world::{BOUND, World, at, field, metric, reason, spec};

#[tokio::test]
async fn a_sale_is_provisioned_changed_closed_and_completed() -> anyhow::Result<()> {
    let world = World::start().await?;
    world.apply("aurora", &spec(-10, &[json!({ "sku": "A", "quantity": 100, "withheld": 10 })])).await?;
    world.wait_for("aurora", "Provisioned").await?;
    let sale = world.in_force("aurora").await?;
    assert_eq!(reason(&sale, "Ready"), "Open", "{:#}", sale["status"]);
    assert_eq!(sale["status"]["totals"]["free"], 90);
    assert_eq!(sale["status"]["storage"]["replicas"], 1);
    assert_eq!(sale["status"]["conditions"].as_array().map(Vec::len), Some(9));
    assert_eq!(world.stock("aurora", "A").await?, (90, 90));
    let definition = world.definition("aurora").await?.unwrap();
    assert_eq!(definition.items[0].buckets, 16);
    let (_, shelf) = world.shelf("aurora").await?;
    assert_eq!(definition.streams, std::slice::from_ref(&shelf.identity));
    assert!(shelf.identity.first_seq > 1_600_000_000_000_000, "{:?}", shelf.identity);
    world.until_told("aurora", "Provisioned").await?;
    world.until_told("aurora", "Opened").await?;
    world.until_told("aurora", "StorageNotDurable").await?;

    restock_and_decrease(&world).await?;
    pause_and_resume(&world).await?;

    // Made, three changes of stock, paused, resumed.
    assert_eq!(metric(&world.admin, "sluice_operator_change_seconds_count").await?, 6);
    assert_eq!(metric(&world.admin, "sluice_operator_leader").await?, 1);

    world.patch("aurora", &json!({ "spec": { "desiredState": "Closed" } })).await?;
    let sale = world.until("aurora", "it drains", |sale| reason(sale, "Ready") == "Draining").await?;
    assert_eq!(field(&sale, "Completed", "status"), "Unknown");
    assert_eq!(sale["status"]["observedGeneration"], sale["metadata"]["generation"]);
    let (_, shelf) = world.shelf("aurora").await?;
    assert!(shelf.items.values().flat_map(|stock| &stock.buckets).all(|(_, bucket)| bucket.state == State::Closed));
    world.keep_books("aurora").await?;
    world.wait_for("aurora", "Completed").await?;
    let sale = world.get("aurora").await?;
    assert_eq!(field(&sale, "StockConserved", "status"), "True");
    assert!(
        field(&sale, "StockConserved", "message").starts_with("0 free + 0 held + 30 sold = 30 supplied; audited at")
    );
    assert_eq!(sale["status"]["totals"]["unaccounted"], 0);
    for told in
        ["Restocked", "WithheldChanged", "ShortOfDecrease", "Paused", "Resumed", "SoldOut", "Closed", "Completed"]
    {
        world.until_told("aurora", told).await?;
    }
    Ok(())
}

/// 90 units, 30 sold: more, fewer, and fewer than are sold.
async fn restock_and_decrease(world: &World) -> anyhow::Result<()> {
    world.sell("aurora", "A", 30).await?;
    let items = |quantity: u32, withheld: u32| json!({ "spec": { "items": [{ "sku": "A", "quantity": quantity, "withheld": withheld }] } });
    world.patch("aurora", &items(200, 0)).await?;
    world.in_force("aurora").await?;
    assert_eq!(world.stock("aurora", "A").await?, (170, 200));
    let definition = world.definition("aurora").await?.unwrap();
    let (_, shelf) = world.shelf("aurora").await?;
    let mut buckets = shelf.items.values().flat_map(|stock| &stock.buckets);
    assert!(buckets.all(|(_, bucket)| bucket.generation == definition.generation), "every bucket is stamped");

    world.patch("aurora", &items(20, 0)).await?;
    let sale = world.in_force("aurora").await?;
    assert_eq!(world.stock("aurora", "A").await?, (0, 30));
    assert_eq!(reason(&sale, "SupplyApplied"), "ShortOfDecrease");
    let message = "10 units of A could not be taken back: 20 are asked for, 30 are sold and 0 held";
    assert_eq!(field(&sale, "SupplyApplied", "message"), message);
    assert_eq!(sale["status"]["totals"]["shortfall"], 10);

    world.patch("aurora", &items(30, 0)).await?;
    let sale = world.in_force("aurora").await?;
    assert_eq!(reason(&sale, "SupplyApplied"), "Applied");
    assert_eq!(field(&sale, "SoldOut", "status"), "True");
    Ok(())
}

async fn pause_and_resume(world: &World) -> anyhow::Result<()> {
    for (asked, expected, ready) in
        [("Paused", DesiredState::Paused, "Paused"), ("Scheduled", DesiredState::Scheduled, "Open")]
    {
        world.patch("aurora", &json!({ "spec": { "desiredState": asked } })).await?;
        let sale = world.in_force("aurora").await?;
        assert_eq!(reason(&sale, "Ready"), ready);
        let definition = world.definition("aurora").await?.unwrap();
        assert_eq!(definition.desired_state, expected);
        let (_, shelf) = world.shelf("aurora").await?;
        let mut buckets = shelf.items.values().flat_map(|stock| &stock.buckets);
        assert!(buckets.all(|(_, bucket)| bucket.generation == definition.generation && bucket.state == State::Open));
    }
    Ok(())
}

#[tokio::test]
async fn the_clock_alone_opens_and_closes_a_sale() -> anyhow::Result<()> {
    let world = World::start().await?;
    let mut alone = None;
    for (name, lead) in [("soon", 5), ("later", 10), ("late", 20)] {
        if opened_and_closed_by_the_clock(&world, name, lead).await? {
            alone = Some(name);
            break;
        }
    }
    let name = alone.context("no schedule was in force before its time came")?;
    world.keep_books(name).await?;
    world.wait_for(name, "Completed").await?;
    let later = json!({ "spec": { "schedule": { "endTime": "2099-01-01T00:00:00Z" } } });
    world.patch(name, &later).await?;
    let sale = world.until(name, "it stays over", |sale| reason(sale, "Ready") == "Refused").await?;
    assert!(field(&sale, "Ready", "message").contains("the sale is completed"), "{:#}", sale["status"]);
    Ok(())
}

/// Has a sale opened and closed by the clock alone; false where a schedule was not in force so many seconds before its time.
async fn opened_and_closed_by_the_clock(world: &World, name: &str, lead: i64) -> anyhow::Result<bool> {
    world.apply(name, &spec(3_600, &[json!({ "sku": "A", "quantity": 5 })])).await?;
    world.until(name, "it is scheduled", |sale| reason(sale, "Ready") == "Scheduled").await?;
    let (start, end) = (at(lead), at(3_600));
    world.patch(name, &json!({ "spec": { "schedule": { "startTime": start, "endTime": end } } })).await?;
    if reason(&world.in_force(name).await?, "Ready") != "Scheduled" {
        return Ok(false);
    }
    let sale = world.until(name, "it opens", |sale| reason(sale, "Ready") == "Open").await?;
    assert_eq!((&sale["status"]["openedAt"], &sale["status"]["nextTransitionTime"]), (&json!(start), &json!(end)));
    let end = at(lead);
    world.patch(name, &json!({ "spec": { "schedule": { "endTime": end } } })).await?;
    let sale = world.in_force(name).await?;
    if reason(&sale, "Ready") != "Open" {
        return Ok(false);
    }
    assert_eq!(sale["status"]["nextTransitionTime"], end);
    world.until(name, "it drains", |sale| reason(sale, "Ready") == "Draining").await?;
    Ok(true)
}

#[tokio::test]
async fn an_item_added_to_an_open_sale_is_filled_before_it_is_shown() -> anyhow::Result<()> {
    let world = World::start().await?;
    world.apply("two", &spec(-10, &[json!({ "sku": "A", "quantity": 3 })])).await?;
    world.in_force("two").await?;
    let items = json!({ "spec": { "items": [{ "sku": "A", "quantity": 3 }, { "sku": "B", "quantity": 40 }] } });
    world.patch("two", &items).await?;
    world.in_force("two").await?;
    assert_eq!(world.stock("two", "A").await?, (3, 3));
    assert_eq!(world.stock("two", "B").await?, (40, 40));
    let definition = world.definition("two").await?.unwrap();
    assert_eq!(definition.items.iter().map(|item| item.buckets).collect::<Vec<_>>(), [3, 16]);
    Ok(())
}

#[tokio::test]
async fn what_this_version_cannot_do_is_refused_by_name() -> anyhow::Result<()> {
    let world = World::start().await?;
    let cases = [
        ("shards", json!({ "sharding": { "shards": 2 } }), "more than one shard is not available yet"),
        ("ledger", json!({ "acknowledge": "Ledger" }), "acknowledge Ledger is not available yet"),
    ];
    for (name, more, message) in cases {
        let mut spec = spec(-10, &[json!({ "sku": "A", "quantity": 3 })]);
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        world.apply(name, &spec).await?;
        let sale = world.until(name, "it is refused", |sale| reason(sale, "Ready") == "Refused").await?;
        assert!(field(&sale, "Ready", "message").contains(message), "{:#}", sale["status"]);
        assert!(sale["status"]["storage"].is_null(), "nothing is provisioned");
        world.until_told(name, "Refused").await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_million_units_are_provisioned_as_fast_as_a_thousand() -> anyhow::Result<()> {
    let world = World::start().await?;
    let clock = runtime::clock::Clock::system();
    let mut took = Vec::new();
    for (name, quantity) in [("warm", 10), ("thousand", 1_000), ("million", 1_000_000)] {
        let begun = clock.monotonic();
        world.apply(name, &spec(-10, &[json!({ "sku": "A", "quantity": quantity })])).await?;
        eventually(BOUND, "the definition is published", async || {
            ensure!(world.definition(name).await?.is_some(), "nothing is published");
            Ok(())
        })
        .await?;
        took.push((name, clock.monotonic() - begun));
        assert_eq!(world.stock(name, "A").await?, (quantity, quantity));
        let (_, shelf) = world.shelf(name).await?;
        // One meta, 16 buckets, 16 records: nothing grows with the number of units.
        assert_eq!(shelf.messages, 1 + if quantity == 10 { 20 } else { 32 });
    }
    let seconds: Vec<_> = took.iter().map(|(_, took)| took.as_secs_f64()).collect();
    println!("provisioned in {took:?}; a million against a thousand: {:.2}", seconds[2] / seconds[1]);
    Ok(())
}

#[tokio::test]
async fn whatever_may_change_while_a_sale_runs_is_in_force_at_once() -> anyhow::Result<()> {
    let world = World::start().await?;
    let mut running = spec(-10, &[json!({ "sku": "A", "quantity": 3 })]);
    running["payment"] = json!({ "mode": "External", "checkoutURL": "https://pay.example/{order}" });
    world.apply("live", &running).await?;
    world.in_force("live").await?;
    let item = json!({ "sku": "A", "quantity": 3, "displayName": "Better", "imageURL": "https://example.com/a.png" });
    for change in [
        json!({ "displayName": "Second run" }),
        json!({ "items": [item] }),
        json!({ "schedule": { "endTime": "2099-01-01T00:00:00Z" } }),
        json!({ "rateLimit": { "requests": 7, "windowSeconds": 30 } }),
        json!({ "access": { "guests": "Allow" } }),
        json!({ "reservation": { "holdSeconds": 90 } }),
        json!({ "payment": { "checkoutURL": "https://pay.example/v2/{order}" } }),
    ] {
        world.patch("live", &json!({ "spec": change })).await?;
        let sale = world.in_force("live").await?;
        assert_eq!(reason(&sale, "Ready"), "Open", "{change} {:#}", sale["status"]);
        let definition = world.definition("live").await?.unwrap();
        let (_, shelf) = world.shelf("live").await?;
        let mut buckets = shelf.items.values().flat_map(|stock| &stock.buckets);
        assert!(buckets.all(|(_, bucket)| bucket.generation == definition.generation), "{change}");
    }
    let now = world.definition("live").await?.unwrap();
    assert_eq!((now.display_name.as_str(), now.end.to_string().as_str()), ("Second run", "2099-01-01T00:00:00Z"));
    assert_eq!((now.items[0].display_name.as_str(), now.items[0].image_url.is_some()), ("Better", true));
    assert_eq!(now.rate_limit.map(|limit| (limit.requests, limit.window_seconds)), Some((7, 30)));
    assert_eq!((now.guests_allowed, now.hold_seconds), (true, 90));
    let checkout_url = "https://pay.example/v2/{order}".to_owned();
    assert_eq!(now.payment, protocol::sale::Payment::External { checkout_url });
    Ok(())
}
