//! Every route on one screen. What is around all of them is the [`shell`](crate::shell).

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use runtime::clock::Clock;

use crate::auth::keys::Keys;
use crate::claim::Engine;
use crate::frames::Frames;
use crate::limit::Limits;
use crate::metrics::Metrics;
use crate::problem::Problem;
use crate::routes::orders::{cancel, events as order_events};
use crate::routes::{events, index, orders, sales};
use crate::sales::Sales;

/// What routes work with.
pub struct Edge {
    /// What is for sale.
    pub sales: Arc<Sales>,
    /// Turns requests into orders.
    pub engine: Engine,
    /// Who may.
    pub keys: Arc<Keys>,
    /// How often somebody may claim.
    pub limits: Limits,
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
        .fallback(async || Problem::not_found("There is nothing at this address."))
        .with_state(edge)
}
