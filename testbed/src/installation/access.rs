//! How to reach a running installation, from this process or another: kubectl, sessions, the ledger's commands.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::books::Compared;
use crate::command::{binary_output, binary_said, kubectl};

/// How to reach an installation: everything that another process needs to use it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Access {
    /// For `kubectl`.
    pub kubeconfig: PathBuf,
    /// Where its resources live; also its name.
    pub namespace: String,
    /// Base URLs of its edges.
    pub edges: Vec<String>,
    /// NATS.
    pub nats: String,
    /// Postgres.
    pub postgres: String,
    pub(super) keys: Keys,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Keys {
    pub(super) session: PathBuf,
    pub(super) customer: PathBuf,
    /// What a payment provider signs with.
    pub(super) payment: PathBuf,
    /// What a ledger signs with when it tells of orders.
    pub(super) webhook: PathBuf,
}

impl Access {
    /// The arguments by which one of our programs learns its keys and its name.
    ///
    /// # Errors
    /// When a path is no text.
    pub fn key_arguments(&self) -> anyhow::Result<Vec<String>> {
        let (session, customer) = (path(&self.keys.session)?, path(&self.keys.customer)?);
        let arguments =
            ["--session-key-file", session, "--customer-key-file", customer, "--installation", &self.namespace];
        Ok(arguments.map(ToOwned::to_owned).to_vec())
    }

    /// Runs `kubectl` in its namespace; the output on success.
    ///
    /// # Errors
    /// With what kubectl wrote to its standard error.
    pub async fn kubectl(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let mut all = vec!["-n", self.namespace.as_str()];
        all.extend(arguments);
        kubectl(&self.kubeconfig, &all, None).await
    }

    /// Applies a resource in its namespace.
    ///
    /// # Errors
    /// As [`kubectl`](Self::kubectl): for a refused resource, the API server's sentence.
    pub async fn apply(&self, resource: &Value) -> anyhow::Result<String> {
        let arguments = ["-n", self.namespace.as_str(), "apply", "-f", "-"];
        kubectl(&self.kubeconfig, &arguments, Some(&resource.to_string())).await
    }

    /// Makes new resources in its namespace, as many as a list holds, with one request each.
    ///
    /// # Errors
    /// As [`apply`](Self::apply); those before a refused one are made.
    pub async fn create(&self, list: &Value) -> anyhow::Result<String> {
        kubectl(&self.kubeconfig, &["-n", self.namespace.as_str(), "create", "-f", "-"], Some(&list.to_string())).await
    }

