//! The emergency stop, which no reconcile may end by the way.

use super::*;

#[test]
fn an_emergency_stop_survives_every_reconcile() {
    let mut world = World::settled(&wanted(1, |_| {}), noon());
    world.seen.published.as_mut().unwrap().stopped = true;
    world.run(&wanted(2, |_| {}), noon(), usize::MAX);
    assert!(world.seen.published.unwrap().stopped);
}

#[test]
fn an_emergency_stop_ends_when_it_is_said_to_and_the_buckets_last() {
    let mut world = World::settled(&wanted(1, |_| {}), noon());
    world.seen.published.as_mut().unwrap().stopped = true;
    for (_, bucket) in world.shelf().items.values_mut().flat_map(|stock| &mut stock.buckets) {
        bucket.stopped = true;
    }
    let resumed = Wanted { resume: true, ..wanted(1, |_| {}) };
    assert_eq!(world.run(&resumed, noon(), usize::MAX), ["publish", "resume"]);
    assert!(!world.seen.published.as_ref().unwrap().stopped);
    assert!(world.shelf().items.values().flat_map(|stock| &stock.buckets).all(|(_, bucket)| !bucket.stopped));
    assert!(world.run(&resumed, noon(), usize::MAX).is_empty(), "there is nothing left to resume");
}
