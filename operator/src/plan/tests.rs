use protocol::Units;
use protocol::bucket::State;
use protocol::supply;

use super::*;
use crate::wanted::Refused;

mod stop;

const UID: &str = "1f3c9a2b-0000-4000-8000-000000000000";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn noon() -> Timestamp {
    at("2027-03-14T12:00:00Z")
}

/// A sale that opens at nine and closes at three, with 40 units in 16 buckets.
fn wanted(generation: u64, change: impl FnOnce(&mut Definition)) -> Wanted {
    let item = Item {
        sku: Sku::parse("A").unwrap(),
        display_name: "A".to_owned(),
        image_url: None,
        quantity: Units(40),
        withheld: Units(0),
        price: None,
        per_order: Units(1),
        per_customer: None,
        buckets: 16,
    };
    let mut definition = Definition {
        sale: protocol::SaleId::of_resource("aurora", UID).unwrap(),
        namespace: "shop".to_owned(),
        name: "aurora".to_owned(),
        uid: UID.to_owned(),
        generation: Generation(generation),
        epoch: FIRST_EPOCH,
        streams: Vec::new(),
        display_name: "Aurora".to_owned(),
        desired_state: DesiredState::Scheduled,
        stopped: false,
        withdrawn: None,
        start: at("2027-03-14T09:00:00Z"),
        end: at("2027-03-14T15:00:00Z"),
        per_customer: None,
        items: vec![item],
        payment: protocol::sale::Payment::None,
        hold_seconds: 300,
        guests_allowed: false,
        rate_limit: None,
        acknowledge: protocol::sale::Acknowledge::Stream,
    };
    change(&mut definition);
    Wanted {
        definition,
        replicas: None,
        required_sync: crate::resource::RequiredSync::Always,
        shards: 1,
        buckets_per_item: 16,
        deleting: false,
        force: false,
        resume: false,
    }
}

fn identity() -> StreamIdentity {
    StreamIdentity { shard: Shard(0), created: at("2027-03-14T08:00:00Z"), first_seq: 1_700_000_000_000_000 }
}

fn latch() -> Latch {
    let buckets = BTreeMap::from([(Sku::parse("A").unwrap(), 16)]);
    Latch { epoch: FIRST_EPOCH, streams: vec![identity()], replicas: 1, buckets, completed: false }
}

/// The store, as far as a plan sees it: a model that does what the steps say.
struct World {
    seen: Seen,
    latch: Option<Latch>,
}

impl World {
    fn empty() -> Self {
        Self { seen: Seen::default(), latch: None }
    }

    fn settled(wanted: &Wanted, now: Timestamp) -> Self {
        let mut world = Self::empty();
        world.run(wanted, now, usize::MAX);
        world
    }

    fn shelf(&mut self) -> &mut Shelf {
        self.seen.shelf.as_mut().unwrap()
    }

