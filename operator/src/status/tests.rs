use std::collections::BTreeMap;

use protocol::bucket::{Bucket, State};
use protocol::conservation::Sums;
use protocol::sale::StreamIdentity;
use protocol::status::Audit;
use protocol::supply::Supply;
use protocol::{BucketIndex, Epoch, Generation, Revision, Shard, Units};
use serde_json::json;

use super::*;
use crate::durability::{Kept, Progress, Replica};
use crate::resource::FlashSale;
use crate::wanted::{Refused, Wanted};

const NOON: &str = "2027-03-14T12:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn sku() -> Sku {
    Sku::parse("A").unwrap()
}

/// A sale of ten units from nine to three, seen at noon.
struct Scene {
    standing: Standing,
    latch: Option<Latch>,
    shelf: Option<Shelf>,
    ledger: Option<SaleStatus>,
    old: FlashSaleStatus,
    sync: RequiredSync,
    servers: Servers,
    now: Timestamp,
}

/// Three copies in a cluster, each with everything.
fn kept() -> Kept {
    let other = |server: &str| Replica { server: server.to_owned(), progress: Progress::Current };
    let others = vec![other("nats-1"), other("nats-2")];
    Kept { replicas: 3, on_disk: true, cluster: "c".to_owned(), leader: Some("nats-0".to_owned()), others }
}

fn definition() -> Definition {
    let sale: FlashSale = serde_json::from_value(json!({
        "apiVersion": "sluice.dev/v1alpha1", "kind": "FlashSale",
        "metadata": { "name": "aurora", "namespace": "shop", "uid": "1f3c9a2b-0000-4000-8000-000000000000", "generation": 1 },
        "spec": {
            "schedule": { "startTime": "2027-03-14T09:00:00Z", "endTime": "2027-03-14T15:00:00Z" },
            "items": [{ "sku": "A", "quantity": 10 }]
        }
    }))
    .unwrap();
    Wanted::try_from(&sale).unwrap().published_as(&latch())
}

fn latch() -> Latch {
    let identity = StreamIdentity { shard: Shard(0), created: at("2027-03-14T08:00:00Z"), first_seq: 7 };
    Latch {
        epoch: Epoch(1),
        streams: vec![identity],
        replicas: 3,
        buckets: BTreeMap::from([(sku(), 1)]),
        completed: false,
    }
}

impl Scene {
    /// Nothing was looked at yet.
    fn empty() -> Self {
        Self {
            standing: Standing { definition: None, refused: None, lost: None },
            latch: None,
            shelf: None,
            ledger: None,
            old: FlashSaleStatus::default(),
            sync: RequiredSync::Always,
            servers: Servers::NotConfigured,
            now: at(NOON),
        }
    }

    /// Ten units supplied, of which so many are free; the ledger has everything and audited it.
    fn selling(free: u32) -> Self {
        let supply = Supply {
            generation: Generation(1),
            quantity: Units(10),
            withheld: Units(0),
            delta: 10,
            bucket: BucketIndex(0),
            total: Units(10),
        };
        let bucket = Bucket { free: Units(free), ..Bucket::seeded(Generation(1)) };
        let stock = Stock { buckets: vec![(BucketIndex(0), bucket)], supplied: Some((1, supply)) };
        let shelf = Shelf {
            identity: latch().streams[0].clone(),
            kept: kept(),
            messages: 20,
            meta: None,
            items: BTreeMap::from([(sku(), stock)]),
            position: Revision(40),
        };
        let sold = i64::from(10 - free);
        let sums = Sums { supply: 10, free: free.into(), held: 0, sold, orders: sold };
        let ledger = SaleStatus {
            cursor: Revision(40),
            at: at(NOON),
            lag_seconds: 0.0,
            exact: true,
            items: vec![LedgerItem { sku: sku(), sums }],
            audit: Some(Audit { at: at(NOON), position: Revision(40), breaches: Vec::new() }),
            payments_open: 0,
            halted: None,
        };
        let standing = Standing { definition: Some(Box::new(definition())), refused: None, lost: None };
        Self { standing, latch: Some(latch()), shelf: Some(shelf), ledger: Some(ledger), ..Self::empty() }
    }

