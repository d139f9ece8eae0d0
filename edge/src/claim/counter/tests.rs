use protocol::IdempotencyKey;
use protocol::bucket::State;
use protocol::claim::Request;

use super::*;

fn sku() -> Sku {
    Sku::parse("AUR").unwrap()
}

fn waiting(name: &str, quantity: u32) -> (oneshot::Receiver<Reply>, Waiting) {
    let (reply, told) = oneshot::channel();
    let key = IdempotencyKey::parse("key").unwrap();
    let order = Request { key, sku: sku(), quantity: Units(quantity) }.order(None);
    let customer = CustomerId::derive(b"key", "test", name);
    (told, Waiting { customer, number: OrderNumber(0), order, since: None, trace: None, stage: Arc::default(), reply })
}

fn counter() -> Counter {
    Counter::new(1, sku(), 4)
}

fn known(index: u16, free: u32) -> Known {
    let bucket = Bucket { free: Units(free), ..Bucket::seeded(Generation(1)) };
    Known { index: BucketIndex(index), revision: Revision(1), bucket }
}

const BUDGET: Duration = Duration::from_secs(5);

#[test]
fn claims_are_taken_in_the_order_in_which_they_came() {
    let counter = counter();
    let (_told, names): (Vec<_>, Vec<_>) = ["a", "b", "c"]
        .into_iter()
        .map(|name| {
            let (told, claim) = waiting(name, 1);
            let customer = claim.customer;
            counter.enqueue(claim, BUDGET).unwrap();
            (told, customer)
        })
        .unzip();
    let taken: Vec<_> = counter.take(2, Units(10)).into_iter().map(|w| w.customer).collect();
    assert_eq!(taken, names[..2]);
    assert_eq!(counter.waiting(), 1);
}

#[test]
fn a_batch_never_asks_for_more_than_the_bucket_has_and_passes_over_what_is_too_large() {
    let counter = counter();
    let mut told = Vec::new();
    for (name, quantity) in [("a", 2), ("b", 4), ("c", 1), ("d", 1)] {
        let (reply, claim) = waiting(name, quantity);
        told.push(reply);
        counter.enqueue(claim, BUDGET).unwrap();
    }
    let taken: Vec<_> = counter.take(10, Units(3)).into_iter().map(|w| w.order.quantity.0).collect();
    assert_eq!(taken, [2, 1]);
    let left: Vec<_> = counter.take(10, Units(10)).into_iter().map(|w| w.order.quantity.0).collect();
    assert_eq!(left, [4, 1], "what was passed over keeps its place");
}

#[test]
fn a_batch_has_at_most_one_claim_of_a_customer() {
    let counter = counter();
    let mut told = Vec::new();
    for name in ["a", "a", "b"] {
        let (reply, claim) = waiting(name, 1);
        told.push(reply);
        counter.enqueue(claim, BUDGET).unwrap();
    }
    assert_eq!(counter.take(10, Units(10)).len(), 2);
    assert_eq!(counter.waiting(), 1);
}

#[test]
fn a_claim_whose_caller_left_is_never_sent() {
    let counter = counter();
    let (_told, claim) = waiting("a", 1);
    let stage = Arc::clone(&claim.stage);
    counter.enqueue(claim, BUDGET).unwrap();
    assert!(stage.leave(), "nothing of it is under way");
    assert!(counter.take(10, Units(10)).is_empty());
}

#[test]
fn a_claim_that_was_sent_when_its_caller_left_is_not_sent_again() {
    let counter = counter();
    let (_told, claim) = waiting("a", 1);
    let stage = Arc::clone(&claim.stage);
    counter.enqueue(claim, BUDGET).unwrap();
    let group = counter.take(10, Units(10));
    assert_eq!(group.len(), 1);
    assert!(!stage.leave(), "its outcome is open");
    counter.requeue(group);
    assert_eq!(counter.waiting(), 0);
}

#[test]
fn a_caller_who_leaves_while_a_lane_sends_again_and_again_is_never_told_nothing_and_then_sent() {
    const CLAIMS: usize = 20_000;
    let stages: Vec<Stage> = (0..CLAIMS).map(|_| Stage::default()).collect();
    let (begun, left) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let lane = scope.spawn(|| {
            // What a stream without a leader makes a lane do: sent, certainly not taken, sent again.
            let under_way = |(i, stage): (usize, &Stage)| {
                begun.store(i + 1, Ordering::Release);
                loop {
                    let gone = left.load(Ordering::Acquire) > i;
                    if !stage.send() {
                        return false;
                    }
                    if gone || !stage.not_taken() {
                        return true;
                    }
                }
            };
            stages.iter().enumerate().map(under_way).collect::<Vec<_>>()
        });
        let nothing_taken: Vec<_> = (0..CLAIMS)
            .map(|i| {
                while begun.load(Ordering::Acquire) <= i {
                    std::hint::spin_loop();
                }
                let nothing = stages[i].leave();
                left.store(i + 1, Ordering::Release);
                nothing
            })
            .collect();
        let sent_when_left = lane.join().unwrap();
        for (i, (nothing, sent)) in nothing_taken.into_iter().zip(sent_when_left).enumerate() {
            assert_ne!(nothing, sent, "claim {i}: told that nothing was taken: {nothing}; under way: {sent}");
        }
    });
}

