//! The chart on a real node: real pods, of images that were built here, sell a sale while they are deleted, drained, upgraded
//! and rolled back.
//!
//! One release goes through all of it, as an installation does. Where a node cannot run, one line says why.

#![allow(clippy::indexing_slicing, reason = "a test fails by panicking")]
#![allow(
    clippy::print_stdout,
    reason = "what a crowd was told, and the sizes of images, are for whoever reads the log"
)]
#![allow(clippy::large_futures, reason = "each is awaited once")]

mod pods;
mod sales;

use std::io::Write as _;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::json;
use testbed::image::Archive;
use testbed::installation::{self, RELEASE_NAMESPACE, Release};
use testbed::{Bed, books, eventually, node};

use pods::Pods;
use sales::Sale;

/// How many units a sale has in the end, and how many people come at least.
const UNITS: usize = 1_000;
const SHOPPERS: usize = 10_000;
/// Most that a node fetches for a service. A program that keeps what debuggers read weighs more than this.
const PACKED_MOST: usize = 20_000_000;
/// How long anything may take that a node does by itself.
const BOUND: Duration = Duration::from_secs(90);

#[test]
fn a_release_sells_every_unit_once_while_its_pods_come_and_go_and_leaves_only_the_orders() -> anyhow::Result<()> {
    if let Err(why) = node::possible() {
        // Past the harness, which keeps what tests print.
        drop(writeln!(std::io::stderr(), "no node here: {why:#}"));
        return Ok(());
    }
    node::run(Bed::builder().progress(|line| println!("{line}")), async |bed| {
        let first = images("first")?;
        let release = Release::install(bed, &first).await?;
        let pods = Pods::of(bed).await?;
        pods.may_nothing().await?;
        println!("helm test: {}", release.helm(bed, &["test", "sluice"]).await?);

        pods_are_deleted_and_drained_in_mid_sale(&release, &pods).await?;
        everything_is_upgraded_and_rolled_back_in_mid_sale(bed, &release, &pods).await?;
        an_edge_that_runs_out_of_memory_costs_a_retry(&release, &pods).await?;
        edges_follow_the_crowd_and_go_when_it_has_gone(bed, &release, &pods).await?;
        what_is_uninstalled_leaves_the_orders(bed, &release).await
    })
}

/// The images of the three services under a tag of their own.
fn images(tag: &str) -> anyhow::Result<Vec<Archive>> {
    let page = installation::built_page().context("the page is not built: run make page")?;
    let images = installation::images(tag, Some(&page))?;
    for image in &images {
        println!("{}: {} bytes to fetch, {} on the disk, {}", image.name, image.packed, image.unpacked, image.digest);
        ensure!(image.packed < PACKED_MOST, "{} has {} bytes", image.name, image.packed);
    }
    Ok(images)
}

async fn pods_are_deleted_and_drained_in_mid_sale(release: &Release, pods: &Pods<'_>) -> anyhow::Result<()> {
    let sale = Sale::open(&release.access, "disturbed", UNITS / 10).await?;
    let trouble = async {
        sale.sell(UNITS / 10 * 2).await?;
        for (already, component) in [(3, "edge"), (5, "ledger")] {
            pods.delete_one(component).await?;
            sale.sell(UNITS / 10 * already).await?;
            pods.all_ready(component).await?;
        }
        pods.delete(&pods.acting_operator().await?).await?;
        sale.sell(UNITS / 10 * 7).await?;
        tokio::try_join!(pods.drain("edge"), sale.sell(UNITS / 10 * 8))?;
        sale.sell(UNITS).await?;
        pods.all_ready("operator").await
    };
    let history = sale.visited(SHOPPERS, trouble).await?;
    println!("{}", history.report());
    books::checked(&release.access, &sale.id, &history, UNITS).await?;
    books::refused_only(&history, &["sold-out"])?;
    release.access.wait_for("disturbed", "SoldOut", 60).await
}

