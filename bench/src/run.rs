//! One comparison: pairs of runs, ours and the peer's in turn.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::json;
use testbed::crowd::{Arrival, Crowd, End};
use testbed::installation::{Installation, Plan};
use testbed::{Bed, Service, Stopwatch, eventually, free_port};

use crate::{Arguments, cpu};

/// Units for sale: more than all runs together take.
const UNITS: i64 = 20_000_000;
const SKU: &str = "UNIT";
/// Servers that are beside the claim path: they run whether or not anybody buys.
const BESIDE: [&str; 2] = ["etcd", "kube-apiserver"];
/// How long the last row may take to arrive after the last answer.
const DRAIN_BOUND: Duration = Duration::from_secs(120);

/// What a run came to.
#[derive(Debug, Clone)]
struct Figures {
    per_second: f64,
    cpu_per_million: f64,
    /// What comparing both sides of the whole sale cost afterwards, in CPU-seconds.
    audit_cpu: f64,
    p50_ms: f64,
    p99_ms: f64,
    cpu: Vec<(String, f64)>,
}

pub(crate) async fn compare(arguments: &Arguments, nodes: u8) -> anyhow::Result<()> {
    println!("starting {nodes} NATS node(s), Postgres, one edge, one ledger, and the peer");
    let bed = Bed::builder().start().await?;
    let mut plan = if nodes == 1 { Plan::on(&bed).await? } else { Plan::on_cluster(&bed).await? };
    plan.edges_nats.truncate(1);
    plan.ledgers = 1;
    let installation = Installation::start(&bed, plan).await?;
    let sale = open_sale(&installation).await?;
    let peer = Peer::start(&bed, &installation).await?;
    let mut pairs = Vec::new();
    for pair in 0..=arguments.pairs {
        let ours = ours(arguments, &installation, &sale, pair).await?;
        let theirs = peer.run(arguments, &installation, pair).await?;
        if pair == 0 {
            // The first pair warms connections, caches and branch predictors up on both sides.
            continue;
        }
        println!("pair {pair}: sluice {}", line(&ours));
        println!("pair {pair}: peer   {}", line(&theirs));
        pairs.push((ours, theirs));
    }
    let median = |of: &dyn Fn(&(Figures, Figures)) -> f64| {
        let mut values: Vec<f64> = pairs.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
    };
    println!("\n{nodes} node(s), medians over {} pairs, sluice against postgres-row:", pairs.len());
    println!(
        "  durable claims/s          {:>9.0} against {:>7.0}",
        median(&|p| p.0.per_second),
        median(&|p| p.1.per_second)
    );
    println!("  ratio                     {:>9.2} x", median(&|p| p.0.per_second / p.1.per_second));
    println!(
        "  CPU-seconds per million   {:>9.0} against {:>7.0}",
        median(&|p| p.0.cpu_per_million),
        median(&|p| p.1.cpu_per_million)
    );
    println!("  ratio                     {:>9.2} x", median(&|p| p.0.cpu_per_million / p.1.cpu_per_million));
    println!(
        "  and for an audit of the sale so far, which the peer has not: {:.1} CPU-seconds",
        median(&|p| p.0.audit_cpu)
    );
    println!(
        "  p50, p99                  {:>6.1} {:>6.1} ms against {:.1} {:.1} ms",
        median(&|p| p.0.p50_ms),
        median(&|p| p.0.p99_ms),
        median(&|p| p.1.p50_ms),
        median(&|p| p.1.p99_ms)
    );
    println!("  {}\n", batches(&installation).await?);
    installation.stop().await
}

/// How well claims share commits, which decides what NATS has to do for each.
async fn batches(at: &Installation) -> anyhow::Result<String> {
    let edge = at.edges.first().context("there is no edge")?;
    let claims = edge.metric("sluice_edge_claims_committed_total").await?;
    let committed = edge.metric("sluice_edge_batches_total{outcome=\"committed\"}").await?;
    let conflicts = edge.metric("sluice_edge_batches_total{outcome=\"conflict\"}").await?;
    let seconds = edge.metric("sluice_edge_batch_seconds_sum").await?;
    let sent = edge.metric("sluice_edge_batch_seconds_count").await?;
    Ok(format!(
        "claims per batch {:.1}, a batch takes {:.1} ms, conflicts per batch {:.4}",
        claims / committed,
        seconds / sent * 1_000.0,
        conflicts / committed
    ))
}

fn line(figures: &Figures) -> String {
    let Figures { per_second, cpu_per_million, p50_ms, p99_ms, cpu, .. } = figures;
    let by: Vec<String> = cpu.iter().map(|(name, seconds)| format!("{name} {seconds:.0}")).collect();
    format!(
        "{per_second:>7.0}/s  {cpu_per_million:>5.0} CPU-s per million ({})  p50 {p50_ms:.1} ms  p99 {p99_ms:.1} ms",
        by.join(", ")
    )
}

async fn open_sale(installation: &Installation) -> anyhow::Result<String> {
    let resource = json!({
        "apiVersion": "sluice.dev/v1alpha1", "kind": "FlashSale", "metadata": { "name": "bench" },
        "spec": {
            "schedule": { "startTime": "2026-01-01T00:00:00Z", "endTime": "2099-01-01T00:00:00Z" },
            "items": [{ "sku": SKU, "quantity": UNITS }]
        }
    });
    installation.apply(&resource).await?;
    installation.wait_for("bench", "Provisioned", 60).await?;
    installation.sale_id("bench").await
}

