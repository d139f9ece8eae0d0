use protocol::Sku;
use protocol::status::{Audit, ItemStatus};
use runtime::clock::Clock;
use runtime::metrics::Metrics;

use super::*;

fn status(cursor: u64, audited: Option<u64>, sums: Sums) -> SaleStatus {
    let at = Timestamp::UNIX_EPOCH;
    let audit = audited.map(|position| Audit { at, position: Revision(position), breaches: Vec::new() });
    let items = vec![ItemStatus { sku: Sku::parse("A").unwrap(), sums }];
    SaleStatus {
        cursor: Revision(cursor),
        at,
        lag_seconds: 0.0,
        exact: true,
        items,
        payments_open: 0,
        audit,
        halted: None,
    }
}

fn sums(supply: i64, free: i64, held: i64, sold: i64) -> Sums {
    Sums { supply, free, held, sold, orders: 0 }
}

#[test]
fn a_change_waits_for_the_first_audit_after_it_and_no_longer() {
    let clock = Clock::system();
    let start = clock.monotonic();
    let at = |seconds: u64| start + Duration::from_secs(seconds);
    let after = |known, cursor, audited, seconds| {
        Unaudited::after(known, &status(cursor, audited, Sums::default()), at(seconds))
    };
    let never = after(None, 5, None, 0);
    assert_eq!(never.map(|unaudited| unaudited.since), Some(at(0)));
    assert_eq!(after(never, 9, None, 30), never, "it waits since it was seen first");
    assert_eq!(after(never, 9, Some(9), 31), None);
    let sold_meanwhile = after(never, 12, Some(9), 31);
    assert_eq!(sold_meanwhile.map(|unaudited| unaudited.since), Some(at(31)), "only what came after the audit waits");
    assert_eq!(after(None, 12, Some(9), 40).map(|unaudited| unaudited.since), Some(at(40)));
}

#[test]
fn units_beyond_supply_are_counted_per_item_and_not_made_up_by_another_one() {
    let mut sum = Sum::default();
    sum.add(&status(1, Some(1), sums(10, 0, 2, 9)), Timestamp::UNIX_EPOCH);
    sum.add(&status(1, Some(1), sums(10, 8, 1, 1)), Timestamp::UNIX_EPOCH);
    assert_eq!((sum.oversold, sum.gap), (1, 1));
    let metrics = LedgerMetrics::new(&Metrics::new("test", "0").unwrap()).unwrap();
    sum.show(&metrics);
    assert_eq!((metrics.units[Units::Supply].get(), metrics.units[Units::Sold].get()), (20, 10));
    assert_eq!((metrics.oversold_units.get(), metrics.gap_units.get()), (1, 1));
}

#[test]
fn of_rows_that_are_not_exact_no_gap_is_told() {
    let mut sum = Sum::default();
    let moving = SaleStatus { exact: false, ..status(7, Some(1), sums(10, 9, 0, 2)) };
    sum.add(&moving, Timestamp::UNIX_EPOCH);
    assert_eq!((sum.oversold, sum.gap), (0, 0));
}
