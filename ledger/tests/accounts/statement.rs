//! What came of a sale, asked as an edge asks for a merchant.

use std::cell::Cell;

use anyhow::ensure;
use futures::future::join_all;
use protocol::ask::No;
use protocol::ask::statement::{SaleOrders, Sheet, SheetOf, Statement};
use protocol::order::{Reason, State};
use protocol::{OrderId, SaleId};
use serde_json::Value;
use testbed::eventually;

use crate::asking::open;
use crate::shop::{AUDITED, BOUND, Shop, customer, order};

fn orders(sale: &SaleId, cursor: Option<String>, limit: u16) -> SaleOrders {
    SaleOrders { sale: sale.clone(), order: None, state: None, cursor, limit }
}

/// Five who have bought, one who holds and one who gave back.
async fn sold(shop: &Shop) {
    for number in 0..5 {
        shop.claim(customer(number), 0, &order("k", 1, State::Confirmed)).await;
    }
    shop.claim(customer(5), 0, &order("k", 2, State::Held)).await;
    let given_back = order("k", 1, State::Held);
    let at = shop.claim(customer(6), 0, &given_back).await;
    shop.release(customer(6), 0, &given_back, at).await;
    shop.drained().await;
}

/// A whole list, and how many pages it had.
async fn whole(shop: &Shop, sale: &SaleId, of: SheetOf) -> (String, usize) {
    let (mut text, mut pages, mut cursor) = (String::new(), 0, None);
    loop {
        let page = shop.ask(&Sheet { sale: sale.clone(), of, cursor }).await.unwrap();
        text.push_str(&page.text);
        pages += 1;
        cursor = page.cursor;
        if cursor.is_none() {
            return (text, pages);
        }
    }
}

#[tokio::test]
async fn a_settlement_that_is_asked_for_is_the_one_that_the_command_prints() {
    let (shop, _ledger) = open("settlement").await;
    sold(&shop).await;
    let sale = shop.definition.sale.clone();
    let told = shop.ask(&Statement { sale: sale.clone() }).await.unwrap();
    let (ok, json, complaint) = shop.command("statement", &["--sale", sale.as_str()]).await;
    assert!(ok, "{complaint}");
    let printed: Value = serde_json::from_str(&json).unwrap();
    let item = &told.items[0];
    let of = |field: &str| printed["items"][0][field].as_i64().unwrap();
    assert_eq!(
        (item.supply, item.free, item.held, item.sold, item.released, item.refunded, item.orders),
        (of("supply"), of("free"), of("held"), of("sold"), of("released"), of("refunded"), of("orders"))
    );
    assert_eq!((item.free, item.held, item.sold, item.released, item.orders), (33, 2, 5, 1, 7));
    assert_eq!(serde_json::to_value(told.orders).unwrap(), printed["ends"]);
    assert_eq!((told.orders.confirmed, told.orders.held, told.orders.cancelled), (5, 1, 1));
    assert_eq!(told.orders_sha256, printed["orders_sha256"]);
    let audit = told.audit.unwrap();
    assert!(audit.balanced && audit.current && audit.breaches.is_empty(), "{audit:?}");
    assert_eq!(printed["positions"][0]["audit"]["at"], audit.at.to_string());
}

#[tokio::test]
async fn books_that_do_not_balance_are_told_so() {
    let (shop, ledger) = open("breach").await;
    sold(&shop).await;
    let postgres = shop.postgres().await;
    sqlx::query("UPDATE orders SET quantity = 2 WHERE customer = $1")
        .bind(customer(3).to_string())
        .execute(&postgres)
        .await
        .unwrap();
    // Whatever comes next is compared again.
    shop.claim(customer(9), 0, &order("k", 1, State::Confirmed)).await;
    let question = Statement { sale: shop.definition.sale.clone() };
    let audit = eventually(AUDITED, "an audit that finds it", async || {
        let audit = shop.ask(&question).await.unwrap().audit;
        audit.filter(|audit| !audit.balanced).ok_or_else(|| anyhow::anyhow!("not yet"))
    })
    .await
    .unwrap();
    assert!(!audit.breaches.is_empty(), "{audit:?}");
    drop(ledger);
}

