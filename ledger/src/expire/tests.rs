use protocol::order::{Order, State};
use protocol::{IdempotencyKey, Revision, Units};

use super::*;

fn late(of: u8, sku: &str, late_seconds: f64) -> Deadline {
    let order = Order {
        key: IdempotencyKey::parse("k").unwrap(),
        sku: Sku::parse(sku).unwrap(),
        quantity: Units(1),
        state: State::Held,
        reason: None,
        expires_at: Some(0),
        payment: None,
    };
    let customer = CustomerId::derive(b"a key that is long enough", "tests", &of.to_string());
    let standing = Standing { customer, number: OrderNumber(0), revision: Revision(1), order };
    Deadline { standing, late_seconds }
}

#[test]
fn the_oldest_deadline_is_that_of_an_order_that_is_not_released_yet() {
    let asked = Clock::system().monotonic();
    let before = |seconds| Some(asked.checked_sub(Duration::from_secs(seconds)).unwrap());
    let mut items: BTreeMap<Sku, Vec<Deadline>> = BTreeMap::new();
    for deadline in [late(1, "a", 90.0), late(2, "a", 2.0), late(3, "b", 30.0)] {
        items.entry(deadline.standing.order.sku.clone()).or_default().push(deadline);
    }
    let mut released = HashSet::new();
    assert_eq!(oldest(&items, &released, asked), before(90));
    released.insert(late(1, "a", 0.0).name());
    assert_eq!(oldest(&items, &released, asked), before(30), "of any item");
    released.extend([late(2, "a", 0.0).name(), late(3, "b", 0.0).name()]);
    assert_eq!(oldest(&items, &released, asked), None);
}
