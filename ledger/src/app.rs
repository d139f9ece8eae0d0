//! What each command does.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use runtime::Process;
use runtime::backoff::Backoff;
use runtime::clock::Clock;
use runtime::credentials;
use runtime::readiness::Part;
use tokio_util::sync::CancellationToken;

use crate::answer::Desk;
use crate::args::account::AccountCommand;
use crate::args::export::ExportArgs;
use crate::args::{Arguments, Command, PostgresArgs, ReconcileArgs, Role, RunArgs, StatementArgs};
use crate::metrics::LedgerMetrics;
use crate::payments::Payments;
use crate::places::Places;
use crate::repo::{Repo, SchemaError};
use crate::shards::Shards;
use crate::webhook::Webhook;
use crate::webhook::metrics::WebhookMetrics;
use crate::webhook::receiver::Receiver;
use crate::{accounts, export, reconcile, roles, statement};

/// As logs, connections and metrics name it.
const COMPONENT: &str = "sluice-ledger";
/// How often the file with the password of Postgres is read.
const FRESH_EVERY: std::time::Duration = std::time::Duration::from_secs(5);
/// Between tries of a database that is away or not migrated.
const RETRY: Backoff = Backoff::new(std::time::Duration::from_millis(250), std::time::Duration::from_secs(5));

/// Does it.
#[must_use]
pub fn main(arguments: Arguments) -> ExitCode {
    let outcome = match arguments.command {
        Command::Run(args) => {
            return runtime::process::main(COMPONENT, runtime::release::VERSION, &args.process, async |process| {
                run(&args, process).await
            });
        }
        Command::Migrate(postgres) => once(async {
            Repo::new(postgres.options()?).migrate().await?;
            Ok(ExitCode::SUCCESS)
        }),
        Command::Reconcile(args) => once(run_reconcile(&args)),
        Command::Statement(args) => once(run_statement(&args)),
        Command::Export(args) => once(run_export(&args)),
        Command::Account(command) => once(run_account(command)),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("{COMPONENT}: {error:#}");
        ExitCode::FAILURE
    })
}

/// Runs a command that ends by itself.
fn once(command: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(command)
}

async fn run(args: &RunArgs, process: Process) -> anyhow::Result<()> {
    // What is wrong with the arguments is said before anything is waited for.
    let customer_key = args.customer_key()?;
    let provider = args.provider()?;
    let database = args.postgres.options()?;
    let (receiver, outbox) = (args.receiver()?, args.outbox()?);
    let repo = Repo::new(database.clone()).with_outbox(outbox);
    let postgres = process.readiness.part("postgres", true);
    prepare(&repo, args.migrate, &postgres).await?;
    let purpose = if args.has(Role::Follow) { "following" } else { "questions" };
    let client = runtime::nats::connect(&args.nats.args, &process, purpose).await?;
    let installation = args.nats.args.installation.clone();

    let desk = Desk::open(process.clone(), client.clone(), installation.clone()).await?;
    let questions = Repo::for_questions(database.clone());
    // Of their own, so that neither questions nor statements nor deliveries wait for each other.
    let statements = Repo::for_statements(database.clone());
    let deliveries = Repo::for_questions(database);
    let repos = [repo.clone(), questions.clone(), statements.clone(), deliveries.clone()];
    let (fresh, stop) = (args.postgres.clone(), process.drain.stopping());
    process.drain.spawn("password", async move {
        keep_fresh(&fresh, &repos, &stop).await;
        Ok(())
    });
    let metrics = LedgerMetrics::new(&process.metrics)?;
    credentials::watch(&process.metrics, credentials::of_nats(&args.nats.args))?;
    if args.has(Role::Payments) {
        roles::payments(&desk, &questions).await?;
        let places = Places::new(client.clone(), installation.clone());
        let (rows, clock) = (questions.clone(), process.clock.clone());
        let payments = Payments::new(rows, places, clock, metrics.clone(), provider);
        roles::money(&desk, &process, payments).await?;
    }
    if let Some(key) = customer_key {
        roles::accounts(&desk, &process, &questions, key).await?;
    }
    if args.has(Role::Follow) {
        roles::history(&desk, &questions).await?;
        roles::statements(&desk, &statements).await?;
    }
    if let Some(receiver) = receiver {
        tell(&process, deliveries, receiver, args.webhook.webhook_concurrency)?;
    }
    // A replica that says it is ready is one that questions reach.
    client.flush().await?;
    if !args.has(Role::Follow) {
        process.drain.spawn("postgres", roles::watch(repo, postgres, process.drain.stopping()));
        return Ok(());
    }
    let shards = Shards::new(process.clone(), client, installation, repo.clone(), metrics, postgres);
    process.drain.spawn("shards", async move {
        shards.run().await?;
        repo.close().await;
        Ok(())
    });
    Ok(())
}

