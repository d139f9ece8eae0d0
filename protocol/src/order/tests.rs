use super::*;

fn order(state: State) -> Order {
    Order {
        key: IdempotencyKey::parse("6b0c4c2e-8f6e-4f1c-9a53-b0d8a6f6a001").unwrap(),
        sku: Sku::parse("AUR-42").unwrap(),
        quantity: Units(2),
        state,
        reason: (state == State::Released).then_some(Reason::Expired),
        expires_at: (state == State::Held).then_some(1_900_000_000),
        payment: None,
    }
}

#[test]
fn an_order_goes_where_it_may_and_nowhere_else() {
    use State::{Confirmed, Held, Released};
    let payment = Some(uuid::Uuid::nil());
    let confirmed = [(Held, true), (Confirmed, false), (Released, false)];
    for (from, may) in confirmed {
        let result = order(from).confirmed(payment);
        assert_eq!(result.is_ok(), may, "{from:?}");
        match result {
            Ok(next) => assert_eq!((next.state, next.expires_at, next.payment), (Confirmed, None, payment)),
            Err(illegal) => assert_eq!(illegal, Illegal { from, to: Confirmed }),
        }
    }
    let released = [(Held, true), (Confirmed, true), (Released, false)];
    for (from, may) in released {
        let result = order(from).released(Reason::Refunded);
        assert_eq!(result.is_ok(), may, "{from:?}");
        match result {
            Ok(next) => {
                assert_eq!((next.state, next.reason, next.expires_at), (Released, Some(Reason::Refunded), None));
                assert_eq!((&next.key, &next.sku, next.quantity), (&order(from).key, &order(from).sku, Units(2)));
            }
            Err(illegal) => assert_eq!(illegal.to_string(), "a released order cannot become released"),
        }
    }
}

#[test]
fn only_a_released_order_takes_nothing_out_of_the_stock() {
    let active = [State::Held, State::Confirmed, State::Released].map(|state| order(state).active().0);
    assert_eq!(active, [2, 2, 0]);
}

#[test]
fn every_order_is_read_back_and_a_plain_one_is_short() {
    for state in [State::Held, State::Confirmed, State::Released] {
        let order = Order { payment: Some(uuid::Uuid::from_u128(7)), ..order(state) };
        assert_eq!(Order::decode(&order.encode()).unwrap(), order);
    }
    let plain = order(State::Confirmed).encode();
    assert_eq!(plain, &br#"{"v":1,"k":"6b0c4c2e-8f6e-4f1c-9a53-b0d8a6f6a001","s":"AUR-42","q":2,"t":"c"}"#[..]);
    for broken in [r#"{"v":1,"k":"","s":"a","q":1,"t":"c"}"#, r#"{"v":1,"k":"k","s":"a","q":1,"t":"z"}"#] {
        assert!(Order::decode(broken.as_bytes()).is_err(), "{broken}");
    }
}
