//! Sales that give nothing: what is said, and that nothing is closed which is not over.

use protocol::bucket::State;

use super::*;

/// Writes every bucket anew, as an operator does.
async fn rewrite(memory: &Memory, buckets: impl IntoIterator<Item = u16>, change: impl Fn(Bucket) -> Bucket) {
    for index in buckets {
        let key = Key::Bucket(sku(), BucketIndex(index));
        let entry = memory.peek(&key).unwrap();
        let value = change(Bucket::decode(&entry.value).unwrap()).encode();
        let written = memory.commit(vec![Write { key, expect: Expect::At(entry.revision), value, trace: None }]).await;
        assert!(matches!(written, Outcome::Committed(_)), "{written:?}");
    }
}

fn buckets(memory: &Memory) -> Vec<Bucket> {
    let read = |index| memory.peek(&Key::Bucket(sku(), BucketIndex(index))).unwrap();
    (0..BUCKETS).map(|index| Bucket::decode(&read(index).value).unwrap()).collect()
}

fn stop(bucket: Bucket) -> Bucket {
    Bucket { stopped: true, ..bucket }
}

fn stamp(generation: u64) -> impl Fn(Bucket) -> Bucket {
    move |bucket| bucket.stamp(Generation(generation), State::Open).unwrap().unwrap()
}

