//! Wallets pay, merchants refund, providers report.

use ledger::metrics::Ending;
use protocol::ask::No;
use protocol::ask::money::CallbackOutcome;
use protocol::order::{Order, Reason, State};
use protocol::sale::{Money, Payment};
use runtime::clock::Clock;
use testbed::eventually;

use crate::money::{PRICE, Till, report};
use crate::shop::{BOUND, customer, order};

fn euros(amount_minor: i64) -> Money {
    Money { amount_minor, currency: "EUR".to_owned() }
}

fn external() -> Payment {
    Payment::External { checkout_url: "https://pay.example/{order}".to_owned() }
}

#[tokio::test]
async fn a_wallet_pays_a_held_order_once_however_often_it_is_asked() {
    let till = Till::of("pay", Payment::Wallet, 10).await;
    till.fund(1, 20_000).await;
    till.hold(1).await;
    for _ in 0..3 {
        let paid = till.pay(1, "p").await.unwrap();
        assert_eq!((paid.order.state, paid.order.expires_at), (State::Confirmed, None));
    }
    assert_eq!(till.pay(1, "another").await, Err(No::AlreadyPaid), "another wish to pay what is paid");
    assert_eq!((till.wallet(1).await, till.purse("revenue").await), (20_000 - PRICE, PRICE));
    till.balances().await;
}

#[tokio::test]
async fn fifty_who_pay_one_order_at_once_pay_it_once() {
    let till = Till::of("fifty", Payment::Wallet, 10).await;
    till.fund(1, 1_000_000).await;
    till.hold(1).await;
    let keys: Vec<String> = (0..50).map(|n| format!("p-{}", n % 5)).collect();
    let ends = futures::future::join_all(keys.iter().map(|key| till.pay(1, key))).await;
    for end in &ends {
        assert!(matches!(end, Ok(_) | Err(No::AlreadyPaid)), "{end:?}");
    }
    assert!(ends.iter().filter(|end| end.is_ok()).count() >= 10, "every request with the key that paid: {ends:?}");
    assert_eq!(till.wallet(1).await, 1_000_000 - PRICE);
    till.balances().await;
}

#[tokio::test]
async fn a_wallet_that_holds_too_little_pays_nothing_and_the_hold_stays() {
    let till = Till::of("short", Payment::Wallet, 10).await;
    till.hold(1).await;
    let short = |balance| Err(No::InsufficientFunds { balance: euros(balance), needed: euros(PRICE) });
    assert_eq!(till.pay(1, "p").await, short(0));
    till.fund(1, PRICE - 1).await;
    assert_eq!(till.pay(1, "p").await, short(PRICE - 1));
    assert_eq!(till.order(1).await.state, State::Held);
    till.fund(1, 1).await;
    assert_eq!(till.pay(1, "p").await.unwrap().order.state, State::Confirmed, "the same key, once there is enough");
    assert_eq!(till.wallet(1).await, 0);
    till.balances().await;
}

#[tokio::test]
async fn what_is_overdue_or_gone_is_not_paid() {
    let till = Till::of("gone", Payment::Wallet, 40).await;
    for of in 1..5 {
        till.fund(of, 20_000).await;
    }
    let late = Order { expires_at: Some(Clock::system().now().as_second() - 1), ..order("k", 1, State::Held) };
    till.shop.claim(customer(1), 0, &late).await;
    let overdue = till.pay(1, "p").await;
    assert!(matches!(overdue, Err(No::HoldExpired { expired_at: Some(_) })), "{overdue:?}");
    for (of, reason, told) in [
        (2, Reason::Expired, No::HoldExpired { expired_at: None }),
        (3, Reason::Cancelled, No::Released { reason: Reason::Cancelled }),
    ] {
        till.hold(of).await;
        till.release(of, reason).await;
        assert_eq!(till.pay(of, "p").await, Err(told));
    }
    let mut stranger = till.asked(4, "p");
    till.hold(4).await;
    stranger.customer = customer(3);
    let refused = till.payments.pay(stranger).await;
    assert!(matches!(refused, Err(ledger::answer::Failure::No(No::NotFound))), "another's order: {refused:?}");
    for of in 1..5 {
        assert_eq!(till.wallet(of).await, 20_000);
    }
    till.balances().await;
}

