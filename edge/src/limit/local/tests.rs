use std::time::Duration;

use protocol::{CustomerId, SaleId};

use super::*;

fn who(sale: &str, number: usize) -> Who {
    let customer = CustomerId::derive(b"the customer key of these tests", "tests", &number.to_string());
    Who::Customer(SaleId::parse(sale).unwrap(), customer)
}

#[tokio::test(start_paused = true)]
async fn everybody_has_a_quota_of_their_own_in_each_sale() {
    let local = Local::new(Clock::system());
    let quota = Quota::new(2, Duration::from_secs(10));
    for asked in [who("one-00000000", 1), who("one-00000000", 2), who("two-00000000", 1)] {
        let allowed: Vec<bool> = (0..3).map(|_| local.take(&asked, quota).allowed).collect();
        assert_eq!(allowed, [true, true, false], "{asked:?}");
    }
    tokio::time::advance(Duration::from_secs(5)).await;
    assert!(local.take(&who("one-00000000", 1), quota).allowed);
    assert!(!local.take(&who("one-00000000", 1), quota).allowed);
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_customers_does_not_fill_the_memory_and_forgets_the_idle_first() {
    const ROOM: usize = 8;
    let local = Local::with_room(Clock::system(), ROOM);
    let kept = || local.parts.iter().map(|part| part.lock().unwrap().len()).sum::<usize>();
    let (short, long) = (Quota::new(1, Duration::from_secs(1)), Quota::new(1, Duration::from_secs(3_600)));
    for number in 0..PARTS * ROOM * 4 {
        assert!(local.take(&who("one-00000000", number), short).allowed);
        assert!(kept() <= PARTS * ROOM, "{}", kept());
    }
    // Their quota is full again, so they make room, and whoever claimed just now is still known.
    tokio::time::advance(Duration::from_secs(2)).await;
    assert!(local.take(&who("two-00000000", 0), long).allowed);
    for number in 0..ROOM - 1 {
        local.take(&who("one-00000000", number), short);
    }
    assert!(!local.take(&who("two-00000000", 0), long).allowed);
}
