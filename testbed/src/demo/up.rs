//! Starts everything, shows how to use it, and tells what happens.

use std::process::Stdio;
use std::time::Duration;

use anyhow::Context as _;
use testbed::installation::{self, Access, Installation, Plan};
use testbed::prometheus::{self, Prometheus};
use testbed::{Bed, Issuer, people};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use super::state::State;
use super::{Up, samples};

/// How many people have an account with a wallet, and what is in it: 500 euros.
const PEOPLE: usize = 5_000;
const BALANCE_MINOR: i64 = 50_000;
/// Who of them is a merchant.
const MERCHANT: &str = "0";
/// How often every process is scraped and every rule evaluated: often enough for somebody who waits for it.
pub(super) const SCRAPED_EVERY: Duration = Duration::from_secs(5);

pub(crate) async fn run(up: Up) -> anyhow::Result<()> {
    say(match &up.kubeconfig {
        None => "starting Sluice on real servers; Ctrl-C stops it and leaves nothing behind",
        Some(_) => "starting Sluice on your servers; Ctrl-C stops it, and leaves its sales and orders there",
    });
    let mut interrupted = Box::pin(stopped());
    let bed = Bed::builder().progress(say).start().await?;
    let (installation, prometheus) = tokio::select! {
        started = start(&bed, &up) => started?,
        () = &mut interrupted => return Ok(()),
    };
    let written =
        State::write(installation.access(), prometheus.as_ref().map(|prometheus| prometheus.url().to_owned()))?;
    let told = tokio::select! {
        told = tell(&installation, prometheus.as_ref()) => told,
        () = &mut interrupted => Ok(()),
    };
    say("stopping");
    drop(written);
    installation.stop().await?;
    say("stopped");
    told
}

async fn start(bed: &Bed, up: &Up) -> anyhow::Result<(Installation, Option<Prometheus>)> {
    let mut plan = match (&up.kubeconfig, &up.nats_url, &up.postgres_url) {
        (Some(kubeconfig), Some(nats), Some(postgres)) => Plan {
            kubeconfig: kubeconfig.clone(),
            operator_kubeconfig: None,
            namespace: up.namespace.clone(),
            nats: nats.clone(),
            edges_nats: vec![nats.clone(), nats.clone()],
            nats_monitors: up.nats_monitor_urls.clone(),
            postgres: postgres.clone(),
            redis: up.redis_url.clone(),
            redis_authority: None,
            webhook: None,
            page: None,
            issuer: false,
            further_operators: 0,
            ledgers: 2,
            replicas: up.replicas,
            traces: None,
        },
        _ if up.cluster_nats => Plan::on_cluster(bed).await?,
        _ => Plan::on(bed).await?,
    };
    plan.page = installation::built_page();
    plan.issuer = Issuer::is_installed();
    plan.traces.clone_from(&up.trace_endpoint);
    say("starting the operator, two ledgers and two edges");
    let (installation, prometheus) = tokio::try_join!(Installation::start(bed, plan), watching(bed))?;
    if let Some(prometheus) = &prometheus {
        prometheus.watch(prometheus::targets(&installation))?;
    }
    for sample in samples::samples(now())? {
        let applied = installation.apply(&sample).await?;
        say(applied.trim());
    }
    let loaded = installation.load_people(bed.folder(), PEOPLE, BALANCE_MINOR).await?;
    say(loaded.trim());
    installation.account(&["role", "--email", &people::email(MERCHANT), "--merchant", "true"]).await?;
    for sale in ["aurora", "borealis"] {
        installation.wait_for(sale, "Provisioned", 60).await?;
    }
    Ok((installation, prometheus))
}

/// Prometheus with the rules of the chart, where there is one.
async fn watching(bed: &Bed) -> anyhow::Result<Option<Prometheus>> {
    if !Prometheus::is_installed() {
        say("nobody watches, as there is no Prometheus on this machine: make tools installs it");
        return Ok(None);
    }
    Prometheus::start(bed, SCRAPED_EVERY, &prometheus::chart_rules()?).await.map(Some)
}

