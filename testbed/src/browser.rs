//! A browser, as far as signing in at an issuer needs one: it keeps cookies, goes where it is told to when that is asked of
//! it, and fills in the issuer's forms.
//!
//! What must always hold: it sends every cookie to everybody, which no real one does. So it shows that a way through works,
//! never that a wrong one is closed.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail, ensure};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response, Url};

/// How many pages an issuer shows or sends us on to before it sends us back.
const STEPS_MAX: usize = 20;

/// What it is and what it keeps.
#[derive(Debug)]
pub struct Browser {
    /// Follows nothing by itself.
    pub http: Client,
    /// By name.
    pub cookies: BTreeMap<String, String>,
}

impl Browser {
    /// One that was never used.
    ///
    /// # Errors
    /// When there is no HTTP client.
    pub fn new() -> anyhow::Result<Self> {
        let http = Client::builder().redirect(Policy::none()).build().context("no HTTP client")?;
        Ok(Self { http, cookies: BTreeMap::new() })
    }

    /// A request with the cookies that it has.
    pub fn with_cookies(&self, request: RequestBuilder) -> RequestBuilder {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        request.header("cookie", cookies.join("; "))
    }

    /// Sends a request with the cookies that it has, and keeps those of the answer.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn send(&mut self, request: RequestBuilder) -> anyhow::Result<Response> {
        let answer = self.with_cookies(request).send().await?;
        for line in answer.headers().get_all("set-cookie") {
            let (name, value) =
                line.to_str()?.split(';').next().and_then(|pair| pair.split_once('=')).context("cookie")?;
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Ok(answer)
    }

    /// Signs in at an issuer as `name`, from where we were sent until we are sent back to an address that begins with
    /// `back`; that address.
    ///
    /// # Errors
    /// When the issuer shows something else, or never sends us back.
    pub async fn sign_in(&mut self, start: Url, name: &str, back: &str) -> anyhow::Result<Url> {
        let mut url = start;
        let mut answer = self.send(self.http.get(url.clone())).await?;
        for _ in 0..STEPS_MAX {
            if let Some(next) = answer.headers().get("location") {
                url = url.join(next.to_str()?)?;
                if url.as_str().starts_with(back) {
                    return Ok(url);
                }
                answer = self.send(self.http.get(url.clone())).await?;
                continue;
            }
            let status = answer.status();
            let page = answer.text().await?;
            let prompt = if page.contains("value=\"login\"") { "login" } else { "consent" };
            ensure!(page.contains(&format!("value=\"{prompt}\"")), "{status}: {page}");
            let form = [("prompt", prompt), ("login", name), ("password", "anything")];
            answer = self.send(self.http.post(url.clone()).form(&form)).await?;
        }
        bail!("the issuer never sent the browser back")
    }
}