#[test]
fn of_a_group_that_goes_again_only_those_whose_callers_are_there_do() {
    let counter = counter();
    let mut told = Vec::new();
    let mut stages = Vec::new();
    for name in ["a", "b"] {
        let (reply, claim) = waiting(name, 1);
        told.push(reply);
        stages.push(Arc::clone(&claim.stage));
        counter.enqueue(claim, BUDGET).unwrap();
    }
    let mut group = counter.take(2, Units(10));
    let stays = group[1].customer;
    assert!(!stages[0].leave(), "its outcome is open");
    Counter::resend(&mut group);
    assert_eq!(group.iter().map(|w| w.customer).collect::<Vec<_>>(), [stays]);
    assert!(!stages[1].leave(), "the other one is under way again");
}

#[test]
fn what_was_certainly_not_taken_goes_back_to_the_front_in_its_order() {
    let counter = counter();
    let mut told = Vec::new();
    for (name, quantity) in [("a", 1), ("b", 2), ("c", 3)] {
        let (reply, claim) = waiting(name, quantity);
        told.push(reply);
        counter.enqueue(claim, BUDGET).unwrap();
    }
    let group = counter.take(2, Units(10));
    counter.requeue(group);
    let again: Vec<_> = counter.take(10, Units(10)).into_iter().map(|w| w.order.quantity.0).collect();
    assert_eq!(again, [1, 2, 3]);
}

#[test]
fn two_lanes_never_have_the_same_bucket() {
    let counter = counter();
    let buckets = [known(0, 5), known(1, 5)];
    let mut got = Vec::new();
    while let Adoption::Bucket(adopted) = counter.adopt(&buckets, Units(1), Generation(1), None) {
        got.push(adopted.index);
    }
    got.sort_unstable();
    assert_eq!(got, [BucketIndex(0), BucketIndex(1)]);
    assert!(matches!(counter.adopt(&buckets, Units(1), Generation(1), None), Adoption::AllTaken));
    counter.release(BucketIndex(1));
    assert!(matches!(counter.adopt(&buckets, Units(1), Generation(1), None), Adoption::Bucket(_)));
}

#[test]
fn a_bucket_of_a_newer_definition_or_a_closed_one_is_fenced_and_an_empty_one_dry() {
    let counter = counter();
    let newer = Known { bucket: Bucket { generation: Generation(2), ..known(0, 5).bucket }, ..known(0, 5) };
    assert!(matches!(counter.adopt(&[newer], Units(1), Generation(1), None), Adoption::Fenced));
    let closed = Known { bucket: Bucket { state: State::Closed, ..known(0, 5).bucket }, ..known(0, 5) };
    assert!(matches!(counter.adopt(&[closed], Units(1), Generation(1), None), Adoption::Fenced));
    assert!(matches!(counter.adopt(&[known(0, 0)], Units(1), Generation(1), None), Adoption::Dry));
    assert!(matches!(counter.adopt(&[known(0, 1), known(1, 1)], Units(2), Generation(1), None), Adoption::Dry));
}

#[test]
fn a_bucket_to_avoid_is_adopted_only_when_there_is_no_other() {
    let counter = counter();
    let avoid = Some(BucketIndex(0));
    let adopted = counter.adopt(&[known(0, 5), known(1, 5)], Units(1), Generation(1), avoid);
    assert!(matches!(adopted, Adoption::Bucket(a) if a.index == BucketIndex(1)));
    let adopted = counter.adopt(&[known(0, 5)], Units(1), Generation(1), avoid);
    assert!(matches!(adopted, Adoption::Bucket(a) if a.index == BucketIndex(0)));
}

#[test]
fn edges_prefer_different_buckets_and_each_has_an_order_of_all() {
    let orders: Vec<_> = (0..8).map(|edge| preference(edge, &sku(), 16)).collect();
    for order in &orders {
        let mut all = order.clone();
        all.sort_unstable();
        assert_eq!(all, (0..16).map(BucketIndex).collect::<Vec<_>>());
    }
    let firsts: HashSet<_> = orders.iter().map(|order| order[0]).collect();
    assert!(firsts.len() >= 4, "eight edges start at {} buckets", firsts.len());
}

#[test]
fn a_claim_that_would_wait_beyond_its_budget_is_shed_at_once() {
    let counter = counter();
    counter.lanes.store(1, Ordering::Relaxed);
    // By then the smoothed time is what each of them took.
    (0..50).for_each(|_| counter.paced(Duration::from_secs(1), 1, true));
    let mut told = Vec::new();
    let shed = (0..10).find_map(|i| {
        let (reply, claim) = waiting(&format!("c{i}"), 1);
        told.push(reply);
        counter.enqueue(claim, Duration::from_secs(3)).err().map(|_| i)
    });
    assert_eq!(shed, Some(4), "one claim a second, three seconds: the fourth in the queue is too late");
}

#[test]
fn a_slow_batch_that_nobody_waited_behind_turns_no_crowd_away_and_a_fast_one_is_believed() {
    let counter = counter();
    counter.lanes.store(1, Ordering::Relaxed);
    counter.paced(Duration::from_secs(1), 1, false);
    let mut told = Vec::new();
    let mut come = |i: u32, budget| {
        let (reply, claim) = waiting(&format!("c{i}"), 1);
        told.push(reply);
        counter.enqueue(claim, budget)
    };
    assert!((0..100).all(|i| come(i, Duration::from_secs(1)).is_ok()), "one alone says nothing of a queue");
    (0..50).for_each(|_| counter.paced(Duration::from_secs(1), 1, true));
    assert_eq!(come(100, BUDGET).err(), Some(Shed::Slow));
    (0..50).for_each(|_| counter.paced(Duration::from_millis(1), 1, false));
    assert!(come(101, BUDGET).is_ok());
}
