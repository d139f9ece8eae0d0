//! `reconcile` and `statement`, as an operator of the shop runs them.

use protocol::order::State;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::shop::{Shop, customer, order};

async fn sold(name: &str) -> Shop {
    let shop = Shop::of(name, 40).await;
    let ledger = shop.ledger(0, &[]);
    for number in 0..5 {
        shop.claim(customer(number), 0, &order("k", 1, State::Confirmed)).await;
    }
    shop.drained().await;
    ledger.service.stop().await.unwrap();
    shop
}

#[tokio::test]
async fn reconcile_balances_and_finds_what_somebody_changed_by_hand() {
    let shop = sold("reconcile").await;
    let sale = shop.definition.sale.as_str();
    let (ok, json, complaint) = shop.command("reconcile", &["--sale", sale, "--format", "json"]).await;
    assert!(ok, "{complaint}");
    let report: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&report["balanced"], &report["exact"]), (&true.into(), &true.into()));
    let item = &report["shards"][0]["items"][0];
    assert_eq!((&item["stream"]["sold"], &item["ledger"]["sold"]), (&5.into(), &5.into()));
    let (_, text, _) = shop.command("reconcile", &["--sale", sale]).await;
    assert!(text.ends_with("balanced\n") && !text.contains("NOT"), "{text}");
    let (_, csv, _) = shop.command("reconcile", &["--sale", sale, "--format", "csv"]).await;
    assert_eq!(csv.lines().count(), 3, "{csv}");

    sqlx::query("UPDATE orders SET quantity = 2 WHERE customer = $1")
        .bind(customer(3).to_string())
        .execute(&shop.postgres().await)
        .await
        .unwrap();
    let (ok, text, _) = shop.command("reconcile", &["--sale", sale]).await;
    assert!(!ok && text.ends_with("NOT balanced\n"), "{text}");
    assert!(text.contains(&customer(3).to_string()) && !text.contains(&customer(2).to_string()), "{text}");
}

#[tokio::test]
async fn a_statement_adds_up_and_its_hash_is_of_the_orders_that_it_prints() {
    let shop = sold("statement").await;
    let sale = shop.definition.sale.as_str();
    let (ok, json, complaint) = shop.command("statement", &["--sale", sale, "--orders"]).await;
    assert!(ok, "{complaint}");
    let statement: Value = serde_json::from_str(&json).unwrap();
    let orders = statement["orders"].as_array().unwrap();
    assert_eq!(orders.len(), 5);
    let item = &statement["items"][0];
    let of = |field: &str| item[field].as_i64().unwrap();
    assert_eq!((of("supply"), of("free"), of("held"), of("sold"), of("orders")), (40, 35, 0, 5, 5));
    let (_, csv, _) = shop.command("statement", &["--sale", sale, "--orders", "--format", "csv"]).await;
    assert_eq!(csv.lines().count(), 6);
    let hash: String = Sha256::digest(csv.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(statement["orders_sha256"], *hash);
    let (_, totals, _) = shop.command("statement", &["--sale", sale, "--format", "csv"]).await;
    assert_eq!(totals.lines().count(), 2, "{totals}");
}

#[tokio::test]
async fn an_unknown_sale_and_an_absent_database_are_told_in_one_sentence() {
    let mut shop = sold("unknown").await;
    for command in ["reconcile", "statement"] {
        let (ok, _, complaint) = shop.command(command, &["--sale", "nowhere-00000000"]).await;
        assert!(!ok && complaint.lines().count() == 1 && complaint.contains("nowhere-00000000"), "{complaint}");
        let (ok, _, complaint) = shop.command(command, &["--sale", "no sale"]).await;
        assert!(!ok && complaint.contains("is not a sale id"), "{complaint}");
    }
    shop.database = "postgres://nobody@127.0.0.1:1/none".to_owned();
    let (ok, _, complaint) = shop.command("statement", &["--sale", shop.definition.sale.as_str()]).await;
    assert!(!ok && complaint.lines().count() == 1, "{complaint}");
    shop.database = "mysql://nobody".to_owned();
    let (ok, _, complaint) = shop.command("statement", &["--sale", shop.definition.sale.as_str()]).await;
    assert!(!ok && complaint.contains("--postgres-url is not of the form"), "{complaint}");
}

#[tokio::test]
async fn without_an_exact_moment_there_is_no_verdict() {
    let shop = sold("moment").await;
    shop.claim(customer(9), 0, &order("k", 1, State::Confirmed)).await;
    let sale = shop.definition.sale.as_str();
    let (ok, text, _) = shop.command("reconcile", &["--sale", sale, "--wait-seconds", "1"]).await;
    assert!(!ok && text.contains("no verdict") && !text.contains("NOT balanced"), "{text}");
}
