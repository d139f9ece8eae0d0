use super::*;
use jiff::Timestamp;
use protocol::sale::Money;
use serde_json::{Value, json};

fn delivery() -> Delivery {
    let money = |amount_minor| Some(Money { amount_minor, currency: "EUR".to_owned() });
    let order = OrderPart {
        id: Uuid::from_u128(7),
        number: 1,
        sku: "shoe".to_owned(),
        item_name: Some("A shoe".to_owned()),
        quantity: 2,
        price: money(12_900),
        total: money(25_800),
        state: "confirmed".to_owned(),
        reason: None,
        placed_at: Timestamp::from_second(1_800_000_000).unwrap(),
        changed_at: Timestamp::from_second(1_800_000_060).unwrap(),
    };
    let customer = CustomerPart { id: "c".to_owned(), email: Some("ann@example.com".to_owned()), name: None };
    Delivery { epoch: 1, revision: 42, attempt: 3, line: Line { sale: "aurora".to_owned(), order, customer } }
}

#[test]
fn a_message_says_what_whom_and_for_how_much() {
    let message = Message::of(&delivery()).unwrap();
    let said: Value = serde_json::from_slice(&message.body).unwrap();
    let expected = json!({
        "id": message.id, "type": "order.confirmed", "sale": "aurora", "attempt": 3,
        "order": {
            "id": Uuid::from_u128(7), "number": 1, "sku": "shoe", "itemName": "A shoe", "quantity": 2,
            "price": { "amountMinor": 12_900, "currency": "EUR" }, "total": { "amountMinor": 25_800, "currency": "EUR" },
            "state": "confirmed", "reason": null,
            "placedAt": "2027-01-15T08:00:00Z", "changedAt": "2027-01-15T08:01:00Z",
        },
        "customer": { "id": "c", "email": "ann@example.com", "name": null },
    });
    assert_eq!(said, expected);
}

#[test]
fn the_id_is_of_the_order_and_its_state_and_not_of_the_try() {
    let id = |change: fn(&mut Delivery)| {
        let mut delivery = delivery();
        change(&mut delivery);
        Message::of(&delivery).unwrap().id
    };
    let first = id(|_| {});
    assert_eq!(first, id(|again| again.attempt = 9));
    assert_ne!(first, id(|newer| newer.revision = 43));
    assert_ne!(first, id(|newer| newer.epoch = 2));
    assert_ne!(first, id(|other| other.line.order.id = Uuid::from_u128(8)));
}

#[test]
fn a_message_stays_small_whatever_people_are_called() {
    let mut delivery = delivery();
    for text in ["\u{1}", "\"", "😀", "x"] {
        delivery.line.customer.name = Some(text.repeat(100_000));
        delivery.line.customer.email = Some(text.repeat(100_000));
        delivery.line.order.item_name = Some(text.repeat(100_000));
        let body = Message::of(&delivery).unwrap().body;
        assert!(body.len() < 8_192, "{} bytes", body.len());
    }
}
