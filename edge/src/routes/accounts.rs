//! Accounts of our own.
//!
//! **What must always hold.** A password passes through and is kept nowhere. Another site's page cannot make accounts with
//! its visitors' browsers.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use protocol::CustomerId;
use protocol::ask::people::{
    EMAIL_BYTES_MAX, NAME_CHARACTERS_MAX, PASSWORD_CHARACTERS_MAX, Password, Person, Register,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::Edge;
use crate::auth::page::{self, Page};
use crate::problem::{self, How, Problem};
use crate::routes::body::{self, Field, Form, Kind};
use crate::serve::source::Source;

/// Who wants an account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Registration {
    /// What they sign in with; compared without regard to case.
    #[schema(format = "email", max_length = 254, examples("ann@people.example"))]
    email: String,
    /// Proves who they are from now on.
    #[schema(value_type = String, format = "password", min_length = 8, max_length = 128, examples("correct horse battery"))]
    password: Password,
    /// What to call them.
    #[schema(max_length = 100, examples("Ann"))]
    #[serde(default)]
    name: Option<String>,
}

impl Form for Registration {
    const FIELDS: &'static [Field] = &[
        Field { name: "email", required: true, kind: Kind::Text },
        Field { name: "password", required: true, kind: Kind::Text },
        Field { name: "name", required: false, kind: Kind::Text },
    ];
}

/// An account.
#[derive(Serialize, ToSchema)]
#[schema(as = Account)]
pub(super) struct AccountBody {
    /// Whom orders and wallets belong to.
    pub(super) customer: CustomerId,
    /// Where to reach them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) email: Option<String>,
    /// What to call them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
}

/// Makes an account. The same again, with the same password, is the same account.
///
/// # Errors
/// When the address is taken, something breaks a rule, or the ledger is away.
#[utoipa::path(
    post,
    path = "/v1/accounts",
    operation_id = "register",
    tag = "People",
    request_body = Registration,
    responses((status = CREATED, body = AccountBody, description = "The account")),
    extensions(("x-problems" = json!(["account-exists", "forbidden", "busy"]))),
    security(()),
)]
pub async fn register(
    State(edge): State<Arc<Edge>>,
    Extension(Source(source)): Extension<Source>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let (head, request_body) = request.into_parts();
    if page::of(&head.headers, &head.uri, &edge.origins) == Page::Other {
        return Err(Problem::Forbidden { why: "Another site may not make an account for you." });
    }
    let Registration { email, password, name } = body::form(&head.headers, request_body).await?;
    let (email, password) = credentials(email, password)?;
    let plain = |name: &String| name.chars().count() <= NAME_CHARACTERS_MAX && !name.contains(char::is_control);
    if !name.as_ref().is_none_or(plain) {
        let rule = format!("it must be at most {NAME_CHARACTERS_MAX} characters, none of them a control character");
        return Err(Problem::invalid(How::Content, "name", rule));
    }
    let question = Register { email, password, name, source: Some(source) };
    let Person { customer, email, name, .. } = edge.ledger.ask(&question).await?;
    Ok(problem::created(&AccountBody { customer, email, name }, "/v1/me"))
}

/// What cannot be an address or a password is not carried to the ledger, where it would take the place of one.
///
/// # Errors
/// An invalid request, naming the field.
pub(super) fn credentials(email: String, password: Password) -> Result<(String, Password), Problem> {
    if email.is_empty() || email.len() > EMAIL_BYTES_MAX || email.contains(char::is_control) {
        let rule = format!("it must be an address of at most {EMAIL_BYTES_MAX} bytes");
        return Err(Problem::invalid(How::Content, "email", rule));
    }
    if password.0.is_empty() || password.0.chars().count() > PASSWORD_CHARACTERS_MAX {
        let rule = format!("it must be at most {PASSWORD_CHARACTERS_MAX} characters");
        return Err(Problem::invalid(How::Content, "password", rule));
    }
    Ok((email, password))
}
