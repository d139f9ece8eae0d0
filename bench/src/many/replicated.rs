//! More and more sales with three copies each, on three NATS nodes, until something breaks.
//!
//! A step is healthy when its sales are provisioned in time, somebody can buy from sales all over it in time, and the
//! node that assigns streams is the same before and after. The sales of earlier steps stay and are open.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use testbed::crowd::{Arrival, Crowd, End};
use testbed::installation::{Installation, Plan};
use testbed::{Bed, NatsCluster, Stopwatch};

use crate::{Replicated, memory, processes, sales};

/// How long making the sales of one step may take.
const PROVISION_BOUND: Duration = Duration::from_secs(180);
/// How long one claim may take until its yes.
const CLAIM_BOUND: Duration = Duration::from_secs(5);

/// What a healthy step came to.
struct Step {
    provision_seconds: f64,
    claim_ms: (f64, f64),
    idle: String,
    nats_mb: f64,
}

pub(crate) async fn run(arguments: &Replicated) -> anyhow::Result<()> {
    let bed = Bed::builder().start().await?;
    let mut plan = Plan::on_cluster(&bed).await?;
    plan.edges_nats.truncate(1);
    plan.ledgers = 1;
    let at = Installation::start(&bed, plan).await?;
    let cluster = bed.nats_cluster().await?;
    let (watch, mut there) = (Stopwatch::start(), 0);
    for sales in &arguments.steps {
        if watch.elapsed().as_secs() > arguments.seconds_max {
            println!("no further step: {} s are over", arguments.seconds_max);
            break;
        }
        match Box::pin(step(arguments, &at, cluster, there, *sales)).await {
            Ok(step) => println!(
                "{sales} sales are healthy: {} more in {:.1} s, a claim takes {:.0} ms, at most {:.0}; idle: {}; \
                 nats-servers {:.0} MB, operator {:.0} MB",
                sales - there,
                step.provision_seconds,
                step.claim_ms.0,
                step.claim_ms.1,
                step.idle,
                step.nats_mb,
                memory::used_mb("sluice-operator")?
            ),
            Err(broken) => {
                println!("{sales} sales are not healthy: {broken:#}; {}", troubles(&at, cluster).await?);
                break;
            }
        }
        there = *sales;
    }
    println!("the last healthy step: {there} sales with three copies, after {watch}");
    Ok(())
}

/// What else the servers say when a step is not healthy.
async fn troubles(at: &Installation, cluster: &NatsCluster) -> anyhow::Result<String> {
    let mut told = Vec::new();
    for reason in ["changed", "busy", "nats", "nats_refuses", "kubernetes"] {
        let name = format!("sluice_operator_reconcile_errors_total{{reason=\"{reason}\"}}");
        told.push(format!("{reason} {}", at.operator.metric(&name).await?));
    }
    let mut warned = Vec::new();
    for node in 0..3 {
        let log = cluster.log(node)?;
        warned
            .extend(log.lines().rfind(|line| line.contains("[WRN]") || line.contains("[ERR]")).map(ToOwned::to_owned));
    }
    Ok(format!(
        "looks of the operator that ended early: {}; last warnings of NATS: {}",
        told.join(", "),
        warned.join(" | ")
    ))
}

async fn step(
    arguments: &Replicated,
    at: &Installation,
    cluster: &NatsCluster,
    there: usize,
    wanted: usize,
) -> anyhow::Result<Step> {
    ensure!(wanted > there, "each step needs more sales than the one before");
    let leader = cluster.meta_leader().await?;
    let watch = Stopwatch::start();
    sales::create(at, there..wanted, true).await?;
    sales::provisioned(at, wanted, PROVISION_BOUND).await?;
    let provision_seconds = watch.elapsed().as_secs_f64();
    let claim_ms = claims(arguments, at, wanted).await?;
    let (cpu, watch) = (processes::spent()?, Stopwatch::start());
    tokio::time::sleep(Duration::from_secs(arguments.idle_seconds)).await;
    let idle = processes::load(&cpu, &processes::spent()?, watch.elapsed().as_secs_f64());
    let nats_mb = memory::used_mb("nats-server")?;
    let now = cluster.meta_leader().await?;
    ensure!(now == leader, "the meta leader changed from nats-{leader} to nats-{now}");
    Ok(Step { provision_seconds, claim_ms, idle, nats_mb })
}

/// Buys from sales all over the step, one after the other; the median and the longest time to a yes.
async fn claims(arguments: &Replicated, at: &Installation, wanted: usize) -> anyhow::Result<(f64, f64)> {
    let mut took = Vec::new();
    let sessions = at.sessions(&format!("step-{wanted}"), 1).await?;
    for claim in 0..arguments.claims.clamp(1, wanted) {
        let name = sales::name(claim * wanted / arguments.claims.clamp(1, wanted));
        let crowd = Crowd {
            edges: at.access().edges.clone(),
            sale: at.sale_id(&name).await?,
            sku: sales::SKU.to_owned(),
            quantity: 1,
            sends: 1,
            connections: 1,
            arrival: Arrival::Burst,
            patience: CLAIM_BOUND,
        };
        let history = crowd.run(&sessions, |_| {}).await?;
        let bought = history.stories.iter().any(|story| matches!(story.end, End::Order(_)));
        ensure!(bought, "nobody could buy from {name}: {}", history.report());
        took.push(history.took.as_secs_f64() * 1_000.0);
    }
    took.sort_by(f64::total_cmp);
    let longest = took.last().copied().context("no claim was made")?;
    ensure!(longest <= CLAIM_BOUND.as_secs_f64() * 1_000.0, "a claim took {longest:.0} ms");
    Ok((took.get(took.len() / 2).copied().unwrap_or(longest), longest))
}
