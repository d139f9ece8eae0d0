//! Pods that may nothing, and what the node does for them and to them.

use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};
use testbed::image::Image;
use testbed::{Bed, eventually, node};

use crate::{BOUND, GUEST, Shop, ended, here, part_of, pod, with};

/// How a program ends that the kernel ends.
const KILLED: &str = "137";

#[test]
fn pods_that_may_nothing_serve_and_are_found_by_name_and_a_limit_of_memory_is_kept() -> anyhow::Result<()> {
    let Some(_alone) = here() else { return Ok(()) };
    node::run(Bed::builder().progress(|line| println!("{line}")), async |bed| {
        let node = bed.node().await?;
        node.import(bed, &Image::of_binary(GUEST, "guest")?.archive()?).await?;
        let shop = Shop::open(bed).await?;
        it_serves_without_rights(&shop).await?;
        another_pod_finds_it_by_name(&shop).await?;
        who_may_too_much_is_not_admitted(&shop).await?;
        who_takes_too_much_memory_is_ended(&shop).await?;
        a_person_outside_reaches_it(bed, &shop).await?;
        what_it_uses_is_known(bed, &shop).await
    })
}

async fn it_serves_without_rights(shop: &Shop<'_>) -> anyhow::Result<()> {
    let probe = json!({ "httpGet": { "port": 8080 }, "periodSeconds": 1 });
    let serving = pod("serving", &["serve", "8080"], "32Mi");
    shop.create(&with(serving, "/spec/containers/0", "readinessProbe", probe)).await?;
    let service = json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": { "name": "serving" },
        "spec": { "selector": { "app": "serving" }, "ports": [{ "port": 80, "targetPort": 8080 }] },
    });
    shop.create(&service).await?;
    shop.kubectl(&["wait", "--for=condition=Ready", "pod/serving", "--timeout=60s"]).await?;
    let address = part_of(shop, "service/serving", "{.spec.clusterIP}:80").await?;
    let told = eventually(BOUND, "the Service to answer", async || Ok(get(&address).await?)).await?;
    assert_eq!(told, "user 65532, read-only\n");
    Ok(())
}

async fn another_pod_finds_it_by_name(shop: &Shop<'_>) -> anyhow::Result<()> {
    shop.create(&pod("asking", &["ask", "serving:80"], "32Mi")).await?;
    ended(shop, "asking", "Succeeded").await?;
    assert_eq!(shop.kubectl(&["logs", "asking"]).await?, "user 65532, read-only\n");
    Ok(())
}

async fn who_may_too_much_is_not_admitted(shop: &Shop<'_>) -> anyhow::Result<()> {
    let root = pod("root", &["serve", "8080"], "32Mi");
    let root = with(root, "/spec/securityContext", "runAsNonRoot", json!(false));
    let refused = shop.create(&root).await.expect_err("a pod that may be root").to_string();
    assert!(refused.contains("violates PodSecurity") && refused.contains("runAsNonRoot"), "{refused}");
    Ok(())
}

async fn who_takes_too_much_memory_is_ended(shop: &Shop<'_>) -> anyhow::Result<()> {
    shop.create(&pod("greedy", &["grow"], "32Mi")).await?;
    ended(shop, "greedy", "Failed").await?;
    // Not by the reason: the node hears of the kernel's deed by a message that may come after the end, and is then without one.
    let code = part_of(shop, "pod/greedy", "{.status.containerStatuses[0].state.terminated.exitCode}").await?;
    assert_eq!(code, KILLED);
    let said = shop.kubectl(&["logs", "greedy"]).await?;
    let taken = said.lines().last().and_then(|line| line.strip_suffix(" MiB")).map(str::parse::<u32>);
    let taken_mib = taken.with_context(|| said.clone())??;
    assert!((1..=32).contains(&taken_mib), "it took {taken_mib} MiB, and its limit is 32 MiB");
    Ok(())
}

async fn a_person_outside_reaches_it(bed: &Bed, shop: &Shop<'_>) -> anyhow::Result<()> {
    let service = part_of(shop, "service/serving", "{.spec.clusterIP}:80").await?;
    let outside = bed.node().await?.publish(service.parse()?)?;
    // Everything here is in the network of the node; the first thread of this process is not.
    let network = format!("--net=/proc/{}/ns/net", std::process::id());
    let url = format!("http://{outside}/");
    let curl = [network.as_str(), "curl", "--silent", "--show-error", "--noproxy", "*", "--max-time", "20", &url];
    let told = tokio::process::Command::new("nsenter").args(curl).output().await?;
    assert_eq!(String::from_utf8_lossy(&told.stdout), "user 65532, read-only\n", "{told:?}");
    Ok(())
}

async fn what_it_uses_is_known(bed: &Bed, shop: &Shop<'_>) -> anyhow::Result<()> {
    bed.node().await?.metrics(bed).await?;
    let asked = format!("/apis/metrics.k8s.io/v1beta1/namespaces/{}/pods/serving", shop.name);
    let memory_kib = eventually(BOUND, "numbers of the pod", async || {
        let told: Value = serde_json::from_str(&shop.kubectl(&["get", "--raw", &asked]).await?)?;
        let memory = told.pointer("/containers/0/usage/memory").and_then(Value::as_str);
        let kibibytes = memory.and_then(|memory| memory.strip_suffix("Ki")).map(str::parse::<u32>);
        Ok(kibibytes.with_context(|| told.to_string())??)
    });
    let memory_kib = memory_kib.await?;
    assert!((1..=32 << 10).contains(&memory_kib), "{memory_kib} KiB, and its limit is 32 MiB");
    Ok(())
}

async fn get(address: &str) -> anyhow::Result<String> {
    let client = reqwest::Client::builder().timeout(Duration::from_secs(5)).build()?;
    Ok(client.get(format!("http://{address}/")).send().await?.error_for_status()?.text().await?)
}
