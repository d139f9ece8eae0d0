//! Signing in by another issuer: a browser is sent there and comes back (code and PKCE), or brings a token that it has.
//!
//! **What must always hold.** Whoever comes back is the browser that was sent away: state, nonce and the secret of the
//! exchange lie in a signed cookie of that browser, for ten minutes and for one return. A browser is sent on to a path of
//! ours only. Where a page is served, a browser that cannot be signed in lands on it, with the name of the problem: people
//! cannot do anything with a problem that is written for programs.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse as _, Response};
use jiff::SignedDuration;
use protocol::ask::people::{Exchange, Person};
use serde::Deserialize;
use utoipa::IntoParams;

use super::Issued;
use crate::app::Edge;
use crate::auth::cookie;
use crate::auth::oidc::token::Identity;
use crate::auth::oidc::{Error, Journey, Oidc};
use crate::page::{SIGN_IN_PROBLEM, wants_page};
use crate::problem::{self, How, Problem};
use crate::routes::query;

/// How long somebody may be away at the issuer.
const JOURNEY: SignedDuration = SignedDuration::from_mins(10);
/// What the cookie is sealed for.
const PURPOSE: &str = "oidc";
/// Longest path to come back to.
const BACK_BYTES_MAX: usize = 512;
const RULE: &str = "the issuer adds what stands here; begin at /v1/sessions/oidc";

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct Begin {
    /// The path of this site to come back to.
    #[param(max_length = 512, example = "/")]
    #[serde(default)]
    return_to: Option<String>,
}

/// An issuer may add things that we do not know.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Return {
    /// What the issuer gives tokens for.
    #[serde(default)]
    code: Option<String>,
    /// What the browser was sent away with.
    #[serde(default)]
    state: Option<String>,
    /// Who sends it back.
    #[serde(default)]
    iss: Option<String>,
    /// Why nobody is signed in.
    #[serde(default)]
    error: Option<String>,
}

/// Sends a browser to the OpenID Connect issuer, to sign in there.
#[utoipa::path(
    get,
    path = "/v1/sessions/oidc",
    operation_id = "beginOidc",
    tag = "People",
    params(Begin),
    responses((status = SEE_OTHER, description = "Go there; where the shop has a page, a browser that cannot be sent there is sent to /sign-in?problem= with the name", headers(("Set-Cookie" = String, description = "What was begun, for ten minutes")))),
    extensions(("x-problems" = json!(["not-found", "busy"]))),
    security(()),
)]
pub async fn begin(State(edge): State<Arc<Edge>>, headers: HeaderMap, uri: Uri) -> Response {
    sent(&edge, &uri).await.unwrap_or_else(|problem| shown(&edge, &headers, problem))
}

async fn sent(edge: &Edge, uri: &Uri) -> Result<Response, Problem> {
    let Begin { return_to } = query::read(uri, "only returnTo is taken, once")?;
    let back = return_to.unwrap_or_else(|| "/".to_owned());
    if !is_path(&back) {
        return Err(Problem::invalid(How::Content, "returnTo", "it must be a path of this site"));
    }
    let (url, journey) = issuer(edge)?.begin(&back).await.map_err(told)?;
    let expires = edge.clock.now().checked_add(JOURNEY).unwrap_or_default();
    let sealed = edge.keys.ring().seal(PURPOSE, &journey, expires).map_err(|error| {
        tracing::error!("nobody can be sent to the OIDC issuer: {error}");
        Problem::Internal
    })?;
    let mut response = problem::see_other(&url);
    cookie::keep(&mut response, cookie::SIGNING_IN, &sealed, JOURNEY);
    Ok(response)
}

/// Takes a browser back from the OpenID Connect issuer and signs it in.
#[utoipa::path(
    get,
    path = "/v1/sessions/oidc/callback",
    operation_id = "finishOidc",
    tag = "People",
    params(Return),
    responses((status = SEE_OTHER, description = "Go where you came from; where the shop has a page, a browser that is not signed in is sent to /sign-in?problem= with the name", headers(("Set-Cookie" = String, description = "The session")))),
    extensions(("x-problems" = json!(["not-found", "not-signed-in", "busy"]))),
    security(()),
)]
pub async fn finish(State(edge): State<Arc<Edge>>, headers: HeaderMap, uri: Uri) -> Response {
    let mut response = returned(&edge, &headers, &uri).await.unwrap_or_else(|problem| shown(&edge, &headers, problem));
    // One return, however it ends.
    cookie::forget(&mut response, cookie::SIGNING_IN);
    response
}

async fn returned(edge: &Edge, headers: &HeaderMap, uri: &Uri) -> Result<Response, Problem> {
    const LOST: Problem =
        Problem::NotSignedIn { why: "This sign-in was not begun here, or too long ago: begin again." };
    let oidc = issuer(edge)?;
    let Return { code, state, iss, error } = query::read(uri, RULE)?;
    let sealed = cookie::value(headers, cookie::SIGNING_IN).ok_or(LOST)?;
    let journey: Journey = edge.keys.ring().open(PURPOSE, sealed, edge.clock.now()).map_err(|_| LOST)?;
    // Random on both sides: how long a comparison takes tells nothing that helps to guess 256 bits.
    if state.as_deref() != Some(journey.state.as_str()) || iss.is_some_and(|iss| !oidc.is_issuer(&iss)) {
        return Err(LOST);
    }
    let code = match (code, error) {
        (Some(code), None) => code,
        _ => return Err(Problem::NotSignedIn { why: "The issuer did not sign you in." }),
    };
    let identity = oidc.finish(&code, &journey).await.map_err(told)?;
    let person = known(edge, identity).await?;
    let mut response = problem::see_other(&journey.back);
    Issued::make(edge, Some(&person))?.keep(edge, &mut response);
    Ok(response)
}

/// How somebody is told that they are not signed in.
fn shown(edge: &Edge, headers: &HeaderMap, problem: Problem) -> Response {
    if edge.page.is_some() && wants_page(headers) {
        return problem::see_other(&format!("{SIGN_IN_PROBLEM}{}", problem.name()));
    }
    problem.into_response()
}

/// Who is meant by an ID token.
pub(super) async fn exchange(edge: &Edge, token: &str, nonce: Option<&str>) -> Result<Person, Problem> {
    let identity = issuer(edge)?.identify(token, nonce).await.map_err(told)?;
    known(edge, identity).await
}

/// The ledger keeps who it is, so that what they order can be sent to them.
async fn known(edge: &Edge, identity: Identity) -> Result<Person, Problem> {
    let Identity { issuer, subject, email, name } = identity;
    Ok(edge.ledger.ask(&Exchange { issuer, subject, email, name }).await?)
}

fn issuer(edge: &Edge) -> Result<&Oidc, Problem> {
    edge.oidc.as_ref().ok_or_else(|| Problem::not_found("Nobody signs in by another issuer here."))
}

fn told(error: Error) -> Problem {
    match error {
        Error::Away => crate::claim::BUSY.into(),
        Error::Refused(refused) => {
            tracing::debug!("an identity was refused: {refused}");
            Problem::NotSignedIn { why: "The issuer's word was not accepted: sign in again." }
        }
    }
}

/// Whether this is a path and nothing that a browser takes for another site's address.
fn is_path(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
    text.starts_with('/') && !text.starts_with("//") && text.len() <= BACK_BYTES_MAX && text.bytes().all(plain)
}

#[cfg(test)]
mod tests;
