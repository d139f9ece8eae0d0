//! Every route on one screen. What is around all of them is the [`shell`](crate::shell).

use std::sync::Arc;

use axum::Router;
use axum::http::Method;
use jiff::SignedDuration;
use runtime::clock::Clock;
use utoipa::openapi::{OpenApi, PathItem};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::keys::Keys;
use crate::auth::oidc::Oidc;
use crate::claim::Engine;
use crate::cors::Origins;
use crate::frames::Frames;
use crate::ledger::Ledger;
use crate::limit::Limits;
use crate::metrics::Metrics;
use crate::openapi;
use crate::page::Page;
use crate::routes::orders::{cancel, events as order_events};
use crate::routes::statement::download::Downloads;
use crate::routes::{accounts, events, history, index, me, orders, payments, reference, sales, sessions, statement};
use crate::sales::Sales;

/// What routes work with.
pub struct Edge {
    /// What is for sale.
    pub sales: Arc<Sales>,
    /// Turns requests into orders.
    pub engine: Engine,
    /// Who may.
    pub keys: Arc<Keys>,
    /// How long a session that is made here is good for.
    pub session_life: SignedDuration,
    /// Who else knows people.
    pub oidc: Option<Oidc>,
    /// Which other sites' pages may do what our own may.
    pub origins: Origins,
    /// Who knows what only Postgres knows.
    pub ledger: Ledger,
    /// Who downloads lists of a sale.
    pub downloads: Downloads,
    /// How often somebody may claim.
    pub limits: Arc<Limits>,
    /// What shoppers look at, if it is served from here.
    pub page: Option<Page>,
    /// What viewers of a sale are sent.
    pub frames: Frames,
    /// The time.
    pub clock: Clock,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// The routes. Those for customers take a `Session` and so cannot be reached without one.
pub fn router(edge: Arc<Edge>) -> Router {
    let (router, _) = table().split_for_parts();
    router.fallback(index::elsewhere).with_state(edge)
}

/// What the routes say about themselves.
#[must_use]
pub fn described() -> OpenApi {
    table().into_openapi()
}

/// Every address and method, as the router has them: what tests of who may do what go through.
#[must_use]
pub fn addresses() -> Vec<(Method, String)> {
    let of = |path: String, item: PathItem| {
        let methods = [(Method::GET, item.get), (Method::POST, item.post), (Method::DELETE, item.delete)];
        methods.into_iter().filter_map(move |(method, operation)| operation.map(|_| (method, path.clone())))
    };
    described().paths.paths.into_iter().flat_map(|(path, item)| of(path, item)).collect()
}

/// Each route says beside its code where it is and how it is asked; the router and the document are made from that.
fn table() -> OpenApiRouter<Arc<Edge>> {
    OpenApiRouter::with_openapi(openapi::head())
        // /
        .routes(routes!(index::root))
        .routes(routes!(index::index))
        .routes(routes!(reference::document))
        .routes(routes!(reference::page))
        .routes(routes!(reference::style))
        // /v1/sales/{sale}
        .routes(routes!(sales::list))
        .routes(routes!(sales::one))
        .routes(routes!(events::watch))
        // /v1/sales/{sale}/orders/{order}
        .routes(routes!(orders::list, orders::claim))
        .routes(routes!(orders::one))
        .routes(routes!(order_events::watch))
        .routes(routes!(cancel::cancel))
        .routes(routes!(payments::pay))
        .routes(routes!(payments::refund))
        // /v1/sales/{sale}/statement
        .routes(routes!(statement::settlement))
        .routes(routes!(statement::orders))
        .routes(routes!(statement::download::download))
        // /v1/payments, /v1/orders
        .routes(routes!(payments::callback))
        .routes(routes!(history::orders))
        // /v1/accounts, /v1/sessions
        .routes(routes!(accounts::register))
        .routes(routes!(sessions::sign_in))
        .routes(routes!(sessions::current::current, sessions::current::sign_out))
        .routes(routes!(sessions::oidc::begin))
        .routes(routes!(sessions::oidc::finish))
        // /v1/me
        .routes(routes!(me::me))
        .routes(routes!(me::account))
        .routes(routes!(me::wallets::all))
        .routes(routes!(me::wallets::entries))
}
