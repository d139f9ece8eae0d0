//! Wiring of `sluice-operator run`.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Api, ListParams};
use protocol::sale::Definition;
use protocol::status::SaleStatus;
use runtime::Process;
use runtime::backoff::Backoff;
use runtime::readiness::Part;
use runtime::registry::Table;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::apply::Hands;
use crate::args::RunArgs;
use crate::client;
use crate::controller::{self, Context};
use crate::leader::{self, Candidate};
use crate::metrics::OperatorMetrics;
use crate::resource::FlashSale;

/// Pauses before the API server or NATS is asked again at the start.
const START: Backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(5));
/// How long looks that are under way when the term ends may take to finish: as long as nobody else begins.
const FINISH_WITHIN: Duration = leader::STOP_BEFORE;
/// How long the API server may take to answer at the start.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// Connects, waits for what is not there yet, and spawns the tasks.
pub(crate) async fn start(args: RunArgs, process: Process) -> anyhow::Result<()> {
    let metrics = OperatorMetrics::new(&process.metrics)?;
    let config = kube::Config::infer().await.context("no way to the API server: set KUBECONFIG, or run in a pod")?;
    let own_namespace = config.default_namespace.clone();
    let kubernetes = client::connect(config).context("the API server's address cannot be used")?;
    let namespaces = if args.namespaces.is_empty() { vec![own_namespace.clone()] } else { args.namespaces.clone() };
    let part = process.readiness.part("kubernetes", true);
    let (kubernetes_ready, client) = tokio::join!(
        until_served(&kubernetes, &namespaces, &part),
        runtime::nats::connect(&args.nats, &process, "operator")
    );
    let ((), client) = (kubernetes_ready, client?);
    let installation = &args.nats.installation;
    let sales: Table<Definition> = Table::new(client.clone(), installation.sales_bucket());
    let statuses: Table<SaleStatus> = Table::new(client.clone(), installation.status_bucket());
    let part = process.readiness.part("tables", true);
    until_made(&part, async || {
        let replicas = usize::from(args.default_replicas);
        sales.create(replicas).await?;
        statuses.create(replicas).await
    })
    .await;

    let identity = args.identity.clone().unwrap_or_else(|| format!("sluice-operator-{}", uuid::Uuid::new_v4()));
    let hands = Hands {
        client,
        sales,
        clock: process.clock.clone(),
        default_replicas: args.default_replicas,
        storage: args.storage,
    };
    let context = Arc::new(Context::new(kubernetes.clone(), hands, statuses, metrics.clone(), &identity));
    let candidate = Candidate {
        api: Api::<Lease>::namespaced(kubernetes, args.lease_namespace.as_deref().unwrap_or(&own_namespace)),
        name: args.lease_name.clone(),
        identity,
        clock: process.clock.clone(),
    };
    tracing::info!("serving FlashSales in {}", namespaces.join(", "));
    let stopping = process.drain.stopping();
    process.drain.spawn("leader", async move {
        act(&candidate, context, &namespaces, &metrics, stopping).await;
        Ok(())
    });
    Ok(())
}

/// Runs the controllers whenever the Lease is ours.
async fn act(
    candidate: &Candidate,
    context: Arc<Context>,
    namespaces: &[String],
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
            let mut acting = Box::pin(controller::run(context.clone(), namespaces, term.clone()));
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

/// Waits until the API server serves FlashSales to us.
async fn until_served(client: &kube::Client, namespaces: &[String], part: &Part) {
    let mut failures = 0_u32;
    for namespace in namespaces {
        let api: Api<FlashSale> = Api::namespaced(client.clone(), namespace);
        loop {
            // One object is enough to know; one that cannot be read is dealt with by the watch.
            let params = ListParams::default().limit(1);
            let why = match tokio::time::timeout(ANSWER_TIMEOUT, api.list_metadata(&params)).await {
                Ok(Ok(_)) => break,
                Ok(Err(kube::Error::Api(status))) if status.code == 404 => {
                    "the API server does not know FlashSales: apply the CRD (sluice-operator crd | kubectl apply -f -)"
                        .to_owned()
                }
                Ok(Err(kube::Error::Api(status))) if status.code == 403 => {
                    format!("the operator may not list FlashSales in {namespace}: {}", status.message)
                }
                Ok(Err(error)) => format!("the API server cannot be reached: {error}"),
                Err(_) => "the API server does not answer".to_owned(),
            };
            part.set_failed(format!("{why}; trying again"));
            failures = failures.saturating_add(1);
            tokio::time::sleep(START.random_pause(failures)).await;
        }
    }
    part.set_ok();
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