#[tokio::test]
async fn every_order_of_a_sale_is_on_one_page_and_no_other_sales() {
    let (shop, _ledger) = open("pages").await;
    let beside = shop.beside("beside", 40).await;
    beside.claim(customer(1), 0, &order("theirs", 1, State::Confirmed)).await;
    beside.drained().await;
    sold(&shop).await;
    let sale = &shop.definition.sale;
    let all = shop.ask(&orders(sale, None, 100)).await.unwrap();
    let mut expected: Vec<_> = (0..7).map(customer).collect();
    expected.sort_by_key(ToString::to_string);
    assert_eq!(all.orders.iter().map(|order| order.customer).collect::<Vec<_>>(), expected);
    assert_eq!(all.cursor, None);
    let (mut seen, mut cursor) = (Vec::new(), None);
    for size in [3, 3, 1] {
        let page = shop.ask(&orders(sale, cursor, 3)).await.unwrap();
        assert_eq!(page.orders.len(), size);
        seen.extend(page.orders);
        cursor = page.cursor;
    }
    assert_eq!((seen, cursor), (all.orders.clone(), None));

    let released = SaleOrders { state: Some(State::Released), ..orders(sale, None, 100) };
    let released = shop.ask(&released).await.unwrap().orders;
    assert_eq!(released.len(), 1);
    assert_eq!((released[0].customer, released[0].reason), (customer(6), Some(Reason::Cancelled)));
    let one = SaleOrders { order: Some(released[0].id), ..orders(sale, None, 1) };
    assert_eq!(shop.ask(&one).await.unwrap().orders, released);
    let elsewhere = OrderId::derive(&beside.definition.uid, &customer(1), &order("theirs", 1, State::Held).key);
    let none = SaleOrders { order: Some(elsewhere), ..orders(sale, None, 1) };
    assert_eq!(shop.ask(&none).await.unwrap().orders, [], "an order of another sale");
}

#[tokio::test]
async fn a_list_in_many_pages_is_byte_for_byte_what_the_command_prints() {
    let (shop, _ledger) = open("sheets").await;
    let sale = SaleId::parse("many-00000000").unwrap();
    let postgres = shop.postgres().await;
    for sql in [
        "INSERT INTO sales (sale, uid, namespace, name, display_name, epoch, generation, starts_at, ends_at)
         VALUES ('many-00000000', 'uid', 'shop', 'many', 'Many', 1, 1, now(), now())",
        "INSERT INTO items (sale, sku, display_name, quantity, withheld) VALUES ('many-00000000', '-1-1', 'A formula', 9, 0)",
        "INSERT INTO orders (sale, customer, n, id, idempotency_key, sku, quantity, state, epoch, shard, revision, seen_at,
                             changed_at)
         SELECT 'many-00000000', translate(lpad((n / 2)::text, 32, '0'), '0189', 'abcd'), n % 2, gen_random_uuid(),
                'k' || n, '-1-1', 1, 'confirmed', 1, 0, n, now(), now() FROM generate_series(0, 4999) AS n",
        // Several of one order, at the same time, and of another sale in between.
        "INSERT INTO payments (id, sale, order_id, customer, n, mode, amount_minor, currency, state, reference)
         SELECT gen_random_uuid(), CASE WHEN n % 5 = 0 THEN 'other-00000000' ELSE 'many-00000000' END,
                md5((n / 4)::text)::uuid, 'k', 0, 'external', 100, 'EUR', 'failed', '=cmd|\"' || n || '\", with a comma'
         FROM generate_series(0, 4999) AS n",
    ] {
        sqlx::query(sql).execute(&postgres).await.unwrap();
    }
    for (of, flags, lines, more_pages) in [
        (SheetOf::Totals, vec![], 2, false),
        (SheetOf::Orders, vec!["--orders"], 5_001, true),
        (SheetOf::Payments, vec!["--payments"], 4_001, true),
    ] {
        let (list, pages) = whole(&shop, &sale, of).await;
        let flags = [vec!["--sale", sale.as_str(), "--format", "csv"], flags].concat();
        let (ok, printed, complaint) = shop.command("statement", &flags).await;
        assert!(ok, "{complaint}");
        assert!(list == printed, "{of:?} is not what the command prints");
        assert_eq!((list.lines().count(), pages > 2), (lines, more_pages), "{of:?} in {pages} pages");
        assert!(of == SheetOf::Payments || list.contains("'-1-1,"), "{of:?}: a spreadsheet would compute it");
        assert!(of != SheetOf::Payments || !list.contains("\"="), "{of:?}: a spreadsheet would compute it");
    }
}

