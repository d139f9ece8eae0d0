//! Register, sign in, exchange, profile.

use futures::future::join_all;
use protocol::CustomerId;
use protocol::ask::No;
use protocol::ask::people::{Exchange, Profile, Register};

use crate::asking::{PASSWORD, open, register};
use crate::shop::CUSTOMER_KEY;

#[tokio::test]
async fn who_registers_can_sign_in_and_is_the_same_customer_ever_after() {
    let (shop, ledger) = open("people").await;
    let question = Register { name: Some(" Ann Lee ".to_owned()), ..register("Ann.Lee@Example.com", PASSWORD) };
    let ann = shop.ask(&question).await.unwrap();
    assert_eq!(ann.customer, CustomerId::derive(CUSTOMER_KEY.as_bytes(), "sluice", "ann.lee@example.com"));
    assert_eq!((ann.email.as_deref(), ann.name.as_deref()), (Some("ann.lee@example.com"), Some("Ann Lee")));
    assert!(!ann.merchant);
    for email in ["ann.lee@example.com", "ANN.LEE@EXAMPLE.COM"] {
        assert_eq!(shop.sign_in(email, PASSWORD, "192.0.2.1").await, Ok(ann.clone()));
    }
    assert_eq!(shop.ask(&Profile { customer: ann.customer }).await, Ok(ann.clone()));

    assert_eq!(shop.ask(&question).await, Ok(ann), "registering again is the same account");
    assert_eq!(shop.register("ann.lee@example.com", "another password").await, Err(No::AccountExists));
    let unknown = shop.sign_in("nobody@example.com", PASSWORD, "192.0.2.1").await;
    let wrong = shop.sign_in("ann.lee@example.com", "another password", "192.0.2.1").await;
    assert_eq!((unknown, wrong), (Err(No::WrongCredentials), Err(No::WrongCredentials)), "nobody learns who is here");

    let stored: String =
        sqlx::query_scalar("SELECT password FROM users").fetch_one(&shop.postgres().await).await.unwrap();
    assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
    assert!(!ledger.service.log().contains(PASSWORD) && !ledger.service.log().contains("another password"));
}

#[tokio::test]
async fn fifty_who_register_at_once_have_one_account() {
    let (shop, _ledger) = open("fifty").await;
    let question = register("ann@example.com", PASSWORD);
    let answers = join_all((0..50).map(|_| shop.ask(&question))).await;
    let ann = answers[0].clone().unwrap();
    assert!(answers.iter().all(|answer| *answer == Ok(ann.clone())), "{answers:?}");
    assert_eq!(shop.number("SELECT count(*) FROM users").await, 1);
}

#[tokio::test]
async fn of_two_passwords_that_race_for_an_address_one_has_it() {
    let (shop, _ledger) = open("race").await;
    let questions: Vec<_> =
        (0..40).map(|n| register("ann@example.com", ["password one", "password two"][n % 2])).collect();
    let answers = join_all(questions.iter().map(|question| shop.ask(question))).await;
    let winners: Vec<usize> = (0..40).filter(|n| answers[*n].is_ok()).map(|n| n % 2).collect();
    assert!(winners.iter().all(|winner| *winner == winners[0]), "both passwords have the account");
    let losers = answers.iter().filter_map(|answer| answer.as_ref().err());
    for no in losers {
        assert!(matches!(no, No::AccountExists | No::TooManyAttempts { .. }), "{no:?}");
    }
    assert_eq!(shop.number("SELECT count(*) FROM users").await, 1);
    let (right, wrong) = (["password one", "password two"][winners[0]], ["password two", "password one"][winners[0]]);
    shop.sign_in("ann@example.com", right, "192.0.2.7").await.unwrap();
    assert_eq!(shop.sign_in("ann@example.com", wrong, "192.0.2.8").await, Err(No::WrongCredentials));
}

#[tokio::test]
async fn whom_another_issuer_knows_is_written_down_and_keeps_what_was_known() {
    let (shop, _ledger) = open("exchange").await;
    let exchange = |email: Option<&str>, name: Option<&str>| Exchange {
        issuer: "https://id.example.com".to_owned(),
        subject: "248289761001".to_owned(),
        email: email.map(ToOwned::to_owned),
        name: name.map(ToOwned::to_owned),
    };
    let first = shop.ask(&exchange(Some("Ann@Example.com"), Some("Ann"))).await.unwrap();
    let derived = CustomerId::derive(CUSTOMER_KEY.as_bytes(), "https://id.example.com", "248289761001");
    assert_eq!((first.customer, first.email.as_deref()), (derived, Some("ann@example.com")));
    assert_eq!(shop.ask(&exchange(None, None)).await, Ok(first.clone()), "what the issuer does not say stays");
    let renamed = shop.ask(&exchange(None, Some("Ann Lee"))).await.unwrap();
    assert_eq!((renamed.name.as_deref(), renamed.email.as_deref()), (Some("Ann Lee"), Some("ann@example.com")));
    assert_eq!(shop.ask(&Profile { customer: derived }).await, Ok(renamed));
    let strange = shop.ask(&exchange(Some("not an address"), Some("\0\0"))).await.unwrap();
    assert_eq!(strange.email.as_deref(), Some("ann@example.com"), "a strange address keeps nobody out");

    let own = Exchange { issuer: "sluice".to_owned(), subject: "ann@example.com".to_owned(), email: None, name: None };
    assert!(
        matches!(shop.ask(&own).await, Err(No::Invalid { field, .. }) if field == "issuer"),
        "no way into accounts"
    );
    let nobody = CustomerId::derive(CUSTOMER_KEY.as_bytes(), "sluice", "nobody@example.com");
    assert_eq!(shop.ask(&Profile { customer: nobody }).await, Err(No::NotFound));
}

#[tokio::test]
async fn what_breaks_a_rule_is_told_which() {
    let (shop, _ledger) = open("rules").await;
    let named = |name: &str| Register { name: Some(name.to_owned()), ..register("ann@example.com", PASSWORD) };
    let questions = [
        ("email", register("ann", PASSWORD)),
        ("email", register("ann@example.com'; DROP TABLE users; --", PASSWORD)),
        ("password", register("ann@example.com", "short")),
        ("password", register("ann@example.com", &"x".repeat(129))),
        ("name", named(&"x".repeat(101))),
        ("name", named("Ann\0")),
    ];
    for (expected, question) in questions {
        let Err(No::Invalid { field, rule }) = shop.ask(&question).await else { panic!("{question:?}") };
        assert_eq!(field, expected);
        assert!(!rule.is_empty() && !rule.ends_with('.'), "{rule}");
    }
    assert_eq!(shop.number("SELECT count(*) FROM users").await, 0);
}

#[tokio::test]
async fn names_that_look_like_sql_are_names() {
    let (shop, _ledger) = open("quotes").await;
    for (n, name) in ["'; DROP TABLE users; --", "\" OR 1=1", "$1", "\\'; SELECT pg_sleep(9)", "Ann 🦀 Ünïcode"]
        .into_iter()
        .enumerate()
    {
        let question = Register { name: Some(name.to_owned()), ..register(&format!("n{n}@example.com"), PASSWORD) };
        assert_eq!(shop.ask(&question).await.unwrap().name.as_deref(), Some(name));
    }
    assert_eq!(shop.number("SELECT count(*) FROM users").await, 5);
}
