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