#[tokio::test]
async fn a_sale_that_is_paid_otherwise_takes_nothing_from_a_wallet() {
    let till = Till::of("otherwise", external(), 10).await;
    till.fund(1, 20_000).await;
    till.hold(1).await;
    assert_eq!(till.pay(1, "p").await, Err(No::OtherPayment));
    assert_eq!(till.wallet(1).await, 20_000);
}

#[tokio::test]
async fn a_refund_puts_the_unit_on_sale_and_the_money_back_once() {
    let till = Till::of("refund", Payment::Wallet, 10).await;
    let _follower = till.shop.ledger(0, &["--roles", "follow"]);
    till.fund(1, PRICE).await;
    till.hold(1).await;
    till.hold(2).await;
    till.shop.drained().await;
    let held = till.refund(2).await;
    assert!(matches!(&held, Err(No::Invalid { field, .. }) if field == "order"), "a held order is not sold: {held:?}");
    till.pay(1, "p").await.unwrap();
    for _ in 0..2 {
        let back = till.refund(1).await.unwrap();
        assert_eq!((back.order.state, back.order.reason), (State::Released, Some(Reason::Refunded)));
    }
    assert_eq!(till.refund(7).await, Err(No::NotFound));
    assert_eq!((till.wallet(1).await, till.purse("revenue").await, till.purse("refunds").await), (PRICE, 0, 0));
    assert_eq!(till.pay(1, "p").await, Err(No::Released { reason: Reason::Refunded }));
    let sums = till.shop.drained().await.items[0].sums;
    assert_eq!((sums.free, sums.held, sums.sold), (9, 1, 0));
    till.balances().await;
}

#[tokio::test]
async fn a_provider_pays_orders_and_what_it_cannot_pay_is_owed() {
    let till = Till::of("provider", external(), 40).await;
    let _follower = till.shop.ledger(0, &["--roles", "follow"]);
    for of in 1..7 {
        till.hold(of).await;
    }
    till.shop.drained().await;
    for _ in 0..3 {
        let paid = till.callback(report(till.id(1), "ch-1", "succeeded", PRICE)).await;
        assert_eq!(paid, Ok(CallbackOutcome::Confirmed), "the same report again is the same payment");
    }
    assert_eq!(till.order(1).await.state, State::Confirmed);
    assert_eq!(
        till.callback(report(till.id(1), "ch-2", "succeeded", PRICE)).await,
        Ok(CallbackOutcome::RefundDue),
        "twice"
    );
    assert_eq!(till.callback(report(till.id(2), "ch-3", "failed", PRICE)).await, Ok(CallbackOutcome::Declined));
    assert_eq!(till.order(2).await.state, State::Held, "a declined attempt leaves the hold");
    assert_eq!(till.callback(report(till.id(2), "ch-4", "succeeded", PRICE)).await, Ok(CallbackOutcome::Confirmed));
    assert_eq!(
        till.callback(report(till.id(3), "ch-5", "succeeded", 1)).await,
        Ok(CallbackOutcome::RefundDue),
        "not the price"
    );
    assert_eq!(till.order(3).await.state, State::Held);
    till.release(4, Reason::Expired).await;
    assert_eq!(
        till.callback(report(till.id(4), "ch-6", "succeeded", PRICE)).await,
        Ok(CallbackOutcome::RefundDue),
        "late"
    );
    let unknown = till.callback(report(till.id(99), "ch-7", "succeeded", PRICE)).await;
    assert!(matches!(unknown, Err(No::Busy { .. })), "what may not have been followed yet is sent again: {unknown:?}");
    let other = till.callback(report(till.id(5), "ch-6", "succeeded", PRICE)).await;
    assert!(matches!(&other, Err(No::Invalid { field, .. }) if field == "reference"), "{other:?}");
    let mut forged = report(till.id(6), "ch-8", "succeeded", PRICE);
    forged.body = forged.body.replace("ch-8", "ch-9");
    assert_eq!(till.callback(forged).await, Err(No::NotTheProvider));

    for (of, reference, status, amount_minor) in
        [(1, "ch-2", "succeeded", PRICE), (2, "ch-3", "failed", PRICE), (3, "ch-5", "succeeded", 1)]
    {
        till.callback(report(till.id(of), reference, status, amount_minor)).await.unwrap();
    }
    let counted = |till: &Till| [Ending::Settled, Ending::RefundDue, Ending::Failed].map(|ending| till.counted(ending));
    assert_eq!(counted(&till), [2, 3, 1], "each is counted once, also those that were over when they began");

    till.refund(2).await.unwrap();
    till.recover().await;
    assert_eq!(counted(&till), [2, 4, 1]);
    assert_eq!(till.purse("revenue").await, PRICE);
    assert_eq!(till.purse("refunds").await, PRICE + 1 + PRICE + PRICE, "twice, not the price, late, and refunded");
    assert_eq!(till.purse("funding").await, -(4 * PRICE + 1));
    assert_eq!(till.payments_in("refund-due").await, 4);
    till.shop.drained().await;
    till.balances().await;
}

