//! A resource that comes back and knows nothing of what was sold: from a backup, or as another one that goes on.

use super::*;

fn sold(world: &mut World, units: u32) {
    for (_, bucket) in &mut world.shelf().items.get_mut(&Sku::parse("A").unwrap()).unwrap().buckets[..units as usize] {
        *bucket = bucket.claim(Units(1), Generation(9)).unwrap();
    }
}

#[test]
fn a_sale_whose_status_was_lost_is_latched_as_it_was_published_and_not_filled_again() {
    let mut world = World::settled(&wanted(3, |_| {}), noon());
    sold(&mut world, 7);
    world.latch = None;
    assert_eq!(world.run(&wanted(4, |_| {}), noon(), usize::MAX), ["latch", "publish", "stamp", "supply"]);
    let stock = &world.shelf().items[&Sku::parse("A").unwrap()];
    assert_eq!((stock.free(), stock.supply()), (33, 40));
    assert_eq!(world.latch, Some(latch()));
}

#[test]
fn a_sale_whose_status_and_stream_were_lost_is_lost_and_not_made_again() {
    for stream in [None, Some(at("2027-03-14T11:00:00Z"))] {
        let mut world = World::settled(&wanted(3, |_| {}), noon());
        world.latch = None;
        match stream {
            None => world.seen.shelf = None,
            Some(created) => world.shelf().identity.created = created,
        }
        assert_eq!(world.run(&wanted(3, |_| {}), noon(), usize::MAX), ["latch", "publish"]);
        assert!(world.seen.published.unwrap().withdrawn.is_some());
    }
}

#[test]
fn whoever_goes_on_counts_from_what_was_in_force() {
    let mut world = World::settled(&wanted(6, |_| {}), noon());
    let deed = protocol::deed::Deed {
        owner: "another".to_owned(),
        sale: protocol::SaleId::of_resource("aurora", UID).unwrap(),
        uid: UID.to_owned(),
        base: newest_generation(&world.seen).unwrap(),
        ended: None,
    };
    let again = |definition: &mut Definition| {
        definition.uid = "another".to_owned();
        definition.items[0].quantity = Units(50);
    };
    let again = wanted(1, again).held_by(&deed);
    assert_eq!(again.definition.generation, Generation(7));
    world.run(&again, noon(), usize::MAX);
    let stock = &world.shelf().items[&Sku::parse("A").unwrap()];
    assert_eq!((stock.free(), stock.supply()), (50, 50));
    // The one that it came after is fenced.
    let late = plan(&Ok(wanted(6, |_| {})), world.latch.as_ref(), &world.seen, noon());
    assert_eq!(late, Plan::Deposed(Generation(7)));
}
