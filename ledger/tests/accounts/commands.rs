//! `account …`, as an operator of the shop runs it.

use std::fmt::Write as _;
use std::process::Stdio;

use argon2::password_hash::PasswordHasher as _;
use argon2::{Algorithm, Argon2, Params, Version};
use protocol::ask::No;
use protocol::ask::money::Wallets;
use runtime::clock::Clock;
use tokio::io::AsyncWriteExt as _;

use crate::asking::{PASSWORD, open};
use crate::shop::Shop;

/// What is in the purses of each currency together, if it is not 0.
const UNBALANCED: &str =
    "SELECT count(*) FROM (SELECT 1 FROM purses GROUP BY currency HAVING sum(balance) <> 0) AS off";
/// Purses that hold something else than what moved.
const WRONG: &str = "SELECT count(*) FROM purses WHERE balance <>
    coalesce((SELECT sum(amount_minor) FROM transfers WHERE debit = purses.id), 0)
    - coalesce((SELECT sum(amount_minor) FROM transfers WHERE credit = purses.id), 0)";

async fn migrated(name: &str) -> Shop {
    let shop = Shop::of(name, 10).await;
    let (ok, _, complaint) = shop.command("migrate", &[]).await;
    assert!(ok, "{complaint}");
    shop
}

/// A hash that costs next to nothing, as one from elsewhere might.
fn cheap(password: &str) -> String {
    let params = Params::new(64, 1, 1, None).unwrap();
    let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    hasher.hash_password(password.as_bytes()).unwrap().to_string()
}

impl Shop {
    async fn account(&self, arguments: &[&str]) -> (bool, String, String) {
        self.command("account", arguments).await
    }

    async fn load(&self, text: &str, more: &[&str]) -> (bool, String, String) {
        let file = self.bed.folder().join(format!("{}-accounts.csv", self.installation.name()));
        std::fs::write(&file, text).unwrap();
        let (key, file) = (self.customer_key(), format!("--file={}", file.display()));
        let mut arguments = vec!["load", &key, &file];
        arguments.extend(more);
        self.account(&arguments).await
    }
}

#[tokio::test]
async fn five_thousand_accounts_with_balances_are_loaded_in_seconds_and_loading_them_again_changes_nothing() {
    let (shop, _ledger) = open("load").await;
    let mut text = "email,password_hash,name,currency,balance_minor\n".to_owned();
    for n in 0..5_000 {
        writeln!(text, "user{n}@example.com,\"{}\",User {n},EUR,{}", cheap(&format!("password-{n}")), 1_000 + n)
            .unwrap();
        if n % 10 == 0 {
            writeln!(text, "user{n}@example.com,,,USD,{n}").unwrap();
        }
    }
    let clock = Clock::system();
    let began = clock.monotonic();
    let (ok, said, complaint) = shop.load(&text, &[]).await;
    assert!(ok, "{complaint}");
    println!("5,000 accounts, 5,500 balances: {:?}\n{said}", clock.monotonic() - began);
    // One balance of the 5,500 is 0, and nothing moves for it.
    assert!(said.contains("5000 accounts in the file: 5000 made, 0 were there before"), "{said}");
    assert!(said.contains("5499 balances in the file: 5499 funded, 0 were funded before"), "{said}");
    let sums = "SELECT sum(balance)::bigint FROM purses WHERE kind = 'wallet' AND currency = 'EUR'";
    let euros: i64 = (0..5_000).map(|n| 1_000 + n).sum();
    for round in 0..2 {
        assert_eq!(shop.number("SELECT count(*) FROM users").await, 5_000);
        assert_eq!(shop.number(sums).await, euros);
        assert_eq!((shop.number(UNBALANCED).await, shop.number(WRONG).await), (0, 0));
        if round == 0 {
            let (ok, said, complaint) = shop.load(&text, &[]).await;
            assert!(ok, "{complaint}");
            assert!(said.contains("0 made, 5000 were there") && said.contains("0 funded, 5499 were"), "{said}");
        }
    }

    let person = shop.sign_in("user4990@example.com", "password-4990", "192.0.2.1").await.unwrap();
    let wallets = shop.ask(&Wallets { customer: person.customer }).await.unwrap();
    let has: Vec<_> = wallets.iter().map(|wallet| (&*wallet.balance.currency, wallet.balance.amount_minor)).collect();
    assert_eq!(has, [("EUR", 5_990), ("USD", 4_990)]);
    let weak = "SELECT count(*) FROM users WHERE password NOT LIKE '$argon2id$v=19$m=19456,t=2,p=1$%'";
    assert_eq!(shop.number(weak).await, 4_999, "who signed in is hashed with today's parameters");
    shop.sign_in("user4990@example.com", "password-4990", "192.0.2.1").await.unwrap();
}

