use protocol::Generation;

use super::*;

fn sku() -> Sku {
    Sku::parse("AUR").unwrap()
}

fn bucket(free: u32) -> Bucket {
    Bucket { free: Units(free), ..Bucket::seeded(Generation(1)) }
}

#[test]
fn an_older_value_never_replaces_a_newer_one() {
    let view = View::new(false);
    view.learn(&sku(), BucketIndex(0), Revision(5), &bucket(7));
    view.learn(&sku(), BucketIndex(0), Revision(4), &bucket(9));
    view.learn(&sku(), BucketIndex(1), Revision(1), &bucket(2));
    assert_eq!(view.free(&sku()), Units(9));
    view.learn(&sku(), BucketIndex(0), Revision(6), &bucket(0));
    assert_eq!(view.free(&sku()), Units(2));
}

#[test]
fn whoever_waits_for_a_change_of_the_stock_hears_of_news_and_not_of_old_values() {
    let view = View::new(false);
    let mut changed = view.changed.subscribe();
    view.learn(&sku(), BucketIndex(0), Revision(5), &bucket(7));
    assert!(changed.has_changed().unwrap());
    changed.mark_unchanged();
    view.learn(&sku(), BucketIndex(0), Revision(5), &bucket(7));
    assert!(!changed.has_changed().unwrap());
}

#[test]
fn a_view_without_gaps_is_complete_at_every_position() {
    let mut complete = Completeness::default();
    assert!(!complete.after(Revision(1_000), 2), "the first value of a stream that has more");
    assert!(!complete.after(Revision(1_001), 1));
    assert!(complete.after(Revision(1_002), 0));
    assert!(complete.after(Revision(1_003), 5), "nothing was left out, so what comes later does not matter");
}

#[test]
fn a_view_that_was_not_given_a_superseded_value_is_complete_only_after_what_superseded_it() {
    let mut complete = Completeness::default();
    assert!(complete.after(Revision(10), 0));
    // 20 was a supply of units; by the time that 25 was sent, 30 had superseded it.
    assert!(!complete.after(Revision(25), 3), "the bucket of 20 and 30 still looks as it did at 10");
    assert!(!complete.after(Revision(26), 2));
    assert!(!complete.after(Revision(30), 4), "another gap: whatever superseded 27 to 29 is among four more");
    for at in 31..34 {
        assert!(!complete.after(Revision(at), 9), "{at}");
    }
    assert!(complete.after(Revision(34), 9));
}

#[test]
fn a_stream_that_is_followed_again_where_it_broke_off_is_complete_at_once_unless_something_was_superseded() {
    let mut complete = Completeness::default();
    assert!(complete.after(Revision(10), 0));
    assert!(complete.after(Revision(11), 7));
    assert!(!complete.after(Revision(13), 1));
    assert!(complete.after(Revision(14), 0));
}

fn entry(revision: u64, key: Key, value: bytes::Bytes) -> Entry {
    Entry {
        key: Some(key),
        revision: Revision(revision),
        time: jiff::Timestamp::UNIX_EPOCH,
        value,
        trace: None,
        pending: 0,
    }
}

#[tokio::test]
async fn what_is_held_is_not_counted_between_the_messages_of_a_batch_nor_with_a_gap() {
    let view = View::new(true);
    let feed = |message: &Entry, complete| {
        view.tally(message, complete);
        view.reached.send_replace(message.revision);
    };
    let supply = Supply {
        generation: Generation(1),
        quantity: Units(2),
        withheld: Units::ZERO,
        delta: 2,
        bucket: BucketIndex(0),
        total: Units(2),
    };
    let bucket_key = Key::Bucket(sku(), BucketIndex(0));
    feed(&entry(1, bucket_key.clone(), bucket(2).encode()), true);
    assert_eq!(view.counted(&sku()), None, "the supply record is on its way");
    feed(&entry(2, Key::Supply(sku(), 1), supply.encode()), true);
    assert_eq!(view.counted(&sku()).map(|count| (count.free, count.held)), Some((Units(2), Units::ZERO)));

    feed(&entry(3, bucket_key, bucket(0).encode()), true);
    assert_eq!(view.counted(&sku()), None, "two units are in no order yet");
    let wish =
        protocol::claim::Request { key: protocol::IdempotencyKey::parse("k").unwrap(), sku: sku(), quantity: Units(2) };
    let order = Key::Order(CustomerId::derive(b"key", "tests", "ann"), protocol::OrderNumber(0));
    let shoe = sku();
    let (count, ()) = tokio::join!(view.count(&shoe), async {
        tokio::task::yield_now().await;
        feed(&entry(4, order.clone(), wish.order(Some(50)).encode()), false);
        assert_eq!(view.counted(&sku()), None, "something was left out");
        tokio::task::yield_now().await;
        feed(&entry(5, order, wish.order(Some(50)).encode()), true);
    });
    let count = count.unwrap();
    assert_eq!((count.free, count.held, count.next_expiry), (Units::ZERO, Units(2), Some(50)));
}
