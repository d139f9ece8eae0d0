//! What customers have, and what moved.

use protocol::ask::No;
use protocol::ask::money::{Entries, Wallets};
use protocol::sale::Money;

use crate::asking::open;
use crate::shop::{Shop, customer};

fn entries(number: usize, currency: &str, before: Option<i64>, limit: u16) -> Entries {
    Entries { customer: customer(number), currency: currency.to_owned(), before, limit }
}

async fn fund(shop: &Shop, number: usize, currency: &str, amount: i64) {
    let (whose, amount) = (customer(number).to_string(), amount.to_string());
    let arguments = ["fund", "--customer", &whose, "--currency", currency, "--amount-minor", &amount];
    let (ok, _, complaint) = shop.command("account", &arguments).await;
    assert!(ok, "{complaint}");
}

#[tokio::test]
async fn wallets_and_their_statements_are_their_owners() {
    let (shop, _ledger) = open("wallets").await;
    for amount in 1..=7 {
        fund(&shop, 1, "EUR", amount).await;
    }
    fund(&shop, 1, "USD", 500).await;
    fund(&shop, 2, "EUR", 9_999).await;
    let wallets = shop.ask(&Wallets { customer: customer(1) }).await.unwrap();
    let has: Vec<_> = wallets.iter().map(|wallet| (&*wallet.balance.currency, wallet.balance.amount_minor)).collect();
    assert_eq!(has, [("EUR", 28), ("USD", 500)]);
    assert!(wallets.iter().all(|wallet| wallet.pending.amount_minor == 0), "{wallets:?}");
    assert_eq!(shop.ask(&Wallets { customer: customer(3) }).await, Ok(Vec::new()));

    let mut seen = Vec::new();
    let mut before = None;
    for expected in [3, 3, 1] {
        let page = shop.ask(&entries(1, "EUR", before, 3)).await.unwrap();
        assert_eq!(page.entries.len(), expected);
        assert!(page.entries.iter().all(|entry| entry.cause == "fund" && entry.order.is_none()), "{page:?}");
        seen.extend(page.entries.iter().map(|entry| entry.amount_minor));
        before = page.before;
    }
    assert_eq!((seen, before), (vec![7, 6, 5, 4, 3, 2, 1], None), "the newest first, each once, and then no more");

    assert_eq!(shop.ask(&entries(1, "GBP", None, 10)).await, Err(No::NotFound));
    assert_eq!(shop.ask(&entries(3, "EUR", None, 10)).await, Err(No::NotFound));
    for (field, question) in [
        ("limit", entries(1, "EUR", None, 0)),
        ("limit", entries(1, "EUR", None, 101)),
        ("currency", entries(1, "eur", None, 1)),
    ] {
        assert!(matches!(shop.ask(&question).await, Err(No::Invalid { field: of, .. }) if of == field), "{question:?}");
    }
}

#[tokio::test]
async fn what_payments_under_way_have_taken_is_shown_as_pending() {
    let (shop, _ledger) = open("pending").await;
    fund(&shop, 1, "EUR", 1_000).await;
    // A payment under way, as its rows are between taking the money and the order's confirmation.
    let postgres = shop.postgres().await;
    for sql in [
        "INSERT INTO payments (id, sale, order_id, customer, n, mode, amount_minor, currency, state)
         SELECT gen_random_uuid(), 'sale-00000000', gen_random_uuid(), owner, 0, 'wallet', 300, 'EUR', 'pending'
         FROM purses WHERE kind = 'wallet'",
        "INSERT INTO purses (kind, owner, currency) VALUES ('pending', 'sale-00000000', 'EUR')",
        "INSERT INTO transfers (credit, debit, amount_minor, cause, payment)
         SELECT wallet.id, pending.id, 300, 'pay', payments.id FROM payments, purses AS wallet, purses AS pending
         WHERE wallet.kind = 'wallet' AND pending.kind = 'pending'",
        "UPDATE purses SET balance = balance + CASE kind WHEN 'wallet' THEN -300 ELSE 300 END WHERE kind <> 'funding'",
    ] {
        sqlx::query(sql).execute(&postgres).await.unwrap();
    }
    let wallets = shop.ask(&Wallets { customer: customer(1) }).await.unwrap();
    let money = |amount_minor| Money { amount_minor, currency: "EUR".to_owned() };
    assert_eq!((&wallets[0].balance, &wallets[0].pending), (&money(700), &money(300)));
    let page = shop.ask(&entries(1, "EUR", None, 10)).await.unwrap();
    let moved: Vec<_> =
        page.entries.iter().map(|entry| (&*entry.cause, entry.amount_minor, entry.order.is_some())).collect();
    assert_eq!(moved, [("pay", -300, true), ("fund", 1_000, false)]);
}