    /// Changes a sale by a merge patch.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub async fn patch(&self, sale: &str, patch: &Value) -> anyhow::Result<String> {
        self.kubectl(&["patch", "flashsale", sale, "--type=merge", "-p", &patch.to_string()]).await
    }

    /// The resource of a sale.
    ///
    /// # Errors
    /// When there is none.
    pub async fn sale(&self, sale: &str) -> anyhow::Result<Value> {
        Ok(serde_json::from_str(&self.kubectl(&["get", "flashsale", sale, "-o", "json"]).await?)?)
    }

    /// Waits for a condition of a sale as the documentation tells people to.
    ///
    /// # Errors
    /// When it does not come true in time.
    pub async fn wait_for(&self, sale: &str, condition: &str, seconds: u32) -> anyhow::Result<()> {
        let (target, timeout) = (format!("--for=condition={condition}"), format!("--timeout={seconds}s"));
        let resource = format!("flashsale/{sale}");
        match self.kubectl(&["wait", &resource, &target, &timeout]).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let status = self.sale(sale).await.map(|sale| sale.pointer("/status").cloned().unwrap_or_default())?;
                Err(error.context(format!("{condition} of {sale} did not come; its status is {status:#}")))
            }
        }
    }

    /// The id of a sale, as URLs use it.
    ///
    /// # Errors
    /// When it has none yet.
    pub async fn sale_id(&self, sale: &str) -> anyhow::Result<String> {
        let resource = self.sale(sale).await?;
        let id = resource.pointer("/status/saleID").and_then(Value::as_str);
        Ok(id.with_context(|| format!("{sale} has no id yet"))?.to_owned())
    }

    /// Sessions for `count` customers called `prefix-0`, `prefix-1` …
    ///
    /// # Errors
    /// When the edge's binary refuses.
    pub async fn sessions(&self, prefix: &str, count: usize) -> anyhow::Result<Vec<String>> {
        let mut arguments = vec!["session".to_owned(), "--customer".to_owned(), prefix.to_owned()];
        arguments.extend(["--count".to_owned(), count.to_string()]);
        arguments.extend(self.key_arguments()?);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let tokens = binary_output("sluice-edge", &arguments).await?;
        Ok(tokens.lines().map(ToOwned::to_owned).collect())
    }

    /// A session of a merchant.
    ///
    /// # Errors
    /// When the edge's binary refuses.
    pub async fn merchant(&self) -> anyhow::Result<String> {
        let keys = self.key_arguments()?;
        let mut arguments = vec!["session", "--customer", "merchant", "--role", "merchant"];
        arguments.extend(keys.iter().map(String::as_str));
        Ok(binary_output("sluice-edge", &arguments).await?.trim().to_owned())
    }

    /// Makes accounts with wallets by the ledger's own command: the first `count` of [`people`](crate::people). What the
    /// command said.
    ///
    /// # Errors
    /// When it refuses.
    pub async fn load_people(&self, folder: &Path, count: usize, balance_minor: i64) -> anyhow::Result<String> {
        let file = folder.join(format!("{}-people.csv", self.namespace));
        std::fs::write(&file, crate::people::csv(count, balance_minor))?;
        self.account(&["load", "--file", path(&file)?, "--customer-key-file", path(&self.keys.customer)?]).await
    }

    /// Runs `sluice-ledger account …`; what it said.
    ///
    /// # Errors
    /// When it refuses.
    pub async fn account(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let mut all = vec!["account"];
        all.extend(arguments);
        all.extend(["--postgres-url", self.postgres.as_str()]);
        binary_output("sluice-ledger", &all).await
    }

    /// Stops a sale by `sluice-operator close`, which needs neither Kubernetes nor an operator that runs.
    ///
    /// # Errors
    /// When it is not known to be stopped.
    pub async fn emergency_stop(&self, sale_id: &str) -> anyhow::Result<()> {
        let installation = ["--nats-url", &self.nats, "--installation", &self.namespace];
        binary_output("sluice-operator", &[&["close", "--sale", sale_id][..], &installation].concat()).await.map(drop)
    }

    /// Compares both sides of a sale's books with the ledger's own command; its JSON.
    ///
    /// # Errors
    /// When they differ, or there was no moment to compare them at.
    pub async fn reconcile(&self, sale_id: &str) -> anyhow::Result<Value> {
        Ok(serde_json::from_str(&self.ledger_command("reconcile", sale_id, &[]).await?)?)
    }

    /// What the same command finds, also where the sides differ.
    ///
    /// # Errors
    /// When it could not compare them.
    pub async fn compared(&self, sale_id: &str) -> anyhow::Result<Compared> {
        let arguments = self.ledger_arguments("reconcile", sale_id);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let (told, complained) = binary_said("sluice-ledger", &arguments).await?;
        let books: Value = serde_json::from_str(&told).with_context(|| complained.trim().to_owned())?;
        Ok(Compared::of(&books))
    }

    /// The settlement of a sale; its JSON.
    ///
    /// # Errors
    /// When the ledger cannot make it.
    pub async fn statement(&self, sale_id: &str, orders: bool) -> anyhow::Result<Value> {
        let extra: &[&str] = if orders { &["--orders"] } else { &[] };
        Ok(serde_json::from_str(&self.ledger_command("statement", sale_id, extra).await?)?)
    }

    async fn ledger_command(&self, command: &str, sale_id: &str, extra: &[&str]) -> anyhow::Result<String> {
        let arguments = self.ledger_arguments(command, sale_id);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).chain(extra.iter().copied()).collect();
        binary_output("sluice-ledger", &arguments).await
    }

    fn ledger_arguments(&self, command: &str, sale_id: &str) -> Vec<String> {
        let Self { nats, postgres, .. } = self;
        let of_sale = [command, "--sale", sale_id, "--format", "json", "--postgres-url", postgres];
        let of_installation = ["--nats-url", nats, "--installation", &self.namespace];
        of_sale.into_iter().chain(of_installation).map(ToOwned::to_owned).collect()
    }
}

impl Keys {
    pub(super) fn make(folder: &Path, name: &str) -> anyhow::Result<Self> {
        let make = |what: &str| {
            let file = folder.join(format!("{name}-{what}.key"));
            let key: [u8; 32] = rand::random();
            let text: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
            std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
            anyhow::Ok(file)
        };
        Ok(Self {
            session: make("session")?,
            customer: make("customer")?,
            payment: make("payment")?,
            webhook: make("webhook")?,
        })
    }
}

pub(super) fn path(path: &Path) -> anyhow::Result<&str> {
    path.to_str().context("a path of the bed is no text")
}
