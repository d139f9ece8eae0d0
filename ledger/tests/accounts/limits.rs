//! How often somebody may be wrong.

use std::cell::Cell;

use anyhow::ensure;
use futures::future::join_all;
use futures::stream::{StreamExt as _, iter};
use protocol::ask::No;
use protocol::ask::people::Register;
use runtime::clock::Clock;
use testbed::eventually;

use crate::asking::{PASSWORD, open, register, seconds, sign_in};
use crate::shop::{BOUND, Shop};

const ANN: &str = "ann@example.com";

/// Guesses until nobody listens any more; how many were heard.
async fn guess_until_refused(shop: &Shop, email: &str, source: &str) -> usize {
    for heard in 0..100 {
        match shop.sign_in(email, "a wrong password", source).await {
            Err(No::WrongCredentials) => {}
            Err(no) => {
                assert!((1..=5).contains(&seconds(&no)), "{no:?}");
                return heard;
            }
            Ok(person) => panic!("{person:?}"),
        }
    }
    panic!("a hundred guesses were heard");
}

/// As if this many seconds had passed for every limit.
async fn pass(shop: &Shop, seconds: i32) {
    let sql = "UPDATE attempts SET full_at = full_at - $1 * interval '1 second'";
    sqlx::query(sql).bind(seconds).execute(&shop.postgres().await).await.unwrap();
}

#[tokio::test]
async fn a_guesser_is_slowed_down_over_all_replicas_and_the_owner_is_heard_from_elsewhere() {
    let (shop, one) = open("guesser").await;
    let other = shop.ledger(1, &["--roles", "accounts"]);
    other.ready().await;
    shop.register(ANN, PASSWORD).await.unwrap();
    let refused = async || [one.counted("sign-in", "refused").await, other.counted("sign-in", "refused").await];
    // Which of them is asked is chance, so strangers ask until both were.
    let strangers = Cell::new(0);
    let before = eventually(BOUND, "both replicas to be asked", async || {
        let email = format!("n{}@example.com", strangers.replace(strangers.get() + 1));
        assert_eq!(shop.sign_in(&email, PASSWORD, "").await, Err(No::WrongCredentials));
        let refused = refused().await;
        ensure!(refused.iter().all(|count| *count > 0.0), "{refused:?}");
        Ok(refused)
    });
    let before: f64 = before.await.unwrap().iter().sum();
    let heard = guess_until_refused(&shop, ANN, "192.0.2.66").await;
    assert!(heard >= 10, "{heard} guesses were heard");
    let counted = refused().await.iter().sum::<f64>() - before;
    assert!((counted - (heard as f64 + 1.0)).abs() < 0.5, "{counted}: each guess is answered by one of both");

    // As long as the guesser keeps the account's limit used up, its own address waits, whatever it says.
    let used_up = "UPDATE attempts SET full_at = now() + interval '1 hour' WHERE key LIKE 'account %'";
    sqlx::query(used_up).execute(&shop.postgres().await).await.unwrap();
    let pair = "UPDATE attempts SET full_at = now() + interval '5 seconds' WHERE key LIKE 'pair %'";
    sqlx::query(pair).execute(&shop.postgres().await).await.unwrap();
    let refused = shop.sign_in(ANN, PASSWORD, "192.0.2.66").await.unwrap_err();
    assert!((1..=5).contains(&seconds(&refused)), "{refused:?}");
    shop.sign_in(ANN, PASSWORD, "198.51.100.1").await.unwrap();
    shop.sign_in(ANN, PASSWORD, "2001:db8::1").await.unwrap();
    pass(&shop, 6).await;
    shop.sign_in(ANN, PASSWORD, "192.0.2.66").await.unwrap();
}

#[tokio::test]
async fn an_unknown_account_is_limited_like_a_known_one() {
    let (shop, _ledger) = open("stranger").await;
    let heard = guess_until_refused(&shop, "nobody@example.com", "192.0.2.66").await;
    assert!(heard >= 10, "{heard} guesses were heard");
}

#[tokio::test]
async fn guesses_that_come_all_at_once_are_not_all_heard() {
    let (shop, _ledger) = open("burst").await;
    shop.register(ANN, PASSWORD).await.unwrap();
    let clock = Clock::system();
    let began = clock.monotonic();
    let question = sign_in(ANN, "a wrong password", "192.0.2.66");
    let answers = join_all((0..100).map(|_| shop.ask(&question))).await;
    let heard = answers.iter().filter(|answer| **answer == Err(No::WrongCredentials)).count();
    // Ten of the account, one of the pair, and what time gives back meanwhile.
    let most = 11.0 + (clock.monotonic() - began).as_secs_f64() * (1.0 / 3.0 + 1.0 / 5.0) + 1.0;
    assert!(heard >= 10 && (heard as f64) <= most, "{heard} were heard, at most {most} may be");
}

