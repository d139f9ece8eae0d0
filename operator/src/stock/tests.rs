use std::collections::BTreeSet;

use protocol::store::memory::{Chaos, Fault, Memory};
use protocol::{Epoch, Units};

use super::*;

const ITEMS: [&str; 3] = ["A", "B", "C"];

fn sku(name: &str) -> Sku {
    Sku::parse(name).unwrap()
}

fn targets(quantities: [u32; 3]) -> Vec<(Sku, Target)> {
    let target = |quantity| Target { generation: Generation(1), quantity: Units(quantity), withheld: Units(0) };
    ITEMS.iter().zip(quantities).map(|(name, quantity)| (sku(name), target(quantity))).collect()
}

/// Whose it is, and four buckets for each of these items.
fn seeds(items: &[&str]) -> Vec<Vec<Write>> {
    let meta = Meta { uid: "uid".to_owned(), epoch: Epoch(1), shards: 1, digest: "digest".to_owned() };
    let buckets = items.iter().map(|name| bucket_seeds(&sku(name), 4, Generation(1)));
    std::iter::once(meta_seed(&meta)).chain(buckets).collect()
}

async fn seeded() -> Memory {
    let store = Memory::new();
    seed(&store, seeds(&ITEMS)).await.unwrap();
    store
}

fn batches(store: &Memory) -> usize {
    store.log().iter().map(|logged| logged.batch).collect::<BTreeSet<_>>().len()
}

/// Free units of each item, and what its records come to.
async fn stock(store: &Memory) -> Vec<(u32, u32)> {
    let mut all = Vec::new();
    for name in ITEMS {
        let buckets = (0..4).map(|index| store.peek(&Key::Bucket(sku(name), BucketIndex(index))).unwrap());
        let free = buckets.map(|entry| Bucket::decode(&entry.value).unwrap().free.0).sum();
        let newest = observe::newest_supply(store, &sku(name), None).await.unwrap();
        all.push((free, newest.map_or(0, |(_, record)| record.total.0)));
    }
    all
}

#[tokio::test(start_paused = true)]
async fn a_new_sale_takes_two_batches_however_many_items_it_has() {
    let store = seeded().await;
    assert_eq!((batches(&store), store.log().len()), (1, 1 + 12));
    supply_all(&store, &targets([8, 9, 2])).await.unwrap();
    assert_eq!(stock(&store).await, [(8, 8), (9, 9), (2, 2)]);
    assert_eq!(batches(&store), 2);
    supply_all(&store, &targets([8, 9, 2])).await.unwrap();
    assert_eq!(batches(&store), 2, "what is done is not done again");
    store.check().unwrap();
}

#[tokio::test(start_paused = true)]
async fn seeds_that_are_there_stay_and_the_missing_ones_are_added() {
    let store = Memory::new();
    seed(&store, seeds(&["B"])).await.unwrap();
    let there = store.log();
    seed(&store, seeds(&ITEMS)).await.unwrap();
    assert_eq!(store.log()[..there.len()], there[..]);
    assert_eq!(store.log().len(), 1 + 12);
    assert_eq!(stock(&store).await, [(0, 0); 3]);
    seed(&store, seeds(&ITEMS)).await.unwrap();
    assert_eq!(store.log().len(), 1 + 12);
}

#[tokio::test(start_paused = true)]
async fn a_stream_without_a_leader_is_seeded_in_one_batch_as_soon_as_it_has_one() {
    let store = Memory::new();
    for fault in [Fault::NotTaken, Fault::Clash, Fault::NotTaken, Fault::AckLost] {
        store.script(fault);
    }
    seed(&store, seeds(&ITEMS)).await.unwrap();
    assert_eq!((batches(&store), store.log().len()), (1, 1 + 12), "the lost yes is found to be there");
}

#[tokio::test(start_paused = true)]
async fn a_bucket_that_somebody_else_writes_holds_up_no_item() {
    let store = seeded().await;
    supply_all(&store, &targets([8, 8, 8])).await.unwrap();
    let before = store.last();
    let sold = observe::bucket(&store, &sku("A"), BucketIndex(0)).await.unwrap();
    let left = sold.bucket.claim(Units(1), Generation(1)).unwrap();
    assert!(matches!(store.commit(vec![put(&sold, &left)]).await, Outcome::Committed(_)));
    // Seen by a replica that does not know of it, the batch of all items conflicts.
    store.set_snapshots_at(Some(before));
    supply_all(&store, &targets([12, 12, 4])).await.unwrap();
    assert_eq!(stock(&store).await, [(11, 12), (12, 12), (4, 4)]);
}

#[tokio::test(start_paused = true)]
async fn a_batch_of_unknown_outcome_is_settled_before_anything_is_planned_anew() {
    for fault in [Fault::AckLost, Fault::Lost, Fault::Delayed] {
        let store = seeded().await;
        store.script(fault);
        supply_all(&store, &targets([8, 9, 2])).await.unwrap();
        for (ticket, _) in store.delayed() {
            let landed = store.land(ticket);
            assert!(matches!(landed, Some(Outcome::Conflict(_))), "{fault:?}: {landed:?}");
        }
        assert_eq!(stock(&store).await, [(8, 8), (9, 9), (2, 2)], "{fault:?}");
        store.check().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_newer_definition_deposes_and_nothing_is_written() {
    let store = seeded().await;
    let newer = Target { generation: Generation(2), quantity: Units(5), withheld: Units(0) };
    supply(&store, &sku("C"), &newer).await.unwrap();
    let before = store.last();
    let deposed = supply_all(&store, &targets([8, 9, 2])).await;
    assert!(matches!(deposed, Err(Error::Deposed(Generation(2)))), "{deposed:?}");
    assert_eq!(store.last(), before);
}

#[tokio::test(start_paused = true)]
async fn on_a_bad_day_reruns_end_with_exactly_what_was_asked() {
    for dice in 0..300 {
        let store = Memory::new();
        store.unleash(Chaos::storm(dice));
        let mut runs = 0;
        for quantities in [[8, 9, 2], [100, 0, 7], [3, 40, 41]] {
            loop {
                let done = async {
                    seed(&store, seeds(&ITEMS)).await?;
                    supply_all(&store, &targets(quantities)).await
                };
                runs += 1;
                assert!(runs < 1_000, "seed {dice} never ends");
                if done.await.is_ok() {
                    break;
                }
            }
        }
        store.calm();
        for (ticket, _) in store.delayed() {
            store.land(ticket);
        }
        assert_eq!(stock(&store).await, [(3, 3), (40, 40), (41, 41)], "seed {dice}");
        store.check().unwrap();
    }
}
