//! What the operator may do, what it does, and what it says where it may not.

use std::collections::BTreeSet;

use anyhow::ensure;
use operator::rights::{LEASE, Right, SERVED};
use serde_json::json;
use testbed::{Bed, eventually};

use crate::place::{ACCOUNT, Place, kubectl};
use crate::world::{BOUND, World, field, reason, spec};

/// Where, group, resource, verb, and the name if the right is for one object.
type Use = (String, String, String, String, String);

fn granted(place: &Place) -> BTreeSet<Use> {
    let rights = |namespace: &str, rights: &[Right]| -> Vec<Use> {
        let name = |right: &Right| if right.named { operator::args::LEASE_NAME } else { "" };
        let one = |right: &Right| [namespace, right.group, right.resource, right.verb, name(right)].map(str::to_owned);
        rights.iter().map(|right| one(right).into()).collect()
    };
    [rights(&place.namespace, &SERVED), rights(&place.home, &LEASE)].concat().into_iter().collect()
}

/// What the operator asked for; nothing of it was refused.
async fn used(place: &Place) -> anyhow::Result<BTreeSet<Use>> {
    let named: BTreeSet<_> = LEASE.iter().filter(|right| right.named).map(|right| right.verb).collect();
    let mut used = BTreeSet::new();
    for request in place.bed.kubernetes().await?.audited(&place.home, ACCOUNT)? {
        ensure!(![401, 403].contains(&request.code), "refused: {request:?}");
        // Everybody who is signed in may ask what he may do.
        if request.group != "authorization.k8s.io" {
            let by_name = request.namespace == place.home && named.contains(request.verb.as_str());
            let name = if by_name { request.name } else { String::new() };
            used.insert((request.namespace, request.group, request.resource, request.verb, name));
        }
    }
    Ok(used)
}

#[tokio::test]
async fn a_whole_life_uses_every_right_that_is_granted_and_asks_for_no_other() -> anyhow::Result<()> {
    let world = World::start().await?;
    world.apply("aurora", &spec(-10, &[json!({ "sku": "A", "quantity": 50 })])).await?;
    world.in_force("aurora").await?;
    world.sell("aurora", "A", 3).await?;
    // A second pause within minutes is counted in the event of the first.
    for (asked, ready) in [("Paused", "Paused"), ("Scheduled", "Open"), ("Paused", "Paused"), ("Scheduled", "Open")] {
        world.patch("aurora", &json!({ "spec": { "desiredState": asked } })).await?;
        world.until("aurora", ready, |sale| reason(sale, "Ready") == ready).await?;
    }
    world.kubectl(&["annotate", "fs", "aurora", "sluice.dev/resume=true"], "").await?;
    world
        .until("aurora", "the annotation is used up", |sale| {
            sale["metadata"]["annotations"]["sluice.dev/resume"].is_null()
        })
        .await?;
    let mut refused = spec(3_600, &[json!({ "sku": "A", "quantity": 5 })]);
    refused["acknowledge"] = json!("Ledger");
    world.apply("refused", &refused).await?;
    world.until("refused", "it is refused", |sale| reason(sale, "Ready") == "Refused").await?;

    let (second, admin) = world.spawn("b", &[&world.namespace], &["--identity", "second"]).await?;
    second.wait_ready(&admin).await?;
    world.operator.stop().await?;
    eventually(BOUND, "the second replica leads", async || {
        let lease = ["-n", &world.home, "get", "lease", "sluice-operator", "-o", "jsonpath={.spec.holderIdentity}"];
        let holder = kubectl(&world.kubeconfig, &lease, "").await?;
        ensure!(holder == "second", "held by {holder:?}");
        Ok(())
    })
    .await?;
    world.patch("aurora", &json!({ "spec": { "desiredState": "Closed" } })).await?;
    world.until("aurora", "it drains", |sale| reason(sale, "Ready") == "Draining").await?;
    world.keep_books("aurora").await?;
    world.wait_for("aurora", "Completed").await?;
    world.kubectl(&["delete", "fs", "aurora", "refused", "--wait=false"], "").await?;
    let waits = |sale: &serde_json::Value| field(sale, "Ready", "message").starts_with("deletion waits:");
    world.until("aurora", "the deletion waits", waits).await?;
    world.keep_books("aurora").await?;
    world.kubectl(&["wait", "fs", "--all", "--for=delete", "--timeout=40s"], "").await?;
    second.stop().await?;

    assert_eq!(used(&world).await?, granted(&world));
    Ok(())
}