#[tokio::test]
async fn an_attempt_that_failed_and_then_went_well_under_one_reference_pays() {
    let till = Till::of("again", external(), 40).await;
    let _follower = till.shop.ledger(0, &["--roles", "follow"]);
    till.hold(1).await;
    till.hold(2).await;
    till.shop.drained().await;
    for _ in 0..2 {
        assert_eq!(till.callback(report(till.id(1), "intent-1", "failed", PRICE)).await, Ok(CallbackOutcome::Declined));
    }
    for _ in 0..2 {
        let paid = till.callback(report(till.id(1), "intent-1", "succeeded", PRICE)).await;
        assert_eq!(paid, Ok(CallbackOutcome::Confirmed));
    }
    assert_eq!(till.callback(report(till.id(1), "intent-1", "failed", PRICE)).await, Ok(CallbackOutcome::Confirmed));
    assert_eq!(till.callback(report(till.id(2), "intent-2", "failed", PRICE)).await, Ok(CallbackOutcome::Declined));
    assert_eq!(till.callback(report(till.id(2), "intent-3", "succeeded", PRICE)).await, Ok(CallbackOutcome::Confirmed));
    let late = till.callback(report(till.id(2), "intent-2", "succeeded", PRICE)).await;
    assert_eq!(late, Ok(CallbackOutcome::RefundDue), "another one has paid meanwhile");
    assert_eq!((till.purse("revenue").await, till.purse("refunds").await), (2 * PRICE, PRICE));
    let counted = [Ending::Failed, Ending::Settled, Ending::RefundDue].map(|ending| till.counted(ending));
    assert_eq!(counted, [2, 2, 1], "what failed and went well after all is counted as both");
    till.balances().await;
}

#[tokio::test]
async fn what_is_free_is_paid_with_nothing() {
    let till = Till::of("free", Payment::Wallet, 10).await;
    let mut definition = till.shop.definition.clone();
    definition.items[0].price = None;
    testbed::provision::publish(&till.shop.client, &till.shop.installation, &definition).await.unwrap();
    till.hold(1).await;
    assert_eq!(till.pay(1, "p").await.unwrap().order.state, State::Confirmed);
    till.balances().await;
}