#[tokio::test]
async fn a_question_about_no_sale_or_behind_no_page_is_refused() {
    let (shop, _ledger) = open("refused").await;
    sold(&shop).await;
    let nowhere = SaleId::parse("nowhere-00000000").unwrap();
    assert_eq!(shop.ask(&Statement { sale: nowhere.clone() }).await, Err(No::NotFound));
    assert_eq!(shop.ask(&orders(&nowhere, None, 1)).await, Err(No::NotFound));
    for of in SheetOf::ALL {
        assert_eq!(shop.ask(&Sheet { sale: nowhere.clone(), of, cursor: None }).await, Err(No::NotFound));
    }
    let sale = &shop.definition.sale;
    for (field, question) in [
        ("limit", orders(sale, None, 0)),
        ("limit", orders(sale, None, 101)),
        ("cursor", orders(sale, Some(String::new()), 1)),
        ("cursor", orders(sale, Some("1.' OR true --".to_owned()), 1)),
    ] {
        assert!(matches!(shop.ask(&question).await, Err(No::Invalid { field: of, .. }) if of == field), "{question:?}");
    }
    for of in SheetOf::ALL {
        let question = Sheet { sale: sale.clone(), of, cursor: Some("1.' OR true --".to_owned()) };
        assert!(matches!(shop.ask(&question).await, Err(No::Invalid { field, .. }) if field == "cursor"), "{of:?}");
    }
}

#[tokio::test]
async fn merchants_who_read_whole_sales_keep_nobody_else_waiting() {
    let (shop, ledger) = open("crowd").await;
    sold(&shop).await;
    let postgres = shop.postgres().await;
    let mut lock = postgres.begin().await.unwrap();
    // Whoever settles waits for the table of audits; nobody else reads it.
    sqlx::query("LOCK TABLE audits IN ACCESS EXCLUSIVE MODE").execute(&mut *lock).await.unwrap();
    let question = Statement { sale: shop.definition.sale.clone() };
    let seen = Cell::new(false);
    // They ask again and again, so that there are twelve of them for as long as anybody looks.
    let asking = join_all((0..12).map(async |_| {
        while !seen.get() {
            let answer = shop.ask_once(&question).await;
            assert!(matches!(answer, Ok(_) | Err(No::Busy { .. })), "{answer:?}");
        }
    }));
    let others = async {
        eventually(BOUND, "an answer beside those who wait", async || {
            let waiting = async || ledger.metric("sluice_ledger_questions_under_way{verb=\"statement\"}").await;
            let before = waiting().await;
            let wallets = shop.ask_once(&protocol::ask::money::Wallets { customer: customer(1) }).await;
            let after = waiting().await;
            ensure!(before > 11.5 && after > 1.5, "{before} wait, and then {after}");
            ensure!(wallets == Ok(Vec::new()), "{wallets:?}");
            Ok(())
        })
        .await
        .unwrap();
        seen.set(true);
        lock.commit().await.unwrap();
    };
    tokio::join!(asking, others);
    assert!(shop.ask(&question).await.is_ok());
}
