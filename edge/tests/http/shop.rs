//! An edge, the sales that it has, and people.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::ensure;
use edge::auth::session::{Keyring, Role, Session};
use jiff::SignedDuration;
use protocol::CustomerId;
use protocol::key::Installation;
use protocol::sale::Definition;
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use runtime::clock::Clock;
use runtime::registry::Table;
use secrecy::SecretString;
use serde_json::{Value, json};
use testbed::{Bed, Service, eventually, free_port};
use tokio::sync::OnceCell;

use crate::{document, provision};

pub(crate) const SESSION_KEY: &str = "a session key of the tests, long enough to be one";
pub(crate) const CUSTOMER_KEY: &str = "a customer key of the tests, long enough to be one";
/// How long anything may take that is about to happen.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// Never dropped: its process ends with the bed.
static SHARED: OnceCell<Edge> = OnceCell::const_new();

/// A running edge.
pub(crate) struct Edge {
    pub(crate) service: Service,
    pub(crate) address: String,
    pub(crate) admin: String,
    pub(crate) installation: Installation,
}

impl Edge {
    /// One that nobody else uses.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let edge = Self::spawn(&[]).await?;
        edge.service.wait_ready(&format!("http://{}", edge.admin)).await?;
        Ok(edge)
    }

    /// One with these arguments too, which need not become ready.
    pub(crate) async fn spawn(more: &[&str]) -> anyhow::Result<Self> {
        let name = Bed::shared().await?.unique("edge");
        Self::of_installation(&name, more).await
    }

    /// One more edge of an installation.
    pub(crate) async fn of_installation(name: &str, more: &[&str]) -> anyhow::Result<Self> {
        let bed = Bed::shared().await?;
        let session_key = place(bed, "session.key", SESSION_KEY)?;
        let customer_key = place(bed, "customer.key", CUSTOMER_KEY)?;
        let (address, admin) = (format!("127.0.0.1:{}", free_port()?), format!("127.0.0.1:{}", free_port()?));
        let arguments = [
            "run".to_owned(),
            format!("--listen={address}"),
            format!("--admin-addr={admin}"),
            format!("--nats-url={}", bed.nats().await?.url()),
            format!("--installation={name}"),
            format!("--customer-key-file={}", customer_key.display()),
        ];
        let keys = format!("--session-key-file={}", session_key.display());
        let has_keys = more.iter().any(|argument| argument.starts_with("--session-key-file"));
        let arguments = arguments.into_iter().chain((!has_keys).then_some(keys));
        let arguments = arguments.chain(more.iter().map(|argument| (*argument).to_owned()));
        let installation = Installation::parse(name).map_err(anyhow::Error::msg)?;
        // An edge is ready once it has read the table of sales, so there has to be one.
        let client = async_nats::connect(bed.nats().await?.url()).await?;
        let table = Table::<Definition>::new(client, installation.sales_bucket());
        eventually(SOON, "the table of sales", async || Ok(table.create(1).await?)).await?;
        let service = Service::spawn(bed, &bed.unique(name), "sluice-edge", arguments, [])?;
        Ok(Self { service, address, admin, installation })
    }

    /// One that is ready, with these arguments too.
    pub(crate) async fn with(more: &[&str]) -> Self {
        let edge = Self::spawn(more).await.unwrap();
        edge.service.wait_ready(&format!("http://{}", edge.admin)).await.unwrap();
        edge
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A session of its installation.
    pub(crate) fn session(&self, name: &str) -> String {
        token(&self.installation, name, false, &[], 3_600)
    }

    /// What it counts under this name.
    pub(crate) async fn count(&self, series: &str) -> f64 {
        let page = reqwest::get(format!("http://{}/metrics", self.admin)).await.unwrap().text().await.unwrap();
        let line =
            page.lines().find_map(|line| line.strip_prefix(series)).unwrap_or_else(|| panic!("{series}: {page}"));
        line.trim().parse().unwrap()
    }

    /// What a part of its readiness says, and that it is ready whatever that is.
    pub(crate) async fn part(&self, name: &str) -> Value {
        let answer = reqwest::get(format!("http://{}/readyz", self.admin)).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let report: Value = answer.json().await.unwrap();
        report["parts"].as_array().unwrap().iter().find(|part| part["name"] == name).unwrap().clone()
    }

    /// The one that most tests share.
    pub(crate) async fn shared() -> &'static Self {
        SHARED.get_or_try_init(Self::start).await.unwrap()
    }

    /// Provisions a sale and waits until the edge has it.
    pub(crate) async fn sell(&self, draft: Definition) -> Sale {
        let nats = async_nats::connect(Bed::shared().await.unwrap().nats().await.unwrap().url()).await.unwrap();
        let definition = provision::provision(&nats, &self.installation, draft, 1).await.unwrap();
        let sale = Sale {
            url: format!("http://{}/v1/sales/{}", self.address, definition.sale),
            http: Client::new(),
            installation: self.installation.clone(),
            nats,
            definition,
        };
        eventually(SOON, "the sale at the edge", async || {
            let answer = sale.http.get(&sale.url).send().await?;
            ensure!(answer.status() == StatusCode::OK, "{}", answer.status());
            let body: Value = answer.json().await?;
            ensure!(body["items"][0]["free"].is_u64(), "the stock is not known yet: {body}");
            Ok(())
        })
        .await
        .unwrap();
        sale
    }
}

