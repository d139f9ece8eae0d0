use super::*;

#[test]
fn tries_begin_a_few_at_a_time_and_never_more_than_allowed() {
    for concurrency in 1..64 {
        for under_way in 0..=concurrency {
            let now = free(concurrency, under_way, false);
            assert!(under_way + now <= concurrency);
            assert!(under_way > 0 || now == concurrency, "nothing under way: all of it may begin");
        }
    }
    assert_eq!((free(16, 12, false), free(16, 13, false), free(1, 0, false)), (4, 0, 1));
}

#[test]
fn while_nothing_is_taken_one_is_tried_at_a_time() {
    assert_eq!((free(16, 0, true), free(16, 1, true), free(16, 16, true)), (1, 0, 0));
}
