//! What is here: for shoppers the page, for programs where to go on.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::Edge;
use crate::openapi::parameters::IfNoneMatch;
use crate::page;
use crate::problem::{self, Problem};

/// What this is, and where to go on.
#[derive(Serialize, ToSchema)]
#[schema(as = Index)]
struct Index {
    /// The program.
    #[schema(examples("sluice-edge"))]
    name: &'static str,
    /// Its release.
    #[schema(examples("0.1.0"))]
    version: &'static str,
    /// Where the sales are.
    #[schema(examples("/v1/sales"))]
    sales: &'static str,
    /// Where all of this is described for people.
    #[schema(examples("/docs"))]
    docs: &'static str,
    /// Where it is described for programs.
    #[schema(examples("/openapi.json"))]
    openapi: &'static str,
}

/// Shows the shoppers' page to browsers, where it is served, and tells programs what this is and where to go on.
#[utoipa::path(
    get,
    path = "/",
    operation_id = "root",
    tag = "About",
    params(IfNoneMatch),
    responses(
        (status = OK, description = "The page, or what is here", content((Index = "application/json"), (String = "text/html")), headers(("ETag" = String, description = "Of the page, for If-None-Match"))),
        (status = NOT_MODIFIED, description = "The page that you have is still true"),
    ),
    security(()),
)]
pub async fn root(State(edge): State<Arc<Edge>>, headers: HeaderMap) -> Response {
    let Some(page) = &edge.page else { return described() };
    if page::wants_page(&headers) {
        return page.index(&headers);
    }
    let mut response = described();
    page::vary_by_type(&mut response);
    response
}

/// Tells what this is and where to go on.
#[utoipa::path(
    get,
    path = "/v1",
    operation_id = "index",
    tag = "About",
    responses((status = OK, body = Index, description = "What is here")),
    security(()),
)]
pub async fn index() -> Response {
    described()
}

/// What is at every other address: a file of the page, the page itself where a browser navigates, as it has addresses of
/// its own, or nothing.
pub async fn elsewhere(State(edge): State<Arc<Edge>>, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let reads = method == Method::GET || method == Method::HEAD;
    let page = edge.page.as_ref().filter(|_| reads);
    let answer = page.and_then(|page| page.answer(uri.path(), &headers));
    answer.unwrap_or_else(|| Problem::not_found("There is nothing at this address.").into_response())
}

fn described() -> Response {
    problem::found(&Index {
        name: "sluice-edge",
        version: env!("CARGO_PKG_VERSION"),
        sales: "/v1/sales",
        docs: "/docs",
        openapi: "/openapi.json",
    })
}
