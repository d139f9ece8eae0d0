//! The arguments of the outgoing webhook.

use anyhow::{Context as _, ensure};
use clap::{Args, value_parser};
use reqwest::Url;
use runtime::args::SecretFile;

use crate::signature::Keys;
use crate::webhook::receiver::{Receiver, address};

/// Most tries at once that can be asked for: each holds a connection to the receiver.
const CONCURRENCY_MAX: i64 = 256;
/// Most keys: the one that is in use and the one that follows it.
const KEYS_MAX: usize = 2;

/// Whom to tell of orders.
#[derive(Clone, Args)]
#[command(next_help_heading = "Webhook")]
pub struct WebhookArgs {
    /// Where whoever fulfils orders is told of every sold order, and of every sold one that is taken back. Give it to
    /// every replica: those that follow note what has to be told, those with the role webhook tell it. It needs https://,
    /// except on this machine or with --dev
    #[arg(long, env = "SLUICE_WEBHOOK_URL", value_name = "URL", hide_env_values = true)]
    webhook_url: Option<String>,
    /// Key with which messages are signed, at least 32 bytes of text; two while it is rotated, then there are two
    /// signatures
    #[arg(long, env = "SLUICE_WEBHOOK_KEY_FILE", value_name = "FILE", value_delimiter = ',')]
    webhook_key_file: Vec<SecretFile>,
    /// Most orders that are told of at once
    #[arg(long, env = "SLUICE_WEBHOOK_CONCURRENCY", value_name = "COUNT", default_value_t = 16,
        value_parser = value_parser!(u16).range(1..=CONCURRENCY_MAX))]
    pub webhook_concurrency: u16,
}

impl std::fmt::Debug for WebhookArgs {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("WebhookArgs")
    }
}

impl WebhookArgs {
    /// Where to tell it; nothing without a webhook.
    ///
    /// # Errors
    /// When the address breaks a rule. Never shows it.
    pub fn url(&self, dev: bool) -> anyhow::Result<Option<Url>> {
        self.webhook_url.as_deref().map(|url| address(url, dev)).transpose()
    }

    /// Whom to tell; nothing without a webhook.
    ///
    /// # Errors
    /// When the address or a key breaks a rule, or one is there without the other.
    pub fn receiver(&self, dev: bool) -> anyhow::Result<Option<Receiver>> {
        let Some(url) = self.url(dev)? else {
            ensure!(self.webhook_key_file.is_empty(), "--webhook-key-file is for --webhook-url, which is not given");
            return Ok(None);
        };
        ensure!(!self.webhook_key_file.is_empty(), "--webhook-url needs --webhook-key-file to sign what is sent there");
        ensure!(
            self.webhook_key_file.len() <= KEYS_MAX,
            "--webhook-key-file takes one key, or two while it is rotated"
        );
        let keys = Keys::of_files(self.webhook_key_file.clone(), dev).context("messages cannot be signed")?;
        Receiver::new(url, keys).map(Some)
    }
}
