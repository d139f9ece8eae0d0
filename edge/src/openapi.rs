//! The API as a document: OpenAPI 3.1, made from the routes and the types that they read and write.
//!
//! **What it is for.** Clients are generated from it and people read it; the copy in `frontend/` is what the page's types
//! are made from.
//!
//! **What must always hold.** The router and the document are made from one list, so that neither has an address that
//! the other has not. Every problem has one schema with a constant `type`, and every operation names those that it can
//! answer with, so that a client can switch over all of them. What the routes say is only what is their own; what follows
//! from the shape of a request or is true of every answer is added [here](finish).
//!
//! **What it costs.** It is made once, when it is first asked for.

mod finish;
pub mod parameters;

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::LazyLock;

use serde_json::Value;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, OpenApi, OpenApiBuilder};

use crate::app;
use crate::auth::cookie;

const ABOUT: &str = "Flash sales: thousands of shoppers in the same second, every unit sold exactly once, an honest answer \
                     to everybody.\n\nEvery no is an `application/problem+json` (RFC 9457) with a stable `type` to switch on, a sentence \
                     that a shopper can read, its numbers, and `retry`: `never`, `later` or `now`. After a timeout, or a `now`, send \
                     exactly the same again with the same `Idempotency-Key`: it gets the same answer, not a second order. Times are \
                     RFC 3339 in UTC; money is whole minor units of a currency.";

/// The parts of the API, in the order in which they are read.
const TAGS: [(&str, &str); 7] = [
    ("Sales", "What is for sale, for everybody."),
    ("Orders", "Claims, and what becomes of them."),
    ("People", "Accounts and sessions."),
    ("Wallets", "What can be spent, and what was."),
    ("Merchants", "What a merchant may do."),
    ("Payment providers", "What a payment provider tells."),
    ("About", "What this is, for people and for programs."),
];

/// The document.
pub static DOCUMENT: LazyLock<Value> = LazyLock::new(|| finish::finish(app::described()));

/// As it is served and committed.
#[must_use]
pub fn text() -> String {
    format!("{:#}\n", *DOCUMENT)
}

/// What the document says before its first route.
#[must_use]
pub fn head() -> OpenApi {
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT");
    let bearer = bearer.description(Some("A session, for programs: `token` of what `POST /v1/sessions` answers."));
    let cookie = ApiKeyValue::with_description(
        cookie::SESSION,
        "A session, for pages: kept by the browser. Whatever changes something must come from a page of ours.",
    );
    let components = ComponentsBuilder::new()
        // Only a header and a query hold one, and those do not bring their types along.
        .schema_from::<protocol::IdempotencyKey>()
        .schema_from::<protocol::ask::statement::SheetOf>()
        .security_scheme("bearer", SecurityScheme::Http(bearer.build()))
        .security_scheme("cookie", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)))
        .build();
    let none: [&str; 0] = [];
    let tag = |(name, about): (&str, &str)| TagBuilder::new().name(name).description(Some(about)).build();
    let info = InfoBuilder::new().title("Sluice").version(env!("CARGO_PKG_VERSION")).description(Some(ABOUT));
    OpenApiBuilder::new()
        .info(
            info.license(Some(
                utoipa::openapi::LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build(),
            ))
            .build(),
        )
        .components(Some(components))
        .tags(Some(TAGS.map(tag)))
        .security(Some(["bearer", "cookie"].map(|scheme| SecurityRequirement::new(scheme, none))))
        .build()
}

/// `sluice-edge openapi`
#[must_use]
pub fn print() -> ExitCode {
    match std::io::stdout().lock().write_all(text().as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sluice-edge: the document cannot be printed: {error}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests;
