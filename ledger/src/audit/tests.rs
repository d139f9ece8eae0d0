use super::*;

fn sku() -> Sku {
    Sku::parse("shoe").unwrap()
}

fn sums(supply: i64, free: i64, held: i64, sold: i64, orders: i64) -> Sums {
    Sums { supply, free, held, sold, orders }
}

fn ledger(rows: Sums, balances: Sums, in_flight: i64) -> Totals {
    let one = |sums| BTreeMap::from([(sku(), sums)]);
    Totals { rows: one(rows), balances: one(balances), in_flight: BTreeMap::from([(sku(), in_flight)]) }
}

#[test]
fn books_that_balance_and_agree_have_no_breach() {
    let stream = BTreeMap::from([(sku(), sums(10, 4, 1, 5, 7))]);
    let found = breaches(&stream, &ledger(sums(10, 4, 1, 5, 7), sums(10, 4, 1, 5, 0), 0));
    assert_eq!(found, Vec::<String>::new());
    assert_eq!(breaches(&BTreeMap::new(), &Totals::default()), Vec::<String>::new());
}

#[test]
fn every_way_to_be_wrong_is_told_in_a_sentence_that_names_the_item() {
    let good = sums(10, 4, 1, 5, 7);
    let balances = sums(10, 4, 1, 5, 0);
    let cases = [
        ("a unit from nowhere", sums(10, 5, 1, 5, 7), ledger(good, balances, 0), "the stream has +1 units"),
        ("a unit gone", sums(10, 3, 1, 5, 7), ledger(good, balances, 0), "the stream has -1 units"),
        ("a row too few", good, ledger(sums(10, 4, 1, 4, 6), balances, 0), "the ledger has -1 units"),
        ("both sides differ", good, ledger(sums(11, 5, 1, 5, 7), sums(11, 5, 1, 5, 0), 0), "stream and ledger differ"),
        ("an order too many", good, ledger(sums(10, 4, 1, 5, 8), balances, 0), "stream and ledger differ"),
        ("accounts apart", good, ledger(good, sums(10, 5, 1, 4, 0), 0), "accounts and rows differ"),
        ("in flight", good, ledger(good, balances, 2), "2 units are in flight"),
        ("only in Postgres", Sums::default(), ledger(good, balances, 0), "stream and ledger differ"),
    ];
    for (what, stream, totals, expected) in cases {
        let found = breaches(&BTreeMap::from([(sku(), stream)]), &totals);
        assert!(found.iter().any(|told| told.contains(expected)), "{what}: {found:?}");
        assert!(found.iter().all(|told| told.starts_with("shoe: ")), "{what}: {found:?}");
    }
}

#[test]
fn a_flood_of_breaches_is_counted_not_told() {
    let stream = (0..50).map(|i| (Sku::parse(&format!("item-{i}")).unwrap(), sums(1, 0, 0, 0, 0))).collect();
    let found = breaches(&stream, &Totals::default());
    assert_eq!(found.len(), BREACHES_MAX + 1);
    assert_eq!(found.last().unwrap(), "and 30 more");
}
