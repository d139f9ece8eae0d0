use std::sync::Arc;

use protocol::sale::StreamIdentity;
use protocol::status::{Audit, ItemStatus};
use protocol::{Revision, Shard as ShardIndex, Sku};
use runtime::clock::Clock;
use runtime::metrics::Metrics;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::super::shard::Following;
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

fn metrics() -> LedgerMetrics {
    LedgerMetrics::new(&Metrics::new("test", "0").unwrap()).unwrap()
}

/// What a follower of a test says.
struct Follower {
    board: watch::Sender<Option<SaleStatus>>,
    taken: watch::Sender<Option<Instant>>,
    overdue: watch::Sender<Option<Instant>>,
}

fn follow(shard: &mut Shard, since: Instant) -> Follower {
    let (board, seen) = watch::channel(None);
    let (take, taken) = watch::channel(None);
    let (late, overdue) = watch::channel(shard.known.overdue);
    let task = tokio::task::JoinSet::new().spawn(async {}).id();
    let stopping = CancellationToken::new();
    shard.following = Some(Following { task, stopping, board: seen, taken, overdue, since });
    Follower { board, taken: take, overdue: late }
}

/// A replica with one shard that it owns.
struct Replica {
    shards: BTreeMap<String, Shard>,
    metrics: LedgerMetrics,
    start: Instant,
}

impl Replica {
    fn new() -> Self {
        let definition = Arc::new(testbed::provision::draft("gauges", 10));
        let stream = definition.stream(ShardIndex(0));
        let identity = StreamIdentity { shard: ShardIndex(0), created: Timestamp::UNIX_EPOCH, first_seq: 1 };
        let shard = Shard { owned: true, ..Shard::new(stream.clone(), &definition, &identity) };
        let shards = BTreeMap::from([(stream.name(), shard)]);
        Self { shards, metrics: metrics(), start: Clock::system().monotonic() }
    }

    fn at(&self, seconds: u64) -> Instant {
        self.start + Duration::from_secs(seconds)
    }

    fn shard(&mut self) -> &mut Shard {
        self.shards.values_mut().next().unwrap()
    }

    fn measure(&mut self, seconds: u64) {
        let now = self.at(seconds);
        measure(&mut self.shards, now, Timestamp::UNIX_EPOCH, &self.metrics);
    }

    fn lag(&mut self, seconds: u64) -> f64 {
        self.measure(seconds);
        self.metrics.lag_seconds.get()
    }
}

#[tokio::test]
async fn a_shard_that_halted_is_told_until_a_follower_says_that_it_goes_on() {
    let mut replica = Replica::new();
    let since = replica.at(0);
    let halts = follow(replica.shard(), since);
    let says = SaleStatus { halted: Some("no".to_owned()), ..status(3, None, Sums::default()) };
    halts.board.send_replace(Some(says.clone()));
    replica.measure(1);
    (replica.shard().following, replica.shard().halted) = (None, true);
    replica.measure(2);
    assert_eq!(replica.metrics.halted.get(), 1);
    // Tried again: nothing is said yet, and then the same once more.
    let again = follow(replica.shard(), since);
    replica.measure(62);
    assert_eq!(replica.metrics.halted.get(), 1, "a try is no mend");
    assert!(replica.lag(62).abs() < f64::EPSILON, "and what is told as halted is not told as late");
    again.board.send_replace(Some(says));
    replica.measure(63);
    assert_eq!(replica.metrics.halted.get(), 1, "it halted again");
    // Somebody mended it.
    let mended = follow(replica.shard(), since);
    mended.board.send_replace(Some(status(4, None, Sums::default())));
    replica.measure(123);
    assert_eq!((replica.metrics.halted.get(), replica.metrics.owned.get()), (0, 1));
}

#[tokio::test]
async fn a_transaction_that_hangs_after_everything_was_drained_makes_the_rows_later_and_later() {
    let mut replica = Replica::new();
    let since = replica.at(0);
    let follower = follow(replica.shard(), since);
    follower.board.send_replace(Some(status(3, Some(3), Sums::default())));
    assert!(replica.lag(500).abs() < f64::EPSILON, "idle and drained");
    follower.taken.send_replace(Some(replica.at(500)));
    assert!((replica.lag(590) - 90.0).abs() < 0.001);
    follower.taken.send_replace(None);
    assert!(replica.lag(591).abs() < f64::EPSILON);
}

#[tokio::test]
async fn what_waits_goes_on_waiting_from_try_to_try() {
    let mut replica = Replica::new();
    let since = replica.at(0);
    let first = follow(replica.shard(), since);
    let breach = Audit { at: Timestamp::UNIX_EPOCH, position: Revision(3), breaches: vec!["a gap".to_owned()] };
    let found = SaleStatus { audit: Some(breach), ..status(4, None, Sums::default()) };
    first.board.send_replace(Some(found));
    first.taken.send_replace(Some(replica.at(10)));
    first.overdue.send_replace(Some(replica.at(20)));
    replica.measure(30);
    for (began, seconds) in [(40, 41), (140, 141)] {
        replica.shard().following = None;
        replica.measure(seconds - 2);
        let since = replica.at(began);
        follow(replica.shard(), since);
        replica.measure(seconds);
    }
    let told = &replica.metrics;
    for (gauge, seconds) in
        [(&told.lag_seconds, 131.0), (&told.unaudited_seconds, 111.0), (&told.overdue_seconds, 121.0)]
    {
        assert!((gauge.get() - seconds).abs() < 0.001, "{} instead of {seconds}", gauge.get());
    }
    assert_eq!(told.breaches.get(), 1);
}

#[tokio::test]
async fn a_follower_that_hangs_after_the_lock_was_lost_tells_of_nothing() {
    let mut replica = Replica::new();
    let since = replica.at(0);
    let follower = follow(replica.shard(), since);
    follower.board.send_replace(Some(status(3, Some(3), Sums::default())));
    follower.taken.send_replace(Some(replica.at(1)));
    assert!((replica.lag(5) - 4.0).abs() < 0.001);
    (replica.shard().owned, replica.shard().known) = (false, Known::default());
    assert!(replica.lag(90).abs() < f64::EPSILON, "another replica keeps the books");
}

#[test]
fn units_beyond_supply_are_counted_per_item_and_not_made_up_by_another_one() {
    let mut sum = Sum::default();
    sum.add(&status(1, Some(1), sums(10, 0, 2, 9)));
    sum.add(&status(1, Some(1), sums(10, 8, 1, 1)));
    assert_eq!((sum.oversold, sum.gap), (1, 1));
    let metrics = metrics();
    sum.show(&metrics);
    assert_eq!((metrics.units[Units::Supply].get(), metrics.units[Units::Sold].get()), (20, 10));
    assert_eq!((metrics.oversold_units.get(), metrics.gap_units.get()), (1, 1));
}

#[test]
fn of_rows_that_are_not_exact_no_gap_is_told() {
    let mut sum = Sum::default();
    let moving = SaleStatus { exact: false, ..status(7, Some(1), sums(10, 9, 0, 2)) };
    sum.add(&moving);
    assert_eq!((sum.oversold, sum.gap), (0, 0));
}
