//! A thousand sales with one copy each.

use std::time::Duration;

use testbed::installation::{Installation, Plan};
use testbed::{Bed, Stopwatch, eventually};

use crate::api::Requests;
use crate::{Single, memory, processes, sales};

/// How long making all of them may take.
const BOUND: Duration = Duration::from_secs(900);
/// How long the last events and wake-ups after that may take.
const SETTLE_BOUND: Duration = Duration::from_secs(180);
/// Between two counts that have to be the same before everything counts as told.
const QUIET: Duration = Duration::from_secs(5);

pub(crate) async fn run(arguments: &Single) -> anyhow::Result<()> {
    let bed = if arguments.relaxed_sync { Bed::builder().relaxed_sync() } else { Bed::builder() };
    let bed = bed.start().await?;
    let mut plan = Plan::on(&bed).await?;
    plan.edges_nats.clear();
    plan.ledgers = arguments.ledgers;
    let at = Installation::start(&bed, plan).await?;
    let count = f64::from(u32::try_from(arguments.sales)?);
    let empty_mb = memory::used_mb("sluice-operator")?;
    let before = Requests::counted(&at).await?;
    let (cpu, watch) = (processes::spent()?, Stopwatch::start());
    sales::create(&at, 0..arguments.sales, arguments.open).await?;
    println!("{count} sales are with the API server after {watch}");
    sales::provisioned(&at, arguments.sales, BOUND).await?;
    let took = watch.elapsed().as_secs_f64();
    println!("all of them are provisioned and say so after {took:.1} s: {:.0} a second", count / took);
    settled(&at).await?;
    println!("  CPU per sale: {}", processes::each(&cpu, &processes::spent()?, count));
    let requests = Requests::counted(&at).await?.since(&before);
    println!("  requests per sale, kubectl's POST among them: {}", requests.per_sale(count));
    println!("  looks per sale: {:.2}", looks(&at).await? / count);
    let full_mb = memory::used_mb("sluice-operator")?;
    println!(
        "  operator: {empty_mb:.1} MB without sales, {full_mb:.1} MB with them, {:.1} KB per sale; nats-server: {:.0} MB",
        (full_mb - empty_mb) * 1_024.0 / count,
        memory::used_mb("nats-server")?
    );
    idle(arguments, &at).await?;
    at.stop().await
}

async fn looks(at: &Installation) -> anyhow::Result<f64> {
    at.operator.metric("sluice_operator_reconciles_total").await
}

/// Waits until nothing is written any more.
async fn settled(at: &Installation) -> anyhow::Result<()> {
    eventually(SETTLE_BOUND, "nothing to be written any more", async || {
        let before = Requests::counted(at).await?;
        tokio::time::sleep(QUIET).await;
        let writes = Requests::counted(at).await?.since(&before).writes();
        anyhow::ensure!(writes < 1.0, "{writes} writes within {QUIET:?}");
        Ok(())
    })
    .await
}

/// What happens while nobody buys.
async fn idle(arguments: &Single, at: &Installation) -> anyhow::Result<()> {
    let (versions, requests) = (sales::versions(at).await?, Requests::counted(at).await?);
    let (cpu, looked, watch) = (processes::spent()?, looks(at).await?, Stopwatch::start());
    tokio::time::sleep(Duration::from_secs(arguments.idle_seconds)).await;
    let seconds = watch.elapsed().as_secs_f64();
    let load = processes::load(&cpu, &processes::spent()?, seconds);
    let looks = (looks(at).await? - looked) / seconds;
    let requests = Requests::counted(at).await?.since(&requests);
    let after = sales::versions(at).await?;
    let changed = after.iter().filter(|(name, version)| versions.get(*name) != Some(version)).count();
    println!(
        "idle for {seconds:.0} s, {}: {} requests that write, {changed} sales written, {looks:.1} looks a second",
        if arguments.open { "all open" } else { "all scheduled" },
        requests.writes()
    );
    println!("  CPU meanwhile: {load}");
    println!("  operator: {:.1} MB", memory::used_mb("sluice-operator")?);
    Ok(())
}
