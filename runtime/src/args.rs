//! The arguments that every service has, and secrets read from files.
//!
//! **What it is for.** Each service flattens [`ProcessArgs`] and [`NatsArgs`] into its own arguments. Every flag has an
//! environment variable, so `--help` tells everything that can be set, and nothing else reads the environment.
//!
//! **What must always hold.** A secret is never an argument nor a variable: both are visible to others and end up in
//! logs. Its *file* is the argument, and an error names the file, never what is in it.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_nats::ServerAddr;
use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum, value_parser};
use jiff::SignedDuration;
use protocol::key::Installation;
use reqwest::Url;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};

/// Most bytes of a secret; the longest that anybody needs is a chain of certificates.
const SECRET_BYTES_MAX: usize = 64 * 1_024;
/// Fewest bytes of a key: as many as the hashes that keys are used with have.
pub const KEY_BYTES_MIN: usize = 32;
/// Keys from examples; a demonstration may use them, a shop may not.
const KNOWN_KEYS: &[&str] = &[
    "sluice-demo-session-key-do-not-use-in-production",
    "sluice-demo-customer-key-do-not-use-in-production",
    "00000000000000000000000000000000",
    "changeme-changeme-changeme-changeme",
];
/// Furthest that a test may move a clock: a day.
const CLOCK_OFFSET_MS_MAX: i64 = 86_400_000;
/// Longest drain; Kubernetes kills after `terminationGracePeriodSeconds` anyway.
const DRAIN_SECONDS_MAX: u64 = 3_600;

/// How a process logs, is watched and ends.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Process")]
pub struct ProcessArgs {
    /// How log lines look
    #[arg(long, env = "SLUICE_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text, value_name = "FORMAT")]
    pub log_format: LogFormat,
    /// Which log lines are written, as in `info,edge=debug`
    #[arg(long, env = "SLUICE_LOG", default_value = "info", value_name = "FILTER")]
    pub log_filter: String,
    /// Address of /livez, /readyz and /metrics; not for shoppers
    #[arg(long, env = "SLUICE_ADMIN_ADDR", default_value = "0.0.0.0:9090", value_name = "ADDRESS")]
    pub admin_addr: SocketAddr,
    /// Seconds that work under way has to finish after SIGTERM; keep it below the pod's grace period
    #[arg(long, env = "SLUICE_DRAIN_SECONDS", default_value_t = 25, value_name = "SECONDS",
        value_parser = value_parser!(u64).range(1..=DRAIN_SECONDS_MAX))]
    pub drain_seconds: u64,
    /// Where traces are sent
    #[command(flatten)]
    pub trace: TraceArgs,
    /// Accept secrets that everybody knows; for demonstrations only
    #[arg(long, env = "SLUICE_DEV", value_parser = BoolishValueParser::new())]
    pub dev: bool,
    /// Moves this process's clock, for tests
    #[arg(long, env = "SLUICE_CLOCK_OFFSET_MS", hide = true, default_value_t = 0, allow_negative_numbers = true,
        value_parser = value_parser!(i64).range(-CLOCK_OFFSET_MS_MAX..=CLOCK_OFFSET_MS_MAX))]
    pub clock_offset_ms: i64,
}

impl ProcessArgs {
    /// How long work under way has to finish.
    #[must_use]
    pub fn drain_bound(&self) -> Duration {
        Duration::from_secs(self.drain_seconds)
    }

    /// How far this process's clock is moved.
    #[must_use]
    pub fn clock_offset(&self) -> SignedDuration {
        SignedDuration::from_millis(self.clock_offset_ms)
    }
}

/// What is traced, and where to.
#[derive(Debug, Clone, Args)]
pub struct TraceArgs {
    /// OpenTelemetry collector that takes traces (OTLP over HTTP), as in `http://collector:4318`; without it nothing is traced
    #[arg(long, env = "SLUICE_TRACE_ENDPOINT", value_name = "URL", value_parser = http_url)]
    pub trace_endpoint: Option<Url>,
    /// Share of requests that are traced, from 0 to 1
    #[arg(long, env = "SLUICE_TRACE_SAMPLE", default_value_t = 0.01, value_name = "SHARE", value_parser = share)]
    pub trace_sample: f64,
}

impl TraceArgs {
    /// The address that spans are posted to: an address without a path is that of a collector with the usual one.
    #[must_use]
    pub fn endpoint(&self) -> Option<String> {
        let mut url = self.trace_endpoint.clone()?;
        if url.path() == "/" {
            url.set_path("/v1/traces");
        }
        Some(url.into())
    }
}

fn http_url(text: &str) -> Result<Url, String> {
    let url: Url = text.parse().map_err(|error| format!("{error}"))?;
    let well = matches!(url.scheme(), "http" | "https") && url.password().is_none() && url.username().is_empty();
    if well { Ok(url) } else { Err("expected http:// or https:// without a name or a password".to_owned()) }
}

