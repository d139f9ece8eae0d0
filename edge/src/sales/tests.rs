use protocol::sale::{Acknowledge, DesiredState, Payment, StreamIdentity};
use protocol::{Epoch, Generation, Shard};

use super::*;

fn definition(generation: u64) -> Definition {
    let start = jiff::Timestamp::from_second(1_800_000_000).unwrap();
    Definition {
        sale: SaleId::parse("aurora-0123abcd").unwrap(),
        namespace: "shop".to_owned(),
        name: "aurora".to_owned(),
        uid: "0123abcd-0000-4000-8000-000000000000".to_owned(),
        generation: Generation(generation),
        epoch: Epoch(1),
        streams: vec![StreamIdentity { shard: Shard(0), created: start, first_seq: 1 }],
        display_name: "Aurora".to_owned(),
        desired_state: DesiredState::Scheduled,
        stopped: false,
        withdrawn: None,
        start,
        end: start + jiff::SignedDuration::from_hours(1),
        per_customer: None,
        items: Vec::new(),
        payment: Payment::None,
        hold_seconds: 300,
        guests_allowed: false,
        rate_limit: None,
        acknowledge: Acknowledge::Stream,
    }
}

fn put(generation: u64, at: u64) -> Change<Definition> {
    Change::Put("aurora-0123abcd".to_owned(), Ok(definition(generation)), Revision(at))
}

/// Sales of which everything is known that was there.
fn caught_up(metrics: &Metrics) -> Sales {
    let sales = Sales::default();
    sales.known().caught_up = true;
    sales.change(put(1, 10), metrics);
    sales
}

fn metrics() -> Metrics {
    Metrics::new(&runtime::metrics::Metrics::new("test", "0").unwrap()).unwrap()
}

fn shown(sales: &Sales) -> Option<u64> {
    sales.get(&definition(1).sale).unwrap().map(|definition| definition.generation.0)
}

#[test]
fn what_was_asked_for_stays_when_the_watch_tells_what_came_before_it() {
    let (metrics, sale) = (metrics(), definition(1).sale);
    let sales = caught_up(&metrics);
    sales.learn(&sale, definition(3), Revision(30), &metrics);
    assert_eq!(shown(&sales), Some(3));
    sales.change(put(2, 20), &metrics);
    assert_eq!(shown(&sales), Some(3));
    sales.change(put(4, 40), &metrics);
    sales.learn(&sale, definition(3), Revision(30), &metrics);
    assert_eq!(shown(&sales), Some(4));
}

#[test]
fn an_answer_about_a_sale_that_was_deleted_meanwhile_does_not_bring_it_back() {
    let (metrics, sale) = (metrics(), definition(1).sale);
    let sales = caught_up(&metrics);
    sales.change(Change::Deleted(sale.to_string()), &metrics);
    sales.learn(&sale, definition(2), Revision(20), &metrics);
    assert_eq!(shown(&sales), None);
}

#[test]
fn a_table_that_was_made_again_begins_with_lower_revisions() {
    let metrics = metrics();
    let sales = caught_up(&metrics);
    sales.change(Change::Reset, &metrics);
    assert_eq!(shown(&sales), None);
    sales.change(put(5, 1), &metrics);
    assert_eq!(shown(&sales), Some(5));
}