    /// Plans and does until settled, or until `steps_max` steps are done; the names of the steps.
    fn run(&mut self, wanted: &Wanted, now: Timestamp, steps_max: usize) -> Vec<&'static str> {
        let mut done = Vec::new();
        for _ in 0..20 {
            match plan(&Ok(wanted.clone()), self.latch.as_ref(), &self.seen, now) {
                Plan::Steps(steps) => {
                    for step in steps {
                        if done.len() == steps_max {
                            return done;
                        }
                        done.push(self.apply(step, wanted));
                    }
                }
                Plan::Settled(_) => return done,
                Plan::Deposed(newer) => panic!("deposed by {newer}"),
            }
        }
        panic!("never settles: {done:?}")
    }

    fn apply(&mut self, step: Step, wanted: &Wanted) -> &'static str {
        match step {
            Step::CreateStream => {
                assert!(self.latch.is_none(), "a latched stream is never made again");
                self.seen.shelf.get_or_insert_with(|| Shelf {
                    identity: identity(),
                    replicas: 1,
                    on_disk: true,
                    messages: 0,
                    meta: None,
                    items: BTreeMap::new(),
                    position: Revision(0),
                });
                "create"
            }
            Step::SeedMeta(meta) => {
                self.shelf().messages += 1;
                self.shelf().meta.get_or_insert(meta);
                "meta"
            }
            Step::SeedBuckets { sku, buckets, generation } => {
                let stock = self.shelf().items.entry(sku).or_default();
                assert!(stock.buckets.is_empty(), "buckets are never seeded twice");
                stock.buckets = (0..buckets).map(|i| (BucketIndex(i), Bucket::seeded(generation))).collect();
                "seed"
            }
            Step::Latch { buckets } => {
                let latch = self.latch.get_or_insert_with(|| Latch { buckets: BTreeMap::new(), ..latch() });
                latch.buckets = buckets;
                "latch"
            }
            Step::Stamp { definition, closed } => {
                for (sku, stock) in &mut self.shelf().items {
                    let state = bucket_state(&definition, sku, closed);
                    for (_, bucket) in &mut stock.buckets {
                        if let Some(next) = bucket.stamp(definition.generation, state).unwrap() {
                            *bucket = next;
                        }
                    }
                }
                "stamp"
            }
            Step::Supply { sku, target } => {
                let stock = self.shelf().items.get_mut(&sku).unwrap();
                let last = stock.supplied.as_ref().map(|(number, supply)| (*number, supply));
                if let supply::Plan::Write(steps) = supply::plan(last, &target, &stock.buckets) {
                    for step in steps {
                        let index = usize::from(step.record.bucket.0);
                        let (_, bucket) = &mut stock.buckets[index];
                        *bucket = bucket.supply(step.record.delta).unwrap();
                        stock.supplied = Some((step.number, step.record));
                    }
                }
                "supply"
            }
            Step::Resume => {
                for (_, bucket) in self.shelf().items.values_mut().flat_map(|stock| &mut stock.buckets) {
                    bucket.stopped = false;
                }
                "resume"
            }
            Step::Publish(definition) => {
                assert_eq!(definition.uid, wanted.definition.uid);
                assert!(self.latch.is_some(), "nothing is published before the latch");
                self.seen.published = Some(*definition);
                "publish"
            }
        }
    }
}

#[test]
fn a_new_sale_is_latched_before_it_is_filled_and_filled_before_it_is_published() {
    let done = World::empty().run(&wanted(1, |_| {}), noon(), usize::MAX);
    assert_eq!(done, ["create", "meta", "seed", "latch", "supply", "publish"]);
}

#[test]
fn stopped_after_any_step_a_rerun_ends_with_the_same_stock() {
    let two = wanted(1, |definition| {
        let other =
            Item { sku: Sku::parse("B").unwrap(), quantity: Units(3), buckets: 3, ..definition.items[0].clone() };
        definition.items.push(other);
    });
    let whole = World::settled(&two, noon());
    let changed = wanted(2, |definition| {
        definition.items[0].quantity = Units(25);
        definition.desired_state = DesiredState::Paused;
    });
    for cut in 0..9 {
        let mut world = World::empty();
        world.run(&two, noon(), cut);
        world.run(&two, noon(), usize::MAX);
        let stock =
            |world: &World| world.seen.shelf.as_ref().unwrap().items.values().map(Stock::free).collect::<Vec<_>>();
        assert_eq!(stock(&world), stock(&whole), "cut after {cut}");
        assert_eq!(world.seen.published, whole.seen.published, "cut after {cut}");
        // And a change in the middle of it, before the sale has opened, ends as if it had been asked at once.
        let early = at("2027-03-14T08:30:00Z");
        let mut world = World::empty();
        world.run(&two, early, cut);
        world.run(&changed, early, usize::MAX);
        assert_eq!(world.seen.shelf.as_ref().unwrap().items[&Sku::parse("A").unwrap()].free(), 25, "cut after {cut}");
        assert_eq!(world.seen.published.as_ref().unwrap().generation, Generation(2));
    }
}

#[test]
fn a_change_is_published_before_it_is_stamped_and_stamped_before_stock_moves() {
    let mut world = World::settled(&wanted(1, |_| {}), noon());
    let changed = wanted(2, |definition| definition.items[0].quantity = Units(50));
    assert_eq!(world.run(&changed, noon(), usize::MAX), ["publish", "stamp", "supply"]);
}

