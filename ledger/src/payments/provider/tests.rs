use super::*;
use serde_json::{Value, json};

const KEY: &str = "a key of the payment provider, long enough";
const NOW: i64 = 1_800_000_000;

fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap()
}

fn provider() -> Provider {
    Provider::new(vec![SecretString::from("the key before this one, also long enough"), SecretString::from(KEY)])
}

fn signed(key: &str, timestamp: &str, body: &str) -> Callback {
    let signature = crate::signature::sign(&SecretString::from(key), timestamp, body.as_bytes()).unwrap();
    Callback { body: body.to_owned(), timestamp: timestamp.to_owned(), signature }
}

fn report() -> Value {
    json!({
        "order": Uuid::from_u128(9), "reference": "ch_1", "status": "succeeded", "amountMinor": 25_800, "currency": "EUR",
    })
}

#[test]
fn a_signed_report_is_read_with_either_key_and_within_the_window() {
    for (key, at) in
        [(KEY, NOW), ("the key before this one, also long enough", NOW), (KEY, NOW - 300), (KEY, NOW + 300)]
    {
        let read = provider().read(&signed(key, &at.to_string(), &report().to_string()), now()).unwrap();
        let amount = Money { amount_minor: 25_800, currency: "EUR".to_owned() };
        let expected =
            Report { order: OrderId(Uuid::from_u128(9)), reference: "ch_1".to_owned(), succeeded: true, amount };
        assert_eq!(read, expected);
    }
}

#[test]
fn what_is_forged_changed_or_old_is_not_the_provider() {
    let body = report().to_string();
    let good = signed(KEY, &NOW.to_string(), &body);
    let forged = [
        signed("another key that is just as long as ours is", &NOW.to_string(), &body),
        signed("", &NOW.to_string(), &body),
        signed(KEY, &(NOW - 301).to_string(), &body),
        signed(KEY, &(NOW + 301).to_string(), &body),
        signed(KEY, "yesterday", &body),
        signed(KEY, &i64::MIN.to_string(), &body),
        Callback { body: body.replace("25800", "1"), ..good.clone() },
        Callback { timestamp: (NOW + 1).to_string(), ..good.clone() },
        Callback { signature: good.signature.chars().take(32).collect(), ..good.clone() },
        Callback { signature: String::new(), ..good.clone() },
        Callback { signature: "not hex".to_owned(), ..good.clone() },
        Callback { signature: format!("{}00", good.signature), ..good },
    ];
    for callback in forged {
        assert_eq!(provider().read(&callback, now()), Err(No::NotTheProvider), "{callback:?}");
    }
    assert_eq!(Provider::new(Vec::new()).read(&signed(KEY, &NOW.to_string(), &body), now()), Err(No::NotTheProvider));
}

#[test]
fn a_report_that_breaks_a_rule_is_told_which() {
    let wrong = [
        ("amountMinor", json!(-1), "amountMinor"),
        ("amountMinor", json!("25800"), "body"),
        ("currency", json!("eur"), "currency"),
        ("currency", json!("EURO"), "currency"),
        ("reference", json!(""), "reference"),
        ("reference", json!("x".repeat(201)), "reference"),
        ("status", json!("maybe"), "body"),
        ("order", json!("9"), "body"),
        ("more", json!(1), "body"),
    ];
    for (name, value, field) in wrong {
        let mut body = report();
        body[name] = value.clone();
        let told = provider().read(&signed(KEY, &NOW.to_string(), &body.to_string()), now());
        assert!(matches!(&told, Err(No::Invalid { field: named, .. }) if named == field), "{name} = {value}: {told:?}");
    }
}
