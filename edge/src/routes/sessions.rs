//! Signing in and out.
//!
//! **What must always hold.** Our own page gets its session in a cookie that no script can read, and never sees it; whoever
//! is no page gets it in the answer. Another site's page gets neither: else it could sign its visitors in as somebody whom
//! it knows.
//!
//! **What is deliberately absent.** A list of sessions, and their end before their time: they are short.

pub mod current;
pub mod oidc;

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use jiff::Timestamp;
use protocol::CustomerId;
use protocol::ask::people::{Password, Person, SignIn};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::Edge;
use crate::auth::cookie;
use crate::auth::page::{self, Page};
use crate::auth::session::{Role, Session};
use crate::problem::{self, How, Problem};
use crate::routes::accounts::credentials;
use crate::routes::body::{self, Field, Form, Kind};
use crate::serve::source::Source;

/// One of the three ways in: `email` and `password`, `guest`, or `idToken` and the `nonce` that it was asked for with.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schema(as = SignIn)]
struct Entry {
    /// As registered.
    #[serde(default)]
    email: Option<String>,
    /// As registered.
    #[schema(value_type = Option<String>, format = "password", max_length = 128)]
    #[serde(default)]
    password: Option<Password>,
    /// True, and nothing else, for somebody whom nobody knows.
    #[serde(default)]
    guest: Option<bool>,
    /// What another issuer says about somebody.
    #[serde(default)]
    id_token: Option<String>,
    /// What that was asked for with.
    #[serde(default)]
    nonce: Option<String>,
}

impl Form for Entry {
    const FIELDS: &'static [Field] = &[
        Field { name: "email", required: false, kind: Kind::Text },
        Field { name: "password", required: false, kind: Kind::Text },
        Field { name: "guest", required: false, kind: Kind::Flag },
        Field { name: "idToken", required: false, kind: Kind::Text },
        Field { name: "nonce", required: false, kind: Kind::Text },
    ];
}

/// Who is signed in now.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Session)]
struct SessionBody<'a> {
    /// Whom orders and wallets belong to.
    customer: CustomerId,
    /// Whether nobody knows who that is.
    guest: bool,
    /// What they may do beyond buying.
    roles: &'a [Role],
    /// Where to reach them.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    /// What to call them.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// When the session ends.
    expires_at: Timestamp,
    /// What to send as a bearer; pages have it in a cookie instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
}

/// Signs somebody in: by password, as a guest, or by another issuer's ID token.
///
/// A page of ours gets its session in a cookie that no script can read; whoever is no page gets it as `token`.
///
/// # Errors
/// When nobody is identified, or whoever could identify them is away.
#[utoipa::path(
    post,
    path = "/v1/sessions",
    operation_id = "signIn",
    tag = "People",
    request_body(content = Entry, examples(("password" = (value = json!({"email": "ann@people.example", "password": "correct horse battery"}))), ("guest" = (value = json!({"guest": true}))))),
    responses((status = CREATED, body = SessionBody, description = "The session", headers(("Set-Cookie" = String, description = "The session, for pages")))),
    extensions(("x-problems" = json!(["not-signed-in", "forbidden", "not-found", "busy"]))),
    security(()),
)]
pub async fn sign_in(
    State(edge): State<Arc<Edge>>,
    Extension(Source(source)): Extension<Source>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let (head, request_body) = request.into_parts();
    let page = page::of(&head.headers, &head.uri, &edge.origins);
    if page == Page::Other {
        return Err(Problem::Forbidden { why: "Another site may not sign you in." });
    }
    let entry: Entry = body::form(&head.headers, request_body).await?;
    let person = match entry {
        Entry { email: Some(email), password: Some(password), guest: None, id_token: None, nonce: None } => {
            let (email, password) = credentials(email, password)?;
            Some(edge.ledger.ask(&SignIn { email, password, source: Some(source) }).await?)
        }
        Entry { guest: Some(true), email: None, password: None, id_token: None, nonce: None } => None,
        Entry { id_token: Some(token), nonce, email: None, password: None, guest: None } => {
            Some(oidc::exchange(&edge, &token, nonce.as_deref()).await?)
        }
        _ => {
            const RULE: &str =
                "send email and password, or guest: true, or idToken with the nonce that it was asked for";
            return Err(Problem::invalid(How::Content, "body", RULE));
        }
    };
    let issued = Issued::make(&edge, person.as_ref())?;
    let token = (page == Page::None).then_some(issued.token.as_str());
    let (email, name) = person.map(|person| (person.email, person.name)).unwrap_or_default();
    let Session { customer, guest, ref roles } = issued.session;
    let body = SessionBody { customer, guest, roles, email, name, expires_at: issued.expires, token };
    let mut response = problem::created(&body, "/v1/me");
    if page == Page::Own {
        issued.keep(&edge, &mut response);
    }
    Ok(response)
}

/// A session that was just made.
struct Issued {
    session: Session,
    token: String,
    expires: Timestamp,
}

impl Issued {
    /// Of this person, or of a guest whom nobody knows and nobody will know again.
    fn make(edge: &Edge, person: Option<&Person>) -> Result<Self, Problem> {
        let session = match person {
            Some(person) => Session {
                customer: person.customer,
                guest: false,
                roles: if person.merchant { vec![Role::Merchant] } else { Vec::new() },
            },
            None => Session { customer: edge.keys.guest(rand::random()), guest: true, roles: Vec::new() },
        };
        let now = edge.clock.now();
        let expires = now.checked_add(edge.session_life).unwrap_or(now);
        let token = edge.keys.ring().sign(&session, now, expires).map_err(|error| {
            tracing::error!("no session can be signed: {error}");
            Problem::Internal
        })?;
        Ok(Self { session, token, expires })
    }

    fn keep(&self, edge: &Edge, response: &mut Response) {
        cookie::keep(response, cookie::SESSION, &self.token, edge.session_life);
    }
}
