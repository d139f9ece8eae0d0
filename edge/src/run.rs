//! `sluice-edge run`: the parts, and how they are joined.
//!
//! **How it ends.** The process becomes unready and the port closes; every request that came is answered; only then does
//! the claim engine close, so that no accepted claim is dropped.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use jiff::SignedDuration;
use protocol::sale::Definition;
use runtime::Process;
use runtime::credentials::{self, Credential};
use runtime::registry::Table;
use tokio::net::TcpListener;

use crate::app::{self, Edge};
use crate::args::{HttpArgs, RunArgs};
use crate::auth::keys::Keys;
use crate::auth::oidc::Oidc;
use crate::claim::desk::Floor;
use crate::claim::{Engine, metrics as claim_metrics};
use crate::cors::Origins;
use crate::files;
use crate::frames::Frames;
use crate::ledger::Ledger;
use crate::limit::Limits;
use crate::metrics::Metrics;
use crate::overtaken;
use crate::page::Page;
use crate::punctual;
use crate::routes::statement::download::Downloads;
use crate::sales::Sales;
use crate::serve::patience::Patience;
use crate::serve::{self, Bounds, Gauges};
use crate::shell::{Shell, Strangers};
use crate::warm;

/// How long connections are waited for.
const PATIENCE: Patience =
    Patience { head: Duration::from_secs(5), idle: Duration::from_secs(30), write: Duration::from_secs(30) };
/// Part of the drain that is kept for the engine, once every request is answered.
const ENGINE_DRAIN: Duration = Duration::from_secs(3);
/// Least time for connections to end.
const CONNECTIONS_DRAIN_MIN: Duration = Duration::from_secs(1);

/// Runs until `SIGTERM`.
#[must_use]
pub fn run(args: RunArgs) -> ExitCode {
    let process = args.process.clone();
    runtime::process::main("sluice-edge", runtime::release::VERSION, &process, async |process| {
        start(args, process).await
    })
}

async fn start(args: RunArgs, process: Process) -> anyhow::Result<()> {
    // What is wrong with the arguments is said before anything is waited for.
    let keys = Arc::new(Keys::read(&args.keys, &args.nats.installation, args.process.dev)?);
    let redis = args.redis.client()?;
    let oidc = args.people.oidc(args.process.dev);
    let oidc =
        oidc.map(|settings| Oidc::new(settings, process.clock.clone(), process.drain.tasks().clone())).transpose()?;
    let page = args.http.page_dir.as_deref().map(Page::read).transpose()?;
    let listen = args.http.listen;
    let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
    let metrics = counted(&args, &process)?;

    let claims = runtime::nats::connect(&args.nats, &process, "claims").await?;
    let sales_client = runtime::nats::connect(&args.nats, &process, "sales").await?;
    let questions = runtime::nats::connect(&args.nats, &process, "questions").await?;
    let engine = Engine::new(claims.clone(), args.nats.installation.clone(), floor(&process, listener.local_addr()?)?);
    claim_metrics::show_load(&process.metrics, &engine)?;
    let sales = Arc::new(Sales::default());
    let stopping = process.drain.stopping();

    let kept = Kept {
        engine: engine.clone(),
        sales: Arc::clone(&sales),
        keys: Arc::clone(&keys),
        metrics: Arc::clone(&metrics),
    };
    kept.keep(&args, &process, sales_client, claims);
    let tasks = process.drain.tasks().clone();
    let clock = process.clock.clone();
    let installation = args.nats.installation.clone();
    let part = process.readiness.part("ledger", false);
    let ledger = Ledger::new(questions, installation, clock.clone(), part, &metrics);
    let limits = Arc::new(Limits::new(
        redis,
        args.http.requests_per_address_per_minute,
        &args.nats.installation,
        clock.clone(),
        &process.readiness,
        Arc::clone(&metrics),
    ));
    let origins = Origins::from(args.http.cors_origins.clone());
    let strangers = strangers(&args.http, origins.clone(), Arc::clone(&limits));
    let frames =
        Frames::new(Arc::clone(&sales), engine.clone(), clock.clone(), tasks, stopping.clone(), args.http.viewers_max);
    let edge = Edge {
        sales,
        engine: engine.clone(),
        keys,
        session_life: SignedDuration::from_hours(args.people.session_hours.into()),
        oidc,
        origins,
        ledger,
        downloads: Downloads::default(),
        limits,
        page,
        frames,
        clock: clock.clone(),
        metrics: Arc::clone(&metrics),
    };
    let shell = Shell::new(app::router(Arc::new(edge)), clock, Arc::clone(&metrics));
    let shell = shell.with_strangers(strangers).with_tracer(process.tracer.clone());
    let shell = Arc::new(shell);
    let bounds = bounds(&args.http);
    let gauges = Gauges { open: metrics.connections.clone(), refused: metrics.connections_refused.clone() };
    let drain = args.process.drain_bound().saturating_sub(ENGINE_DRAIN).max(CONNECTIONS_DRAIN_MIN);
    tracing::info!(http.address = %listener.local_addr()?, "shoppers are served");
    process.drain.spawn("http", async move {
        serve::serve(listener, shell, bounds, gauges, stopping, drain).await;
        engine.close();
        Ok(())
    });
    Ok(())
}

