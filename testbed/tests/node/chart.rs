//! The chart on the node: with images that were built here it sells, by processes that may nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use runtime::clock::Clock;
use serde_json::{Value, json};
use testbed::crowd::{Arrival, Crowd};
use testbed::image::{Archive, USER};
use testbed::installation::{self, Access, Release};
use testbed::{Bed, node};

use crate::here;

/// Most that a node fetches for a service. A program that keeps what debuggers read weighs more than this.
const PACKED_MOST: usize = 20_000_000;
const UNITS: usize = 100;
const SHOPPERS: usize = 300;

#[test]
fn the_chart_sells_every_unit_once_by_processes_that_may_nothing() -> anyhow::Result<()> {
    if !here() {
        return Ok(());
    }
    node::run(Bed::builder().progress(|line| println!("{line}")), async |bed| {
        let images = installation::images("tried", installation::built_page().as_deref())?;
        they_are_small(&images);
        let release = Release::install(bed, &images).await?;
        no_process_may_anything(bed)?;
        every_unit_is_sold_once(&release.access).await
    })
}

#[expect(clippy::print_stdout, reason = "sizes are for whoever reads the log")]
fn they_are_small(images: &[Archive]) {
    for image in images {
        println!("{}: {} bytes to fetch, {} on the disk, {}", image.name, image.packed, image.unpacked, image.digest);
        assert!(image.packed < PACKED_MOST, "{} has {} bytes", image.name, image.packed);
    }
}

/// Asks the kernel, not the chart.
fn no_process_may_anything(bed: &Bed) -> anyhow::Result<()> {
    let mut found = BTreeMap::<String, usize>::new();
    for process in of_pods(bed)? {
        let (name, status) = (read(&process, "comm")?, read(&process, "status")?);
        let field = |field: &str| status.lines().find_map(|line| line.strip_prefix(field)).map(str::trim);
        let user = USER.to_string();
        assert!(field("Uid:").context("no user")?.split_whitespace().all(|id| id == user), "{name}: {status}");
        for rights in ["CapEff:", "CapPrm:", "CapBnd:", "CapInh:"] {
            assert_eq!(field(rights), Some("0000000000000000"), "{rights} of {name}");
        }
        assert_eq!(field("NoNewPrivs:"), Some("1"), "{name}");
        assert_eq!(field("Seccomp:"), Some("2"), "{name} has no filter of system calls");
        let mounts = read(&process, "mounts")?;
        let root = mounts.lines().find(|line| line.split_whitespace().nth(1) == Some("/")).context("no root")?;
        let options = root.split_whitespace().nth(3).context("no options")?;
        assert!(options.split(',').any(|option| option == "ro"), "{name} may write to its root: {root}");
        *found.entry(name.trim().to_owned()).or_default() += 1;
    }
    let expected = ["sluice-edge", "sluice-ledger", "sluice-operator"].map(|name| (name.to_owned(), 2));
    assert_eq!(found, expected.into());
    Ok(())
}

/// Processes of containers, without those that hold pods together.
fn of_pods(bed: &Bed) -> anyhow::Result<Vec<PathBuf>> {
    let name = bed.folder().file_name().and_then(|name| name.to_str()).context("a bed has a name")?;
    let pods = format!("/{name}/kubepods/");
    let processes = std::fs::read_dir("/proc")?.flatten().map(|entry| entry.path());
    Ok(processes
        .filter(|process| read(process, "cgroup").is_ok_and(|groups| groups.contains(&pods)))
        .filter(|process| read(process, "comm").is_ok_and(|name| name.trim() != "pause"))
        .collect())
}

fn read(process: &Path, file: &str) -> anyhow::Result<String> {
    Ok(std::fs::read_to_string(process.join(file))?)
}

async fn every_unit_is_sold_once(access: &Access) -> anyhow::Result<()> {
    access.apply(&sale()?).await?;
    access.wait_for("tried", "Provisioned", 60).await?;
    let id = access.sale_id("tried").await?;
    let crowd = Crowd {
        edges: access.edges.clone(),
        sale: id.clone(),
        sku: "UNIT".to_owned(),
        quantity: 1,
        sends: 2,
        connections: 64,
        arrival: Arrival::Burst,
        patience: Duration::from_secs(60),
    };
    let history = crowd.run(&access.sessions("shopper", SHOPPERS).await?, |_| {}).await?;
    let orders = history.orders()?;
    ensure!(orders.len() == UNITS, "{} orders:\n{}", orders.len(), history.report());
    let books = access.reconcile(&id).await?;
    assert_eq!(books.pointer("/balanced"), Some(&Value::Bool(true)), "{books:#}");
    Ok(())
}

/// Open since yesterday.
fn sale() -> anyhow::Result<Value> {
    Ok(json!({
        "apiVersion": "sluice.dev/v1alpha1",
        "kind": "FlashSale",
        "metadata": { "name": "tried" },
        "spec": {
            "schedule": { "startTime": from_now(-86_400)?, "endTime": from_now(86_400)? },
            "items": [{
                "sku": "UNIT",
                "quantity": UNITS,
                "price": { "amountMinor": 100, "currency": "EUR" },
                "limits": { "perOrder": 1, "perCustomer": 1 },
            }],
        },
    }))
}

fn from_now(seconds: i64) -> anyhow::Result<String> {
    let moment = Clock::system().now().checked_add(jiff::SignedDuration::from_secs(seconds))?;
    Ok(format!("{moment:.0}"))
}