/// Prints what a reader needs, then streams what Kubernetes sees until cancelled.
async fn tell(installation: &Installation, prometheus: Option<&Prometheus>) -> anyhow::Result<()> {
    let access = installation.access();
    let sale = installation.sale_id("aurora").await?;
    let lamp = installation.sale_id("borealis").await?;
    let edge = access.edges.first().context("no edge is running")?;
    let kubectl = format!("kubectl --kubeconfig {} -n {}", access.kubeconfig.display(), access.namespace);
    println!();
    if installation.plan.page.is_some() {
        println!("  page         {edge}/");
    }
    for (number, url) in access.edges.iter().enumerate() {
        println!("  edge {number}       {url}/v1/sales");
    }
    if let Some(issuer) = &installation.issuer {
        println!("  issuer       {}: whoever types a name there is that person", issuer.url());
    }
    println!("  kubeconfig   {}", access.kubeconfig.display());
    println!("  namespace    {}", access.namespace);
    println!("  Postgres     {}", access.postgres);
    println!("  NATS         {}", access.nats);
    println!("  Redis        {}", installation.plan.redis.as_deref().unwrap_or("none: edges apply rate limits alone"));
    if let Some(prometheus) = prometheus {
        println!("  prometheus   {0}: alerts at {0}/alerts", prometheus.url());
    }
    println!();
    println!("Four things to try in another terminal:");
    println!();
    println!("  1. A crowd of 20,000 shoppers for 1,000 units, each sending twice:");
    println!("       make crowd");
    println!("  2. Buy one yourself, and again with the same key:");
    println!("       curl -si {edge}/v1/sales/{sale}/orders -H \"Authorization: Bearer $(make -s session)\" \\");
    println!(
        "         -H 'Content-Type: application/json' -H 'Idempotency-Key: my-first' -d '{{\"sku\":\"AUR-42-BLK\",\"quantity\":1}}'"
    );
    println!("  3. Watch the resource, restock it, pause it:");
    println!("       {kubectl} get flashsales -w");
    println!(
        "       {kubectl} patch fs aurora --type=json -p '[{{\"op\":\"replace\",\"path\":\"/spec/items/0/quantity\",\"value\":1500}}]'"
    );
    println!("       {kubectl} patch fs aurora --type=merge -p '{{\"spec\":{{\"desiredState\":\"Paused\"}}}}'");
    println!(
        "  4. Sign in ({} to {} people have accounts, password {}), hold a lamp, pay it within a minute:",
        people::email("0"),
        PEOPLE - 1,
        people::PASSWORD
    );
    println!("       export EDGE={edge} LAMP={lamp}; alias post='curl -s -X POST -H Content-Type:application/json'");
    println!(
        "       TOKEN=$(post $EDGE/v1/sessions -d '{{\"email\":\"{}\",\"password\":\"{}\"}}' | sed 's/.*\"token\":\"\\([^\"]*\\).*/\\1/')",
        people::email("1"),
        people::PASSWORD
    );
    println!(
        "       post $EDGE/v1/sales/$LAMP/orders -H \"Authorization: Bearer $TOKEN\" -H Idempotency-Key:lamp -d '{{\"sku\":\"BOR-WHITE\",\"quantity\":1}}'"
    );
    println!(
        "       post $EDGE/v1/sales/$LAMP/orders/ID/payment -H \"Authorization: Bearer $TOKEN\" -H Idempotency-Key:pay"
    );
    println!(
        "       curl -s $EDGE/v1/me/wallets -H \"Authorization: Bearer $TOKEN\"        # {} may refund: …/ID/refund",
        people::email(MERCHANT)
    );
    println!();
    watch_and_tell(access).await
}

/// Streams what Kubernetes sees in the namespace of sales until cancelled.
pub(super) async fn watch_and_tell(access: &Access) -> anyhow::Result<()> {
    let columns = "custom-columns=A:.involvedObject.name,B:.reason,C:.message";
    let events = watch(access, &["get", "events", "-w", "--no-headers", "-o", columns])?;
    let sales = watch(access, &["get", "flashsales", "-w", "--no-headers"])?;
    tokio::try_join!(stream("event", events), stream("sale", sales)).map(drop)
}

fn watch(access: &Access, arguments: &[&str]) -> anyhow::Result<Child> {
    let child = Command::new("kubectl")
        .arg("--kubeconfig")
        .arg(&access.kubeconfig)
        .args(["-n", &access.namespace])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn();
    child.context("cannot start kubectl")
}

async fn stream(what: &str, mut child: Child) -> anyhow::Result<()> {
    let output = child.stdout.take().context("kubectl has no output")?;
    let mut lines = BufReader::new(output).lines();
    while let Some(line) = lines.next_line().await? {
        let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
        say(&format!("{what}: {line}"));
    }
    anyhow::bail!("kubectl stopped watching: is the API server still there?")
}

pub(super) fn say(line: &str) {
    println!("{:.0} {line}", now());
}

#[expect(clippy::disallowed_methods, reason = "a time for a person to read, and for sales that open in a moment")]
pub(super) fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// Ctrl-C, or a polite request to end.
pub(super) async fn stopped() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return std::future::pending().await };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
