use protocol::ask::Reply;
use protocol::wire::Value as _;

use super::*;
use crate::repo::statement::AuditLine;

/// The largest message that NATS takes unless it is told otherwise.
const MESSAGE_BYTES_MAX: usize = 1_048_576;

fn lines(count: i64, line: &str) -> Vec<(String, impl Fn() -> String)> {
    (0..count).map(|n| (format!("{n},{line}\n"), move || n.to_string())).collect()
}

#[test]
fn a_page_holds_whole_lines_and_the_next_one_begins_behind_the_last_of_them() {
    let long = "x".repeat(1_000);
    let first = page("header\n", lines(500, &long).into_iter());
    assert!(first.text.len() <= SHEET_BYTES_MAX && first.text.starts_with("header\n0,") && first.text.ends_with("x\n"));
    let last = first.text.lines().last().and_then(|line| line.split(',').next()).map(str::to_owned);
    assert_eq!(first.cursor, last, "the cursor is of the last line that is there");
}

#[test]
fn a_list_ends_where_fewer_rows_came_than_were_asked_for() {
    assert_eq!(page("header\n", lines(2, "y").into_iter()).cursor, None);
    assert_eq!(page("header\n", lines(0, "y").into_iter()).text, "header\n");
    let full = page("", lines(SHEET_ROWS_MAX, "y").into_iter());
    assert_eq!(full.cursor, Some((SHEET_ROWS_MAX - 1).to_string()), "there may be more");
}

#[test]
fn the_worst_page_fits_into_a_message_and_the_longest_line_into_a_page() {
    // A provider's reference may be anything; what JSON writes longest are control characters.
    let text = "\u{1}".repeat(SHEET_BYTES_MAX);
    let reply = Reply::Yes(SheetPage { text, cursor: Some("c".repeat(200)) });
    assert!(reply.encode().len() < MESSAGE_BYTES_MAX, "{}", reply.encode().len());
    let line = PaymentLine {
        id: Uuid::max(),
        order: Uuid::max(),
        customer: "k".repeat(32),
        mode: "external".to_owned(),
        amount_minor: i64::MIN,
        currency: "EUR".to_owned(),
        state: "refund-due".to_owned(),
        reference: Some("\"".repeat(200)),
    };
    assert!(csv::payment(&line).len() + csv::PAYMENTS.len() < SHEET_BYTES_MAX / 100);
}

#[test]
fn what_a_provider_calls_a_payment_is_no_formula_and_ends_no_cell() {
    let line = PaymentLine {
        id: Uuid::nil(),
        order: Uuid::nil(),
        customer: "k".to_owned(),
        mode: "external".to_owned(),
        amount_minor: 1,
        currency: "EUR".to_owned(),
        state: "settled".to_owned(),
        reference: Some("=cmd|' /C \"calc\"'!A0".to_owned()),
    };
    assert!(csv::payment(&line).ends_with(",\"'=cmd|' /C \"\"calc\"\"'!A0\"\n"), "{}", csv::payment(&line));
}

#[test]
fn a_cursor_that_was_given_out_is_read_and_anything_else_is_not() {
    let customer = CustomerId::derive(b"key", "issuer", "subject").to_string();
    let place = OrderPlace { customer: customer.clone(), number: 7 };
    assert_eq!(order_place(Some(&format!("{customer}.7"))), Ok(place));
    assert_eq!(order_place(None), Ok(OrderPlace::start()));
    for wrong in ["", ".", "x.1", &customer, &format!("{customer}."), &format!("{customer}.256"), "' OR true --.1"] {
        assert!(matches!(order_place(Some(wrong)), Err(No::Invalid { field, .. }) if field == "cursor"), "{wrong}");
    }
    let (order, id) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let cursor = format!("{}.1700000000123456.{}", order.simple(), id.simple());
    assert_eq!(payment_place(Some(&cursor)), Ok(PaymentPlace { order, at: 1_700_000_000_123_456, id }));
    for wrong in
        ["", "..", "1.2.3", &format!("{cursor}.4"), &cursor.replace(".17", ".-17"), &cursor.replace(".17", ".9917")]
    {
        assert!(matches!(payment_place(Some(wrong)), Err(No::Invalid { field, .. }) if field == "cursor"), "{wrong}");
    }
}

#[test]
fn books_balance_when_those_of_every_shard_do_and_are_as_fresh_as_the_oldest() {
    let at = |second| Timestamp::from_second(second).unwrap_or_default();
    let shard = |position, audit: Option<(i64, i64, &[&str])>| CursorLine {
        epoch: 1,
        shard: 0,
        position,
        audit: audit.map(|(second, position, breaches)| AuditLine {
            at: at(second),
            position,
            breaches: breaches.iter().map(|breach| (*breach).to_owned()).collect(),
        }),
    };
    let of = |shards: &[CursorLine]| audited(shards.iter());
    assert_eq!(of(&[]), None);
    assert_eq!(of(&[shard(5, Some((9, 5, &[]))), shard(5, None)]), None, "a part was never compared");
    let fine = Audited { at: at(7), balanced: true, current: true, breaches: Vec::new() };
    assert_eq!(of(&[shard(5, Some((9, 5, &[]))), shard(6, Some((7, 6, &[])))]), Some(fine.clone()));
    let stale = Audited { current: false, ..fine };
    assert_eq!(of(&[shard(5, Some((7, 4, &[])))]), Some(stale.clone()));
    let broken = Audited { balanced: false, breaches: vec!["a unit is missing".to_owned()], ..stale };
    assert_eq!(of(&[shard(5, Some((7, 4, &["a unit is missing"]))), shard(5, Some((9, 5, &[])))]), Some(broken));
}
