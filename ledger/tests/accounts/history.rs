//! What customers ordered, in all sales.

use protocol::ask::No;
use protocol::ask::history::{OneOrder, Orders};
use protocol::order::State;
use protocol::{OrderId, OrderNumber, Units};

use crate::asking::open;
use crate::shop::{Shop, customer, order};

fn orders(number: usize, cursor: Option<String>, limit: u16) -> Orders {
    Orders { customer: customer(number), cursor, limit }
}

fn id(shop: &Shop, number: usize, key: &str) -> OrderId {
    OrderId::derive(&shop.definition.uid, &customer(number), &order(key, 1, State::Held).key)
}

#[tokio::test]
async fn orders_of_all_sales_come_the_newest_first_page_by_page_to_their_owner_alone() {
    let (shop, _ledger) = open("history").await;
    let second = shop.beside("second", 40).await;
    let third = shop.beside("third", 40).await;
    // In turns, so that the sales' orders interleave in time.
    let mut expected = Vec::new();
    for n in 0..3_u8 {
        for sale in [&shop, &second, &third] {
            let key = format!("k{n}");
            sale.claim(customer(1), n, &order(&key, 1, State::Confirmed)).await;
            expected.push(id(sale, 1, &key));
        }
    }
    second.claim(customer(2), 0, &order("theirs", 2, State::Held)).await;
    for sale in [&shop, &second, &third] {
        sale.drained().await;
    }
    expected.reverse();

    let all = shop.ask(&orders(1, None, 100)).await.unwrap();
    assert_eq!((all.orders.iter().map(|past| past.id).collect::<Vec<_>>(), all.cursor), (expected.clone(), None));
    let mut seen = Vec::new();
    let mut cursor = None;
    for size in [4, 4, 1] {
        let page = shop.ask(&orders(1, cursor, 4)).await.unwrap();
        assert_eq!(page.orders.len(), size);
        seen.extend(page.orders.iter().map(|past| past.id));
        cursor = page.cursor;
    }
    assert_eq!((seen, cursor), (expected, None), "each order on one page, and then no more");

    let theirs = shop.ask(&orders(2, None, 10)).await.unwrap().orders;
    assert_eq!(theirs.len(), 1);
    let past = &theirs[0];
    assert_eq!((past.sale_name.as_str(), past.item_name.as_str()), ("The second sale", "A shoe"));
    assert_eq!((past.number, past.quantity, past.state), (OrderNumber(0), Units(2), State::Held));
    assert_eq!(past.expires_at.map(jiff::Timestamp::as_second), Some(1_900_000_000));
    assert_eq!(past.price.as_ref().map(|price| price.amount_minor), Some(12_900));
    assert_eq!(shop.ask(&orders(3, None, 10)).await.unwrap().orders, []);

    let one = |number, sale: &Shop, key| OneOrder {
        sale: sale.definition.sale.clone(),
        customer: customer(number),
        order: id(sale, 2, key),
    };
    assert_eq!(shop.ask(&one(2, &second, "theirs")).await.as_ref(), Ok(past));
    assert_eq!(shop.ask(&one(1, &second, "theirs")).await, Err(No::NotFound), "another's order");
    let elsewhere = OneOrder { sale: third.definition.sale.clone(), ..one(2, &second, "theirs") };
    assert_eq!(shop.ask(&elsewhere).await, Err(No::NotFound), "another sale's order");
    assert_eq!(shop.ask(&one(2, &second, "never")).await, Err(No::NotFound));
}

#[tokio::test]
async fn a_released_order_says_why_and_a_page_that_nobody_gave_out_is_refused() {
    let (shop, _ledger) = open("released").await;
    let held = order("k", 1, State::Held);
    let at = shop.claim(customer(1), 0, &held).await;
    shop.release(customer(1), 0, &held, at).await;
    shop.drained().await;
    let past = shop.ask(&orders(1, None, 1)).await.unwrap().orders.remove(0);
    assert_eq!((past.state, past.reason), (State::Released, Some(protocol::order::Reason::Cancelled)));
    assert!(past.changed_at >= past.made_at && past.expires_at.is_none(), "{past:?}");
    for (field, question) in [
        ("limit", orders(1, None, 0)),
        ("limit", orders(1, None, 101)),
        ("cursor", orders(1, Some(String::new()), 1)),
        ("cursor", orders(1, Some("1.' OR true --".to_owned()), 1)),
    ] {
        assert!(matches!(shop.ask(&question).await, Err(No::Invalid { field: of, .. }) if of == field), "{question:?}");
    }
}

#[tokio::test]
async fn an_order_of_a_sale_whose_streams_are_gone_is_still_found() {
    let (shop, _ledger) = open("gone").await;
    shop.claim(customer(1), 0, &order("k", 1, State::Confirmed)).await;
    shop.drained().await;
    let stream = shop.definition.stream(protocol::Shard(0)).name();
    runtime::jetstream::context(&shop.client).delete_stream(stream).await.unwrap();
    let question = OneOrder { sale: shop.definition.sale.clone(), customer: customer(1), order: id(&shop, 1, "k") };
    assert_eq!(shop.ask(&question).await.unwrap().state, State::Confirmed);
}
