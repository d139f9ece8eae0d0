//! Sales in which orders wait for a payment, in the same storms: units are claimed, cancelled, released and paid, and what
//! is said about them was true at some moment between question and answer.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use protocol::order::{Reason, State};
use protocol::release::{Attempt, Standing, confirm, release};
use protocol::{OrderId, Revision};

use super::super::cancel::{Cancelled, cancel};
use super::*;

/// Free and held units at the end of a batch.
type Cut = (Revision, u32, u32);

/// The units at the end of every batch.
fn cuts(memory: &Memory) -> Vec<Cut> {
    let log = memory.log();
    let (mut buckets, mut held) = (BTreeMap::new(), BTreeMap::new());
    let mut cuts = Vec::new();
    for (index, message) in log.iter().enumerate() {
        match &message.key {
            Key::Bucket(_, bucket) => {
                buckets.insert(*bucket, Bucket::decode(&message.value).unwrap().free.0);
            }
            Key::Order(customer, number) => {
                let order = Order::decode(&message.value).unwrap();
                let units = if order.state == State::Held { order.quantity.0 } else { 0 };
                held.insert((*customer, *number), units);
            }
            _ => {}
        }
        if log.get(index + 1).is_none_or(|next| next.batch != message.batch) {
            cuts.push((message.revision, buckets.values().sum(), held.values().sum()));
        }
    }
    cuts
}

/// Whether it was so at a moment of this time.
fn was(cuts: &[Cut], from: Revision, to: Revision, so: impl Fn(u32, u32) -> bool) -> bool {
    let begins = cuts.iter().rposition(|(at, ..)| *at <= from).unwrap_or(0);
    cuts.iter().skip(begins).take_while(|(at, ..)| *at <= to).any(|(_, free, held)| so(*free, *held))
}

struct Said {
    from: Revision,
    to: Revision,
    refusal: Refusal,
}

/// Claims until the answer is final, and notes between which positions it was decided.
async fn asks(
    memory: &Memory,
    desks: &[Arc<Desk<Memory>>],
    number: usize,
    request: &Request,
) -> (Answer, Revision, Revision) {
    for attempt in 0..400 {
        let desk = &desks[(number + attempt) % desks.len()];
        let from = memory.last();
        match claim(desk, customer(number), request, BUDGET).await {
            Answer::Settling { .. } | Answer::Refused(Refusal::Busy { .. }) => {
                // The client's own pause, on a clock that jumps as soon as nobody has anything to do.
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            answer => return (answer, from, memory.last()),
        }
    }
    panic!("customer {number} never got a final answer");
}

/// What becomes of a held order: given back, overdue, paid, or left.
async fn goes_on(memory: &Memory, desks: &[Arc<Desk<Memory>>], number: usize, at: OrderNumber, id: OrderId, dice: u64) {
    for attempt in 0..400 {
        let done = match dice {
            0 => !matches!(
                cancel(&desks[attempt % 2], customer(number), id, BUDGET).await,
                Err(_) | Ok(Cancelled::Settling)
            ),
            1 | 2 => match Standing::read(memory, customer(number), at).await {
                Ok(Some(standing)) if standing.order.state == State::Held && dice == 1 => {
                    let into = BucketIndex(u16::try_from(attempt).unwrap() % BUCKETS);
                    let attempt = release(memory, &sku(), into, &[(standing, Reason::Expired)]).await;
                    matches!(attempt, Ok(Attempt::Done(_)))
                }
                Ok(Some(standing)) if standing.order.state == State::Held => {
                    matches!(confirm(memory, &standing, uuid::Uuid::from_u128(1)).await, Attempt::Done(_))
                }
                Ok(_) => true,
                Err(_) => false,
            },
            _ => true,
        };
        if done {
            return;
        }
        // The pause of whoever tries again, on the same clock.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("customer {number}: nothing could be done with order {at}");
}

async fn storm(seed: u64) -> BTreeMap<&'static str, usize> {
    let memory = provisioned().await;
    let definition = Definition { payment: Payment::Wallet, ..definition(Some(2)) };
    let desks = edges(&memory, &definition);
    memory.unleash(Chaos::storm(seed));
    let shopping = (0..24).map(|number| {
        let (desks, memory, uid) = (desks.clone(), memory.clone(), definition.uid.clone());
        async move {
            let mut said = Vec::new();
            for wish in 0..4 {
                let request = request(&format!("wish-{wish}"), 1);
                let (answer, from, to) = asks(&memory, &desks, number, &request).await;
                match answer {
                    Answer::Order { number: at, order, .. } => {
                        let id = OrderId::derive(&uid, &customer(number), &order.key);
                        let mut hasher = DefaultHasher::new();
                        (seed, number, wish).hash(&mut hasher);
                        // In every other storm nobody leaves a hold behind, so that all of it can be sold.
                        let dice = hasher.finish() % if seed.is_multiple_of(2) { 4 } else { 3 };
                        goes_on(&memory, &desks, number, at, id, dice).await;
                    }
                    Answer::Refused(refusal) => said.push(Said { from, to, refusal }),
                    Answer::Settling { .. } => {}
                }
            }
            said
        }
    });
    let said: Vec<Said> =
        futures::stream::iter(shopping).buffer_unordered(24).collect::<Vec<_>>().await.into_iter().flatten().collect();
    memory.calm();
    memory.check().unwrap_or_else(|broken| panic!("seed {seed}: {broken}"));
    let cuts = cuts(&memory);
    let mut counts = BTreeMap::new();
    for Said { from, to, refusal } in said {
        *counts.entry(refusal.name()).or_default() += 1;
        let so = match &refusal {
            Refusal::SoldOut {} => was(&cuts, from, to, |free, held| (free, held) == (0, 0)),
            Refusal::AllUnitsHeld { held: told, .. } => was(&cuts, from, to, |free, held| (free, held) == (0, told.0)),
            Refusal::LimitReached { .. } => true,
            other => panic!("seed {seed}: {other:?}"),
        };
        assert!(so, "seed {seed}: {refusal:?} was never so between {from} and {to}: {cuts:?}");
    }
    desks.iter().for_each(|desk| desk.close());
    counts
}

#[tokio::test(start_paused = true)]
async fn what_is_said_of_held_and_sold_units_was_so_between_question_and_answer() {
    let mut all: BTreeMap<&str, usize> = BTreeMap::new();
    for seed in 5_000..5_300 {
        for (name, count) in storm(seed).await {
            *all.entry(name).or_default() += count;
        }
    }
    println!("{all:?}");
    for name in ["sold-out", "all-units-held", "limit-reached"] {
        assert!(all.contains_key(name), "{name} was never said: {all:?}");
    }
}
