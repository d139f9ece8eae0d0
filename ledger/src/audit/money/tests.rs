use super::*;
use crate::repo::money::PaymentsLine;

fn sold(units: i64) -> MoneyLine {
    let payments = PaymentsLine { count: units, amount_minor: units * 100 };
    let settled = State::Settled.as_str().to_owned();
    MoneyLine {
        currency: "EUR".to_owned(),
        revenue_minor: units * 100,
        payments: [(settled, payments)].into(),
        ..MoneyLine::default()
    }
}

#[test]
fn purses_that_hold_what_payments_come_to_are_no_breach() {
    assert_eq!(breaches(&[]), Vec::<String>::new());
    assert_eq!(breaches(&[sold(0), sold(7)]), Vec::<String>::new());
}

#[test]
fn every_purse_that_holds_something_else_is_named() {
    let wrong = [
        MoneyLine { revenue_minor: 1, ..sold(7) },
        MoneyLine { pending_minor: 1, ..sold(7) },
        MoneyLine { refunds_minor: -1, ..sold(7) },
        MoneyLine { payments: [].into(), ..sold(7) },
    ];
    let named = ["revenue", "pending", "refunds", "revenue"];
    for (line, named) in wrong.into_iter().zip(named) {
        let found = breaches(std::slice::from_ref(&line));
        assert!(found.len() == 1 && found[0].starts_with(named), "{line:?}: {found:?}");
    }
}

#[test]
fn money_that_comes_from_nowhere_is_named_by_its_currency() {
    let found = imbalances(&[("EUR".to_owned(), 0), ("USD".to_owned(), 5)]);
    assert!(found.len() == 1 && found[0].contains("USD"), "{found:?}");
}