/// A sale at an edge.
pub(crate) struct Sale {
    pub(crate) url: String,
    pub(crate) http: Client,
    pub(crate) installation: Installation,
    pub(crate) nats: async_nats::Client,
    pub(crate) definition: Definition,
}

impl Sale {
    pub(crate) fn orders(&self) -> String {
        format!("{}/orders", self.url)
    }

    /// A claim with nothing wrong with it.
    pub(crate) fn claim(&self, token: &str, key: &str, quantity: u32) -> RequestBuilder {
        self.http
            .post(self.orders())
            .bearer_auth(token)
            .header("idempotency-key", key)
            .json(&json!({ "sku": "shoe", "quantity": quantity }))
    }

    /// Publishes a changed definition, stamped on every bucket as the operator would.
    pub(crate) async fn redefine(&mut self, change: impl FnOnce(&mut Definition)) {
        change(&mut self.definition);
        self.definition.generation.0 += 1;
        provision::restamp(&self.nats, &self.installation, &self.definition).await.unwrap();
    }

    /// Takes it from the table, as the operator does in the end.
    pub(crate) async fn delete(&self) {
        let table = Table::<Definition>::new(self.nats.clone(), self.installation.sales_bucket());
        let sale = self.definition.sale.as_str();
        eventually(SOON, "the sale to be deleted", async || Ok(table.delete(sale).await?)).await.unwrap();
    }

    pub(crate) async fn free(&self) -> u32 {
        provision::free(&self.nats, &self.definition, "shoe").await.unwrap()
    }

    /// A session of this edge's installation.
    pub(crate) fn session(&self, name: &str) -> String {
        token(&self.installation, name, false, &[], 3_600)
    }

    pub(crate) fn guest(&self, name: &str) -> String {
        token(&self.installation, name, true, &[], 3_600)
    }

    pub(crate) fn merchant(&self, name: &str) -> String {
        token(&self.installation, name, false, &[Role::Merchant], 3_600)
    }

    pub(crate) fn expired(&self, name: &str) -> String {
        token(&self.installation, name, false, &[Role::Merchant], -1)
    }
}

/// Writes a file of the bed that a process of another test may read at this moment: whole, or as it was.
pub(crate) fn place(bed: &Bed, name: &str, content: &str) -> anyhow::Result<PathBuf> {
    let (path, fresh) = (bed.folder().join(name), bed.folder().join(bed.unique(name)));
    std::fs::write(&fresh, content)?;
    std::fs::rename(&fresh, &path)?;
    Ok(path)
}

pub(crate) fn customer(name: &str) -> CustomerId {
    CustomerId::derive(CUSTOMER_KEY.as_bytes(), "sluice", name)
}

pub(crate) fn ring(installation: &Installation) -> Keyring {
    Keyring::new(installation, &[SecretString::from(SESSION_KEY)]).unwrap()
}

fn token(installation: &Installation, name: &str, guest: bool, roles: &[Role], seconds: i64) -> String {
    let session = Session { customer: customer(name), guest, roles: roles.to_vec() };
    let now = Clock::system().now();
    ring(installation).sign(&session, now, now + SignedDuration::from_secs(seconds)).unwrap()
}

/// The answer; while it is that the edge is busy or that nobody knows yet, the same is asked again, as shoppers are told to.
pub(crate) async fn answered(request: RequestBuilder) -> Response {
    eventually(SOON, "an answer that is one", async || {
        let answer = request.try_clone().unwrap().send().await?;
        ensure!(![202, 503].contains(&answer.status().as_u16()), "{}", answer.text().await?);
        Ok(answer)
    })
    .await
    .unwrap()
}

/// The status, the name of the problem, and the whole body.
pub(crate) async fn problem(answer: Response) -> (u16, String, Value) {
    let (status, path) = (answer.status().as_u16(), answer.url().path().to_owned());
    let kind = answer.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
    let text = answer.text().await.unwrap();
    assert_eq!(kind.as_deref(), Some("application/problem+json"), "{status}: {text}");
    let body: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(body["status"], status, "{body}");
    for text in ["type", "title", "detail"] {
        assert!(body[text].as_str().is_some_and(|text| !text.is_empty()), "{text} is missing in {body}");
    }
    assert!(["never", "later", "now"].contains(&body["retry"].as_str().unwrap()), "{body}");
    document::assert_problem(&path, status, &body);
    let name = body["type"].as_str().unwrap().strip_prefix("https://sluice.dev/problems/").unwrap().to_owned();
    (status, name, body)
}
