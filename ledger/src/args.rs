//! The arguments; the only file of the ledger that reads the environment.

pub mod account;
pub mod export;
pub mod webhook;

use anyhow::Context as _;
use clap::builder::BoolishValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use protocol::SaleId;
use runtime::args::{NatsArgs, ProcessArgs, SecretFile};
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::PgConnectOptions;

use crate::payments::provider::Provider;
use crate::webhook::receiver::Receiver;

/// Orders become rows and balanced books.
#[derive(Debug, Parser)]
#[command(name = "sluice-ledger", version = runtime::release::stamp(), propagate_version = true, disable_help_subcommand = true)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Follows every sale into Postgres until it is told to stop
    Run(Box<RunArgs>),
    /// Brings the database to the schema that this release needs
    Migrate(PostgresArgs),
    /// Compares stream and Postgres in full; exit code 0 when they balance and are equal, 1 otherwise
    Reconcile(Box<ReconcileArgs>),
    /// Prints the settlement of a sale: totals, positions, a hash of its orders
    Statement(Box<StatementArgs>),
    /// Prints the orders of a sale with whom they are for; exit code 0 once all are printed, 1 when that fails, 2 for wrong
    /// arguments
    Export(Box<export::ExportArgs>),
    /// Makes accounts, funds wallets, names merchants
    #[command(subcommand)]
    Account(account::AccountCommand),
}

/// Arguments of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// How the process lives.
    #[command(flatten)]
    pub process: ProcessArgs,
    /// Where the streams are.
    #[command(flatten)]
    pub nats: Nats,
    /// Where the books are.
    #[command(flatten)]
    pub postgres: PostgresArgs,
    /// Migrate the database first; `false` where a job with more rights does that
    #[arg(long, env = "SLUICE_MIGRATE", value_name = "BOOL", num_args = 0..=1, require_equals = true,
        default_value = "true", default_missing_value = "true", value_parser = BoolishValueParser::new())]
    pub migrate: bool,
    /// What this replica does; a role may have replicas of its own, so that hashing passwords never holds up the books
    #[arg(long, env = "SLUICE_ROLES", value_enum, value_name = "ROLES", value_delimiter = ',',
        default_values_t = [Role::Follow, Role::Payments, Role::Accounts, Role::Webhook])]
    pub roles: Vec<Role>,
    /// Key that turns people into customer ids, the same as the edges have; needed with the role accounts
    #[arg(long, env = "SLUICE_CUSTOMER_KEY_FILE", value_name = "FILE")]
    pub customer_key_file: Option<SecretFile>,
    /// Key with which the payment provider signs its callbacks, at least 32 bytes of text; two while it is rotated. Without
    /// one no callback is believed
    #[arg(long, env = "SLUICE_PAYMENT_KEY_FILE", value_name = "FILE", value_delimiter = ',')]
    pub payment_key_file: Vec<SecretFile>,
    /// Whom to tell of orders.
    #[command(flatten)]
    pub webhook: webhook::WebhookArgs,
}

impl RunArgs {
    /// Whether this replica does that.
    #[must_use]
    pub fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// The key that turns people into customers; none without the role that needs it.
    ///
    /// # Errors
    /// When the role needs it and it is not there, too short, or one that everybody knows.
    pub fn customer_key(&self) -> anyhow::Result<Option<SecretString>> {
        if !self.has(Role::Accounts) {
            return Ok(None);
        }
        let file = self.customer_key_file.as_ref();
        let file = file.context("the role accounts needs --customer-key-file, with the key that the edges have")?;
        Ok(Some(file.read_key(self.process.dev)?))
    }

    /// The payment provider, as far as its keys tell; none without them.
    ///
    /// # Errors
    /// When a key is too short, or one that everybody knows.
    pub fn provider(&self) -> anyhow::Result<Option<Provider>> {
        let files = self.payment_key_file.clone();
        if files.is_empty() { Ok(None) } else { Ok(Some(Provider::of_files(files, self.process.dev)?)) }
    }

    /// Whom this replica tells of orders, if it does.
    ///
    /// # Errors
    /// When the webhook is described wrongly.
    pub fn receiver(&self) -> anyhow::Result<Option<Receiver>> {
        if self.has(Role::Webhook) { self.webhook.receiver(self.process.dev) } else { Ok(None) }
    }