async fn refused(desk: &Arc<Desk<Memory>>, number: usize) -> Refusal {
    match claim(desk, customer(number), &request("wish", 1), BUDGET).await {
        Answer::Refused(refusal) => refusal,
        answer => panic!("not refused but {answer:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn an_emergency_stop_that_reaches_the_buckets_before_the_definition_pauses_and_closes_nothing() {
    let memory = provisioned().await;
    let desk = edges(&memory, &definition(None)).remove(0);
    assert!(bought(&claim(&desk, customer(0), &request("wish", 1), BUDGET).await));
    rewrite(&memory, 0..BUCKETS, stop).await;
    assert!(matches!(refused(&desk, 1).await, Refusal::SalePaused { .. }));
    let again = claim(&desk, customer(0), &request("wish", 1), BUDGET).await;
    assert!(bought(&again), "whoever has an order still has it: {again:?}");
    assert!(buckets(&memory).iter().all(|bucket| bucket.state == State::Open), "a stop can be lifted, an end cannot");
    rewrite(&memory, 0..BUCKETS, |bucket| Bucket { stopped: false, ..bucket }).await;
    assert!(bought(&insist(&[desk], 1, 0, &request("wish", 1)).await));
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_has_not_reached_every_bucket_is_busy() {
    let memory = provisioned().await;
    let desk = edges(&memory, &definition(None)).remove(0);
    rewrite(&memory, 1..BUCKETS, stop).await;
    for number in 0..3 {
        assert!(bought(&insist(std::slice::from_ref(&desk), number, 0, &request("wish", 1)).await));
    }
    // The open bucket is empty; a release would fill it, so the sale is not paused yet.
    assert!(matches!(refused(&desk, 3).await, Refusal::Busy { .. }));
    rewrite(&memory, 0..1, stop).await;
    assert!(matches!(refused(&desk, 3).await, Refusal::SalePaused { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_pause_is_reported_once_it_is_stamped_and_not_after_it_has_ended() {
    let memory = provisioned().await;
    let paused = Definition { generation: Generation(2), desired_state: DesiredState::Paused, ..definition(None) };
    let desk = edges(&memory, &paused).remove(0);
    assert!(matches!(refused(&desk, 0).await, Refusal::Busy { .. }), "an edge with the old definition may still sell");
    rewrite(&memory, 0..BUCKETS, stamp(2)).await;
    assert!(matches!(refused(&desk, 0).await, Refusal::SalePaused { .. }));
    rewrite(&memory, 0..BUCKETS, stamp(3)).await;
    assert!(matches!(refused(&desk, 0).await, Refusal::Busy { .. }), "what this edge knows is over");
}

#[tokio::test(start_paused = true)]
async fn a_start_that_was_brought_forward_is_not_refused_by_the_one_before() {
    let memory = provisioned().await;
    let now = definition(None).start;
    let late = Definition { start: now + SignedDuration::from_mins(30), ..definition(None) };
    let desk = edges(&memory, &late).remove(0);
    // The clock of `edges` stands a second after the start that it is given.
    desk.floor.clock.set_offset(SignedDuration::from_mins(-30));
    assert_eq!(refused(&desk, 0).await, Refusal::NotOpenYet { opens_at: late.start });
    let early = Definition { generation: Generation(2), start: now, ..late };
    rewrite(&memory, 0..BUCKETS, stamp(2)).await;
    let seen = async {
        let mut changed = desk.view.changed.subscribe();
        changed.wait_for(|_| desk.view.newest_generation() == Generation(2)).await.unwrap();
    };
    tokio::time::timeout(BUDGET, seen).await.unwrap();
    assert!(matches!(refused(&desk, 0).await, Refusal::Busy { .. }), "the new start is not known yet");
    let wish = request("wish", 1);
    let (answer, ()) = tokio::join!(claim(&desk, customer(0), &wish, BUDGET), async {
        // The clock jumps here only once the claim waits: the definition comes while it does.
        tokio::time::sleep(Duration::from_millis(100)).await;
        desk.redefine(&Arc::new(early));
    });
    assert!(bought(&answer), "{answer:?}");
}

/// Whether somebody who asks for definitions was woken.
async fn is_asked_for(desk: &Desk<Memory>) -> bool {
    tokio::time::timeout(BUDGET, desk.floor.overtaken.notified()).await.is_ok()
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_meets_a_newer_stamp_has_the_definition_asked_for_and_waits_for_it() {
    let memory = provisioned().await;
    let desk = edges(&memory, &definition(None)).remove(0);
    assert!(bought(&claim(&desk, customer(0), &request("wish", 1), BUDGET).await));
    assert!(!is_asked_for(&desk).await, "nothing is newer");
    rewrite(&memory, 0..BUCKETS, stamp(2)).await;
    let wish = request("wish", 1);
    let (answer, ()) = tokio::join!(claim(&desk, customer(1), &wish, BUDGET), async {
        assert!(is_asked_for(&desk).await);
        assert!(desk.is_overtaken());
        desk.redefine(&Arc::new(Definition { generation: Generation(2), ..definition(None) }));
    });
    assert!(bought(&answer), "{answer:?}");
    assert!(!desk.is_overtaken());
}

#[tokio::test(start_paused = true)]
async fn an_edge_that_was_told_of_a_pause_or_a_stop_and_not_of_its_end_asks() {
    let paused = Definition { generation: Generation(2), desired_state: DesiredState::Paused, ..definition(None) };
    let stopped = Definition { stopped: true, ..definition(None) };
    for (shut, resumed) in [(paused, Generation(3)), (stopped, Generation(1))] {
        let memory = provisioned().await;
        let desk = edges(&memory, &shut).remove(0);
        if shut.stopped {
            rewrite(&memory, 0..BUCKETS, stop).await;
        } else {
            rewrite(&memory, 0..BUCKETS, stamp(2)).await;
        }
        assert!(matches!(refused(&desk, 0).await, Refusal::SalePaused { .. }));
        assert!(!is_asked_for(&desk).await, "what this edge knows is so");
        let free = |bucket: Bucket| match bucket.stamp(resumed, State::Open).unwrap() {
            Some(stamped) => stamped,
            None => Bucket { stopped: false, ..bucket },
        };
        rewrite(&memory, 0..BUCKETS, free).await;
        assert!(matches!(refused(&desk, 0).await, Refusal::Busy { .. }), "what this edge knows is over");
        assert!(is_asked_for(&desk).await);
    }
}

#[tokio::test(start_paused = true)]
async fn past_the_end_a_crowd_closes_every_bucket_and_over_is_final() {
    let memory = provisioned().await;
    let desks = edges(&memory, &definition(None));
    assert!(bought(&insist(&desks, 0, 0, &request("wish", 1)).await));
    desks[0].floor.clock.advance(Duration::from_secs(7_200));
    let asking = (1..40).map(|number| {
        let desks = desks.clone();
        async move { insist(&desks, number, number, &request("wish", 1)).await }
    });
    let answers: Vec<_> = futures::stream::iter(asking).buffer_unordered(40).collect().await;
    for answer in &answers {
        let closed_at = Some(definition(None).end);
        assert!(
            matches!(answer, Answer::Refused(Refusal::SaleClosed { closed_at: at }) if *at == closed_at),
            "{answer:?}"
        );
    }
    assert!(buckets(&memory).iter().all(|bucket| bucket.state == State::Closed));
    assert!(bought(&insist(&desks, 0, 1, &request("wish", 1)).await), "the winner's retry on the other edge");
}
