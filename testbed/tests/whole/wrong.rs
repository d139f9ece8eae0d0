//! What is said when a server is not as it should be.

use std::time::Duration;

use testbed::{Service, free_port};

use crate::alone;

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_without_postgres_says_so_in_one_sentence_and_is_not_ready() {
    let (_alone, bed) = alone().await;
    let (nowhere, admin) = (free_port().unwrap(), free_port().unwrap());
    let arguments = [
        "run".to_owned(),
        "--postgres-url".to_owned(),
        format!("postgres://sluice@127.0.0.1:{nowhere}/sluice"),
        "--nats-url".to_owned(),
        bed.nats().await.unwrap().url(),
        "--admin-addr".to_owned(),
        format!("127.0.0.1:{admin}"),
        "--roles=follow".to_owned(),
    ];
    let name = bed.unique("ledger");
    let ledger = Service::spawn(bed, &name, "sluice-ledger", arguments, []).unwrap();
    testbed::eventually(Duration::from_secs(20), "a sentence about Postgres", async || {
        let log = ledger.log();
        let sentences = log.lines().filter(|line| line.to_lowercase().contains("postgres")).count();
        anyhow::ensure!(sentences >= 1, "{log}");
        let ready = reqwest::get(format!("http://127.0.0.1:{admin}/readyz")).await?;
        anyhow::ensure!(!ready.status().is_success(), "it says that it is ready");
        Ok(())
    })
    .await
    .unwrap();
    assert!(ledger.ended().unwrap().is_none(), "it gave up instead of trying again");
}
