use jiff::Timestamp;

use super::*;
use crate::resource::{ItemStatus, Totals};
use crate::status::{Known, set};

fn item(quantity: i32, withheld: i32) -> ItemStatus {
    ItemStatus {
        sku: "A".to_owned(),
        buckets: 4,
        quantity,
        withheld,
        free: 0,
        held: 0,
        sold: 0,
        shortfall: 0,
        availability: None,
    }
}

/// A status with these conditions, each `(kind, status, reason)`.
fn status(conditions: &[(Kind, &'static str, &str)]) -> FlashSaleStatus {
    let mut status = FlashSaleStatus::default();
    for (kind, level, reason) in conditions {
        let message = format!("because {reason}");
        let known = Known { status: level, reason: (*reason).to_owned(), message };
        set(&mut status.conditions, *kind, known, 1, Timestamp::UNIX_EPOCH);
    }
    status
}

fn stocked(quantity: i32, withheld: i32) -> FlashSaleStatus {
    FlashSaleStatus { items: vec![item(quantity, withheld)], totals: Some(Totals::default()), ..status(&[]) }
}

fn reasons(old: &FlashSaleStatus, new: &FlashSaleStatus) -> Vec<String> {
    between(old, new).into_iter().map(|event| event.reason).collect()
}

#[test]
fn every_change_of_level_is_told_once_with_its_reason() {
    let cases = [
        (Kind::Provisioned, "False", "True", "Provisioned"),
        (Kind::SupplyApplied, "True", "False", "ShortOfDecrease"),
        (Kind::Paused, "False", "True", "Paused"),
        (Kind::Paused, "True", "False", "Resumed"),
        (Kind::SoldOut, "False", "True", "SoldOut"),
        (Kind::SoldOut, "True", "False", "BackInStock"),
        (Kind::Completed, "Unknown", "True", "Completed"),
        (Kind::StockConserved, "True", "False", "ConservationBroken"),
        (Kind::Durable, "Unknown", "False", "StorageNotDurable"),
    ];
    for (kind, before, after, expected) in cases {
        let (old, new) = (status(&[(kind, before, "Before")]), status(&[(kind, after, "After")]));
        assert_eq!(reasons(&old, &new), [expected], "{kind:?}");
        assert_eq!(reasons(&new, &new), Vec::<String>::new(), "{kind:?} again");
    }
}

#[test]
fn what_was_never_paused_or_sold_out_is_not_resumed_or_back() {
    let nothing = FlashSaleStatus::default();
    for kind in [Kind::Paused, Kind::SoldOut] {
        assert_eq!(reasons(&nothing, &status(&[(kind, "False", "No")])), Vec::<String>::new());
        let unknown = status(&[(kind, "Unknown", "NotKnown")]);
        assert_eq!(reasons(&unknown, &status(&[(kind, "False", "No")])), Vec::<String>::new());
    }
}

#[test]
fn a_sale_is_over_once_however_its_books_go_on() {
    let ready = |reason| status(&[(Kind::Ready, "True", reason)]);
    assert_eq!(reasons(&ready("Open"), &ready("Draining")), ["Closed"]);
    assert_eq!(reasons(&ready("Draining"), &ready("Completed")), Vec::<String>::new());
    assert_eq!(reasons(&ready("Open"), &ready("StorageLost")), ["StorageLost"]);
    assert_eq!(reasons(&ready("StorageLost"), &ready("StorageLost")), Vec::<String>::new());
}

#[test]
fn a_refusal_is_told_again_only_when_it_is_another_one() {
    let refused = |why: &str| {
        let mut status = FlashSaleStatus::default();
        let known = Known { status: "False", reason: "Refused".to_owned(), message: why.to_owned() };
        set(&mut status.conditions, Kind::Ready, known, 1, Timestamp::UNIX_EPOCH);
        status
    };
    assert_eq!(reasons(&FlashSaleStatus::default(), &refused("one")), ["Refused"]);
    assert_eq!(reasons(&refused("one"), &refused("one")), Vec::<String>::new());
    assert_eq!(reasons(&refused("one"), &refused("two")), ["Refused"]);
}

#[test]
fn changes_of_stock_are_told_with_both_numbers_and_never_merged() {
    let told = between(&stocked(10, 0), &stocked(15, 2));
    let notes: Vec<_> = told.iter().map(|event| event.note.clone().unwrap()).collect();
    assert_eq!(notes, ["quantity of A: 10 → 15", "withheld of A: 0 → 2"]);
    let again = between(&stocked(15, 0), &stocked(20, 0));
    assert_eq!(again[0].reason, told[0].reason);
    assert_ne!(again[0].action, told[0].action, "the API counts equal ones under the first note");
    let back = between(&stocked(20, 0), &stocked(15, 0));
    assert_ne!(back[0].action, told[0].action, "the same number from another side is another story");
    let first_fill = FlashSaleStatus { totals: None, ..stocked(0, 0) };
    assert_eq!(between(&first_fill, &stocked(10, 0)).len(), 0, "the first fill is part of Provisioned");
}

#[test]
fn a_long_note_is_cut_at_a_character() {
    let note = normal("Restocked", "ä→".repeat(1_000)).note.unwrap();
    assert_eq!(note.chars().count(), 250);
}
