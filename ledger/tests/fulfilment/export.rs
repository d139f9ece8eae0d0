//! The same orders as a file.

use std::collections::HashMap;

use protocol::order::State;
use serde_json::Value;

use crate::shop::{Shop, customer, order};
use crate::told::{id, known, refund};

const NAMES: [(&str, &str); 6] = [
    ("ann@example.com", "Ann \"A.\" O'Neil, née Öz"),
    ("=cmd@example.com", "=cmd|' /C calc'!A0"),
    ("two@example.com", "two\nlines\r\nand, a comma"),
    ("plus@example.com", "+49 221 4710"),
    ("tab@example.com", "\t=1+1"),
    ("😀@example.com", "; \u{feff}😀"),
];

/// Six people whom the shop knows, a guest, a refund and a hold.
async fn sold(name: &str) -> Shop {
    let shop = Shop::of(name, 400).await;
    let ledger = shop.ledger(0, &[]);
    ledger.ready().await;
    for (of, (email, name)) in NAMES.iter().enumerate() {
        known(&shop, of, email, name).await;
        shop.claim(customer(of), 0, &order("k", 2, State::Confirmed)).await;
    }
    shop.claim(customer(10), 0, &order("k", 1, State::Confirmed)).await;
    shop.claim(customer(11), 0, &order("k", 1, State::Confirmed)).await;
    refund(&shop, 11).await;
    shop.claim(customer(12), 0, &order("k", 1, State::Held)).await;
    shop.drained().await;
    ledger.service.stop().await.unwrap();
    shop
}

async fn csv(shop: &Shop, more: &[&str]) -> HashMap<String, HashMap<String, String>> {
    let sale = shop.definition.sale.as_str();
    let (ok, text, complaint) = shop.command("export", &[&["--sale", sale, "--format", "csv"], more].concat()).await;
    assert!(ok && complaint.is_empty(), "{complaint}");
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let rows = reader.deserialize::<HashMap<String, String>>().map(Result::unwrap);
    rows.map(|row| (row["id"].clone(), row)).collect()
}

async fn json(shop: &Shop, more: &[&str]) -> Vec<Value> {
    let sale = shop.definition.sale.as_str();
    let (ok, text, complaint) = shop.command("export", &[&["--sale", sale, "--format", "json"], more].concat()).await;
    assert!(ok && complaint.is_empty(), "{complaint}");
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn what_people_are_called_survives_the_way_and_no_spreadsheet_computes_it() {
    let shop = sold("names").await;
    let rows = csv(&shop, &[]).await;
    assert_eq!(rows.len(), NAMES.len() + 1, "sold orders only, unless asked otherwise");
    for (of, (email, name)) in NAMES.iter().enumerate() {
        let row = &rows[&id(&shop, of)];
        let plain = |cell: &str| cell.strip_prefix('\'').unwrap_or(cell).to_owned();
        assert_eq!((plain(&row["email"]), plain(&row["name"])), ((*email).to_owned(), (*name).to_owned()));
        for cell in row.values() {
            let first = cell.trim_start().chars().next().unwrap_or('x');
            assert!(!"=+-@".contains(first), "{cell:?} would be computed");
        }
        assert_eq!(row["customer"], customer(of).to_string());
        let numbers = ["number", "quantity", "price_minor", "total_minor"].map(|column| row[column].as_str());
        assert_eq!(numbers, ["0", "2", "12900", "25800"]);
        assert_eq!([row["currency"].as_str(), &row["sku"], &row["item_name"]], ["EUR", "shoe", "A shoe"]);
    }
    let guest = &rows[&id(&shop, 10)];
    assert_eq!([guest["email"].as_str(), &guest["name"], &guest["reason"]], ["", "", ""]);

    let orders = json(&shop, &[]).await;
    let names: HashMap<&str, &Value> =
        orders.iter().map(|line| (line["order"]["id"].as_str().unwrap(), &line["customer"]["name"])).collect();
    assert_eq!(names.len(), NAMES.len() + 1);
    for (of, (_, name)) in NAMES.iter().enumerate() {
        assert_eq!(names[id(&shop, of).as_str()], name, "in JSON nothing is added");
    }
    assert!(names[id(&shop, 10).as_str()].is_null());
}

#[tokio::test]
async fn states_and_times_choose_the_orders() {
    let shop = sold("states").await;
    for (state, count) in [("confirmed", NAMES.len() + 1), ("released", 1), ("held", 1), ("all", NAMES.len() + 3)] {
        assert_eq!(csv(&shop, &["--state", state]).await.len(), count, "{state}");
        assert_eq!(json(&shop, &["--state", state]).await.len(), count, "{state}");
    }
    let released = &json(&shop, &["--state", "released"]).await[0];
    assert_eq!((&released["order"]["id"], &released["order"]["reason"]), (&id(&shop, 11).into(), &"refunded".into()));
    let all = json(&shop, &["--state", "all"]).await;
    let times: Vec<jiff::Timestamp> =
        all.iter().map(|line| line["order"]["changedAt"].as_str().unwrap().parse().unwrap()).collect();
    let last = times.iter().max().unwrap();
    let since = all.iter().zip(&times).filter(|(_, at)| *at >= last).map(|(line, _)| line.clone()).collect::<Vec<_>>();
    assert_eq!(json(&shop, &["--state", "all", "--since", &last.to_string()]).await, since);
    assert_eq!(json(&shop, &["--since", "2999-01-01T00:00:00Z"]).await, Vec::<Value>::new());
    assert_eq!(csv(&shop, &["--since", "2999-01-01T00:00:00Z"]).await.len(), 0);
}

#[tokio::test]
async fn what_cannot_be_exported_is_told_in_one_sentence_and_an_exit_code() {
    let mut shop = Shop::of("refuse", 10).await;
    let (ok, _, complaint) = shop.command("migrate", &[]).await;
    assert!(ok, "{complaint}");
    for format in ["csv", "json"] {
        let (ok, _, complaint) = shop.command("export", &["--sale", "nowhere-00000000", "--format", format]).await;
        assert!(!ok && complaint.lines().count() == 1 && complaint.contains("nowhere-00000000"), "{complaint}");
    }
    let sale = shop.definition.sale.to_string();
    let (ok, _, complaint) = shop.command("export", &["--sale", &sale, "--since", "yesterday"]).await;
    assert!(!ok && complaint.contains("--since"), "{complaint}");
    shop.database = "postgres://nobody@127.0.0.1:1/none".to_owned();
    let (ok, _, complaint) = shop.command("export", &["--sale", &sale]).await;
    assert!(!ok && complaint.lines().count() == 1, "{complaint}");
}
