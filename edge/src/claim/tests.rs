//! The real lanes, settling and refusals of two edges over the in-memory store, in paused time, while answers get lost,
//! commits come late, leaders go away and feeds break. Each seed is another storm; the seed of a failure is printed.

use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use protocol::bucket::Bucket;
use protocol::key::Key;
use protocol::sale::{Acknowledge, DesiredState, Payment, StreamIdentity};
use protocol::store::memory::{Chaos, Memory};
use protocol::store::{Expect, Outcome, Write};
use protocol::supply::Supply;
use protocol::wire::Value;
use protocol::{BucketIndex, Epoch, Generation, IdempotencyKey, SaleId, Shard, Sku};
use runtime::clock::Clock;
use runtime::trace::Tracer;
use tokio_util::task::TaskTracker;

use super::desk::{Floor, Shape};
use super::metrics::Metrics;
use super::*;

mod held;
mod shut;

const BUDGET: Duration = Duration::from_secs(8);
const UNITS: u32 = 12;
const BUCKETS: u16 = 4;

fn sku() -> Sku {
    Sku::parse("AUR").unwrap()
}

fn definition(per_customer: Option<u32>) -> Definition {
    let start = Timestamp::from_second(1_800_000_000).unwrap();
    Definition {
        sale: SaleId::parse("aurora-0123abcd").unwrap(),
        namespace: "shop".to_owned(),
        name: "aurora".to_owned(),
        uid: "0123abcd-0000-4000-8000-000000000000".to_owned(),
        generation: Generation(1),
        epoch: Epoch(1),
        streams: vec![StreamIdentity { shard: Shard(0), created: start, first_seq: 1 }],
        display_name: "Aurora".to_owned(),
        desired_state: DesiredState::Scheduled,
        stopped: false,
        withdrawn: None,
        start,
        end: start + SignedDuration::from_hours(1),
        per_customer: None,
        items: vec![Item {
            sku: sku(),
            display_name: "Aurora".to_owned(),
            image_url: None,
            quantity: Units(UNITS),
            withheld: Units(0),
            price: None,
            per_order: Units(2),
            per_customer: per_customer.map(Units),
            buckets: BUCKETS,
        }],
        payment: Payment::None,
        hold_seconds: 300,
        guests_allowed: false,
        rate_limit: None,
        acknowledge: Acknowledge::Stream,
    }
}

/// A stream as the operator leaves it: every bucket seeded, every unit supplied by a record.
async fn provisioned() -> Memory {
    let memory = Memory::starting_at(1_000);
    for (index, number) in (0..BUCKETS).zip(1_u32..) {
        let delta = UNITS / u32::from(BUCKETS);
        let record = Supply {
            generation: Generation(1),
            quantity: Units(UNITS),
            withheld: Units(0),
            delta: i64::from(delta),
            bucket: BucketIndex(index),
            total: Units(delta * number),
        };
        let key = Key::Bucket(sku(), BucketIndex(index));
        let seeded = Bucket::seeded(Generation(1));
        let seed = Write { key: key.clone(), expect: Expect::Absent, value: seeded.encode(), trace: None };
        let Outcome::Committed(at) = memory.commit(vec![seed]).await else { panic!("not seeded") };
        let batch = vec![
            Write {
                key,
                expect: Expect::At(at.last),
                value: seeded.supply(record.delta).unwrap().encode(),
                trace: None,
            },
            Write { key: Key::Supply(sku(), number), expect: Expect::Absent, value: record.encode(), trace: None },
        ];
        assert!(matches!(memory.commit(batch).await, Outcome::Committed(_)));
    }
    memory
}

fn edges(memory: &Memory, definition: &Definition) -> Vec<Arc<Desk<Memory>>> {
    let clock = Clock::simulated(definition.start + SignedDuration::from_secs(1));
    let open = |edge| {
        let floor = Floor {
            edge,
            clock: clock.clone(),
            tasks: TaskTracker::new(),
            metrics: Arc::new(Metrics::new(&runtime::metrics::Metrics::new("test", "0").unwrap()).unwrap()),
            tracer: Tracer::default(),
            overtaken: Arc::default(),
        };
        let shape = Shape { lanes_max: 2, claims_max: 4 };
        Desk::open(memory.clone(), Arc::new(definition.clone()), shape, floor)
    };
    vec![open(1), open(2)]
}

fn customer(number: usize) -> CustomerId {
    CustomerId::derive(b"key", "test", &number.to_string())
}

fn request(key: &str, quantity: u32) -> Request {
    Request { key: IdempotencyKey::parse(key).unwrap(), sku: sku(), quantity: Units(quantity) }
}

