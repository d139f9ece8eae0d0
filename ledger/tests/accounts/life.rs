//! Bounds, outages and the end.

use std::cell::Cell;
use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::ensure;
use futures::future::join_all;
use futures::stream::{FuturesUnordered, StreamExt as _};
use protocol::ask::history::{OneOrder, Orders};
use protocol::ask::money::{Entries, Wallets};
use protocol::ask::people::{Exchange, Profile, Register, SignIn};
use protocol::ask::statement::{SaleOrders, Sheet, Statement};
use protocol::ask::{Ask, No};
use testbed::eventually;

use crate::asking::{PASSWORD, open, register, sign_in};
use crate::shop::{BOUND, Ledger, Shop, customer};

async fn malformed<Q: Ask>(shop: &Shop, ledger: &Ledger) {
    let payloads = ["", "{", "null", "[1]", "{\"v\":1}", "{\"v\":99}", "{\"v\":1,\"customer\":\"' OR 1=1\"}", "\u{0}"];
    for payload in payloads {
        let answer = shop.raw::<Q>(payload.as_bytes().to_vec()).await;
        assert!(matches!(answer, Err(No::Invalid { .. })), "{:?}: {payload:?}", Q::VERB);
    }
    let large = shop.raw::<Q>(vec![b'{'; 100_000]).await;
    assert!(matches!(large, Err(No::Invalid { .. })), "{:?}", Q::VERB);
    let counted = ledger.counted(Q::VERB.as_str(), "malformed").await;
    assert!((counted - (payloads.len() as f64 + 1.0)).abs() < 0.5, "{:?}: {counted}", Q::VERB);
}

#[tokio::test]
async fn malformed_questions_are_refused_counted_and_harmless() {
    let (shop, ledger) = open("malformed").await;
    malformed::<Register>(&shop, &ledger).await;
    malformed::<SignIn>(&shop, &ledger).await;
    malformed::<Exchange>(&shop, &ledger).await;
    malformed::<Profile>(&shop, &ledger).await;
    malformed::<Wallets>(&shop, &ledger).await;
    malformed::<Entries>(&shop, &ledger).await;
    malformed::<Orders>(&shop, &ledger).await;
    malformed::<OneOrder>(&shop, &ledger).await;
    malformed::<Statement>(&shop, &ledger).await;
    malformed::<SaleOrders>(&shop, &ledger).await;
    malformed::<Sheet>(&shop, &ledger).await;
    // Nobody waits for this one.
    shop.client.publish(shop.installation.ask(Profile::VERB), "{".into()).await.unwrap();
    assert_eq!(shop.ask(&Profile { customer: customer(1) }).await, Err(No::NotFound));
    assert!(ledger.service.ended().unwrap().is_none());
}

#[tokio::test]
async fn more_passwords_than_can_be_hashed_are_busy_at_once_and_other_questions_go_on() {
    let (shop, ledger) = open("overload").await;
    let (asked, busy, heard, seen) = (Cell::new(0), Cell::new(0_u32), Cell::new(0_u32), Cell::new(false));
    // Everybody asks again, and whoever is told to wait waits for so long: the crowd is there until it was seen.
    let crowd = join_all((0..300).map(async |_| {
        while !seen.get() {
            let n = asked.replace(asked.get() + 1);
            let source = Ipv4Addr::from_bits(0x0a00_0000 + n).to_string();
            match shop.ask_once(&sign_in(&format!("n{n}@example.com"), PASSWORD, &source)).await {
                Err(No::WrongCredentials) => heard.set(heard.get() + 1),
                Err(No::Busy { retry_after_seconds }) if retry_after_seconds > 0 => {
                    busy.set(busy.get() + 1);
                    tokio::time::sleep(Duration::from_secs(retry_after_seconds.into())).await;
                }
                other => panic!("{other:?}"),
            }
        }
    }));
    let looking = async {
        eventually(BOUND, "another question to be answered beside a crowd", async || {
            ensure!(busy.get() > 200 && heard.get() > 50, "{} busy, {} heard", busy.get(), heard.get());
            let answer = shop.ask_once(&Profile { customer: customer(1) }).await;
            let under_way = ledger.metric("sluice_ledger_questions_under_way{verb=\"sign-in\"}").await;
            ensure!(answer == Err(No::NotFound) && under_way > 1.0, "{answer:?} beside {under_way}");
            Ok(())
        })
        .await
        .unwrap();
        seen.set(true);
    };
    tokio::join!(crowd, looking);
    // Whoever waited in vain for a turn or for a connection was told that it is busy too.
    let mut counted = 0.0;
    for outcome in ["busy", "late", "away"] {
        counted += ledger.counted("sign-in", outcome).await;
    }
    assert!((counted - f64::from(busy.get())).abs() < 0.5, "{counted} counted, {} told", busy.get());
}

