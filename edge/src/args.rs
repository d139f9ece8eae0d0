//! Everything that can be set, so that `--help` tells it all.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand, value_parser};
use protocol::key::Installation;
use runtime::args::{NatsArgs, ProcessArgs, SecretFile};
use secrecy::ExposeSecret as _;

use crate::auth::oidc;
use crate::cors::Origin;
use crate::serve::network::Network;

/// Longest life of a session that a command makes, in hours: a month.
const SESSION_HOURS_MAX: u32 = 720;
/// Most sessions that one command makes.
const SESSIONS_MAX: u32 = 1_000_000;

/// Sells: answers shoppers over HTTP and turns free units into orders.
#[derive(Debug, Parser)]
#[command(name = "sluice-edge", version = runtime::release::stamp(), propagate_version = true)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve shoppers until SIGTERM
    Run(Box<RunArgs>),
    /// Make signed sessions, one a line, with the session key; for tests and demonstrations
    Session(SessionArgs),
    /// Print the API as an OpenAPI document
    Openapi,
}

/// The arguments of `run`.
#[derive(Clone, Args)]
pub struct RunArgs {
    /// How the process lives.
    #[command(flatten)]
    pub process: ProcessArgs,
    /// Where the stock is.
    #[command(flatten)]
    pub nats: NatsArgs,
    /// What signs.
    #[command(flatten)]
    pub keys: KeyArgs,
    /// How shoppers are served.
    #[command(flatten)]
    pub http: HttpArgs,
    /// How people sign in.
    #[command(flatten)]
    pub people: PeopleArgs,
    /// Where edges share limits.
    #[command(flatten)]
    pub redis: RedisArgs,
}

/// How long Redis may acknowledge nothing of what it was sent.
const REDIS_SILENT_MAX: std::time::Duration = std::time::Duration::from_secs(2);

/// Where edges share limits.
#[derive(Clone, Args)]
#[command(next_help_heading = "Redis")]
pub struct RedisArgs {
    /// redis://host:port/database, or rediss:// for TLS, shared by all edges for the rate limits of sales; without one each edge applies them by
    /// itself
    #[arg(long, env = "SLUICE_REDIS_URL", value_name = "URL", hide_env_values = true)]
    redis_url: Option<String>,
    /// Certificates to trust with rediss:// instead of the system's, as PEM
    #[arg(long, env = "SLUICE_REDIS_CA_FILE", value_name = "FILE", requires = "redis_url")]
    pub redis_ca_file: Option<PathBuf>,
    /// Password for Redis, instead of one in the URL
    #[arg(long, env = "SLUICE_REDIS_PASSWORD_FILE", value_name = "FILE", requires = "redis_url")]
    redis_password_file: Option<SecretFile>,
}

impl RedisArgs {
    /// How to reach it, if there is one.
    ///
    /// # Errors
    /// When the URL is none, or the password cannot be read. Never shows either.
    pub fn client(&self) -> anyhow::Result<Option<redis::Client>> {
        const FORM: &str = "--redis-url is not of the form redis://host:port/database";
        let Some(url) = &self.redis_url else { return Ok(None) };
        let mut info = redis::IntoConnectionInfo::into_connection_info(url.as_str()).context(FORM)?;
        if let Some(file) = &self.redis_password_file {
            let settings = info.redis_settings().clone().set_password(file.read()?.expose_secret());
            info = info.set_redis_settings(settings);
        }
        // A Redis that vanished without a word is given up after this, and not when the kernel does, a quarter of an hour later.
        let settings = redis::io::tcp::TcpSettings::default().set_user_timeout(REDIS_SILENT_MAX);
        info = info.set_tcp_settings(settings);
        let Some(file) = &self.redis_ca_file else { return Ok(Some(redis::Client::open(info).context(FORM)?)) };
        let root_cert = Some(std::fs::read(file).with_context(|| format!("--redis-ca-file {}", file.display()))?);
        let trusted = redis::TlsCertificates { client_tls: None, root_cert };
        Ok(Some(redis::Client::build_with_tls(info, trusted).context("--redis-ca-file does not fit --redis-url")?))
    }
}

impl std::fmt::Debug for RunArgs {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("RunArgs").field("process", &self.process).field("http", &self.http).finish_non_exhaustive()
    }
}

/// The installation's keys.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Keys")]
pub struct KeyArgs {
    /// Key that signs sessions, at least 32 bytes of text; given twice, both are accepted and the first one signs
    #[arg(long, env = "SLUICE_SESSION_KEY_FILE", value_name = "FILE", required = true, value_delimiter = ',')]
    pub session_key_file: Vec<SecretFile>,
    /// Key that turns people into customer ids, at least 32 bytes of text; never changed while a sale lives
    #[arg(long, env = "SLUICE_CUSTOMER_KEY_FILE", value_name = "FILE")]
    pub customer_key_file: SecretFile,
}

