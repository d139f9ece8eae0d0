//! One object out of etcd, and back into it: what restoring a cluster from yesterday's backup does to that object. Its uid
//! is the same, its generation and its status are older, and nobody is asked.

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{ANSWER_TIMEOUT, Kubernetes};
use crate::http;

/// An object as etcd had it.
#[derive(Debug, Clone)]
pub struct Backup {
    /// Both in base64, as etcd's gateway speaks.
    key: String,
    value: String,
}

impl Kubernetes {
    /// Takes a copy of a namespaced custom resource.
    ///
    /// # Errors
    /// When etcd does not have it.
    pub async fn back_up(&self, group: &str, plural: &str, namespace: &str, name: &str) -> anyhow::Result<Backup> {
        let key = STANDARD.encode(format!("/registry/{group}/{plural}/{namespace}/{name}"));
        let found = self.store("range", &json!({ "key": key })).await?;
        let value = found.pointer("/kvs/0/value").and_then(Value::as_str).context("etcd does not have it")?;
        Ok(Backup { key, value: value.to_owned() })
    }

    /// Puts the copy in place of whatever is there now.
    ///
    /// # Errors
    /// When etcd does not take it.
    pub async fn restore(&self, backup: &Backup) -> anyhow::Result<()> {
        self.store("put", &json!({ "key": backup.key, "value": backup.value })).await.map(drop)
    }

    async fn store(&self, verb: &str, body: &Value) -> anyhow::Result<Value> {
        let request = http::client(None)?.post(format!("{}/v3/kv/{verb}", self.store)).json(body);
        Ok(serde_json::from_str(&http::text(request.timeout(ANSWER_TIMEOUT)).await?)?)
    }
}