    /// Over, with every bucket closed.
    fn over(free: u32) -> Self {
        let mut scene = Self::selling(free);
        scene.now = at("2027-03-14T15:00:00Z");
        scene.bucket().state = State::Closed;
        scene
    }

    fn bucket(&mut self) -> &mut Bucket {
        &mut self.shelf.as_mut().unwrap().items.get_mut(&sku()).unwrap().buckets[0].1
    }

    fn ledger(&mut self) -> &mut SaleStatus {
        self.ledger.as_mut().unwrap()
    }

    fn status(&self) -> FlashSaleStatus {
        status(&View {
            generation: 1,
            created: at("2027-03-14T08:00:00Z"),
            old: &self.old,
            standing: &self.standing,
            latch: self.latch.as_ref(),
            shelf: self.shelf.as_ref(),
            ledger: self.ledger.as_ref(),
            required_sync: self.sync,
            servers: &self.servers,
            now: self.now,
        })
    }

    /// Status and reason of a condition.
    fn told(&self, kind: Kind) -> (String, String) {
        let status = self.status();
        let condition = find(&status, kind).unwrap();
        (condition.status.clone(), condition.reason.clone())
    }
}

fn pair(status: &str, reason: &str) -> (String, String) {
    (status.to_owned(), reason.to_owned())
}

#[test]
fn every_condition_is_there_from_the_first_visit_and_nothing_unknown_is_true() {
    let status = Scene::empty().status();
    assert_eq!(status.conditions.len(), Kind::ALL.len());
    for condition in &status.conditions {
        assert_ne!(condition.status, "True", "{}", condition.type_);
        assert!(!condition.message.is_empty(), "{}", condition.type_);
    }
    let troubled = troubled(&FlashSaleStatus::default(), "NATS is away", 1, at(NOON));
    assert_eq!(troubled.conditions.len(), Kind::ALL.len());
    assert!(find(&troubled, Kind::Ready).unwrap().message.contains("NATS is away"));
}

#[test]
fn clock_and_merchant_are_what_ready_says() {
    let with = |change: fn(&mut Definition), now: &str| {
        let mut scene = Scene::selling(10);
        change(scene.standing.definition.as_mut().unwrap());
        scene.now = at(now);
        scene.told(Kind::Ready)
    };
    let nothing: fn(&mut Definition) = |_| {};
    assert_eq!(with(nothing, "2027-03-14T08:59:59Z"), pair("True", "Scheduled"));
    assert_eq!(with(nothing, NOON), pair("True", "Open"));
    assert_eq!(with(nothing, "2027-03-14T15:00:00Z"), pair("False", "Closed"), "until the buckets are closed");
    assert_eq!(with(|d| d.desired_state = protocol::sale::DesiredState::Paused, NOON), pair("True", "Paused"));
    assert_eq!(with(|d| d.withdrawn = Some("gone".to_owned()), NOON), pair("False", "StorageLost"));
    let mut refused = Scene::selling(10);
    refused.standing.refused = Some(Refused { field: "spec.items".to_owned(), why: "are wrong".to_owned() });
    assert_eq!(refused.told(Kind::Ready), pair("False", "Refused"));
    let message = find(&refused.status(), Kind::Ready).unwrap().message.clone();
    assert_eq!(message, "spec.items: are wrong; the sale goes on as it was");
    assert_eq!(refused.status().observed_generation, None, "what is refused is not in force");
}

