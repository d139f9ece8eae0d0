//! Stock that is gone is never made again.

use std::time::Duration;

use anyhow::ensure;
use serde_json::Value;
use testbed::eventually;

use crate::{alone, crowd, installed, opened, sale};

#[tokio::test(flavor = "multi_thread")]
async fn streams_of_an_open_sale_deleted_by_hand_are_not_seeded_again_and_the_sale_is_withdrawn() {
    let (_alone, bed) = alone().await;
    let at = installed(bed).await;
    let id = opened(&at, &sale("gone", 100)).await.unwrap();
    let sessions = at.sessions("early", 30).await.unwrap();
    let history = crowd(&at, &id).run(&sessions, |_| {}).await.unwrap();
    assert_eq!(history.orders().unwrap().len(), 30);

    let client = async_nats::connect(bed.nats().await.unwrap().url()).await.unwrap();
    let jetstream = async_nats::jetstream::new(client);
    let stream = format!("KV_{id}_e1_s0");
    jetstream.delete_stream(&stream).await.unwrap();

    eventually(Duration::from_secs(60), "StorageLost", async || {
        let sale = at.sale("gone").await?;
        let conditions = sale.pointer("/status/conditions").and_then(Value::as_array).cloned().unwrap_or_default();
        let provisioned = conditions.iter().find(|c| c["type"] == "Provisioned").cloned().unwrap_or_default();
        ensure!(provisioned["status"] == "False" && provisioned["reason"] == "StorageLost", "{provisioned}");
        Ok(())
    })
    .await
    .unwrap();
    // A restart reconciles from what is stored: that must not seed either.
    at.operator.service.kill9().await.unwrap();
    at.operator.service.restart().unwrap();
    at.operator.ready().await.unwrap();
    let sessions = at.sessions("late", 20).await.unwrap();
    let mut impatient = crowd(&at, &id);
    impatient.patience = Duration::from_secs(3);
    let history = impatient.run(&sessions, |_| {}).await.unwrap();
    assert_eq!(history.orders().unwrap().len(), 0, "{}", history.report());
    assert!(jetstream.get_stream(&stream).await.is_err(), "the stream was made again");
    at.stop().await.unwrap();
}
