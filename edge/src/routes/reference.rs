//! The API described: for programs, and for people.
//!
//! **What must always hold.** The page needs nothing but its own style sheet: no script, no font, nothing of anybody else,
//! and its policy lets nothing else in.
//!
//! **What it costs.** Each is made once, when it is first asked for; who has it already is told only that.

use std::sync::LazyLock;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use bytes::Bytes;

use crate::openapi::parameters::IfNoneMatch;
use crate::{docs, etag, openapi, problem};

const FIVE_MINUTES: HeaderValue = HeaderValue::from_static("public, max-age=300");
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// Something that does not change while the process lives.
struct Fixed {
    bytes: Bytes,
    etag: HeaderValue,
    kind: HeaderValue,
}

impl Fixed {
    fn new(text: String, kind: &'static str) -> Self {
        let etag = etag::strong(text.as_bytes());
        Self { bytes: text.into(), etag, kind: HeaderValue::from_static(kind) }
    }

    fn answer(&self, headers: &HeaderMap) -> Response {
        let mut response = if etag::is_known(headers, &self.etag) {
            problem::not_modified(self.etag.clone())
        } else {
            let mut response = Response::new(Body::from(self.bytes.clone()));
            response.headers_mut().insert(CONTENT_TYPE, self.kind.clone());
            response.headers_mut().insert(ETAG, self.etag.clone());
            response
        };
        response.headers_mut().insert(CACHE_CONTROL, FIVE_MINUTES);
        response
    }
}

/// Describes the API for programs: this document.
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "openapi",
    tag = "About",
    params(IfNoneMatch),
    responses(
        (status = OK, content_type = "application/json", body = serde_json::Value, description = "An OpenAPI 3.1 document", headers(("ETag" = String, description = "For If-None-Match"))),
        (status = NOT_MODIFIED, description = "What you have is still true"),
    ),
    security(()),
)]
pub async fn document(headers: HeaderMap) -> Response {
    static DOCUMENT: LazyLock<Fixed> = LazyLock::new(|| Fixed::new(openapi::text(), "application/json"));
    DOCUMENT.answer(&headers)
}

/// Describes the API for people.
#[utoipa::path(
    get,
    path = "/docs",
    operation_id = "docs",
    tag = "About",
    params(IfNoneMatch),
    responses(
        (status = OK, content_type = "text/html", body = String, description = "A page", headers(("ETag" = String, description = "For If-None-Match"))),
        (status = NOT_MODIFIED, description = "What you have is still true"),
    ),
    security(()),
)]
pub async fn page(headers: HeaderMap) -> Response {
    static PAGE: LazyLock<Fixed> =
        LazyLock::new(|| Fixed::new(docs::page(&openapi::DOCUMENT), "text/html; charset=utf-8"));
    let mut response = PAGE.answer(&headers);
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, PAGE_POLICY);
    response
}

/// Dresses that page.
#[utoipa::path(
    get,
    path = "/docs/style.css",
    operation_id = "docsStyle",
    tag = "About",
    params(IfNoneMatch),
    responses(
        (status = OK, content_type = "text/css", body = String, description = "A style sheet", headers(("ETag" = String, description = "For If-None-Match"))),
        (status = NOT_MODIFIED, description = "What you have is still true"),
    ),
    security(()),
)]
pub async fn style(headers: HeaderMap) -> Response {
    static STYLE: LazyLock<Fixed> = LazyLock::new(|| Fixed::new(docs::STYLE.to_owned(), "text/css; charset=utf-8"));
    STYLE.answer(&headers)
}