async fn everything_is_upgraded_and_rolled_back_in_mid_sale(
    bed: &Bed,
    release: &Release,
    pods: &Pods<'_>,
) -> anyhow::Result<()> {
    for image in images("second")? {
        bed.node().await?.import(bed, &image).await?;
    }
    let change = json!({
        "image": { "tag": "second" },
        "edge": { "sessionHours": 6 },
        "log": { "filter": "debug" },
    });
    let sale = Sale::open(&release.access, "upgraded", UNITS / 10).await?;
    let selling = async |steps: std::ops::RangeInclusive<usize>| {
        for step in steps {
            sale.sell(UNITS / 10 * step).await?;
        }
        Ok(())
    };
    let meanwhile = async {
        tokio::try_join!(release.change(bed, &change), selling(2..=5))?;
        ensure!(pods.tags().await? == ["second"], "pods of {:?} are left", pods.tags().await?);
        let rollback = ["rollback", "sluice", "1", "--wait", "--timeout", "140s"];
        tokio::try_join!(release.helm(bed, &rollback), selling(6..=10))?;
        ensure!(pods.tags().await? == ["first"], "pods of {:?} are left", pods.tags().await?);
        Ok(())
    };
    let history = sale.visited(SHOPPERS, meanwhile).await?;
    let report = history.report();
    println!("{report}");
    // Whoever replaces pods with care is not noticed by those who buy, more than by a moment's wait.
    let failed: Vec<_> =
        report.answers.keys().filter(|answer| !["201", "202", "busy", "sold-out"].contains(&answer.as_str())).collect();
    ensure!(failed.is_empty(), "requests failed: {failed:?}\n{report}");
    books::checked(&release.access, &sale.id, &history, UNITS).await
}

async fn an_edge_that_runs_out_of_memory_costs_a_retry(release: &Release, pods: &Pods<'_>) -> anyhow::Result<()> {
    let sale = Sale::open(&release.access, "memory", UNITS / 10).await?;
    let trouble = async {
        tokio::try_join!(pods.run_out_of_memory("edge"), sale.sell(UNITS / 2))?;
        sale.sell(UNITS).await?;
        pods.all_ready("edge").await
    };
    let history = sale.visited(SHOPPERS / 5, trouble).await?;
    println!("{}", history.report());
    books::checked(&release.access, &sale.id, &history, UNITS).await
}

async fn edges_follow_the_crowd_and_go_when_it_has_gone(
    bed: &Bed,
    release: &Release,
    pods: &Pods<'_>,
) -> anyhow::Result<()> {
    bed.node().await?.metrics(bed).await?;
    let autoscaling = json!({
        "enabled": true,
        "minReplicas": 2,
        "maxReplicas": 3,
        "targetCPUPercent": 20,
        "scaleDownStabilizationSeconds": 0,
    });
    release.change(bed, &json!({ "edge": { "autoscaling": autoscaling } })).await?;
    let sale = Sale::open(&release.access, "followed", UNITS).await?;
    let history = sale.visited(0, pods.are_ready("edge", 3)).await?;
    println!("{}", history.report());
    books::checked(&release.access, &sale.id, &history, UNITS).await?;
    pods.are_ready("edge", 2).await
}

async fn what_is_uninstalled_leaves_the_orders(bed: &Bed, release: &Release) -> anyhow::Result<()> {
    let access = &release.access;
    for (sale, _) in sales::all(access).await? {
        access.patch(&sale, &json!({ "spec": { "desiredState": "Closed" } })).await?;
        access.wait_for(&sale, "Completed", 60).await?;
    }
    release.helm(bed, &["uninstall", "sluice", "--wait", "--timeout", "120s"]).await?;
    let kubernetes = bed.kubernetes().await?;
    let kinds =
        "deployments,jobs,pods,services,serviceaccounts,roles,rolebindings,poddisruptionbudgets,networkpolicies,leases";
    let left = ["get", kinds, "--all-namespaces", "--selector", "app.kubernetes.io/instance=sluice", "-o", "name"];
    // Pods go after what made them.
    eventually(BOUND, "the release to be gone", async || {
        let left = kubernetes.kubectl(&left, None).await?;
        ensure!(left.trim().is_empty(), "{left} is left in the cluster");
        Ok(())
    })
    .await?;
    let policies = "validatingadmissionpolicies,validatingadmissionpolicybindings";
    let policies = kubernetes.kubectl(&["get", policies, "-o", "name"], None).await?;
    ensure!(!policies.contains(RELEASE_NAMESPACE), "{policies} is left in the cluster");
    for (sale, sold) in sales::all(access).await? {
        let statement = access.statement(&access.sale_id(&sale).await?, true).await?;
        let orders = statement["orders"].as_array().context("a statement lists orders")?.len();
        ensure!(orders == sold, "{orders} of {sold} orders of {sale} are kept");
    }
    Ok(())
}
