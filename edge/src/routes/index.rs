//! What is here.

use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use crate::problem;

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

/// Tells what this is and where to go on.
#[utoipa::path(
    get,
    path = "/",
    operation_id = "index",
    tag = "About",
    responses((status = OK, body = Index, description = "What is here")),
    security(()),
)]
pub async fn index() -> Response {
    problem::found(&Index {
        name: "sluice-edge",
        version: env!("CARGO_PKG_VERSION"),
        sales: "/v1/sales",
        docs: "/docs",
        openapi: "/openapi.json",
    })
}