#[tokio::test]
async fn who_is_right_is_never_counted() {
    let (shop, _ledger) = open("right").await;
    shop.register(ANN, PASSWORD).await.unwrap();
    let question = sign_in(ANN, PASSWORD, "192.0.2.1");
    // As many at a time as there are connections: one who waits for one in vain is not given back.
    let answers: Vec<_> = iter((0..40).map(|_| shop.ask(&question))).buffer_unordered(8).collect().await;
    for answer in answers {
        answer.unwrap();
    }
    assert_eq!(shop.number("SELECT count(*) FROM attempts WHERE full_at > now()").await, 0);
}

#[tokio::test]
async fn an_address_that_was_wrong_on_many_accounts_waits_on_all_of_them() {
    let (shop, _ledger) = open("stuffing").await;
    shop.register(ANN, PASSWORD).await.unwrap();
    assert_eq!(shop.sign_in("bob@example.com", PASSWORD, "192.0.2.66").await, Err(No::WrongCredentials));
    let used_up = "UPDATE attempts SET full_at = now() + interval '160 seconds' WHERE key = 'source 192.0.2.66'";
    assert_eq!(sqlx::query(used_up).execute(&shop.postgres().await).await.unwrap().rows_affected(), 1);
    // A hundred seconds hold a hundred attempts, so there is room for the next one after sixty-one.
    for source in ["192.0.2.66", "::ffff:192.0.2.66"] {
        let refused = shop.sign_in(ANN, PASSWORD, source).await.unwrap_err();
        assert!((1..=61).contains(&seconds(&refused)), "{refused:?}");
    }
    shop.sign_in(ANN, PASSWORD, "192.0.2.67").await.unwrap();
    pass(&shop, 100).await;
    shop.sign_in(ANN, PASSWORD, "192.0.2.66").await.unwrap();
}

#[tokio::test]
async fn registering_again_with_another_password_is_a_guess_too() {
    let (shop, _ledger) = open("oracle").await;
    shop.register(ANN, PASSWORD).await.unwrap();
    let source = Some("192.0.2.66".parse().unwrap());
    let question = Register { source, ..register(ANN, "a wrong password") };
    let mut heard = 0;
    let no = loop {
        match shop.ask(&question).await.unwrap_err() {
            No::AccountExists => heard += 1,
            no => break no,
        }
        assert!(heard < 100, "a hundred guesses were heard");
    };
    assert!(heard >= 10, "{heard}");
    seconds(&no);
}

#[tokio::test]
async fn what_means_nothing_any_more_is_swept_and_what_counts_stays() {
    let (shop, _ledger) = open("sweep").await;
    assert_eq!(shop.sign_in(ANN, PASSWORD, "192.0.2.66").await, Err(No::WrongCredentials));
    assert_eq!(shop.sign_in("bob@example.com", PASSWORD, "").await, Err(No::WrongCredentials));
    let passed = "UPDATE attempts SET full_at = now() - interval '1 second' WHERE key LIKE 'source %'";
    assert_eq!(sqlx::query(passed).execute(&shop.postgres().await).await.unwrap().rows_affected(), 1);
    let later = "UPDATE attempts SET full_at = now() + interval '1 hour' WHERE key LIKE 'account %'";
    assert_eq!(sqlx::query(later).execute(&shop.postgres().await).await.unwrap().rows_affected(), 2);
    let repo = ledger::repo::Repo::new(shop.database.parse().unwrap());
    assert_eq!((repo.sweep_attempts().await.unwrap(), repo.sweep_attempts().await.unwrap()), (1, 0));
    assert_eq!(shop.number("SELECT count(*) FROM attempts").await, 2);
}

#[tokio::test]
async fn whoever_makes_accounts_by_the_hundred_is_slowed_down_and_others_are_not() {
    let (shop, _ledger) = open("newcomers").await;
    // As if somebody had made one account after the other: making those takes seconds of every core.
    let used = "INSERT INTO attempts (key, full_at) VALUES ('new 192.0.2.7', now() + interval '130 seconds')";
    sqlx::query(used).execute(&shop.postgres().await).await.unwrap();
    let register = async |name: &str, source: &str| {
        let question = Register {
            email: format!("{name}@example.com"),
            password: protocol::ask::people::Password(PASSWORD.to_owned()),
            name: None,
            source: Some(source.parse().unwrap()),
        };
        shop.ask(&question).await
    };
    let refused = register("one", "192.0.2.7").await;
    assert!(matches!(refused, Err(No::TooManyAttempts { retry_after_seconds: 1..=31 })), "{refused:?}");
    register("other", "192.0.2.8").await.unwrap();
    assert_eq!(shop.number("SELECT count(*) FROM users").await, 1);
    assert_eq!(shop.number("SELECT count(*) FROM attempts WHERE key = 'new 192.0.2.8'").await, 1, "and is counted");
}