/// Tells whoever fulfils orders, over connections of its own.
fn tell(process: &Process, repo: Repo, receiver: Receiver, concurrency: u16) -> anyhow::Result<()> {
    let metrics = WebhookMetrics::new(&process.metrics)?;
    let part = process.readiness.part("webhook", false);
    let webhook = Webhook::new(repo, receiver, concurrency.into(), process.clock.clone(), metrics, part);
    process.drain.spawn("webhook", webhook.run(process.drain.stopping()));
    Ok(())
}

/// Takes up a password that was replaced: connections that are there go on, the next ones are made with it.
async fn keep_fresh(postgres: &PostgresArgs, repos: &[Repo], stopping: &CancellationToken) {
    while stopping.run_until_cancelled(tokio::time::sleep(FRESH_EVERY)).await.is_some() {
        match postgres.options() {
            Ok(options) => repos.iter().for_each(|repo| repo.reconnect_with(options.clone())),
            Err(error) => tracing::warn!("the password of Postgres cannot be read, the one before is used: {error:#}"),
        }
    }
}

/// Waits for a database with the right schema; says why it waits.
async fn prepare(repo: &Repo, migrate: bool, postgres: &Part) -> anyhow::Result<()> {
    let mut failures = 0;
    loop {
        let ready = if migrate { repo.migrate().await } else { repo.check_schema().await };
        match ready {
            Ok(()) => {
                postgres.set_ok();
                return Ok(());
            }
            Err(error @ SchemaError::Migration(_)) => return Err(error.into()),
            Err(waiting) => {
                failures += 1;
                postgres.set_failed(format!("{waiting}; trying again"));
                tokio::time::sleep(RETRY.random_pause(failures)).await;
            }
        }
    }
}

async fn run_reconcile(args: &ReconcileArgs) -> anyhow::Result<ExitCode> {
    let client = runtime::nats::connect_once(&args.nats.args, COMPONENT, "reconcile").await?;
    let repo = Repo::new(args.postgres.options()?);
    let report = reconcile::reconcile(args, &client, &repo, &Clock::system()).await?;
    let text = reconcile::print(&report, args.format)?;
    std::io::stdout().write_all(text.as_bytes()).context("the report cannot be written")?;
    repo.close().await;
    Ok(if report.balanced { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn run_statement(args: &StatementArgs) -> anyhow::Result<ExitCode> {
    let repo = Repo::new(args.postgres.options()?);
    let mut out = std::io::BufWriter::new(std::io::stdout());
    statement::statement(&repo, args, &mut out).await?;
    repo.close().await;
    Ok(ExitCode::SUCCESS)
}

async fn run_export(args: &ExportArgs) -> anyhow::Result<ExitCode> {
    let repo = Repo::new(args.postgres.options()?);
    let mut out = std::io::BufWriter::new(std::io::stdout());
    export::export(args, &repo, &mut out).await?;
    repo.close().await;
    Ok(ExitCode::SUCCESS)
}

async fn run_account(command: AccountCommand) -> anyhow::Result<ExitCode> {
    let repo = Repo::new(command.postgres().options()?);
    let done = accounts::command::run(command, &repo, &Clock::system()).await;
    repo.close().await;
    std::io::stdout().write_all(done?.as_bytes()).context("what was done cannot be written")?;
    Ok(ExitCode::SUCCESS)
}
