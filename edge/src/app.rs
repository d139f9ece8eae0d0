//! Every route on one screen. What is around all of them is the [`shell`](crate::shell).

use std::sync::Arc;

use axum::Router;
use axum::routing::{delete, get, post};
use jiff::SignedDuration;
use runtime::clock::Clock;

use crate::auth::keys::Keys;
use crate::auth::oidc::Oidc;
use crate::claim::Engine;
use crate::cors::Origins;
use crate::frames::Frames;
use crate::ledger::Ledger;
use crate::limit::Limits;
use crate::metrics::Metrics;
use crate::problem::Problem;
use crate::routes::orders::{cancel, events as order_events};
use crate::routes::{accounts, events, history, index, me, orders, payments, sales, sessions};
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
    /// How often somebody may claim.
    pub limits: Arc<Limits>,
    /// What viewers of a sale are sent.
    pub frames: Frames,
    /// The time.
    pub clock: Clock,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// The routes. Those for customers take a `Session` and so cannot be reached without one.
pub fn router(edge: Arc<Edge>) -> Router {
    Router::new()
        .route("/", get(index::index))
        .route("/v1/sales", get(sales::list))
        .route("/v1/sales/{sale}", get(sales::one))
        .route("/v1/sales/{sale}/events", get(events::watch))
        .route("/v1/sales/{sale}/orders", get(orders::list).post(orders::claim))
        .route("/v1/sales/{sale}/orders/{order}", get(orders::one))
        .route("/v1/sales/{sale}/orders/{order}/events", get(order_events::watch))
        .route("/v1/sales/{sale}/orders/{order}/cancel", post(cancel::cancel))
        .route("/v1/sales/{sale}/orders/{order}/payment", post(payments::pay))
        .route("/v1/sales/{sale}/orders/{order}/refund", post(payments::refund))
        .route("/v1/payments/callback", post(payments::callback))
        .route("/v1/orders", get(history::orders))
        .route("/v1/accounts", post(accounts::register))
        .route("/v1/sessions", post(sessions::sign_in))
        .route("/v1/sessions/current", delete(sessions::sign_out))
        .route("/v1/sessions/oidc", get(sessions::oidc::begin))
        .route("/v1/sessions/oidc/callback", get(sessions::oidc::finish))
        .route("/v1/me", get(me::me))
        .route("/v1/me/wallets", get(me::wallets::all))
        .route("/v1/me/wallets/{currency}/entries", get(me::wallets::entries))
        .fallback(async || Problem::not_found("There is nothing at this address."))
        .with_state(edge)
}
