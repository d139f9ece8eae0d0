//! The HTTP client that asks servers whether they are ready.

use std::time::Duration;

use anyhow::Context as _;

/// One answer; a server that takes longer is asked again.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// A client that trusts nobody but `authority` (PEM), if given.
///
/// It keeps no connections: a bed outlives the runtime of the test that started it, a pooled connection does not.
pub(crate) fn client(authority: Option<&str>) -> anyhow::Result<reqwest::Client> {
    let trusted = authority.map(|pem| reqwest::Certificate::from_pem(pem.as_bytes())).transpose()?;
    reqwest::Client::builder()
        .tls_certs_only(trusted)
        .pool_max_idle_per_host(0)
        .timeout(ANSWER_TIMEOUT)
        .build()
        .context("no HTTP client")
}

/// The body of a successful answer; an error that shows the status and the body otherwise.
pub(crate) async fn text(request: reqwest::RequestBuilder) -> anyhow::Result<String> {
    let answer = request.send().await?;
    let status = answer.status();
    let body = answer.text().await?;
    anyhow::ensure!(status.is_success(), "{status}: {}", body.trim());
    Ok(body)
}
