//! A request for every address that the router has, with nothing wrong with it but who asks.

use reqwest::{Method, RequestBuilder};
use serde_json::json;

use crate::shop::{Edge, Sale};

/// Whether an address is for people with a session.
pub(crate) fn protected(path: &str) -> bool {
    let open = [
        "/",
        "/openapi.json",
        "/docs",
        "/docs/style.css",
        "/v1",
        "/v1/sales",
        "/v1/sales/{sale}",
        "/v1/sales/{sale}/events",
        "/v1/payments/callback",
    ];
    let ways_in =
        ["/v1/accounts", "/v1/sessions", "/v1/sessions/current", "/v1/sessions/oidc", "/v1/sessions/oidc/callback"];
    !open.contains(&path) && !ways_in.contains(&path)
}

/// The request, still without a session.
pub(crate) fn ask(edge: &Edge, sale: &Sale, order: &str, method: &Method, path: &str) -> RequestBuilder {
    let path =
        path.replace("{sale}", sale.definition.sale.as_str()).replace("{order}", order).replace("{currency}", "EUR");
    let query = if path.ends_with("/download") { "?of=orders" } else { "" };
    let request = sale.http.request(method.clone(), edge.url(&path) + query);
    if *method != Method::POST {
        return request;
    }
    let request = request.header("idempotency-key", "table");
    match path.rsplit('/').next() {
        Some("orders") => request.json(&json!({ "sku": "shoe", "quantity": 1 })),
        Some("accounts") => request.json(&json!({ "email": "ann@people.example", "password": "a long password" })),
        Some("sessions") => request.json(&json!({ "guest": true })),
        _ => request,
    }
}