#[tokio::test]
async fn passwords_of_a_file_are_hashed_on_every_core_and_an_account_that_is_there_keeps_its_own() {
    let (shop, _ledger) = open("hash").await;
    shop.register("user0@example.com", PASSWORD).await.unwrap();
    let mut text = "email,password\n".to_owned();
    for n in 0..100 {
        writeln!(text, "user{n}@example.com,password-{n}").unwrap();
    }
    let (ok, said, complaint) = shop.load(&text, &[]).await;
    assert!(ok && said.contains("99 made, 1 were there before"), "{said}{complaint}");
    println!("99 passwords: {said}");
    shop.sign_in("user99@example.com", "password-99", "192.0.2.1").await.unwrap();
    shop.sign_in("user0@example.com", PASSWORD, "192.0.2.1").await.unwrap();
    let taken_over = shop.sign_in("user0@example.com", "password-0", "192.0.2.1").await;
    assert_eq!(taken_over, Err(No::WrongCredentials), "whoever writes a file must not own accounts by that");
}

#[tokio::test]
async fn an_account_that_somebody_made_gets_no_money_and_no_rights_by_its_address_alone() {
    let (shop, _ledger) = open("selfmade").await;
    shop.register("ann@example.com", PASSWORD).await.unwrap();
    let text = "email,password,currency,balance_minor\nann@example.com,correct horse,EUR,500\n";
    let fund = ["fund", "--email", "ann@example.com", "--currency", "EUR", "--amount-minor", "5"];
    let role = ["role", "--email", "ann@example.com", "--merchant", "true"];
    let with = |command: &[&'static str]| [command, &["--self-made"]].concat();
    for refused in [shop.load(text, &[]).await, shop.account(&fund).await, shop.account(&role).await] {
        assert!(!refused.0 && refused.2.contains("--self-made"), "{refused:?}");
    }
    assert_eq!(shop.number("SELECT count(*) FROM purses WHERE balance <> 0").await, 0);
    for done in [
        shop.load(text, &["--self-made"]).await,
        shop.account(&with(&fund)).await,
        shop.account(&with(&role)).await,
        shop.account(&["role", "--email", "ann@example.com", "--merchant", "false"]).await,
    ] {
        assert!(done.0, "{done:?}");
    }
    assert_eq!(shop.number("SELECT sum(balance)::bigint FROM purses WHERE kind = 'wallet'").await, 505);
}

#[tokio::test]
async fn a_file_with_wrong_lines_is_not_loaded_at_all() {
    let shop = migrated("badfile").await;
    let text = "email,password,currency,balance_minor\n\
                good@example.com,correct horse,EUR,5\n\
                nobody,correct horse,EUR,5\n\
                other@example.com,tiny,EUR,5\n";
    let (ok, said, complaint) = shop.load(text, &[]).await;
    assert!(!ok && said.is_empty(), "{said}");
    assert!(complaint.contains("line 3: email") && complaint.contains("line 4: password"), "{complaint}");
    assert!(!complaint.contains("tiny"), "{complaint}");
    let many: String = (0..100).map(|_| "nobody,correct horse,EUR,5\n").collect();
    let (_, _, complaint) = shop.load(&format!("email,password,currency,balance_minor\n{many}"), &[]).await;
    assert!(complaint.contains("and 80 more") && complaint.lines().count() == 22, "{complaint}");
    assert_eq!(shop.number("SELECT (SELECT count(*) FROM users) + (SELECT count(*) FROM purses)").await, 0);
}

#[tokio::test]
async fn another_amount_under_the_same_name_is_refused_and_under_another_name_given() {
    let shop = migrated("reuse").await;
    let file = |amount| format!("email,password,currency,balance_minor\nann@example.com,correct horse,EUR,{amount}\n");
    assert!(shop.load(&file(500), &[]).await.0);
    let more = format!("{}bob@example.com,correct horse,EUR,1\n", file(700));
    let (ok, _, complaint) = shop.load(&more, &[]).await;
    assert!(!ok && complaint.contains("line 2: ann@example.com") && complaint.contains("--reference"), "{complaint}");
    assert_eq!(shop.number("SELECT count(*) FROM users").await, 1, "nothing was written");
    let (ok, said, complaint) = shop.load(&more, &["--reference", "second"]).await;
    assert!(ok && said.contains("2 funded"), "{said}{complaint}");
    let (_, shown, _) = shop.account(&["show", "--email", "ann@example.com"]).await;
    assert!(shown.contains("wallet    1200 EUR, 0 more pending"), "{shown}");
    assert_eq!((shop.number(UNBALANCED).await, shop.number(WRONG).await), (0, 0));
}

#[tokio::test]
async fn an_account_is_made_from_a_file_or_a_pipe_named_a_merchant_and_funded_once() {
    let (shop, _ledger) = open("create").await;
    let key = shop.customer_key();
    let file = shop.bed.folder().join("create-password");
    std::fs::write(&file, format!("{PASSWORD}\n")).unwrap();
    let password = format!("--password-file={}", file.display());
    let create = ["create", "--email=Ann@Example.com", "--name=Ann", "--merchant", &password, &key];
    for expected in ["ann@example.com is made, a merchant", "ann@example.com is there already, a merchant"] {
        let (ok, said, complaint) = shop.account(&create).await;
        assert!(ok && said.contains(expected), "{said}{complaint}");
    }
    assert!(shop.sign_in("ann@example.com", PASSWORD, "192.0.2.1").await.unwrap().merchant);
    std::fs::write(&file, "another password").unwrap();
    let (ok, _, complaint) = shop.account(&create).await;
    assert!(!ok && complaint.contains("another password") && complaint.lines().count() == 1, "{complaint}");

    let (ok, said, complaint) = shop.account(&["role", "--email=ann@example.com", "--merchant=false"]).await;
    assert!(ok && said.contains("is no merchant"), "{said}{complaint}");
    assert!(!shop.sign_in("ann@example.com", PASSWORD, "192.0.2.1").await.unwrap().merchant);

    let fund = ["fund", "--email=ann@example.com", "--currency=EUR", "--amount-minor=250", "--reference=welcome"];
    for expected in ["got 250 EUR and has 250 now", "under this reference before and has 250 now"] {
        let (ok, said, complaint) = shop.account(&fund).await;
        assert!(ok && said.contains(expected), "{said}{complaint}");
    }
    let other = ["fund", "--email=ann@example.com", "--currency=EUR", "--amount-minor=251", "--reference=welcome"];
    let (ok, _, complaint) = shop.account(&other).await;
    assert!(!ok && complaint.contains("another wallet or amount"), "{complaint}");
    let (_, shown, _) = shop.account(&["show", "--email=ann@example.com"]).await;
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines[2..], ["name      Ann", "merchant  no", "wallet    250 EUR, 0 more pending"], "{shown}");
    assert_eq!((shop.number(UNBALANCED).await, shop.number(WRONG).await), (0, 0));
}

