use super::*;
use protocol::order::Reason;
use protocol::{IdempotencyKey, Sku, Units};

const OURS: Uuid = Uuid::from_u128(1);
const ANOTHER: Uuid = Uuid::from_u128(2);

fn payment(mode: Mode, state: State) -> Payment {
    let target = Target {
        sale: SaleId::parse("aurora-00000000").unwrap(),
        order: OrderId(Uuid::from_u128(9)),
        customer: CustomerId::derive(b"key", "tests", "ann"),
        number: OrderNumber(0),
    };
    Payment { id: OURS, target, mode, amount_minor: 100, currency: "EUR".to_owned(), state }
}

fn held() -> Order {
    Order {
        key: IdempotencyKey::parse("k").unwrap(),
        sku: Sku::parse("shoe").unwrap(),
        quantity: Units(1),
        state: OrderState::Held,
        reason: None,
        expires_at: Some(5),
        payment: None,
    }
}

#[test]
fn what_follows_is_decided_by_where_payment_and_order_are() {
    let by = |id| held().confirmed(Some(id)).unwrap();
    let expired = held().released(Reason::Expired).unwrap();
    let refunded = |id| by(id).released(Reason::Refunded).unwrap();
    let cases = [
        (State::Pending, held(), Next::Confirm, Next::Confirm),
        (State::Pending, by(OURS), Next::Move(State::Settled), Next::Move(State::Settled)),
        (State::Pending, by(ANOTHER), Next::Move(State::Returned), Next::Move(State::RefundDue)),
        (State::Pending, expired.clone(), Next::Move(State::Returned), Next::Move(State::RefundDue)),
        (State::Pending, refunded(OURS), Next::Move(State::Returned), Next::Move(State::RefundDue)),
        (State::Settled, by(OURS), Next::Done, Next::Done),
        (State::Settled, refunded(OURS), Next::Move(State::Refunded), Next::Move(State::RefundDue)),
        (State::Returned, expired, Next::Done, Next::Done),
        (State::Refunded, refunded(OURS), Next::Done, Next::Done),
        (State::Returned, by(ANOTHER), Next::Done, Next::Done),
    ];
    for (state, order, wallet, external) in cases {
        assert_eq!(payment(Mode::Wallet, state).next(&order), wallet, "{state:?} {order:?}");
        if !matches!(state, State::Returned | State::Refunded) {
            assert_eq!(payment(Mode::External, state).next(&order), external, "{state:?} {order:?}");
        }
    }
    for state in [State::RefundDue, State::Failed] {
        assert_eq!(payment(Mode::External, state).next(&held()), Next::Done, "{state:?}");
    }
}

#[test]
fn whatever_is_decided_has_a_way_for_the_money_that_begins_where_it_lies() {
    for mode in [Mode::Wallet, Mode::External] {
        let lies = |state| match state {
            State::Pending => Some(Kind::Pending),
            State::Settled => Some(Kind::Revenue),
            _ => None,
        };
        for from in [State::Pending, State::Settled] {
            for to in State::ALL {
                let Some(cause) = Payment::cause(from, to) else { continue };
                let route = payment(mode, from).route(cause);
                assert_eq!(route.first().copied(), lies(from), "{mode:?} {from:?} to {to:?}");
                if to == State::Settled {
                    assert_eq!(route.last(), Some(&Kind::Revenue));
                }
            }
        }
    }
    assert_eq!(payment(Mode::Wallet, State::Settled).route(Cause::Refund).last(), Some(&Kind::Wallet));
    assert_eq!(payment(Mode::External, State::Settled).route(Cause::Refund).last(), Some(&Kind::Refunds));
}

#[test]
fn states_and_modes_are_read_as_they_are_written() {
    for state in State::ALL {
        assert_eq!(State::parse(state.as_str()), Some(state));
    }
    assert_eq!(
        [Mode::parse("wallet"), Mode::parse("external"), Mode::parse("x")],
        [Some(Mode::Wallet), Some(Mode::External), None]
    );
    assert_eq!(Payment::cause(State::Settled, State::Returned), None);
    assert_eq!(Payment::cause(State::Returned, State::Pending), None);
}
