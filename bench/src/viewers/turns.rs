//! Pairs of runs, without and with viewers, and which of the two comes first changes from pair to pair.

use std::time::Duration;

use serde_json::json;
use testbed::Bed;
use testbed::crowd::{Arrival, Crowd, End, Report};
use testbed::installation::{Installation, Plan, built_page};
use testbed::onlookers::Onlookers;
use testbed::viewers::{Stock, Viewers};

use crate::{Arguments, cpu, memory};

const EDGE: &str = "sluice-edge";
/// Units for sale: more than all runs together take.
const UNITS: u64 = 20_000_000;
const SKU: &str = "UNIT";
/// Shoppers who find out how many the machine can take in a second, all at once.
const PROBE_SHOPPERS: usize = 40_000;
/// Viewers before those that count, so that nothing is counted that only the first ones cost.
const FIRST_VIEWERS: usize = 50;
/// How long the last event may take to reach every viewer.
const SEEN_WITHIN: Duration = Duration::from_secs(60);
const MICROSECONDS_PER_SECOND: f64 = 1e6;
const KILOBYTES_PER_MEGABYTE: f64 = 1_024.0;

/// One crowd.
struct Figures {
    p50_ms: f64,
    p99_ms: f64,
    /// CPU-seconds of the edges.
    edge_cpu: f64,
    seconds: f64,
}

/// What is bought, and where.
struct Shop {
    at: Installation,
    sale: String,
    sold: u64,
    runs: usize,
}

pub(crate) async fn compare(arguments: &Arguments) -> anyhow::Result<()> {
    println!("starting one NATS node, Postgres, two edges and one ledger");
    let bed = Bed::builder().start().await?;
    let mut plan = Plan::on(&bed).await?;
    plan.ledgers = 1;
    plan.page = built_page();
    anyhow::ensure!(plan.page.is_some() || !arguments.pages, "the page is not built: run make page");
    let mut shop = Shop::open(Installation::start(&bed, plan).await?).await?;
    println!("memory of the edges per viewer: {:.1} KB", shop.memory_per_viewer(arguments.viewers).await?);
    let rate = match arguments.rate {
        Some(rate) => rate,
        None => shop.peak(arguments.connections).await? / 2.0,
    };
    let pages = if arguments.pages { " and two real pages" } else { "" };
    println!("a crowd of {rate:.0} shoppers a second, without and with {} viewers{pages}", arguments.viewers);
    let mut pairs = Vec::new();
    for pair in 0..=arguments.pairs {
        let (alone, beside) = if pair % 2 == 0 {
            let alone = shop.crowd(arguments, rate).await?;
            (alone, shop.crowd_beside_viewers(arguments, rate).await?)
        } else {
            let beside = shop.crowd_beside_viewers(arguments, rate).await?;
            (shop.crowd(arguments, rate).await?, beside)
        };
        if pair == 0 {
            // The first pair warms connections, caches and branch predictors up.
            continue;
        }
        println!("pair {pair}: alone {}, beside viewers {}", line(&alone), line(&beside));
        pairs.push((alone, beside));
    }
    tell(&pairs, arguments.viewers)?;
    shop.at.stop().await
}

fn line(figures: &Figures) -> String {
    format!("p50 {:.2} ms p99 {:.2} ms edges {:.2} CPU-s", figures.p50_ms, figures.p99_ms, figures.edge_cpu)
}

fn tell(pairs: &[(Figures, Figures)], viewers: usize) -> anyhow::Result<()> {
    let median = |of: &dyn Fn(&(Figures, Figures)) -> f64| {
        let mut values: Vec<f64> = pairs.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
    };
    let viewers = f64::from(u32::try_from(viewers)?);
    println!("\nmedians over {} pairs, beside viewers against alone:", pairs.len());
    for (name, of) in [("p50", (|f: &Figures| f.p50_ms) as fn(&Figures) -> f64), ("p99", |f: &Figures| f.p99_ms)] {
        println!(
            "  claim {name}   {:>6.2} ms against {:>6.2} ms, ratio {:.3}",
            median(&|pair| of(&pair.1)),
            median(&|pair| of(&pair.0)),
            median(&|pair| of(&pair.1) / of(&pair.0)),
        );
    }
    println!(
        "  CPU of the edges for a viewer, per second: {:.1} µs",
        median(&|(alone, beside)| (beside.edge_cpu - alone.edge_cpu) / (viewers * beside.seconds))
            * MICROSECONDS_PER_SECOND
    );
    Ok(())
}

