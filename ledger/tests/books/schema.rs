//! The database itself refuses what must never happen.

use ledger::repo::Repo;
use protocol::order::State;
use protocol::sale::Money;

use crate::shop::{Shop, customer, order};

#[tokio::test]
async fn a_database_that_nobody_migrated_is_waited_for_with_the_command_that_helps() {
    let shop = Shop::of("migrate", 10).await;
    let ledger = shop.ledger(0, &["--migrate=false"]);
    let why = testbed::eventually(crate::shop::BOUND, "an unready ledger", async || {
        let answer = reqwest::get(format!("{}/readyz", ledger.admin)).await?;
        let (status, body) = (answer.status(), answer.text().await?);
        anyhow::ensure!(status == 503 && body.contains("sluice-ledger migrate"), "{status}: {body}");
        Ok(body)
    })
    .await
    .unwrap();
    assert!(why.contains("version 0"), "{why}");
    let (ok, _, complaint) = shop.command("migrate", &[]).await;
    assert!(ok, "{complaint}");
    let (again, _, _) = shop.command("migrate", &[]).await;
    assert!(again, "a migration is safe to repeat");
    ledger.ready().await;
    shop.drained().await;
}

#[tokio::test]
async fn entries_are_only_appended_and_nothing_balances_by_decree() {
    let shop = Shop::of("append", 10).await;
    let _ledger = shop.ledger(0, &[]);
    shop.claim(customer(1), 0, &order("k", 1, State::Confirmed)).await;
    shop.drained().await;
    let postgres = shop.postgres().await;
    let refused = [
        "UPDATE entries SET units = 7",
        "DELETE FROM entries",
        "TRUNCATE entries",
        "UPDATE cursors SET seq = seq - 1",
        "UPDATE balances SET units = -1 WHERE NOT overdraft",
        "UPDATE orders SET quantity = 0",
        "UPDATE orders SET state = 'lost'",
        "UPDATE buckets SET free = -1",
    ];
    for sql in refused {
        let error = sqlx::query(sql).execute(&postgres).await.unwrap_err();
        let code = error.as_database_error().and_then(|error| error.code().map(|code| code.into_owned()));
        assert!(code.as_deref().is_some_and(|code| code.starts_with("23")), "{sql}: {error}");
    }
}

#[tokio::test]
async fn whoever_is_given_up_in_the_middle_leaves_no_transaction_open() {
    let shop = Shop::of("givenup", 10).await;
    let repo = Repo::new(shop.database.parse().unwrap());
    repo.migrate().await.unwrap();
    let money = Money { amount_minor: 1, currency: "EUR".to_owned() };
    let whose = customer(1);
    repo.fund(&whose, &money, None).await.unwrap();
    for steps in 0..400 {
        let mut funding = Box::pin(repo.fund(&whose, &money, None));
        for _ in 0..steps * 5 {
            if futures::poll!(funding.as_mut()).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    testbed::eventually(crate::shop::BOUND, "no transaction to be open", async || {
        let open = "SELECT count(*) FROM pg_stat_activity
                    WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
        let open = shop.number(open).await;
        anyhow::ensure!(open == 0, "{open} are open");
        Ok(())
    })
    .await
    .unwrap();
}