/// How shoppers are served.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "HTTP")]
pub struct HttpArgs {
    /// Address for shoppers
    #[arg(long, env = "SLUICE_LISTEN", default_value = "0.0.0.0:8080", value_name = "ADDRESS")]
    pub listen: SocketAddr,
    /// Most connections at a time; more wait to be accepted
    #[arg(long, env = "SLUICE_CONNECTIONS_MAX", default_value_t = 40_000, value_name = "COUNT",
        value_parser = value_parser!(u32).range(1..=1_000_000))]
    pub connections_max: u32,
    /// Most connections of one address that is no trusted proxy; more are closed at once
    #[arg(long, env = "SLUICE_CONNECTIONS_PER_SOURCE_MAX", default_value_t = 20_000, value_name = "COUNT",
        value_parser = value_parser!(u32).range(1..=1_000_000))]
    pub connections_per_source_max: u32,
    /// Networks of proxies: their connections are not bounded by source
    #[arg(long, env = "SLUICE_TRUSTED_PROXY_CIDRS", value_name = "CIDRS", value_delimiter = ',')]
    pub trusted_proxy_cidrs: Vec<Network>,
    /// Most requests of one source address in a minute, over all edges that share a Redis; without it there is no such
    /// limit. Behind proxies the address comes from X-Forwarded-For, so name them
    #[arg(long, env = "SLUICE_REQUESTS_PER_ADDRESS_PER_MINUTE", value_name = "COUNT",
        value_parser = value_parser!(u32).range(1..=10_000_000))]
    pub requests_per_address_per_minute: Option<u32>,
    /// Origins of other sites whose pages may use the API with their users' sessions, such as https://shop.example
    #[arg(long, env = "SLUICE_CORS_ORIGINS", value_name = "ORIGINS", value_delimiter = ',')]
    pub cors_origins: Vec<Origin>,
    /// Most event streams at a time; more are told to come back
    #[arg(long, env = "SLUICE_VIEWERS_MAX", default_value_t = 20_000, value_name = "COUNT",
        value_parser = value_parser!(u32).range(1..=1_000_000))]
    pub viewers_max: u32,
    /// Folder that the build of the shoppers' page wrote: index.html, assets/ and what else lies there, served at /.
    /// Without one there is the API alone
    #[arg(long, env = "SLUICE_PAGE_DIR", value_name = "FOLDER")]
    pub page_dir: Option<PathBuf>,
}

/// How people sign in.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Signing in")]
pub struct PeopleArgs {
    /// Hours that a session is good for
    #[arg(long, env = "SLUICE_SESSION_HOURS", default_value_t = 12, value_name = "HOURS",
        value_parser = value_parser!(u32).range(1..=i64::from(SESSION_HOURS_MAX)))]
    pub session_hours: u32,
    /// An OpenID Connect issuer whose people may sign in, as it spells itself
    #[arg(
        long,
        env = "SLUICE_OIDC_ISSUER",
        value_name = "URL",
        requires = "oidc_client_id",
        requires = "oidc_redirect_url"
    )]
    oidc_issuer: Option<String>,
    /// What the issuer calls us
    #[arg(long, env = "SLUICE_OIDC_CLIENT_ID", value_name = "ID", requires = "oidc_issuer")]
    oidc_client_id: Option<String>,
    /// Proves to the issuer who we are; none for a public client
    #[arg(long, env = "SLUICE_OIDC_CLIENT_SECRET_FILE", value_name = "FILE", requires = "oidc_issuer")]
    oidc_client_secret_file: Option<SecretFile>,
    /// Where the issuer sends browsers back to: /v1/sessions/oidc/callback of the shop, as browsers reach it
    #[arg(long, env = "SLUICE_OIDC_REDIRECT_URL", value_name = "URL", requires = "oidc_issuer")]
    oidc_redirect_url: Option<reqwest::Url>,
}

impl PeopleArgs {
    /// The issuer, if there is one; with `dev`, one without TLS is taken.
    #[must_use]
    pub fn oidc(&self, dev: bool) -> Option<oidc::Settings> {
        Some(oidc::Settings {
            issuer: self.oidc_issuer.clone()?,
            client_id: self.oidc_client_id.clone()?,
            client_secret: self.oidc_client_secret_file.clone(),
            redirect_url: self.oidc_redirect_url.clone()?,
            plain: dev,
        })
    }
}

/// The arguments of `session`.
#[derive(Debug, Clone, Args)]
pub struct SessionArgs {
    /// Who it is for
    #[arg(long, value_name = "NAME")]
    pub customer: String,
    /// Make this many, for NAME-0, NAME-1 …; a {} in NAME is where the number goes
    #[arg(long, value_name = "COUNT", value_parser = value_parser!(u32).range(1..=i64::from(SESSIONS_MAX)))]
    pub count: Option<u32>,
    /// Hours that they are good for
    #[arg(long, default_value_t = 12, value_name = "HOURS",
        value_parser = value_parser!(u32).range(1..=i64::from(SESSION_HOURS_MAX)))]
    pub hours: u32,
    /// What they may do beyond buying
    #[arg(long, value_name = "ROLE", value_enum)]
    pub role: Vec<crate::auth::session::Role>,
    /// Make sessions of people whom nobody knows
    #[arg(long)]
    pub guest: bool,
    /// Where to write them, for its owner alone to read; standard output when not given
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// What signs.
    #[command(flatten)]
    pub keys: KeyArgs,
    /// Tells installations apart; empty for the only one
    #[arg(long, env = "SLUICE_INSTALLATION", value_name = "NAME", default_value = "",
        value_parser = Installation::parse)]
    pub installation: Installation,
    /// Accept keys that everybody knows; for demonstrations only
    #[arg(long, env = "SLUICE_DEV", value_parser = clap::builder::BoolishValueParser::new())]
    pub dev: bool,
}