#[tokio::test]
async fn a_password_can_be_piped_in() {
    let (shop, _ledger) = open("pipe").await;
    let mut command = tokio::process::Command::new(testbed::binary("sluice-ledger").unwrap());
    command.args([
        "account",
        "create",
        "--email=bob@example.com",
        &shop.customer_key(),
        "--postgres-url",
        &shop.database,
    ]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"a piped password\r\nand a second line\n").await.unwrap();
    let ended = child.wait_with_output().await.unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    shop.sign_in("bob@example.com", "a piped password", "192.0.2.1").await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_done_is_told_in_one_sentence() {
    let shop = migrated("cannot").await;
    let key = shop.customer_key();
    let nowhere = ["role", "--email=nobody@example.com", "--merchant=true"];
    for (arguments, expected) in [
        (&nowhere[..], "nobody has registered"),
        (&["show", "--email=nobody@example.com"], "nobody has registered"),
        (&["show", "--email=nobody"], "email:"),
        (&["fund", "--email=nobody@example.com", "--currency=EUR", "--amount-minor=1"], "nobody has registered"),
        (&["load", "--file=/nowhere.csv", &key], "/nowhere.csv cannot be read"),
    ] {
        let (ok, _, complaint) = shop.account(arguments).await;
        assert!(!ok && complaint.contains(expected) && complaint.lines().count() == 1, "{complaint}");
    }
    for (arguments, expected) in [
        (&["fund", "--email=a@example.com", "--currency=eur", "--amount-minor=1"][..], "three capital letters"),
        (&["fund", "--email=a@example.com", "--currency=EUR", "--amount-minor=0"], "0 is not in 1"),
        (&["fund", "--email=a@example.com", "--currency=EUR", "--amount-minor=-1"], "-1 is not in 1"),
        (&["fund", "--currency=EUR", "--amount-minor=1"], "--email"),
        (&["fund", "--email=a@example.com", "--customer=x", "--currency=EUR", "--amount-minor=1"], "--customer"),
        (&["create", "--email=a@example.com"], "--customer-key-file"),
    ] {
        let (ok, _, complaint) = shop.account(arguments).await;
        assert!(!ok && complaint.contains(expected), "{complaint}");
    }
}