#[test]
fn sold_out_is_said_only_when_no_unit_is_free_and_one_was_sold() {
    assert_eq!(Scene::selling(1).told(Kind::SoldOut), pair("False", "UnitsFree"));
    assert_eq!(Scene::selling(0).told(Kind::SoldOut), pair("True", "AllSold"));
    let mut lost = Scene::selling(0);
    lost.standing.lost = Some("its stream is gone".to_owned());
    assert_eq!(lost.told(Kind::SoldOut).0, "Unknown");
    let mut nothing = Scene::selling(0);
    let stock = nothing.shelf.as_mut().unwrap().items.get_mut(&sku()).unwrap();
    stock.supplied = None;
    nothing.ledger = None;
    assert_eq!(nothing.told(Kind::SoldOut), pair("False", "NothingForSale"));
    // With payments a unit that is not free may be held, and only books at an exact cut can tell.
    let mut paid = Scene::selling(0);
    paid.standing.definition.as_mut().unwrap().payment = Payment::Wallet;
    assert_eq!(paid.told(Kind::SoldOut), pair("True", "AllSold"));
    paid.ledger().exact = false;
    assert_eq!(paid.told(Kind::SoldOut), pair("Unknown", "NoExactCut"));
    paid.ledger().items[0].sums = Sums { supply: 10, free: 0, held: 4, sold: 6, orders: 10 };
    assert_eq!(paid.told(Kind::SoldOut), pair("False", "UnitsHeld"));
}

