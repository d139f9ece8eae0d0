//! Who am I.
//!
//! **What must always hold.** A session says enough to buy with, so a page learns who it is signed in as while the ledger is
//! away; what only the ledger knows is missing then, and the answer says so. Whoever asks for that alone is told to come back.

pub mod wallets;

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use protocol::CustomerId;
use protocol::ask::No;
use protocol::ask::people::{Person, Profile};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::Edge;
use crate::auth::session::{Role, Session};
use crate::ledger::Unanswered;
use crate::problem::{self, Problem};
use crate::routes::accounts::AccountBody;

/// Somebody who is signed in.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Me)]
struct MeBody<'a> {
    /// Whom orders and wallets belong to.
    customer: CustomerId,
    /// Whether nobody knows who that is.
    guest: bool,
    /// As the session has them: those are what counts until it ends.
    roles: &'a [Role],
    /// Where to reach them.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    /// What to call them.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Whether the ledger was heard: an address that is missing may be there.
    complete: bool,
}

/// Tells who is signed in.
#[utoipa::path(
    get,
    path = "/v1/me",
    operation_id = "me",
    tag = "People",
    responses((status = OK, body = MeBody, description = "Who is signed in")),
)]
pub async fn me(State(edge): State<Arc<Edge>>, session: Session) -> Response {
    let Session { customer, guest, roles } = session;
    let profile = if guest { Err(Unanswered::No(No::NotFound)) } else { edge.ledger.ask(&Profile { customer }).await };
    let complete = matches!(profile, Ok(_) | Err(Unanswered::No(No::NotFound)));
    let (email, name) = profile.map(|person| (person.email, person.name)).unwrap_or_default();
    problem::found(&MeBody { customer, guest, roles: &roles, email, name, complete })
}

/// Tells how the account of whoever is signed in is kept: where to reach them, and what to call them.
///
/// # Errors
/// When there is none, as for a guest, or the ledger is away.
#[utoipa::path(
    get,
    path = "/v1/me/account",
    operation_id = "myAccount",
    tag = "People",
    responses((status = OK, body = AccountBody, description = "The account")),
    extensions(("x-problems" = json!(["not-found", "busy"]))),
)]
pub async fn account(State(edge): State<Arc<Edge>>, session: Session) -> Result<Response, Problem> {
    const NONE: &str = "You have no account here.";
    if session.guest {
        return Err(Problem::not_found(NONE));
    }
    match edge.ledger.ask(&Profile { customer: session.customer }).await {
        Ok(Person { customer, email, name, .. }) => Ok(problem::found(&AccountBody { customer, email, name })),
        Err(Unanswered::No(No::NotFound)) => Err(Problem::not_found(NONE)),
        Err(unanswered) => Err(unanswered.into()),
    }
}
