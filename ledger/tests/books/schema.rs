//! The database itself refuses what must never happen.

use protocol::order::State;

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
