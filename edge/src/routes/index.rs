//! What is here.

use axum::response::Response;
use serde::Serialize;

use crate::problem;

#[derive(Serialize)]
struct Index {
    name: &'static str,
    version: &'static str,
    sales: &'static str,
}

/// `GET /`
pub async fn index() -> Response {
    problem::found(&Index { name: "sluice-edge", version: env!("CARGO_PKG_VERSION"), sales: "/v1/sales" })
}