    /// Whether anybody tells of orders, so that followers note which.
    ///
    /// # Errors
    /// When the webhook is described wrongly.
    pub fn outbox(&self) -> anyhow::Result<bool> {
        Ok(self.webhook.url(self.process.dev)?.is_some())
    }
}

/// A part of the ledger's work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// Bring orders into Postgres, audit, answer questions about past orders.
    Follow,
    /// Take money and give it back, answer questions about wallets.
    Payments,
    /// Register people and let them sign in.
    Accounts,
    /// Tell whoever fulfils orders of them; nothing without `--webhook-url`.
    Webhook,
}

/// [`NatsArgs`] without its secrets in `Debug`.
#[derive(Clone, Args)]
pub struct Nats {
    /// As every service has them.
    #[command(flatten)]
    pub args: NatsArgs,
}

impl std::fmt::Debug for Nats {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Nats")
    }
}

/// Where Postgres is, and as whom to go there.
#[derive(Clone, Args)]
#[command(next_help_heading = "Postgres")]
pub struct PostgresArgs {
    /// postgres://user@host:port/database?sslmode=…
    #[arg(long, env = "SLUICE_POSTGRES_URL", value_name = "URL", hide_env_values = true)]
    postgres_url: String,
    /// Password of the user, instead of one in the URL
    #[arg(long, env = "SLUICE_POSTGRES_PASSWORD_FILE", value_name = "FILE")]
    postgres_password_file: Option<SecretFile>,
}

impl std::fmt::Debug for PostgresArgs {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("PostgresArgs")
    }
}

impl PostgresArgs {
    /// How to connect.
    ///
    /// # Errors
    /// When the URL is none, or the password cannot be read. Never shows either.
    pub fn options(&self) -> anyhow::Result<PgConnectOptions> {
        const FORM: &str = "--postgres-url is not of the form postgres://user@host:port/database";
        // Any other scheme would be taken for Postgres and fail later, far from its cause.
        let ours = ["postgres://", "postgresql://"].iter().any(|scheme| self.postgres_url.starts_with(scheme));
        anyhow::ensure!(ours, FORM);
        let options: PgConnectOptions = self.postgres_url.parse().context(FORM)?;
        match &self.postgres_password_file {
            None => Ok(options),
            Some(file) => Ok(options.password(file.read()?.expose_secret())),
        }
    }
}

/// Arguments of `reconcile`.
#[derive(Debug, Args)]
pub struct ReconcileArgs {
    /// Id of the sale, as in its URLs
    #[arg(long, value_name = "SALE", value_parser = sale)]
    pub sale: SaleId,
    /// How to print it
    #[arg(long, value_enum, default_value_t = ReconcileFormat::Text)]
    pub format: ReconcileFormat,
    /// Longest to wait for a moment at which nothing is under way
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub wait_seconds: u64,
    /// Most differing keys to print
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    pub differences_max: usize,
    /// Where the streams are.
    #[command(flatten)]
    pub nats: Nats,
    /// Where the books are.
    #[command(flatten)]
    pub postgres: PostgresArgs,
}

/// How `reconcile` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReconcileFormat {
    /// One JSON object.
    Json,
    /// One line per shard and item.
    Csv,
    /// For people.
    Text,
}

/// Arguments of `statement`.
#[derive(Debug, Args)]
pub struct StatementArgs {
    /// Id of the sale, as in its URLs
    #[arg(long, value_name = "SALE", value_parser = sale)]
    pub sale: SaleId,
    /// How to print it
    #[arg(long, value_enum, default_value_t = StatementFormat::Json)]
    pub format: StatementFormat,
    /// Print every order too; as CSV, orders instead of totals
    #[arg(long, conflicts_with = "payments")]
    pub orders: bool,
    /// Print every payment too, those that a provider has to send back among them; as CSV, payments instead of totals
    #[arg(long)]
    pub payments: bool,
    /// Not asked: a statement needs Postgres alone. Taken so that every command takes the same arguments.
    #[command(flatten)]
    pub nats: Nats,
    /// Where the books are.
    #[command(flatten)]
    pub postgres: PostgresArgs,
}

/// How `statement` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StatementFormat {
    /// One JSON object.
    Json,
    /// A header and one line per row.
    Csv,
}

fn sale(text: &str) -> Result<SaleId, String> {
    SaleId::parse(text).map_err(|error| error.to_string())
}