/// Asks with the same key, on one edge after the other, until the answer is final, as a client is told to.
async fn insist(desks: &[Arc<Desk<Memory>>], number: usize, first_edge: usize, request: &Request) -> Answer {
    for attempt in 0..200 {
        let desk = &desks[(first_edge + attempt) % desks.len()];
        match claim(desk, customer(number), request, BUDGET).await {
            Answer::Settling { .. } | Answer::Refused(Refusal::Busy { .. }) => {
                // The client's own pause, on a clock that jumps as soon as nobody has anything to do.
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            answer => return answer,
        }
    }
    panic!("customer {number} never got a final answer");
}

fn bought(answer: &Answer) -> bool {
    matches!(answer, Answer::Order { .. })
}

/// One storm: 24 customers, each sending the same request to both edges at once.
async fn storm(seed: u64) {
    let memory = provisioned().await;
    let definition = definition(Some(2));
    let desks = edges(&memory, &definition);
    memory.unleash(Chaos::storm(seed));
    let shopping = (0..48).map(|i| {
        let desks = desks.clone();
        async move {
            let number = i / 2;
            let wish = request("wish", 1 + u32::try_from(number % 2).unwrap());
            (number, insist(&desks, number, i % 2, &wish).await)
        }
    });
    let answers: Vec<_> = futures::stream::iter(shopping).buffer_unordered(48).collect().await;
    memory.calm();
    memory.check().unwrap_or_else(|broken| panic!("seed {seed}: {broken}"));
    for number in 0..24 {
        let told: Vec<_> = answers.iter().filter(|(who, _)| *who == number).map(|(_, answer)| bought(answer)).collect();
        // "Fewer left" and "sold out" are never said to somebody who has an order, so both answers agree.
        assert_eq!(told.first(), told.last(), "seed {seed}: customer {number} was told two things: {answers:?}");
        let stored = memory.peek(&Key::Order(customer(number), OrderNumber(0))).is_some();
        assert_eq!(told.first(), Some(&stored), "seed {seed}: customer {number} was told what is not so");
    }
    for desk in desks {
        desk.close();
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_gets_lost_every_customer_learns_the_truth_and_no_unit_is_lost_or_doubled() {
    for seed in 0..1_000 {
        storm(seed).await;
    }
}

#[tokio::test(start_paused = true)]
async fn demand_above_stock_sells_all_of_it() {
    for seed in 1_000..1_300 {
        let memory = provisioned().await;
        let desks = edges(&memory, &definition(None));
        memory.unleash(Chaos::storm(seed));
        let shopping = (0..40).map(|number| {
            let desks = desks.clone();
            async move { insist(&desks, number, number, &request("wish", 1)).await }
        });
        let answers: Vec<_> = futures::stream::iter(shopping).buffer_unordered(40).collect().await;
        memory.calm();
        memory.check().unwrap_or_else(|broken| panic!("seed {seed}: {broken}"));
        let sold = answers.iter().filter(|answer| bought(answer)).count();
        assert_eq!(sold, UNITS as usize, "seed {seed}");
        desks.iter().for_each(|desk| desk.close());
    }
}

#[tokio::test(start_paused = true)]
async fn two_keys_of_one_customer_racing_over_two_edges_never_exceed_the_limit() {
    for seed in 2_000..2_300 {
        let memory = provisioned().await;
        let desks = edges(&memory, &definition(Some(2)));
        memory.unleash(Chaos::storm(seed));
        let shopping = (0..8).map(|i| {
            let desks = desks.clone();
            async move { insist(&desks, 0, i, &request(&format!("key-{}", i / 2), 1)).await }
        });
        let answers: Vec<_> = futures::stream::iter(shopping).buffer_unordered(8).collect().await;
        memory.calm();
        let orders = (0..8).filter(|n| memory.peek(&Key::Order(customer(0), OrderNumber(*n))).is_some()).count();
        assert_eq!(orders, 2, "seed {seed}: {answers:?}");
        assert_eq!(answers.iter().filter(|answer| bought(answer)).count(), 4, "seed {seed}: {answers:?}");
        desks.iter().for_each(|desk| desk.close());
    }
}

/// Customers who ask once, with little patience, and go. Whoever was told "busy" was told that this attempt took nothing
/// and never will: whatever is still on the way must not make an order for them.
async fn impatient(seed: u64) {
    let memory = provisioned().await;
    let desks = edges(&memory, &definition(None));
    memory.unleash(Chaos { delayed: 300, delay_calls_max: 400, ..Chaos::storm(seed) });
    let asking = (0..8).map(|number| {
        let desk = Arc::clone(&desks[number % 2]);
        async move { claim(&desk, customer(number), &request("wish", 1), Duration::from_millis(400)).await }
    });
    let answers: Vec<_> = futures::stream::iter(asking).buffered(8).collect().await;
    desks.iter().for_each(|desk| desk.close());
    for (ticket, _) in memory.delayed() {
        memory.land(ticket);
    }
    for (number, answer) in answers.iter().enumerate() {
        let stored = memory.peek(&Key::Order(customer(number), OrderNumber(0))).is_some();
        match answer {
            Answer::Order { .. } => assert!(stored, "seed {seed}: customer {number} was told yes"),
            Answer::Refused(refusal) => assert!(!stored, "seed {seed}: customer {number} was told {refusal:?}"),
            Answer::Settling { .. } => {}
        }
    }
    memory.check().unwrap_or_else(|broken| panic!("seed {seed}: {broken}"));
}

#[tokio::test(start_paused = true)]
async fn whoever_was_told_that_nothing_was_taken_never_finds_an_order() {
    for seed in 3_000..4_000 {
        impatient(seed).await;
    }
}
