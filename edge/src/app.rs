//! Every route on one screen. What is around all of them is the [`shell`](crate::shell).

use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodRouter, delete, get, post};
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
    let fallback = async || Problem::not_found("There is nothing at this address.");
    table().router.fallback(fallback).with_state(edge)
}

/// Every address and method, as the router has them: what tests of who may do what go through.
#[must_use]
pub fn addresses() -> Vec<(Method, &'static str)> {
    table().addresses
}

fn table() -> Table {
    Table::default()
        .get("/", index::index)
        .get("/v1/sales", sales::list)
        .get("/v1/sales/{sale}", sales::one)
        .get("/v1/sales/{sale}/events", events::watch)
        .get("/v1/sales/{sale}/orders", orders::list)
        .post("/v1/sales/{sale}/orders", orders::claim)
        .get("/v1/sales/{sale}/orders/{order}", orders::one)
        .get("/v1/sales/{sale}/orders/{order}/events", order_events::watch)
        .post("/v1/sales/{sale}/orders/{order}/cancel", cancel::cancel)
        .post("/v1/sales/{sale}/orders/{order}/payment", payments::pay)
        .post("/v1/sales/{sale}/orders/{order}/refund", payments::refund)
        .post("/v1/payments/callback", payments::callback)
        .get("/v1/orders", history::orders)
        .post("/v1/accounts", accounts::register)
        .post("/v1/sessions", sessions::sign_in)
        .delete("/v1/sessions/current", sessions::sign_out)
        .get("/v1/sessions/oidc", sessions::oidc::begin)
        .get("/v1/sessions/oidc/callback", sessions::oidc::finish)
        .get("/v1/me", me::me)
        .get("/v1/me/wallets", me::wallets::all)
        .get("/v1/me/wallets/{currency}/entries", me::wallets::entries)
}

/// Routes, and a list of them: a router cannot be asked what it has.
#[derive(Default)]
struct Table {
    router: Router<Arc<Edge>>,
    addresses: Vec<(Method, &'static str)>,
}

impl Table {
    fn get<T: 'static>(self, path: &'static str, handler: impl Handler<T, Arc<Edge>>) -> Self {
        self.with(Method::GET, path, get(handler))
    }

    fn post<T: 'static>(self, path: &'static str, handler: impl Handler<T, Arc<Edge>>) -> Self {
        self.with(Method::POST, path, post(handler))
    }

    fn delete<T: 'static>(self, path: &'static str, handler: impl Handler<T, Arc<Edge>>) -> Self {
        self.with(Method::DELETE, path, delete(handler))
    }

    fn with(mut self, method: Method, path: &'static str, answers: MethodRouter<Arc<Edge>>) -> Self {
        self.addresses.push((method, path));
        Self { router: self.router.route(path, answers), ..self }
    }
}