#[tokio::test]
async fn replicas_share_the_questions() {
    let (shop, one) = open("share").await;
    let other = shop.ledger(1, &["--roles=accounts"]);
    other.ready().await;
    for answer in join_all((0..200).map(|n| {
        let shop = &shop;
        async move { shop.ask(&Profile { customer: customer(n) }).await }
    }))
    .await
    {
        assert_eq!(answer, Err(No::NotFound));
    }
    let (a, b) = (one.counted("profile", "refused").await, other.counted("profile", "refused").await);
    assert!(a > 0.0 && b > 0.0 && (a + b - 200.0).abs() < 0.5, "{a} and {b}: each question is answered once");
}

#[tokio::test]
async fn a_role_answers_its_own_questions_and_no_others() {
    let shop = Shop::of("roles", 10).await;
    let payments = shop.ledger(0, &["--roles", "payments"]);
    payments.ready().await;
    assert_eq!(shop.ask(&Wallets { customer: customer(1) }).await, Ok(Vec::new()));
    let subject = shop.installation.ask(Profile::VERB);
    let nobody = shop.client.request(subject, "{}".into()).await.unwrap_err();
    assert_eq!(
        nobody.kind(),
        async_nats::RequestErrorKind::NoResponders,
        "whoever asks learns at once that nobody is there"
    );
    payments.service.stop().await.unwrap();

    let accounts = shop.ledger(1, &["--roles", "accounts,payments"]);
    accounts.ready().await;
    assert_eq!(shop.ask(&Profile { customer: customer(1) }).await, Err(No::NotFound));
    assert!(accounts.service.stop().await.unwrap().success());
}

#[tokio::test]
async fn a_ledger_without_its_key_says_which_flag_it_needs() {
    let shop = Shop::of("keys", 10).await;
    let (ok, _, complaint) = shop.command("run", &["--admin-addr=127.0.0.1:0"]).await;
    assert!(!ok && complaint.contains("--customer-key-file"), "{complaint}");
    let file = shop.bed.folder().join("keys-known.key");
    for (key, rule) in
        [("changeme-changeme-changeme-changeme", "everybody knows"), ("short", "too short"), ("", "empty")]
    {
        std::fs::write(&file, key).unwrap();
        let argument = format!("--customer-key-file={}", file.display());
        let (ok, _, complaint) = shop.command("run", &["--admin-addr=127.0.0.1:0", &argument]).await;
        assert!(!ok && complaint.contains(rule) && !complaint.contains("changeme"), "{complaint}");
    }
}

#[tokio::test]
async fn without_postgres_the_answer_is_busy_and_afterwards_it_is_an_answer() {
    // A server of its own: other tests need theirs.
    let bed = testbed::Bed::builder().start().await.unwrap();
    let mut shop = Shop::of("away", 10).await;
    shop.database = bed.postgres().await.unwrap().create_database("ledger").await.unwrap();
    let ledger = shop.ledger(0, &[]);
    ledger.ready().await;
    let ann = shop.register("ann@example.com", PASSWORD).await.unwrap();
    let postgres = bed.postgres().await.unwrap();
    postgres.stop().await.unwrap();
    let question = Profile { customer: ann.customer };
    assert!(matches!(shop.ask_once(&question).await, Err(No::Busy { retry_after_seconds: 1.. })));
    let signing_in = sign_in("ann@example.com", PASSWORD, "192.0.2.1");
    assert!(matches!(shop.ask_once(&signing_in).await, Err(No::Busy { .. })));
    let registering = register("bob@example.com", PASSWORD);
    assert!(matches!(shop.ask_once(&registering).await, Err(No::Busy { .. })));
    assert!(ledger.counted("profile", "away").await > 0.0);
    postgres.restart().await.unwrap();
    eventually(BOUND, "an answer", async || {
        let answer = shop.ask(&question).await;
        ensure!(answer == Ok(ann.clone()), "{answer:?}");
        Ok(())
    })
    .await
    .unwrap();
    shop.sign_in("ann@example.com", PASSWORD, "192.0.2.1").await.unwrap();
    ledger.service.stop().await.unwrap();
}

