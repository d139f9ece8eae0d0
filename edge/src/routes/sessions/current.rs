//! The session that a request comes with: whose it is, and its end.
//!
//! **What must always hold.** Asking is answered with a yes whoever asks, and changes nothing, not even a cookie that is good
//! for nothing: a browser forgets that by itself when its time is over, and an answer that comes late must not take away a
//! session that was made meanwhile.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use jiff::Timestamp;
use protocol::CustomerId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::Edge;
use crate::auth::page::{self, Page};
use crate::auth::session::{Role, Session};
use crate::auth::{Perhaps, cookie};
use crate::problem::{self, Problem};
use crate::routes::sales::Timed;

/// Whether anybody is signed in, and how somebody can be.
#[derive(Serialize, ToSchema)]
#[schema(as = Current)]
struct CurrentBody<'a> {
    /// Who is signed in; left out when nobody is, or not any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<SignedIn<'a>>,
    /// How somebody can sign in here, beside as a guest.
    ways: Ways,
}

/// Who is signed in, as the session says.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SignedIn<'a> {
    /// Whom orders and wallets belong to.
    customer: CustomerId,
    /// Whether nobody knows who that is.
    guest: bool,
    /// As the session has them: those are what counts until it ends.
    roles: &'a [Role],
    /// When the session ends.
    expires_at: Timestamp,
}

/// How somebody can sign in.
#[derive(Serialize, ToSchema)]
struct Ways {
    /// With an account of our own.
    password: bool,
    /// At an OpenID Connect issuer: send the browser to `/v1/sessions/oidc`.
    oidc: bool,
}

/// Tells whether anybody is signed in: for a page that starts, to which nobody is no error.
#[utoipa::path(
    get,
    path = "/v1/sessions/current",
    operation_id = "currentSession",
    tag = "People",
    responses((status = OK, body = Timed<CurrentBody>, description = "Whether anybody is signed in, and how somebody can be")),
    security((), ("bearer" = []), ("cookie" = [])),
)]
pub async fn current(State(edge): State<Arc<Edge>>, Perhaps(session): Perhaps) -> Response {
    let session = session.as_ref().map(|(Session { customer, guest, roles }, expires)| SignedIn {
        customer: *customer,
        guest: *guest,
        roles,
        expires_at: *expires,
    });
    let ways = Ways { password: true, oidc: edge.oidc.is_some() };
    problem::found(&Timed { server_time: edge.clock.now(), value: CurrentBody { session, ways } })
}

/// Signs out: whatever a browser has of ours, it forgets. That needs no session that is still good.
///
/// # Errors
/// When another site's page asks.
#[utoipa::path(
    delete,
    path = "/v1/sessions/current",
    operation_id = "signOut",
    tag = "People",
    responses((status = NO_CONTENT, description = "It is forgotten", headers(("Set-Cookie" = String, description = "Nothing, in the place of the session")))),
    extensions(("x-problems" = json!(["forbidden"]))),
    security(()),
)]
pub async fn sign_out(State(edge): State<Arc<Edge>>, request: Request<Body>) -> Result<Response, Problem> {
    if page::of(request.headers(), request.uri(), &edge.origins) == Page::Other {
        return Err(Problem::Forbidden { why: "Another site may not sign you out." });
    }
    let mut response = problem::done();
    cookie::forget(&mut response, cookie::SESSION);
    Ok(response)
}
