//! A burst of shoppers while processes and answers are lost.

use serde_json::json;
use testbed::books;
use testbed::installation::{Installation, Plan};
use testbed::{Proxy, eventually};

use crate::{BOUND, alone, crowd, opened, sale};

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_20_000_shoppers_gets_exactly_1_000_units_though_an_edge_is_killed() {
    let (_alone, bed) = alone().await;
    let at = crate::installed(bed).await;
    let id = opened(&at, &sale("burst", 1_000)).await.unwrap();
    let sessions = at.sessions("shopper", 20_000).await.unwrap();
    let crowd = crowd(&at, &id);
    let kill = async {
        let edge = &at.edges[1];
        edge.service.kill9().await?;
        edge.service.restart()?;
        edge.ready().await
    };
    let (history, ()) = crowd.disturbed(&sessions, 200, kill).await.unwrap();
    println!("{}", history.report());
    books::checked(&at, &id, &history, 1_000).await.unwrap();
    books::refused_only(&history, &["sold-out"]).unwrap();
    at.wait_for("burst", "SoldOut", 30).await.unwrap();
    at.wait_for("burst", "StockConserved", 30).await.unwrap();
    at.patch("burst", &json!({ "spec": { "desiredState": "Closed" } })).await.unwrap();
    at.wait_for("burst", "Completed", 60).await.unwrap();
    at.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn three_nats_nodes_lose_the_leader_of_a_stream_and_claims_resume_by_themselves() {
    let (_alone, bed) = alone().await;
    let nats = bed.nats_cluster().await.unwrap();
    let at = Installation::start(bed, Plan::on_cluster(bed).await.unwrap()).await.unwrap();
    let id = opened(&at, &sale("leader", 1_000)).await.unwrap();
    let sessions = at.sessions("shopper", 20_000).await.unwrap();
    let crowd = crowd(&at, &id);
    let stream = format!("KV_{id}_e1_s0");
    let kill = async {
        let leader = nats.stream_leader(&stream).await?;
        nats.kill9(leader).await?;
        // It stays away until another one leads: the claims must not wait for its return.
        eventually(BOUND, "another leader", async || {
            let now = nats.stream_leader(&stream).await?;
            anyhow::ensure!(now != leader, "still {leader}");
            Ok(())
        })
        .await?;
        nats.restart(leader)
    };
    let (history, ()) = crowd.disturbed(&sessions, 200, kill).await.unwrap();
    println!("{}", history.report());
    nats.ready().await.unwrap();
    books::checked(&at, &id, &history, 1_000).await.unwrap();
    books::refused_only(&history, &["sold-out"]).unwrap();
    at.wait_for("leader", "SoldOut", 60).await.unwrap();
    at.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_lost_for_committed_batches_settle_to_the_truth() {
    let (_alone, bed) = alone().await;
    let mut plan = Plan::on(bed).await.unwrap();
    let proxy = Proxy::nats(&bed.nats().await.unwrap().address()).await.unwrap();
    plan.edges_nats = vec![proxy.url("nats"), proxy.url("nats")];
    let at = Installation::start(bed, plan).await.unwrap();
    let id = opened(&at, &sale("lost", 1_000)).await.unwrap();
    let sessions = at.sessions("shopper", 3_000).await.unwrap();
    let crowd = crowd(&at, &id);
    let lose = async {
        proxy.swallow_commit_answers(12);
        anyhow::Ok(())
    };
    let (history, ()) = crowd.disturbed(&sessions, 0, lose).await.unwrap();
    println!("{}", history.report());
    assert!(proxy.swallowed() > 0, "no answer was lost, so nothing was tested");
    books::checked(&at, &id, &history, 1_000).await.unwrap();
    books::refused_only(&history, &["sold-out"]).unwrap();
    at.stop().await.unwrap();
}