fn share(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|error| format!("{error}"))?;
    if (0.0..=1.0).contains(&share) { Ok(share) } else { Err("expected a number from 0 to 1".to_owned()) }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, for machines.
    Json,
}

/// Where NATS is, and as whom to go there.
#[derive(Clone, Args)]
#[command(next_help_heading = "NATS")]
pub struct NatsArgs {
    /// Servers, separated by commas; tls:// asks for TLS
    #[arg(
        long,
        env = "SLUICE_NATS_URL",
        value_delimiter = ',',
        default_value = "nats://127.0.0.1:4222",
        value_name = "URLS",
        hide_env_values = true
    )]
    pub nats_url: Vec<ServerAddr>,
    /// Certificates to trust instead of the system's, as PEM
    #[arg(long, env = "SLUICE_NATS_CA_FILE", value_name = "FILE")]
    pub nats_ca_file: Option<PathBuf>,
    /// Credentials (JWT and key) of the user
    #[arg(long, env = "SLUICE_NATS_CREDENTIALS_FILE", value_name = "FILE", conflicts_with = "nats_user")]
    pub nats_credentials_file: Option<SecretFile>,
    /// Name of the user
    #[arg(long, env = "SLUICE_NATS_USER", value_name = "NAME", requires = "nats_password_file")]
    pub nats_user: Option<String>,
    /// Password of the user
    #[arg(long, env = "SLUICE_NATS_PASSWORD_FILE", value_name = "FILE", requires = "nats_user")]
    pub nats_password_file: Option<SecretFile>,
    /// Tells installations that share a NATS apart; empty for the only one
    #[arg(long, env = "SLUICE_INSTALLATION", value_name = "NAME", default_value = "",
        value_parser = Installation::parse)]
    pub installation: Installation,
}

/// A file with a secret in it. It is read anew each time, so a secret that is replaced is used without a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretFile(PathBuf);

/// Why a secret is not to be had. Names the file, never the content.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read.
    #[error("the secret in {0} cannot be read: {1}")]
    Unreadable(SecretFile, io::Error),
    /// It is not text.
    #[error("the secret in {0} is not UTF-8 text")]
    NotText(SecretFile),
    /// There is nothing in it.
    #[error("the secret in {0} is empty")]
    Empty(SecretFile),
    /// It is larger than a secret may be.
    #[error("the secret in {0} is larger than {SECRET_BYTES_MAX} bytes: is it the right file?")]
    TooLarge(SecretFile),
    /// It is one that everybody knows.
    #[error("the secret in {0} is a default that everybody knows: put one of your own there, or play with --dev")]
    Known(SecretFile),
    /// It is a key, and too easy to guess.
    #[error("the key in {0} is too short: it needs at least {KEY_BYTES_MIN} bytes")]
    Short(SecretFile),
}

impl SecretFile {
    /// The secret without white space around it.
    ///
    /// # Errors
    /// [`SecretError`].
    pub fn read(&self) -> Result<SecretString, SecretError> {
        let unreadable = |error| SecretError::Unreadable(self.clone(), error);
        let file = File::open(&self.0).map_err(unreadable)?;
        let mut bytes = Zeroizing::new(Vec::with_capacity(SECRET_BYTES_MAX + 1));
        file.take(SECRET_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() > SECRET_BYTES_MAX {
            return Err(SecretError::TooLarge(self.clone()));
        }
        let text = std::str::from_utf8(&bytes).map_err(|_| SecretError::NotText(self.clone()))?.trim();
        if text.is_empty() {
            return Err(SecretError::Empty(self.clone()));
        }
        Ok(SecretString::from(text))
    }

    /// The secret, refused when it is one of these defaults, unless the process runs for a demonstration (`dev`).
    ///
    /// # Errors
    /// [`SecretError`].
    pub fn read_unless_known(&self, defaults: &[&str], dev: bool) -> Result<SecretString, SecretError> {
        let secret = self.read()?;
        if !dev && defaults.contains(&secret.expose_secret()) {
            return Err(SecretError::Known(self.clone()));
        }
        Ok(secret)
    }

    /// A key: at least [`KEY_BYTES_MIN`] bytes, and none from an example unless the process runs for a demonstration.
    ///
    /// # Errors
    /// [`SecretError`].
    pub fn read_key(&self, dev: bool) -> Result<SecretString, SecretError> {
        let key = self.read_unless_known(KNOWN_KEYS, dev)?;
        if key.expose_secret().len() < KEY_BYTES_MIN {
            return Err(SecretError::Short(self.clone()));
        }
        Ok(key)
    }
}

impl SecretFile {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl From<PathBuf> for SecretFile {
    fn from(path: PathBuf) -> Self {
        Self(path)
    }
}

impl From<std::ffi::OsString> for SecretFile {
    fn from(path: std::ffi::OsString) -> Self {
        Self(path.into())
    }
}

impl fmt::Display for SecretFile {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().fmt(out)
    }
}

#[cfg(test)]
mod tests;
