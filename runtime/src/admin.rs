//! The second port: `/livez`, `/readyz`, `/metrics`.
//!
//! **What it is for.** The kubelet, Prometheus and whoever is on call. It stays open until the drain is over, so that
//! probes see why a process is unready and the last counts are scraped.
//!
//! **What is deliberately absent.** Anything that changes something, and protection from hostile clients: the port is
//! not exposed beyond the cluster, a network policy says so.

use std::io;
use std::net::SocketAddr;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use tokio::net::TcpListener;

use crate::process::Process;

const ROUTES: &str = "\
/livez    whether the process turns: always ok, unless it does not answer
/readyz   whether shoppers may be sent here, part by part
/metrics  what it counts, for Prometheus
";

/// The admin port cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("the admin port {0} cannot be opened: {1}")]
pub struct Error(SocketAddr, io::Error);

/// Opens the port.
///
/// # Errors
/// [`Error`], when somebody else has it.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address).await.map_err(|error| Error(address, error))
}

/// What is served there.
pub fn router(process: Process) -> Router {
    Router::new()
        .route("/", get(index))
        .route("/livez", get("ok"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(process)
}

async fn index(State(process): State<Process>) -> String {
    format!("{} {}\n\n{ROUTES}", process.component, process.version)
}

async fn readyz(State(process): State<Process>) -> Response {
    let report = process.readiness.report();
    let status = if report.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(report)).into_response()
}

async fn metrics(State(process): State<Process>) -> Response {
    process.shown.show(&process.readiness.report());
    match process.metrics.encode() {
        Ok(text) => ([(CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

#[cfg(test)]
mod tests;