#[test]
fn a_new_item_is_filled_before_it_is_published() {
    let mut world = World::settled(&wanted(1, |_| {}), noon());
    let changed = wanted(2, |definition| {
        let other = Item { sku: Sku::parse("B").unwrap(), ..definition.items[0].clone() };
        definition.items.push(other);
    });
    let done = world.run(&changed, noon(), usize::MAX);
    assert_eq!(done, ["seed", "latch", "supply", "publish", "stamp", "supply"]);
}

#[test]
fn every_generation_stamps_every_bucket_and_leaves_a_record() {
    let mut world = World::settled(&wanted(1, |_| {}), noon());
    let text = wanted(2, |definition| definition.display_name = "Another text".to_owned());
    assert_eq!(world.run(&text, noon(), usize::MAX), ["publish", "stamp", "supply"]);
    let stock = &world.shelf().items[&Sku::parse("A").unwrap()];
    assert!(stock.buckets.iter().all(|(_, bucket)| bucket.generation == Generation(2)));
    assert_eq!(stock.supplied.as_ref().unwrap().1.generation, Generation(2));
}

#[test]
fn the_end_closes_every_bucket_and_a_later_end_opens_them_again() {
    let mut world = World::settled(&wanted(1, |_| {}), noon());
    let evening = at("2027-03-14T18:00:00Z");
    assert_eq!(world.run(&wanted(1, |_| {}), evening, usize::MAX), ["stamp"]);
    let published = world.seen.published.clone().unwrap();
    assert!(all_closed(&published, world.shelf()));
    let later = wanted(2, |definition| definition.end = at("2027-03-14T20:00:00Z"));
    assert_eq!(world.run(&later, evening, usize::MAX), ["publish", "stamp", "supply"]);
    assert!(world.shelf().items.values().all(|stock| stock.buckets.iter().all(|(_, b)| b.state == State::Open)));
}

#[test]
fn a_bucket_or_a_publication_of_a_newer_generation_deposes() {
    let world = World::settled(&wanted(5, |_| {}), noon());
    let older = plan(&Ok(wanted(4, |_| {})), world.latch.as_ref(), &world.seen, noon());
    assert_eq!(older, Plan::Deposed(Generation(5)));
}

