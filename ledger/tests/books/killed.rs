//! A payment that stops at every step between Postgres and the stream, whatever happens to its order meanwhile, comes to an
//! end at which money and units add up.

use anyhow::ensure;
use ledger::payments::payment::{Mode, Payment, State, Target};
use ledger::repo::payments::{Begun, Noted};
use protocol::OrderNumber;
use protocol::order::{Reason, State as OrderState};
use protocol::sale;
use testbed::eventually;
use uuid::Uuid;

use crate::money::{PRICE, Till};
use crate::shop::{BOUND, customer};

/// How far the one who pays came before they were killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Killed {
    BeforeAnything,
    MoneyTaken,
    OrderConfirmed,
    Settled,
}

/// What happens to the order before anybody looks again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meanwhile {
    Nothing,
    Cancelled,
    Expired,
    PaidOtherwise,
    Refunded,
    PaidOtherwiseAndRefunded,
}

const KILLS: [Killed; 4] = [Killed::BeforeAnything, Killed::MoneyTaken, Killed::OrderConfirmed, Killed::Settled];
const MEANWHILE: [Meanwhile; 6] = [
    Meanwhile::Nothing,
    Meanwhile::Cancelled,
    Meanwhile::Expired,
    Meanwhile::PaidOtherwise,
    Meanwhile::Refunded,
    Meanwhile::PaidOtherwiseAndRefunded,
];
const ANOTHER: Uuid = Uuid::from_u128(0xa);

fn payment(till: &Till, of: usize, mode: Mode) -> Payment {
    let target = Target {
        sale: till.shop.definition.sale.clone(),
        order: till.id(of),
        customer: customer(of),
        number: OrderNumber(0),
    };
    let state = State::Pending;
    Payment { id: Uuid::new_v4(), target, mode, amount_minor: PRICE, currency: "EUR".to_owned(), state }
}

/// Pays as the ledger does, and stops.
async fn pay_until(till: &Till, payment: &Payment, killed: Killed) {
    if killed == Killed::BeforeAnything {
        return;
    }
    match payment.mode {
        Mode::Wallet => {
            let begun = till.repo.begin_wallet(payment, None).await.unwrap();
            assert_eq!(begun, Begun::Payment(payment.clone()));
        }
        Mode::External => {
            let reference = payment.id.to_string();
            let noted = till.repo.begin_external(payment, &reference).await.unwrap();
            assert_eq!(noted, Noted { payment: payment.clone(), fresh: true });
        }
    }
    if killed == Killed::MoneyTaken {
        return;
    }
    till.shop.confirm(payment.target.customer, payment.id).await;
    if killed == Killed::Settled {
        assert!(till.repo.move_payment(payment, State::Settled).await.unwrap());
    }
}

/// Pays from a wallet, and stops before the money is anybody's.
pub(crate) async fn confirmed_but_not_settled(till: &Till, of: usize) {
    pay_until(till, &payment(till, of, Mode::Wallet), Killed::OrderConfirmed).await;
}

/// Whether it can happen to an order that is where this kill left it.
fn possible(killed: Killed, meanwhile: Meanwhile) -> bool {
    let confirmed = matches!(killed, Killed::OrderConfirmed | Killed::Settled);
    match meanwhile {
        Meanwhile::Nothing => true,
        Meanwhile::Refunded => confirmed,
        Meanwhile::Cancelled | Meanwhile::Expired | Meanwhile::PaidOtherwise | Meanwhile::PaidOtherwiseAndRefunded => {
            !confirmed
        }
    }
}

async fn happens(till: &Till, of: usize, meanwhile: Meanwhile) {
    match meanwhile {
        Meanwhile::Nothing => {}
        Meanwhile::Cancelled => till.release(of, Reason::Cancelled).await,
        Meanwhile::Expired => till.release(of, Reason::Expired).await,
        Meanwhile::Refunded => till.release(of, Reason::Refunded).await,
        Meanwhile::PaidOtherwise | Meanwhile::PaidOtherwiseAndRefunded => {
            till.shop.confirm(customer(of), ANOTHER).await;
            if meanwhile == Meanwhile::PaidOtherwiseAndRefunded {
                till.release(of, Reason::Refunded).await;
            }
        }
    }
}

/// Where payment and order have to be in the end; no payment for one that took nothing.
fn end(mode: Mode, killed: Killed, meanwhile: Meanwhile) -> (Option<State>, OrderState) {
    let back = if mode == Mode::Wallet { State::Returned } else { State::RefundDue };
    let refunded = if mode == Mode::Wallet { State::Refunded } else { State::RefundDue };
    let state = match (killed, meanwhile) {
        (Killed::BeforeAnything, _) => None,
        (_, Meanwhile::Nothing) => Some(State::Settled),
        (Killed::Settled, Meanwhile::Refunded) => Some(refunded),
        _ => Some(back),
    };
    let order = match (killed, meanwhile) {
        (Killed::BeforeAnything, Meanwhile::Nothing) => OrderState::Held,
        (_, Meanwhile::Nothing | Meanwhile::PaidOtherwise) => OrderState::Confirmed,
        _ => OrderState::Released,
    };
    (state, order)
}