#[tokio::test]
async fn a_statement_tells_the_money_and_reconcile_finds_what_was_slipped_into_a_purse() {
    let till = Till::of("told", external(), 40).await;
    let _follower = till.shop.ledger(0, &["--roles", "follow"]);
    till.hold(1).await;
    till.hold(2).await;
    till.shop.drained().await;
    till.callback(report(till.id(1), "ch-\"1\"", "succeeded", PRICE)).await.unwrap();
    till.callback(report(till.id(2), "ch-2", "succeeded", 7)).await.unwrap();
    till.shop.drained().await;
    let sale = till.shop.definition.sale.to_string();
    let (done, text, _) = till.shop.command("statement", &["--sale", &sale]).await;
    let statement: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(done);
    assert_eq!(
        statement["money"],
        serde_json::json!([{
            "currency": "EUR", "pending_minor": 0, "revenue_minor": PRICE, "refunds_minor": 7,
            "payments": {
                "settled": { "count": 1, "amount_minor": PRICE },
                "refund-due": { "count": 1, "amount_minor": 7 },
            },
        }])
    );
    let (_, csv, _) = till.shop.command("statement", &["--sale", &sale, "--payments", "--format", "csv"]).await;
    assert_eq!(csv.lines().count(), 3, "{csv}");
    assert!(csv.contains(&format!("external,{PRICE},EUR,settled,\"ch-\"\"1\"\"\"")), "{csv}");

    let (balanced, text, _) = till.shop.command("reconcile", &["--sale", &sale]).await;
    assert!(balanced, "{text}");
    let slipped = "UPDATE purses SET balance = balance + 1 WHERE kind = 'revenue'";
    sqlx::query(slipped).execute(&till.shop.postgres().await).await.unwrap();
    let (balanced, text, _) = till.shop.command("reconcile", &["--sale", &sale]).await;
    assert!(!balanced && text.contains("revenue holds 12901 minor units of EUR"), "{text}");
    assert!(text.contains("all purses of EUR together hold 1 minor units, not 0"), "{text}");
}

#[tokio::test]
async fn a_capture_for_a_sale_that_is_gone_is_owed_and_not_lost() {
    let till = Till::of("toolate", external(), 40).await;
    let _follower = till.shop.ledger(0, &["--roles", "follow"]);
    till.hold(1).await;
    till.shop.drained().await;
    till.release(1, Reason::Expired).await;
    till.shop.drained().await;
    till.remove().await;
    for _ in 0..2 {
        let late = till.callback(report(till.id(1), "late", "succeeded", PRICE)).await;
        assert_eq!(late, Ok(CallbackOutcome::RefundDue));
    }
    assert_eq!((till.purse("refunds").await, till.payments_in("refund-due").await), (PRICE, 1));
    till.balances().await;
}

#[tokio::test]
async fn a_payment_whose_sale_is_removed_is_settled_by_what_the_rows_say() {
    let till = Till::of("removed", Payment::Wallet, 40).await;
    let _follower = till.shop.ledger(0, &["--roles", "follow"]);
    till.fund(1, PRICE).await;
    till.hold(1).await;
    crate::killed::confirmed_but_not_settled(&till, 1).await;
    till.shop.drained().await;
    let sales = runtime::registry::Table::<protocol::sale::Definition>::new(
        till.shop.client.clone(),
        till.shop.installation.sales_bucket(),
    );
    sales.delete(till.shop.definition.sale.as_str()).await.unwrap();
    till.recover().await;
    assert_eq!((till.payments_in("settled").await, till.purse("revenue").await), (1, PRICE));
    till.balances().await;

    let early = till.refund(1).await;
    assert!(matches!(early, Err(No::Busy { .. })), "its stream is still there: {early:?}");
    let stream = till.shop.definition.stream(protocol::Shard(0)).name();
    async_nats::jetstream::new(till.shop.client.clone()).delete_stream(stream).await.unwrap();
    for _ in 0..2 {
        let back = till.refund(1).await.unwrap();
        assert_eq!((back.order.state, back.order.reason), (State::Released, Some(Reason::Refunded)));
    }
    assert_eq!((till.wallet(1).await, till.purse("revenue").await), (PRICE, 0));
    till.balances().await;
}

#[tokio::test]
async fn payments_that_are_not_at_their_end_are_told_until_they_are() {
    let till = Till::of("open", Payment::Wallet, 40).await;
    let _follower = till.shop.ledger(0, &["--roles", "follow"]);
    for of in 1..=2 {
        till.fund(of, PRICE).await;
        till.hold(of).await;
    }
    crate::killed::confirmed_but_not_settled(&till, 1).await;
    till.pay(2, "p").await.unwrap();
    till.release(2, Reason::Refunded).await;
    assert_eq!(till.shop.drained().await.payments_open, 2, "one is not settled, one is not returned");
    till.recover().await;
    eventually(BOUND, "nothing is under way", async || {
        let open = till.shop.status().await?.payments_open;
        anyhow::ensure!(open == 0, "{open} are");
        Ok(())
    })
    .await
    .unwrap();
    till.balances().await;
}
