//! The requests to an issuer.
//!
//! **What must always hold.** Only the configured issuer is asked, and only over TLS, unless the process runs for a
//! demonstration. No redirect is followed, no proxy of the environment is used, no answer above [`ANSWER_BYTES_MAX`] is
//! read, none is waited for longer than [`ANSWER_WITHIN`].

use std::time::Duration;

use anyhow::{Context as _, ensure};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Url};
use runtime::args::SecretFile;
use secrecy::ExposeSecret as _;
use serde::Deserialize;

use super::Error;
use super::keys::KeySet;
use super::token::Refused;

/// How long an answer is waited for.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);
/// Most bytes of an answer.
const ANSWER_BYTES_MAX: usize = 64 * 1_024;

/// Which issuer, and who we are to it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// As it spells itself.
    pub issuer: String,
    /// What it calls us.
    pub client_id: String,
    /// Proves that to it; none for a client that can keep none.
    pub client_secret: Option<SecretFile>,
    /// Where it sends browsers back to: our `/v1/sessions/oidc/callback`, as browsers reach it.
    pub redirect_url: Url,
    /// Whether it may be asked without TLS.
    pub plain: bool,
}

/// Where to ask what.
#[derive(Debug, Clone)]
pub struct Endpoints {
    /// For browsers.
    pub authorization: Url,
    token: Url,
}

/// An issuer.
pub struct Provider {
    settings: Settings,
    client: Client,
    discovery: Url,
}

impl Provider {
    pub(super) fn new(settings: Settings) -> anyhow::Result<Self> {
        let text = format!("{}/.well-known/openid-configuration", settings.issuer.trim_end_matches('/'));
        let discovery = Url::parse(&text).context("--oidc-issuer is no URL")?;
        ensure!(settings.plain || discovery.scheme() == "https", "--oidc-issuer must be an https URL");
        // What is wrong with the secret is said at the start; it is read anew whenever it is used.
        settings.client_secret.as_ref().map(SecretFile::read).transpose()?;
        let client = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .timeout(ANSWER_WITHIN)
            .https_only(!settings.plain)
            .build()
            .context("no HTTP client for the OIDC issuer")?;
        Ok(Self { settings, client, discovery })
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What it says about itself, and its keys.
    pub(super) async fn tell(&self) -> Result<(Endpoints, KeySet), Error> {
        #[derive(Deserialize)]
        struct Document {
            issuer: String,
            authorization_endpoint: String,
            token_endpoint: String,
            jwks_uri: String,
        }
        let unusable = |what: &str| {
            tracing::warn!(oidc.issuer = self.settings.issuer, "the OIDC issuer cannot be used: {what}");
            Error::Away
        };
        let document = self.ask(self.client.get(self.discovery.clone())).await?;
        let document: Document = serde_json::from_slice(&document)
            .map_err(|error| unusable(&format!("its configuration cannot be read: {error}")))?;
        if document.issuer != self.settings.issuer {
            return Err(unusable("it calls itself otherwise"));
        }
        let url = |text: &str| {
            let url = Url::parse(text).ok().filter(|url| self.settings.plain || url.scheme() == "https");
            url.ok_or_else(|| unusable("it names an address that is none, or one without TLS"))
        };
        let authorization = url(&document.authorization_endpoint)?;
        let token = url(&document.token_endpoint)?;
        let keys = self.ask(self.client.get(url(&document.jwks_uri)?)).await?;
        let keys = KeySet::parse(&keys).map_err(|error| unusable(&format!("its keys cannot be read: {error}")))?;
        Ok((Endpoints { authorization, token }, keys))
    }

    /// The ID token that it gives for a code.
    pub(super) async fn exchange(&self, endpoints: &Endpoints, code: &str, verifier: &str) -> Result<String, Error> {
        #[derive(Deserialize)]
        struct Tokens {
            id_token: String,
        }
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", self.settings.redirect_url.as_str()),
            ("code_verifier", verifier),
        ];
        let mut request = self.client.post(endpoints.token.clone());
        match &self.settings.client_secret {
            None => form.push(("client_id", &self.settings.client_id)),
            Some(file) => {
                let secret = file.read().map_err(|error| {
                    tracing::warn!("nobody can sign in by the OIDC issuer: {error}");
                    Error::Away
                })?;
                // Both are written as in a form first (RFC 6749, section 2.3.1).
                let id = form_encoded(&self.settings.client_id);
                request = request.basic_auth(id, Some(form_encoded(secret.expose_secret())));
            }
        }
        let body = self.ask(request.form(&form)).await?;
        let tokens: Tokens = serde_json::from_slice(&body).map_err(|_| Error::Refused(Refused::Code))?;
        Ok(tokens.id_token)
    }

    async fn ask(&self, request: RequestBuilder) -> Result<Vec<u8>, Error> {
        let away = |error: reqwest::Error| {
            tracing::warn!(
                oidc.issuer = self.settings.issuer,
                "the OIDC issuer does not answer: {}",
                error.without_url()
            );
            Error::Away
        };
        let mut answer = request.send().await.map_err(away)?;
        let status = answer.status();
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(away)? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                tracing::warn!(oidc.issuer = self.settings.issuer, "an answer of the OIDC issuer is too large");
                return Err(Error::Away);
            }
            body.extend_from_slice(&chunk);
        }
        if status.is_success() {
            return Ok(body);
        }
        if says_invalid_grant(&body) {
            return Err(Error::Refused(Refused::Code));
        }
        tracing::warn!(oidc.issuer = self.settings.issuer, http.status = status.as_u16(), "the OIDC issuer refuses us");
        Err(Error::Away)
    }
}

/// Whether it is the code that is wrong (RFC 6749, section 5.2), and not what we are set up with.
fn says_invalid_grant(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Complaint {
        error: String,
    }
    serde_json::from_slice::<Complaint>(body).is_ok_and(|complaint| complaint.error == "invalid_grant")
}

/// A text as a form writes it.
fn form_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut written, byte| {
        if byte.is_ascii_alphanumeric() || b"-._*".contains(&byte) {
            written.push(char::from(byte));
        } else {
            written.push_str(&format!("%{byte:02X}"));
        }
        written
    })
}