async fn walk(name: &str, mode: Mode, payment_mode: sale::Payment) {
    let till = Till::of(name, payment_mode, 100).await;
    // Follows, so that what was settled and then refunded is found in the rows; it pays nothing.
    let _follower = till.shop.ledger(0, &["--roles", "follow"]);
    let cases = KILLS.iter().flat_map(|killed| MEANWHILE.iter().map(move |meanwhile| (*killed, *meanwhile)));
    let cases: Vec<_> = cases.filter(|(killed, meanwhile)| possible(*killed, *meanwhile)).collect();
    assert_eq!(cases.len(), 14);
    let mut payments = Vec::new();
    for (of, (killed, meanwhile)) in cases.iter().enumerate() {
        till.fund(of, 2 * PRICE).await;
        till.hold(of).await;
        let payment = payment(&till, of, mode);
        pay_until(&till, &payment, *killed).await;
        happens(&till, of, *meanwhile).await;
        payments.push(payment);
    }
    till.shop.drained().await;
    till.recover().await;
    for (of, ((killed, meanwhile), payment)) in cases.iter().zip(&payments).enumerate() {
        let (state, order) = end(mode, *killed, *meanwhile);
        let after = till.repo.payment(payment.id).await.unwrap();
        assert_eq!(after.map(|payment| payment.state), state, "{mode:?} {killed:?} {meanwhile:?}");
        assert_eq!(till.order(of).await.state, order, "{mode:?} {killed:?} {meanwhile:?}");
        let kept = mode == Mode::Wallet && state == Some(State::Settled);
        let spent = if kept { PRICE } else { 0 };
        assert_eq!(till.wallet(of).await, 2 * PRICE - spent, "{mode:?} {killed:?} {meanwhile:?}");
    }
    till.balances().await;
    let sums = till.shop.drained().await.items[0].sums;
    assert_eq!(sums.free + sums.held + sums.sold, 100);
}

#[tokio::test]
async fn a_wallet_payment_that_is_killed_at_any_step_is_finished_or_undone() {
    walk("walk", Mode::Wallet, sale::Payment::Wallet).await;
}

#[tokio::test]
async fn a_capture_that_is_killed_at_any_step_is_finished_or_owed() {
    let checkout_url = "https://pay.example/{order}".to_owned();
    walk("walkext", Mode::External, sale::Payment::External { checkout_url }).await;
}

#[tokio::test]
async fn whoever_began_in_time_is_not_told_that_it_is_too_late() {
    let till = Till::of("intime", sale::Payment::Wallet, 40).await;
    till.fund(1, PRICE).await;
    till.hold(1).await;
    let begun = payment(&till, 1, Mode::Wallet);
    pay_until(&till, &begun, Killed::MoneyTaken).await;
    // The same request again, by a clock for which the deadline has passed.
    let again = Payment { id: Uuid::new_v4(), ..begun.clone() };
    assert_eq!(till.repo.begin_wallet(&again, Some(1)).await.unwrap(), Begun::Payment(begun));
    assert_eq!(till.pay(1, "again").await.unwrap().order.state, OrderState::Confirmed);
    till.balances().await;
}

#[tokio::test]
async fn money_for_a_sale_that_was_removed_by_force_goes_back() {
    let till = Till::of("forced", sale::Payment::Wallet, 100).await;
    let follower = till.shop.ledger(0, &["--roles", "follow"]);
    for of in 0..2 {
        till.fund(of, PRICE).await;
    }
    till.hold(0).await;
    till.shop.drained().await;
    // The second order is never followed.
    follower.service.kill9().await.unwrap();
    till.hold(1).await;
    for of in 0..2 {
        pay_until(&till, &payment(&till, of, Mode::Wallet), Killed::MoneyTaken).await;
    }
    till.remove().await;
    till.recover().await;
    assert_eq!((till.payments_in("returned").await, till.wallet(0).await, till.wallet(1).await), (2, PRICE, PRICE));
    till.balances().await;
}

#[tokio::test]
async fn payments_of_a_stream_that_is_lost_hold_no_others_up() {
    let stuck = Till::of("stuck", sale::Payment::Wallet, 100).await;
    let other = Till { shop: stuck.shop.beside_paid("other", 100).await, ..stuck.clone() };
    for of in 0..20 {
        stuck.fund(of, 2 * PRICE).await;
        for till in [&stuck, &other] {
            till.hold(of).await;
            pay_until(till, &payment(till, of, Mode::Wallet), Killed::MoneyTaken).await;
        }
    }
    stuck.lose_stream().await;
    let found = stuck.payments.recover_once(0.0, 3_600.0).await.unwrap();
    assert_eq!(found, 40);
    // Each look tries each of them once, and the other stream may have been busy at that moment.
    eventually(BOUND, "the others to be settled", async || {
        stuck.payments.recover_once(0.0, 3_600.0).await?;
        let settled = stuck.payments_in("settled").await;
        ensure!(settled == 20, "{settled}");
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(stuck.payments_in("pending").await, 20);
}

#[tokio::test]
async fn two_who_recover_at_once_move_the_money_once() {
    let till = Till::of("both", sale::Payment::Wallet, 100).await;
    for of in 0..20 {
        till.fund(of, PRICE).await;
        till.hold(of).await;
        let payment = payment(&till, of, Mode::Wallet);
        pay_until(&till, &payment, Killed::MoneyTaken).await;
        if of % 2 == 0 {
            till.release(of, Reason::Expired).await;
        }
    }
    futures::future::join_all((0..4).map(|_| till.payments.recover_once(0.0, 3_600.0))).await;
    till.recover().await;
    assert_eq!((till.payments_in("settled").await, till.payments_in("returned").await), (10, 10));
    till.balances().await;
}
