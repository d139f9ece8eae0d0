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
    let view = View::new();
    view.learn(&sku(), BucketIndex(0), Revision(5), &bucket(7));
    view.learn(&sku(), BucketIndex(0), Revision(4), &bucket(9));
    view.learn(&sku(), BucketIndex(1), Revision(1), &bucket(2));
    assert_eq!(view.free(&sku()), Units(9));
    view.learn(&sku(), BucketIndex(0), Revision(6), &bucket(0));
    assert_eq!(view.free(&sku()), Units(2));
}

#[test]
fn whoever_waits_for_a_change_of_the_stock_hears_of_news_and_not_of_old_values() {
    let view = View::new();
    let mut changed = view.changed.subscribe();
    view.learn(&sku(), BucketIndex(0), Revision(5), &bucket(7));
    assert!(changed.has_changed().unwrap());
    changed.mark_unchanged();
    view.learn(&sku(), BucketIndex(0), Revision(5), &bucket(7));
    assert!(!changed.has_changed().unwrap());
}