impl Shop {
    async fn open(at: Installation) -> anyhow::Result<Self> {
        let resource = json!({
            "apiVersion": "sluice.dev/v1alpha1", "kind": "FlashSale", "metadata": { "name": "bench" },
            "spec": {
                "schedule": { "startTime": "2026-01-01T00:00:00Z", "endTime": "2099-01-01T00:00:00Z" },
                "items": [{ "sku": SKU, "quantity": UNITS }]
            }
        });
        at.apply(&resource).await?;
        at.wait_for("bench", "Provisioned", 60).await?;
        let sale = at.sale_id("bench").await?;
        Ok(Self { at, sale, sold: 0, runs: 0 })
    }

    async fn viewers(&self, count: usize) -> anyhow::Result<Viewers> {
        Viewers::open(&self.at.access().edges, &self.sale, count).await
    }

    /// Kilobytes; before anybody bought, as what a crowd leaves behind would be used again.
    async fn memory_per_viewer(&self, count: usize) -> anyhow::Result<f64> {
        let first = self.viewers(FIRST_VIEWERS).await?;
        let before = memory::used_mb(EDGE)?;
        let viewers = self.viewers(count).await?;
        let after = memory::used_mb(EDGE)?;
        drop((first, viewers));
        Ok((after - before) * KILOBYTES_PER_MEGABYTE / f64::from(u32::try_from(count)?))
    }

    /// Claims per second when everybody comes at once.
    async fn peak(&mut self, connections: usize) -> anyhow::Result<f64> {
        let report = self.buy(Arrival::Burst, connections, PROBE_SHOPPERS).await?;
        println!("everybody at once: {:.0} claims a second", report.per_second());
        Ok(report.per_second())
    }

    async fn buy(&mut self, arrival: Arrival, connections: usize, shoppers: usize) -> anyhow::Result<Report> {
        let sessions = self.at.sessions(&format!("run-{}", self.runs), shoppers).await?;
        self.runs += 1;
        let crowd = Crowd {
            edges: self.at.access().edges.clone(),
            sale: self.sale.clone(),
            sku: SKU.to_owned(),
            quantity: 1,
            sends: 1,
            connections,
            arrival,
            patience: Duration::from_secs(120),
        };
        let history = crowd.run(&sessions, |_| {}).await?;
        let bought = history.stories.iter().filter(|story| matches!(story.end, End::Order(_))).count();
        anyhow::ensure!(bought == shoppers, "only {bought} of {shoppers} bought\n{}", history.report());
        self.sold += u64::try_from(bought)?;
        Ok(history.report())
    }

    /// A crowd beside viewers, who all see what it leaves.
    async fn crowd_beside_viewers(&mut self, arguments: &Arguments, rate: f64) -> anyhow::Result<Figures> {
        let viewers = self.viewers(arguments.viewers).await?;
        let edges = &self.at.access().edges;
        let mut pages = if arguments.pages { Some(Onlookers::open(edges, &self.sale).await?) } else { None };
        if let Some(pages) = &mut pages {
            // What it costs to open them is no part of what is compared.
            pages.see(UNITS - self.sold).await?;
        }
        let figures = self.crowd(arguments, rate).await?;
        let left = UNITS - self.sold;
        viewers.all_see(&Stock::from([(SKU.to_owned(), left)]), SEEN_WITHIN).await?;
        if let Some(mut pages) = pages {
            pages.see(left).await?;
            pages.close().await?;
        }
        Ok(figures)
    }

    /// A crowd.
    async fn crowd(&mut self, arguments: &Arguments, rate: f64) -> anyhow::Result<Figures> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some thousands")]
        let shoppers = (rate * arguments.seconds) as usize;
        let before = cpu::spent(&[])?;
        let report = self.buy(Arrival::PerSecond(rate), arguments.connections, shoppers).await?;
        let after = cpu::spent(&[])?;
        let spent = |by: &std::collections::HashMap<String, f64>| by.get(EDGE).copied().unwrap_or_default();
        let ms = |quantile| report.latency(quantile).as_secs_f64() * 1_000.0;
        Ok(Figures {
            p50_ms: ms(0.5),
            p99_ms: ms(0.99),
            edge_cpu: spent(&after) - spent(&before),
            seconds: report.took.as_secs_f64(),
        })
    }
}