/// What is counted of requests, and until when the files are good that connections need.
fn counted(args: &RunArgs, process: &Process) -> Result<Arc<Metrics>, runtime::metrics::Error> {
    let redis_ca = args.redis.redis_ca_file.clone().map(|path| (Credential::RedisCa, path));
    credentials::watch(&process.metrics, credentials::of_nats(&args.nats).into_iter().chain(redis_ca).collect())?;
    Ok(Arc::new(Metrics::new(&process.metrics)?))
}

/// What has to be kept as it should be while shoppers are served.
struct Kept {
    engine: Engine,
    sales: Arc<Sales>,
    keys: Arc<Keys>,
    metrics: Arc<Metrics>,
}

impl Kept {
    /// Starts the tasks that do.
    fn keep(&self, args: &RunArgs, process: &Process, sales_client: async_nats::Client, claims: async_nats::Client) {
        let stopping = process.drain.stopping();
        let (timed, asked, clock, part, stop) = (
            self.engine.clone(),
            sales_client.clone(),
            process.clock.clone(),
            process.readiness.part("clock", true),
            stopping.clone(),
        );
        let stream = format!("KV_{}", args.nats.installation.sales_bucket());
        process.drain.spawn("clock", async move {
            punctual::keep(&timed, &asked, &stream, &clock, &part, &stop).await;
            Ok(())
        });
        let table = Table::<Definition>::new(sales_client, args.nats.installation.sales_bucket());
        let (following, counting, part) =
            (Arc::clone(&self.sales), Arc::clone(&self.metrics), process.readiness.part("sales", true));
        let stop = stopping.clone();
        process.drain.spawn("sales", async move {
            following.follow(&table, &part, &counting, &stop).await;
            Ok(())
        });
        // Over the connection that brought the stamps: what tells of definitions may be what is broken.
        let asked = Table::<Definition>::new(claims, args.nats.installation.sales_bucket());
        let (engine, sales, metrics, stop) =
            (self.engine.clone(), Arc::clone(&self.sales), Arc::clone(&self.metrics), stopping.clone());
        process.drain.spawn("definitions", async move {
            overtaken::keep(&engine, &sales, &asked, &metrics, &stop).await;
            Ok(())
        });
        let (warming, warm_sales, clock, stop) =
            (self.engine.clone(), Arc::clone(&self.sales), process.clock.clone(), stopping.clone());
        process.drain.spawn("desks", async move {
            warm::keep(&warming, &warm_sales, &clock, &stop).await;
            Ok(())
        });
        let (fresh, stop) = (Arc::clone(&self.keys), stopping.clone());
        process.drain.spawn("keys", async move {
            fresh.keep_fresh(&stop).await;
            Ok(())
        });
    }
}

fn strangers(http: &HttpArgs, origins: Origins, limits: Arc<Limits>) -> Strangers {
    Strangers { proxies: http.trusted_proxy_cidrs.clone(), origins, limits: Some(limits) }
}

fn bounds(http: &HttpArgs) -> Bounds {
    Bounds {
        connections_max: files::room_for(http.connections_max),
        per_source_max: http.connections_per_source_max,
        proxies: http.trusted_proxy_cidrs.clone(),
        patience: PATIENCE,
    }
}

/// What the engine stands on. The edge's number only spreads edges over buckets: a good one differs between pods.
fn floor(process: &Process, address: std::net::SocketAddr) -> anyhow::Result<Floor> {
    let mut hasher = DefaultHasher::new();
    (rand::random::<u64>(), address).hash(&mut hasher);
    Ok(Floor {
        edge: hasher.finish(),
        clock: process.clock.clone(),
        tasks: process.drain.tasks().clone(),
        metrics: Arc::new(claim_metrics::Metrics::new(&process.metrics)?),
        tracer: process.tracer.clone(),
        overtaken: Arc::default(),
    })
}