/// What `/readyz` says, after its code.
async fn readiness(admin: &str) -> anyhow::Result<String> {
    let answer = reqwest::get(format!("{admin}/readyz")).await?;
    Ok(format!("{} {}", answer.status().as_u16(), answer.text().await?))
}

#[tokio::test]
async fn a_namespace_without_rights_is_told_delays_no_other_and_is_served_once_it_has_them() -> anyhow::Result<()> {
    let bed = Bed::shared().await?;
    let place = Place::make(bed).await?;
    let other = bed.kubernetes().await?.create_namespace(bed, "other").await?;
    place.grant(&[&place.namespace]).await?;
    let world = World::start_in(place, &[&other], &[]).await?;

    world.apply("aurora", &spec(-10, &[json!({ "sku": "A", "quantity": 5 })])).await?;
    world.in_force("aurora").await?;
    let sentence = format!(
        "the operator may not create, patch events; get, list, watch, patch flashsales; patch flashsales/status in {other}"
    );
    let answer = eventually(BOUND, "it is told", async || {
        let answer = readiness(&world.admin).await?;
        ensure!(answer.contains(&sentence), "{answer}");
        Ok(answer)
    })
    .await?;
    assert!(answer.starts_with("503 "), "{answer}");
    assert!(answer.contains("apply the Role and the RoleBinding there that sluice-operator rbac prints"), "{answer}");

    let sale = crate::world::sale("borealis", &spec(-10, &[json!({ "sku": "A", "quantity": 5 })])).to_string();
    kubectl(&world.kubeconfig, &["-n", &other, "apply", "-f", "-"], &sale).await?;
    world.grant(&[&other]).await?;
    let provisioned = ["-n", &other, "wait", "fs/borealis", "--for=condition=Provisioned", "--timeout=40s"];
    kubectl(&world.kubeconfig, &provisioned, "").await?;
    world.operator.wait_ready(&world.admin).await?;
    world.assert_told_whole(&other, &sentence);
    Ok(())
}

#[tokio::test]
async fn rights_that_are_taken_away_are_told_with_the_next_change_and_it_goes_on_when_they_are_back()
-> anyhow::Result<()> {
    let world = World::start().await?;
    world.apply("aurora", &spec(-10, &[json!({ "sku": "A", "quantity": 5 })])).await?;
    world.in_force("aurora").await?;
    world.kubectl(&["delete", "rolebinding", "sluice-operator"], "").await?;
    // Until the API server has noticed, the change would be made in the old order, and nothing would ask for the rights.
    let operator = format!("system:serviceaccount:{}:{ACCOUNT}", world.home);
    let question = ["auth", "can-i", "patch", "flashsales.sluice.dev", "--subresource=status", "--as", &operator];
    eventually(BOUND, "the rights are gone", async || {
        let answer = world.kubectl(&question, "").await.map_err(|refused| refused.to_string());
        ensure!(answer.as_ref().is_err_and(|refused| refused.trim_end().ends_with("no")), "{answer:?}");
        Ok(())
    })
    .await?;
    world.patch("aurora", &json!({ "spec": { "desiredState": "Paused" } })).await?;
    eventually(BOUND, "it is told", async || {
        let answer = readiness(&world.admin).await?;
        ensure!(answer.contains("patch flashsales/status in"), "{answer}");
        Ok(())
    })
    .await?;
    world.grant(&[&world.namespace]).await?;
    world.until("aurora", "it is paused", |sale| reason(sale, "Ready") == "Paused").await?;
    world.operator.wait_ready(&world.admin).await?;
    ensure!(world.operator.ended()?.is_none(), "it never ended");
    Ok(())
}