#[tokio::test]
async fn questions_under_way_are_answered_by_a_ledger_that_is_asked_to_stop() {
    let (shop, ledger) = open("sigterm").await;
    let ann = shop.register("ann@example.com", PASSWORD).await.unwrap();
    let postgres = shop.postgres().await;
    let mut lock = postgres.begin().await.unwrap();
    sqlx::query("LOCK TABLE users IN ACCESS EXCLUSIVE MODE").execute(&mut *lock).await.unwrap();
    // Whoever signs in may wait for longer than others.
    let (question, stopped) = (sign_in("ann@example.com", PASSWORD, "192.0.2.1"), Cell::new(false));
    let asking = join_all((0..8).map(async |_| {
        loop {
            match shop.ask_once(&question).await {
                Err(No::Busy { .. }) if !stopped.get() => {}
                answer => return answer,
            }
        }
    }));
    let stopping = async {
        eventually(BOUND, "eight questions that wait for the lock", async || {
            let waiting = "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database
                           WHERE datname = current_database() AND relation = 'users'::regclass AND NOT granted";
            let waiting = shop.number(waiting).await;
            ensure!(waiting == 8, "{waiting}");
            Ok(())
        })
        .await
        .unwrap();
        stopped.set(true);
        let release = async {
            eventually(BOUND, "a ledger that stops", async || {
                let ready = reqwest::get(format!("{}/readyz", ledger.admin)).await?;
                ensure!(ready.status() == 503, "{}", ready.status());
                Ok(())
            })
            .await
            .unwrap();
            lock.commit().await.unwrap();
        };
        tokio::join!(ledger.service.stop(), release).0.unwrap()
    };
    let (answers, status) = tokio::join!(asking, stopping);
    // A reply is what everybody gets; on a machine that stands still, one may be that a connection was waited for in vain.
    let answered = answers.iter().filter(|answer| **answer == Ok(ann.clone())).count();
    let busy = answers.iter().filter(|answer| matches!(answer, Err(No::Busy { .. }))).count();
    assert!(answered > 0 && answered + busy == 8, "{answers:?}");
    assert!(status.success(), "{status}: {}", ledger.service.log());
}

#[tokio::test]
async fn a_flood_of_one_kind_is_bounded_and_every_question_has_a_reply() {
    let (shop, ledger) = open("flood").await;
    let postgres = shop.postgres().await;
    let mut lock = postgres.begin().await.unwrap();
    sqlx::query("LOCK TABLE users IN ACCESS EXCLUSIVE MODE").execute(&mut *lock).await.unwrap();
    let question = Profile { customer: customer(1) };
    let most = ledger::answer::UNDER_WAY_MAX;
    let mut asked: FuturesUnordered<_> = (0..most + 50).map(|_| shop.ask_once(&question)).collect();
    // Those past the bound do not wait for the lock.
    for _ in 0..50 {
        let answer = tokio::time::timeout(Duration::from_secs(10), asked.next()).await.expect("a reply").unwrap();
        assert!(matches!(answer, Err(No::Busy { .. })), "{answer:?}");
    }
    lock.commit().await.unwrap();
    while let Some(answer) = asked.next().await {
        assert!(matches!(answer, Err(No::NotFound | No::Busy { .. })), "{answer:?}");
    }
    assert_eq!(shop.ask(&question).await, Err(No::NotFound));
    let under_way = ledger.metric("sluice_ledger_questions_under_way{verb=\"profile\"}").await;
    assert!(under_way.abs() < 0.5, "{under_way}");
}
