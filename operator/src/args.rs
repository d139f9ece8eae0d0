//! The arguments of `sluice-operator`.

use clap::builder::TypedValueParser as _;
use clap::{Parser, Subcommand, ValueEnum, builder::PossibleValuesParser};
use protocol::SaleId;
use reqwest::Url;
use runtime::args::{NatsArgs, ProcessArgs, SecretFile};

use crate::durability::monitor::monitor_url;

/// Turns FlashSale resources into stock that can be claimed
#[derive(Debug, Parser)]
#[command(name = "sluice-operator", version = runtime::release::stamp(), propagate_version = true, arg_required_else_help = true)]
pub struct Args {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Watch FlashSales and keep them as asked
    Run(Box<RunArgs>),
    /// Print the custom resource definition as YAML
    Crd,
    /// Print the Roles and RoleBindings that the operator needs as YAML, with the reason of every verb
    Rbac(RbacArgs),
    /// Stop a sale at once, without Kubernetes: no claim is taken until it is resumed by an annotation
    Close(CloseArgs),
    /// Try an installation: make a sale of one unit, buy it, and see its books balance; what helm test runs
    Trial(TrialArgs),
}

/// Name of the Lease, unless told otherwise.
pub const LEASE_NAME: &str = "sluice-operator";

/// Who gets which rights where.
#[derive(Debug, clap::Args)]
pub struct RbacArgs {
    /// Print the rules alone, as the chart keeps them
    #[arg(long)]
    pub rules: bool,
    /// Namespaces whose FlashSales are served, separated by commas; the service account's own when not given
    #[arg(long = "namespace", value_delimiter = ',', value_name = "NAMES", value_parser = name)]
    pub namespaces: Vec<String>,
    /// Namespace of the Lease that tells which replica acts; the service account's own when not given
    #[arg(long, value_name = "NAME", value_parser = name)]
    pub lease_namespace: Option<String>,
    /// Name of that Lease
    #[arg(long, default_value = LEASE_NAME, value_name = "NAME", value_parser = name)]
    pub lease_name: String,
    /// Who the operator is
    #[arg(long, default_value = "sluice/sluice-operator", value_name = "NAMESPACE/NAME", value_parser = Account::parse)]
    pub service_account: Account,
}

/// A service account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Where it lives.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Account {
    fn parse(text: &str) -> Result<Self, String> {
        let (namespace, account) = text.split_once('/').ok_or("it is written NAMESPACE/NAME")?;
        Ok(Self { namespace: name(namespace)?, name: name(account)? })
    }
}

/// A name as Kubernetes takes it for namespaces and accounts.
fn name(text: &str) -> Result<String, String> {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let legal =
        (1..=63).contains(&text.len()) && text.chars().all(inner) && !text.starts_with('-') && !text.ends_with('-');
    legal.then(|| text.to_owned()).ok_or_else(|| "a name has 1 to 63 lower-case letters, digits and dashes".to_owned())
}

/// Which sale is stopped.
#[derive(clap::Args)]
pub struct CloseArgs {
    /// Id of the sale, as in its URLs
    #[arg(long, value_name = "SALE", value_parser = |text: &str| SaleId::parse(text).map_err(|error| error.to_string()))]
    pub sale: SaleId,
    /// Where NATS is
    #[command(flatten)]
    pub nats: NatsArgs,
}

impl std::fmt::Debug for CloseArgs {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("CloseArgs").field("sale", &self.sale).finish_non_exhaustive()
    }
}

/// What is tried.
#[derive(Debug, Clone, clap::Args)]
pub struct TrialArgs {
    /// Where the edges are, as in http://sluice-edge
    #[arg(long, value_name = "URL", value_parser = monitor_url)]
    pub edge_url: Url,
    /// Session of whoever buys, as sluice-edge session makes it
    #[arg(long, value_name = "FILE")]
    pub session_file: SecretFile,
    /// Namespace of the sale, one whose sales are served; the one that kubectl would use when not given
    #[arg(long, value_name = "NAME", value_parser = name)]
    pub namespace: Option<String>,
    /// Seconds that each step has
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=600))]
    pub step_seconds: u32,
}

/// How the operator runs.
#[derive(clap::Args)]
pub struct RunArgs {
    /// How the process runs
    #[command(flatten)]
    pub process: ProcessArgs,
    /// Where NATS is
    #[command(flatten)]
    pub nats: NatsArgs,
    /// Namespaces whose FlashSales are served, separated by commas; the operator's own when not given
    #[arg(long, env = "SLUICE_NAMESPACES", value_delimiter = ',', value_name = "NAMES")]
    pub namespaces: Vec<String>,
    /// Namespace of the Lease that tells which replica acts; the operator's own when not given
    #[arg(long, env = "SLUICE_LEASE_NAMESPACE", value_name = "NAME")]
    pub lease_namespace: Option<String>,
    /// Name of that Lease
    #[arg(long, env = "SLUICE_LEASE_NAME", default_value = LEASE_NAME, value_name = "NAME")]
    pub lease_name: String,
    /// What this replica is called in the Lease and in events; a random name when not given
    #[arg(long, env = "SLUICE_IDENTITY", value_name = "NAME")]
    pub identity: Option<String>,
    /// Copies of every message for sales that do not say so themselves
    #[arg(long, env = "SLUICE_DEFAULT_REPLICAS", default_value = "3", value_name = "COUNT",
        value_parser = PossibleValuesParser::new(["1", "3", "5"]).map(|text| text.parse::<u8>().unwrap_or(3)))]
    pub default_replicas: u8,
    /// Where streams are kept; memory is for tests: a restart of NATS loses the sales
    #[arg(long, env = "SLUICE_STORAGE", value_enum, default_value_t = Storage::File, value_name = "KIND")]
    pub storage: Storage,
    /// Monitoring endpoint of every nats-server, separated by commas, as in http://nats-headless:8222: each address of a
    /// name is asked, so in Kubernetes name the headless Service. Without it the condition Durable of a replicated sale
    /// is Unknown, as only a server itself knows whether it syncs every write. --nats-ca-file holds for https:// as well
    #[arg(long, env = "SLUICE_NATS_MONITOR_URLS", value_delimiter = ',', value_name = "URLS", value_parser = monitor_url)]
    pub nats_monitor_urls: Vec<Url>,
}

impl std::fmt::Debug for RunArgs {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("RunArgs").field("namespaces", &self.namespaces).finish_non_exhaustive()
    }
}

/// Where streams are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Storage {
    /// On disk.
    File,
    /// In memory.
    Memory,
}