#[test]
fn what_is_lost_is_withdrawn_and_never_seeded() {
    type Loss = (&'static str, fn(&mut Seen));
    let losses: [Loss; 4] = [
        ("is gone", |seen| seen.shelf = None),
        ("was made at", |seen| seen.shelf.as_mut().unwrap().identity.created = at("2027-03-14T11:00:00Z")),
        ("does not say any more", |seen| seen.shelf.as_mut().unwrap().meta = None),
        ("has 15 of 16 buckets of A", |seen| {
            let items = seen.shelf.as_mut().unwrap().items.values_mut();
            items.for_each(|stock| stock.buckets.truncate(15));
        }),
    ];
    for (why, lose) in losses {
        let mut world = World::settled(&wanted(1, |_| {}), noon());
        lose(&mut world.seen);
        let asked = wanted(2, |definition| definition.items[0].quantity = Units(99));
        assert_eq!(world.run(&asked, noon(), usize::MAX), ["publish"], "{why}");
        let withdrawn = world.seen.published.clone().unwrap().withdrawn.unwrap();
        assert!(withdrawn.contains(why), "{withdrawn}");
        let Plan::Settled(standing) = plan(&Ok(asked), world.latch.as_ref(), &world.seen, noon()) else {
            panic!("there is nothing left to do")
        };
        assert_eq!(standing.lost, Some(withdrawn));
    }
}

#[test]
fn a_stream_that_comes_back_is_used_again() {
    let asked = wanted(1, |_| {});
    let mut world = World::settled(&asked, noon());
    let shelf = world.seen.shelf.take();
    world.run(&asked, noon(), usize::MAX);
    world.seen.shelf = shelf;
    assert_eq!(world.run(&asked, noon(), usize::MAX), ["publish"]);
    assert_eq!(world.seen.published.unwrap().withdrawn, None);
}

#[test]
fn a_stream_of_somebody_else_is_refused_before_anything_is_written() {
    let mut world = World::empty();
    world.run(&wanted(1, |_| {}), noon(), 2);
    world.shelf().meta.as_mut().unwrap().uid = "another".to_owned();
    let Plan::Settled(standing) = plan(&Ok(wanted(1, |_| {})), None, &world.seen, noon()) else { panic!("a step") };
    assert!(standing.refused.unwrap().why.contains("was not made for it"));
}

type Edit = fn(&mut Wanted);

#[test]
fn what_an_opened_sale_fixes_is_refused_by_field_and_the_old_definition_goes_on() {
    let world = World::settled(&wanted(1, |_| {}), noon());
    let edits: [(&str, Edit); 8] = [
        ("spec.schedule.startTime", |w| w.definition.start = at("2027-03-14T10:00:00Z")),
        ("spec.limits", |w| w.definition.per_customer = Some(Units(1))),
        ("spec.items[A]", |w| w.definition.items[0].sku = Sku::parse("B").unwrap()),
        ("spec.items[A].price", |w| {
            w.definition.items[0].price = Some(Money { amount_minor: 1, currency: "EUR".to_owned() });
        }),
        ("spec.items[A].limits", |w| w.definition.items[0].per_order = Units(2)),
        ("spec.sharding", |w| w.shards = 2),
        ("spec.storage.replicas", |w| w.replicas = Some(3)),
        ("spec.payment.mode", |w| w.definition.payment = protocol::sale::Payment::Wallet),
    ];
    for (field, edit) in edits {
        let mut asked = wanted(2, |_| {});
        edit(&mut asked);
        let Plan::Settled(standing) = plan(&Ok(asked), world.latch.as_ref(), &world.seen, noon()) else {
            panic!("{field}: nothing may be done")
        };
        assert_eq!(standing.refused.unwrap().field, field);
        assert_eq!(standing.definition.as_deref(), world.seen.published.as_ref());
    }
}

#[test]
fn a_refused_change_does_not_keep_the_old_definition_from_ending() {
    let mut world = World::settled(&wanted(1, |_| {}), noon());
    let refused = Err(Refused::new("spec", "nonsense"));
    let evening = at("2027-03-14T18:00:00Z");
    let Plan::Steps(steps) = plan(&refused, world.latch.as_ref(), &world.seen, evening) else { panic!("no step") };
    assert!(matches!(steps.as_slice(), [Step::Stamp { closed: true, .. }]), "{steps:?}");
    for step in steps {
        world.apply(step, &wanted(1, |_| {}));
    }
    assert!(all_closed(&world.seen.published.clone().unwrap(), world.shelf()));
}

#[test]
fn a_completed_sale_is_not_opened_again_by_a_later_end() {
    let evening = at("2027-03-14T18:00:00Z");
    let mut world = World::settled(&wanted(1, |_| {}), noon());
    world.run(&wanted(1, |_| {}), evening, usize::MAX);
    world.latch.as_mut().unwrap().completed = true;
    let later = wanted(2, |definition| definition.end = at("2027-03-14T20:00:00Z"));
    let Plan::Settled(standing) = plan(&Ok(later), world.latch.as_ref(), &world.seen, evening) else {
        panic!("a step")
    };
    assert_eq!(standing.refused.unwrap().field, "spec.schedule.endTime");
}

#[test]
fn an_item_removed_before_the_opening_gives_its_units_back_and_closes() {
    let early = at("2027-03-14T08:30:00Z");
    let both = wanted(1, |definition| {
        let other = Item { sku: Sku::parse("B").unwrap(), ..definition.items[0].clone() };
        definition.items.push(other);
    });
    let mut world = World::settled(&both, early);
    world.run(&wanted(2, |_| {}), early, usize::MAX);
    let stock = &world.shelf().items[&Sku::parse("B").unwrap()];
    assert_eq!((stock.free(), stock.supply()), (0, 0));
    assert!(stock.buckets.iter().all(|(_, bucket)| bucket.state == State::Closed));
}