#[test]
fn completed_names_what_is_missing_until_nothing_is_and_then_stays_said() {
    type Lack = (&'static str, fn(&mut Scene));
    let lacks: [Lack; 7] = [
        ("the buckets are being closed", |scene| scene.bucket().state = State::Open),
        ("no ledger follows", |scene| scene.ledger = None),
        ("does not have everything", |scene| scene.ledger().exact = false),
        ("does not have everything", |scene| scene.ledger().cursor = Revision(39)),
        ("payments are not at their end", |scene| scene.ledger().payments_open = 1),
        ("not audited to the end", |scene| scene.ledger().audit.as_mut().unwrap().position = Revision(39)),
        ("do not balance", |scene| scene.ledger().audit.as_mut().unwrap().breaches.push("a unit too few".to_owned())),
    ];
    for (why, lack) in lacks {
        let mut scene = Scene::over(3);
        lack(&mut scene);
        let status = scene.status();
        let completed = find(&status, Kind::Completed).unwrap();
        assert_eq!((completed.status.as_str(), completed.reason.as_str()), ("Unknown", "Draining"), "{why}");
        assert!(completed.message.contains(why), "{}", completed.message);
    }
    let mut scene = Scene::over(3);
    assert_eq!(scene.told(Kind::Completed), pair("True", "BooksClosed"));
    assert_eq!(scene.told(Kind::Ready), pair("True", "Completed"));
    scene.latch.as_mut().unwrap().completed = true;
    scene.ledger = None;
    assert_eq!(scene.told(Kind::Completed), pair("True", "BooksClosed"), "a ledger that went away does not unsay it");
    assert_eq!(Scene::selling(3).told(Kind::Completed), pair("Unknown", "NotClosed"));
}

#[test]
fn durable_compares_the_copies_with_those_the_sale_was_made_with() {
    let with = |copies, sync| {
        let mut scene = Scene::selling(10);
        scene.latch.as_mut().unwrap().replicas = copies;
        scene.sync = sync;
        scene.told(Kind::Durable)
    };
    assert_eq!(with(3, RequiredSync::Always), pair("Unknown", "NotMonitored"));
    assert_eq!(with(3, RequiredSync::Relaxed), pair("True", "Replicated"));
    assert_eq!(with(5, RequiredSync::Relaxed), pair("False", "FewerReplicas"));
    let mut lost = Scene::selling(10);
    lost.standing.lost = Some("the stream is gone".to_owned());
    assert_eq!(lost.told(Kind::Durable), pair("Unknown", "NotProvisioned"));
}

#[test]
fn until_the_servers_were_asked_the_condition_stays_as_another_process_left_it() {
    let mut scene = Scene::selling(10);
    scene.servers = Servers::NotAskedYet;
    assert_eq!(scene.told(Kind::Durable), pair("Unknown", "NotAskedYet"));
    let before = yes("EveryWriteSynced", "3 copies");
    set(&mut scene.old.conditions, Kind::Durable, before, 1, at("2027-03-14T10:00:00Z"));
    let after = find(&scene.status(), Kind::Durable).cloned();
    assert_eq!(after.as_ref(), find(&scene.old, Kind::Durable), "a restart writes nothing");
    scene.shelf.as_mut().unwrap().kept.on_disk = false;
    assert_eq!(scene.told(Kind::Durable), pair("False", "MemoryStorage"), "what is known by itself is told at once");
}

#[test]
fn the_ledgers_word_is_passed_on_in_sentences() {
    let scene = Scene::selling(4);
    let conserved = find(&scene.status(), Kind::StockConserved).unwrap().clone();
    assert_eq!(conserved.message, "4 free + 0 held + 6 sold = 10 supplied; audited at 2027-03-14T12:00:00Z");
    let mut broken = Scene::selling(4);
    broken.ledger().audit.as_mut().unwrap().breaches = vec!["A: a unit too few".to_owned()];
    assert_eq!(broken.told(Kind::StockConserved), pair("False", "Breach"));
    let mut unheard = Scene::selling(4);
    unheard.ledger = None;
    assert_eq!(unheard.told(Kind::StockConserved), pair("Unknown", "NotAuditedYet"));
    assert_eq!(unheard.told(Kind::LedgerInSync), pair("Unknown", "NoLedger"));
    let mut halted = Scene::selling(4);
    halted.ledger().halted = Some("a key was used twice".to_owned());
    assert_eq!(halted.told(Kind::LedgerInSync), pair("False", "Halted"));
    let mut behind = Scene::selling(4);
    behind.ledger().cursor = Revision(39);
    behind.now = at("2027-03-14T12:00:30Z");
    assert_eq!(behind.told(Kind::LedgerInSync), pair("False", "Lagging"), "it has said nothing for 30 s");
    behind.ledger().cursor = Revision(40);
    assert_eq!(behind.told(Kind::LedgerInSync), pair("True", "InSync"), "an idle ledger has nothing to say");
}

#[test]
fn a_decrease_that_came_too_late_is_told_with_its_numbers() {
    let mut scene = Scene::selling(0);
    scene.standing.definition.as_mut().unwrap().items[0].quantity = Units(7);
    let status = scene.status();
    let applied = find(&status, Kind::SupplyApplied).unwrap();
    assert_eq!((applied.status.as_str(), applied.reason.as_str()), ("False", "ShortOfDecrease"));
    assert_eq!(applied.message, "3 units of A could not be taken back: 7 are asked for, 10 are sold and 0 held");
    let totals = status.totals.unwrap();
    assert_eq!((totals.quantity, totals.sold, totals.shortfall, totals.unaccounted), (7, 10, 3, Some(0)));
}

#[test]
fn a_sale_that_stands_still_writes_nothing_and_others_only_what_matters() {
    let mut scene = Scene::selling(4);
    scene.old = scene.status();
    assert_eq!(change(&scene.old, &scene.status()), Change::Nothing);
    scene.now = at("2027-03-14T12:30:00Z");
    assert_eq!(change(&scene.old, &scene.status()), Change::Nothing, "time alone changes nothing");
    scene.ledger().audit.as_mut().unwrap().at = at("2027-03-14T12:30:00Z");
    assert_eq!(change(&scene.old, &scene.status()), Change::Audit);
    scene.bucket().free = Units(3);
    assert_eq!(change(&scene.old, &scene.status()), Change::Numbers);
    scene.bucket().free = Units(0);
    assert_eq!(change(&scene.old, &scene.status()), Change::Level, "sold out is news");
}

#[test]
fn the_time_of_a_transition_moves_only_with_the_status() {
    let mut scene = Scene::selling(4);
    scene.old = scene.status();
    let since = |status: &FlashSaleStatus, kind| find(status, kind).unwrap().last_transition_time.clone();
    scene.now = at("2027-03-14T12:30:00Z");
    scene.bucket().free = Units(0);
    let status = scene.status();
    assert_eq!(since(&status, Kind::Ready), since(&scene.old, Kind::Ready));
    assert_eq!(since(&status, Kind::SoldOut), Time(at("2027-03-14T12:30:00Z")));
    assert_eq!(status.opened_at, Some(Time(at("2027-03-14T09:00:00Z"))), "when it opened, not when somebody looked");
}
