//! `FlashSales` of one namespace over the API server's own HTTP interface.
//!
//! What a person does goes through `kubectl`. This is for tests that change many sales many times and have to know the
//! moment at which the server answered, where starting a program for each change would take longer than the change.

use anyhow::Context as _;
use reqwest::{Method, StatusCode};
use serde_json::Value;

use super::{ANSWER_TIMEOUT, Kubernetes};

/// The sales of a namespace, as an administrator changes them. Bound to the runtime it was made in.
#[derive(Debug, Clone)]
pub struct FlashSales {
    client: reqwest::Client,
    base: String,
    token: String,
}

impl Kubernetes {
    /// The sales of a namespace.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn flash_sales(&self, namespace: &str) -> anyhow::Result<FlashSales> {
        let authority = reqwest::Certificate::from_pem(self.authority().as_bytes())?;
        let client = reqwest::Client::builder().tls_certs_only([authority]).timeout(ANSWER_TIMEOUT).build()?;
        let base = format!("{}/apis/sluice.dev/v1alpha1/namespaces/{namespace}/flashsales", self.url());
        Ok(FlashSales { client, base, token: self.admin_token().to_owned() })
    }
}

impl FlashSales {
    /// The resource; `None` when there is none.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn get(&self, name: &str) -> anyhow::Result<Option<Value>> {
        match self.send(Method::GET, &format!("/{name}"), None).await? {
            (StatusCode::NOT_FOUND, _) => Ok(None),
            answer => granted(answer).map(Some),
        }
    }

    /// Makes a sale; the resource as the server keeps it.
    ///
    /// # Errors
    /// With the server's sentence when it refuses.
    pub async fn create(&self, resource: &Value) -> anyhow::Result<Value> {
        granted(self.send(Method::POST, "", Some(("application/json", resource))).await?)
    }

    /// Changes a sale by a merge patch; the resource as the server keeps it then.
    ///
    /// # Errors
    /// With the server's sentence when it refuses.
    pub async fn patch(&self, name: &str, patch: &Value) -> anyhow::Result<Value> {
        let body = Some(("application/merge-patch+json", patch));
        granted(self.send(Method::PATCH, &format!("/{name}"), body).await?)
    }

    /// Asks for a sale to be deleted; its finalizer decides when it is gone.
    ///
    /// # Errors
    /// With the server's sentence when it refuses.
    pub async fn delete(&self, name: &str) -> anyhow::Result<()> {
        granted(self.send(Method::DELETE, &format!("/{name}"), None).await?).map(drop)
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<(&str, &Value)>,
    ) -> anyhow::Result<(StatusCode, Value)> {
        let mut request = self.client.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token);
        if let Some((kind, body)) = body {
            request = request.header("content-type", kind).body(body.to_string());
        }
        let answer = request.send().await.context("the API server does not answer")?;
        let status = answer.status();
        Ok((status, answer.json().await?))
    }
}

fn granted((status, body): (StatusCode, Value)) -> anyhow::Result<Value> {
    let why = body.get("message").and_then(Value::as_str).unwrap_or_default();
    anyhow::ensure!(status.is_success(), "{status}: {why}");
    Ok(body)
}
