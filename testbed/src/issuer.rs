//! An OpenID Connect issuer, as a shop that has customers already would have one: the npm package oidc-provider.
//!
//! It has an RSA key of its own, which nobody else has, and a P-256 key that the test has too: to sign what an honest issuer
//! never would. [`Issuer::rotate`] gives it other ones.

use std::fs::write;
use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use serde_json::{Value, json};

use crate::bed::{Bed, on_free_ports};
use crate::http;
use crate::port::free_port;
use crate::process::{Process, Program};
use crate::tool;

/// Where the issuer says what it is.
const DISCOVERY: &str = "/.well-known/openid-configuration";

/// A running issuer.
#[derive(Debug)]
pub struct Issuer {
    process: Process,
    folder: PathBuf,
    clients: Value,
    port: u16,
}

impl Issuer {
    /// Whether there is one on this machine.
    #[must_use]
    pub fn is_installed() -> bool {
        tool::path("oidc-issuer").is_ok() && tool::path("node").is_ok()
    }

    /// Starts one with these clients, written as oidc-provider has them.
    ///
    /// # Errors
    /// When it is not installed or does not start: one sentence, with the end of its log.
    pub async fn start(bed: &Bed, clients: Value) -> anyhow::Result<Self> {
        let script = tool::path("oidc-issuer")?.to_string_lossy().into_owned();
        let node = tool::path("node")?;
        let name = bed.unique("issuer");
        let folder = bed.folder().join(&name);
        std::fs::create_dir_all(&folder)?;
        on_free_ports(async || {
            let port = free_port()?;
            configure(&folder, &clients, port)?;
            let configuration = folder.join("issuer.json").to_string_lossy().into_owned();
            let program = Program::new(&name, node.clone(), [script.clone(), configuration]);
            let process = Process::start(bed.folder(), program)?;
            let issuer = Self { process, folder: folder.clone(), clients: clients.clone(), port };
            issuer.ready().await?;
            Ok(issuer)
        })
        .await
    }

    /// What it calls itself.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The name of the key that the test has too, and the key (PKCS #8, DER).
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn shared_key(&self) -> anyhow::Result<(String, Vec<u8>)> {
        let kid = std::fs::read_to_string(self.folder.join("shared.kid"))?;
        let pem = std::fs::read_to_string(self.folder.join("shared.pem"))?;
        Ok((kid, KeyPair::from_pem(&pem)?.serialize_der()))
    }

    /// Starts it again, on the same port, with other keys.
    ///
    /// # Errors
    /// When it does not end, or does not start.
    pub async fn rotate(&self) -> anyhow::Result<()> {
        self.kill9().await?;
        configure(&self.folder, &self.clients, self.port)?;
        self.restart().await
    }

    /// Kills it.
    ///
    /// # Errors
    /// When it cannot be killed.
    pub async fn kill9(&self) -> anyhow::Result<()> {
        self.process.kill9().await
    }

    /// Starts it again on the same port, with its shared key and another one of its own.
    ///
    /// # Errors
    /// When it runs already or does not start.
    pub async fn restart(&self) -> anyhow::Result<()> {
        self.process.restart()?;
        self.ready().await
    }

    /// How often it was asked for its keys, over all its lives.
    #[must_use]
    pub fn times_asked_for_keys(&self) -> usize {
        self.process.log().lines().filter(|line| *line == "GET /jwks").count()
    }

    async fn ready(&self) -> anyhow::Result<()> {
        let client = http::client(None)?;
        let url = format!("{}{DISCOVERY}", self.url());
        self.process
            .ready(async || {
                let told: Value = serde_json::from_str(&http::text(client.get(&url)).await?)?;
                ensure!(told.get("issuer").and_then(Value::as_str) == Some(&self.url()), "somebody else: {told}");
                Ok(())
            })
            .await
    }
}

/// Writes its configuration, with keys that were never there before.
fn configure(folder: &std::path::Path, clients: &Value, port: u16) -> anyhow::Result<()> {
    let kid = uuid::Uuid::new_v4().simple().to_string();
    let pem = folder.join("shared.pem");
    write(&pem, KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?.serialize_pem()).context("no key for the issuer")?;
    write(folder.join("shared.kid"), &kid)?;
    let configuration = json!({
        "port": port,
        "clients": clients,
        "keys": [{ "kid": kid, "pem": pem }],
        "rsaKid": uuid::Uuid::new_v4().simple().to_string(),
    });
    write(folder.join("issuer.json"), configuration.to_string())?;
    Ok(())
}