async fn ours(arguments: &Arguments, at: &Installation, sale: &str, pair: usize) -> anyhow::Result<Figures> {
    let count = arguments.shoppers;
    let sessions = at.sessions(&format!("ours-{pair}"), count).await?;
    // Counted by the ledger after each commit; asking Postgres itself would cost it what is measured here.
    let counted = async |name: &str| {
        let mut sum = 0.0;
        for ledger in &at.ledgers {
            sum += ledger.metric(name).await?;
        }
        anyhow::Ok(sum)
    };
    let rows = async || counted("sluice_ledger_rows_total{table=\"orders\"}").await;
    let audits = async || counted("sluice_ledger_audits_total{verdict=\"balanced\"}").await;
    let before = rows().await?;
    let crowd = crowd(arguments, at.access().edges.clone(), sale);
    let wanted = before + f64::from(u32::try_from(count)?);
    let durable = async || {
        eventually(DRAIN_BOUND, "every order in Postgres", async || {
            let stored = rows().await?;
            anyhow::ensure!(stored >= wanted, "{stored} of {wanted}");
            Ok(())
        })
        .await
    };
    // The audit that follows reads the whole sale: it is told apart, and is over before the peer's turn.
    let settled = async || {
        let balanced = audits().await?;
        eventually(DRAIN_BOUND, "both sides compared", async || {
            anyhow::ensure!(audits().await? > balanced, "no audit yet");
            Ok(())
        })
        .await
    };
    measure(&crowd, &sessions, durable, settled).await
}

fn crowd(arguments: &Arguments, edges: Vec<String>, sale: &str) -> Crowd {
    Crowd {
        edges,
        sale: sale.to_owned(),
        sku: SKU.to_owned(),
        quantity: 1,
        sends: 1,
        connections: arguments.connections,
        arrival: Arrival::Burst,
        patience: Duration::from_secs(120),
    }
}

async fn measure(
    crowd: &Crowd,
    sessions: &[String],
    durable: impl AsyncFn() -> anyhow::Result<()>,
    settled: impl AsyncFn() -> anyhow::Result<()>,
) -> anyhow::Result<Figures> {
    let before = cpu::spent(&BESIDE)?;
    let watch = Stopwatch::start();
    let history = crowd.run(sessions, |_| {}).await?;
    durable().await?;
    let took = watch.elapsed().as_secs_f64();
    let after = cpu::spent(&BESIDE)?;
    settled().await?;
    let audit_cpu = difference(&after, &cpu::spent(&BESIDE)?).iter().map(|(_, seconds)| seconds).sum();
    let orders = history.stories.iter().filter(|story| matches!(story.end, End::Order(_))).count();
    anyhow::ensure!(orders == sessions.len(), "only {orders} of {} bought\n{}", sessions.len(), history.report());
    let millions = f64::from(u32::try_from(orders)?) / 1e6;
    let mut cpu: Vec<(String, f64)> = difference(&before, &after);
    let total: f64 = cpu.iter().map(|(_, seconds)| seconds).sum();
    for (_, seconds) in &mut cpu {
        *seconds /= millions;
    }
    cpu.retain(|(_, seconds)| *seconds >= 0.5);
    let report = history.report();
    // Latency from the moment an attempt got its connection: in a burst everybody means to be first.
    let ms = |quantile| report.latency(quantile).as_secs_f64() * 1_000.0;
    Ok(Figures {
        per_second: millions * 1e6 / took,
        cpu_per_million: total / millions,
        audit_cpu,
        p50_ms: ms(0.5),
        p99_ms: ms(0.99),
        cpu,
    })
}

fn difference(before: &HashMap<String, f64>, after: &HashMap<String, f64>) -> Vec<(String, f64)> {
    let spent = after.iter().map(|(name, now)| (name.clone(), now - before.get(name).unwrap_or(&0.0)));
    let mut spent: Vec<_> = spent.filter(|(_, seconds)| *seconds > 0.0).collect();
    spent.sort_by(|a, b| b.1.total_cmp(&a.1));
    spent
}

struct Peer {
    // Ends with the comparison.
    _service: Service,
    url: String,
}

impl Peer {
    async fn start(bed: &Bed, installation: &Installation) -> anyhow::Result<Self> {
        let port = free_port()?;
        let database = bed.postgres().await?.create_database("peer").await?;
        let admin = free_port()?;
        let mut arguments = installation.key_arguments()?;
        arguments.extend([
            "--listen".to_owned(),
            format!("127.0.0.1:{port}"),
            "--postgres-url".to_owned(),
            database,
            "--units".to_owned(),
            UNITS.to_string(),
            "--admin-addr".to_owned(),
            format!("127.0.0.1:{admin}"),
        ]);
        let service = Service::spawn(bed, "postgres-row", "postgres-row", arguments, [])?;
        let url = format!("http://127.0.0.1:{port}");
        service.wait_ready(&format!("http://127.0.0.1:{admin}")).await?;
        Ok(Self { _service: service, url })
    }

    async fn run(&self, arguments: &Arguments, at: &Installation, pair: usize) -> anyhow::Result<Figures> {
        let sessions = at.sessions(&format!("peer-{pair}"), arguments.peer_shoppers).await?;
        measure(&crowd(arguments, vec![self.url.clone()], "peer"), &sessions, async || Ok(()), async || Ok(())).await
    }
}
