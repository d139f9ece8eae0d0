//! Wiring of `sluice-operator run`.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::Api;
use protocol::deed::Deed;
use protocol::sale::Definition;
use protocol::status::SaleStatus;
use runtime::Process;
use runtime::backoff::Backoff;
use runtime::credentials;
use runtime::readiness::Part;
use runtime::registry::Table;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::apply::Hands;
use crate::args::RunArgs;
use crate::client;
use crate::controller::{self, Context};
use crate::durability::Servers;
use crate::durability::monitor::Monitor;
use crate::leader::{self, Candidate};
use crate::metrics::OperatorMetrics;
use crate::served::Served;

/// Pauses before NATS is asked again at the start.
const START: Backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(5));
/// How long looks that are under way when the term ends may take to finish: as long as nobody else begins.
const FINISH_WITHIN: Duration = leader::STOP_BEFORE;

/// Connects, waits for what is not there yet, and spawns the tasks.
pub(crate) async fn start(args: RunArgs, process: Process) -> anyhow::Result<()> {
    let metrics = OperatorMetrics::new(&process.metrics)?;
    credentials::watch(&process.metrics, credentials::of_nats(&args.nats))?;
    let config = kube::Config::infer().await.context("no way to the API server: set KUBECONFIG, or run in a pod")?;
    let own_namespace = config.default_namespace.clone();
    let kubernetes = client::connect(config).context("the API server's address cannot be used")?;
    let namespaces = if args.namespaces.is_empty() { vec![own_namespace.clone()] } else { args.namespaces.clone() };
    let served: Vec<_> = namespaces.iter().map(|namespace| served(&kubernetes, namespace, &process)).collect();
    let lease = process.readiness.part("lease", true);
    let client = runtime::nats::connect(&args.nats, &process, "operator").await?;
    let installation = &args.nats.installation;
    let sales: Table<Definition> = Table::new(client.clone(), installation.sales_bucket());
    let statuses: Table<SaleStatus> = Table::new(client.clone(), installation.status_bucket());
    let deeds: Table<Deed> = Table::new(client.clone(), installation.deeds_bucket());
    let part = process.readiness.part("tables", true);
    until_made(&part, async || {
        let replicas = usize::from(args.default_replicas);
        sales.create(replicas).await?;
        deeds.create(replicas).await?;
        statuses.create(replicas).await
    })
    .await;

    let identity = args.identity.clone().unwrap_or_else(|| format!("sluice-operator-{}", uuid::Uuid::new_v4()));
    let hands = Hands {
        client,
        sales,
        deeds,
        clock: process.clock.clone(),
        default_replicas: args.default_replicas,
        storage: args.storage,
        tracer: process.tracer.clone(),
    };
    let servers = watch_servers(&args, &process, &metrics)?;
    let context = Arc::new(Context::new(kubernetes.clone(), hands, statuses, servers, metrics.clone(), &identity));
    let candidate = Candidate {
        api: Api::<Lease>::namespaced(kubernetes, args.lease_namespace.as_deref().unwrap_or(&own_namespace)),
        name: args.lease_name.clone(),
        identity,
        clock: process.clock.clone(),
        part: lease,
    };
    tracing::info!("serving FlashSales in {}", namespaces.join(", "));
    let stopping = process.drain.stopping();
    process.drain.spawn("leader", async move {
        act(&candidate, context, &served, &metrics, stopping).await;
        Ok(())
    });
    Ok(())
}

/// Asks the servers about themselves, if it was said where. No sale waits for them, and nobody is unready without them.
fn watch_servers(
    args: &RunArgs,
    process: &Process,
    metrics: &OperatorMetrics,
) -> anyhow::Result<watch::Receiver<Servers>> {
    if args.nats_monitor_urls.is_empty() {
        return Ok(watch::channel(Servers::NotConfigured).1);
    }
    let certificates = args.nats.nats_ca_file.as_ref().map(std::fs::read).transpose();
    let certificates = certificates.context("--nats-ca-file cannot be read")?;
    let part = process.readiness.part("nats-monitors", false);
    let monitor = Monitor::new(args.nats_monitor_urls.clone(), certificates.as_deref(), part, metrics.clone())?;
    let (known, servers) = watch::channel(Servers::NotAskedYet);
    let stopping = process.drain.stopping();
    process.drain.spawn("nats-monitors", async move {
        monitor.run(known, stopping).await;
        Ok(())
    });
    Ok(servers)
}

/// Tells from now on whether a namespace can be served.
fn served(kubernetes: &kube::Client, namespace: &str, process: &Process) -> Arc<Served> {
    let name = format!("namespace {namespace}");
    let served = Arc::new(Served::new(namespace.to_owned(), process.readiness.part(name.as_str(), true)));
    let (watched, kubernetes, stopping) = (served.clone(), kubernetes.clone(), process.drain.stopping());
    process.drain.spawn(name, async move {
        watched.watch(&kubernetes, stopping).await;
        Ok(())
    });
    served
}

/// Runs the controllers whenever the Lease is ours.
async fn act(
    candidate: &Candidate,
    context: Arc<Context>,
    served: &[Arc<Served>],
    metrics: &OperatorMetrics,
    stopping: CancellationToken,
) {
    let (leads, mut changes) = watch::channel(false);
    // The Lease is renewed until the last look is finished.
    let renewing = CancellationToken::new();
    let renewal = candidate.run(leads, renewing.clone());
    let work = async {
        loop {
            let leading = async { changes.wait_for(|leads| *leads).await.is_ok() };
            if stopping.run_until_cancelled(leading).await != Some(true) {
                break;
            }
            metrics.leader.set(1);
            tracing::info!("this replica acts");
            let term = stopping.child_token();
            let mut acting = Box::pin(controller::run(context.clone(), served, term.clone()));
            let watching = async {
                drop(changes.wait_for(|leads| !*leads).await);
                term.cancel();
            };
            let finished = tokio::select! {
                () = &mut acting => true,
                () = watching => tokio::time::timeout(FINISH_WITHIN, acting).await.is_ok(),
            };
            if !finished {
                // As safe as a kill, and what hangs must not keep this replica from its next term.
                tracing::warn!("looks that were not finished in time are given up");
            }
            metrics.leader.set(0);
            tracing::info!("this replica does not act any more");
        }
        renewing.cancel();
    };
    tokio::join!(renewal, work);
    candidate.resign().await;
}

async fn until_made<E: std::fmt::Display>(part: &Part, attempt: impl AsyncFn() -> Result<(), E>) {
    let mut failures = 0_u32;
    while let Err(error) = attempt().await {
        part.set_failed(format!("{error}; trying again"));
        failures = failures.saturating_add(1);
        tokio::time::sleep(START.random_pause(failures)).await;
    }
    part.set_ok();
}
