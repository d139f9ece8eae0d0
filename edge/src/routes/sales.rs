//! What is for sale, and what can be had of it.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{self, Path};
use axum::http::header::{CACHE_CONTROL, ETAG};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use jiff::Timestamp;
use protocol::sale::{Definition, Gate, Item, Money, Payment};
use protocol::{SaleId, Sku, Units};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::Edge;
use crate::claim::Stock;
use crate::etag;
use crate::openapi::parameters::{IfNoneMatch, OfSale};
use crate::problem::{self, Problem};
use crate::routes::named;

/// A crowd that reloads costs one answer a second per cache.
const A_SECOND: HeaderValue = HeaderValue::from_static("public, max-age=1");
/// How long somebody who looks at a sale that nobody looked at yet waits for its stock.
const FIRST_LOOK_WAIT: Duration = Duration::from_millis(250);

/// What a sale is doing, as far as clock and definition say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = SaleState)]
pub enum State {
    /// It takes claims.
    Open,
    /// The merchant holds it.
    Paused,
    /// Its stock cannot be used for now.
    Unavailable,
    /// It has not begun.
    Upcoming,
    /// It is over.
    Ended,
}

impl State {
    /// At this time.
    #[must_use]
    pub fn of(definition: &Definition, now: Timestamp) -> Self {
        match definition.gate(now) {
            Gate::Open => Self::Open,
            Gate::Paused => Self::Paused,
            Gate::Withdrawn => Self::Unavailable,
            Gate::NotOpenYet => Self::Upcoming,
            Gate::Closed => Self::Ended,
        }
    }
}

/// Whether there is something to be had, as last seen. Only a claim's refusal says that something is sold out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Availability {
    /// There is.
    Available,
    /// No unit is free; some may be held and come back, see `held`.
    NoneFree,
    /// Not looked yet.
    Unknown,
}

/// The stock of an item, as viewers and readers see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ItemStock<'a> {
    /// Which item.
    sku: &'a Sku,
    /// Units that can be claimed, as last seen; null while that is not known.
    #[schema(required)]
    free: Option<Units>,
    /// Whether there is something to be had.
    availability: Availability,
    /// Units that are on hold and may come back, as last seen; only where no unit is free, and once that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    held: Option<Units>,
    /// When the first of them comes back unless it is paid, as last seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_expiry: Option<Timestamp>,
}

impl<'a> ItemStock<'a> {
    /// Of an item, from what was last seen.
    #[must_use]
    pub fn of(item: &'a Item, stock: Option<&Stock>) -> Self {
        let seen = stock.and_then(|stock| stock.items.iter().find(|of| of.sku == item.sku));
        let free = seen.map(|of| of.free);
        let held = seen.and_then(|of| of.held);
        let availability = match free {
            None => Availability::Unknown,
            Some(Units::ZERO) => Availability::NoneFree,
            Some(_) => Availability::Available,
        };
        let next_expiry = held.and_then(|held| held.next_expiry).and_then(|at| Timestamp::from_second(at).ok());
        Self { sku: &item.sku, free, availability, held: held.map(|held| held.units), next_expiry }
    }
}

/// One thing that is for sale.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Item)]
struct ItemBody<'a> {
    #[serde(flatten)]
    stock: ItemStock<'a>,
    /// What it is called.
    #[schema(examples("Aurora 42, black"))]
    name: &'a str,
    /// A picture of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    image_url: Option<&'a str>,
    /// Of one unit; missing when it is free of charge.
    #[serde(skip_serializing_if = "Option::is_none")]
    price: Option<&'a Money>,
    /// Units that the sale has of it, sold ones too.
    quantity: Units,
    /// Most units in one order.
    per_order: Units,
    /// Most units of it that one customer can have.
    #[serde(skip_serializing_if = "Option::is_none")]
    per_customer: Option<Units>,
}

/// A sale and its items.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Sale)]
struct SaleBody<'a> {
    /// What its address ends with.
    id: &'a SaleId,
    /// What it is called.
    #[schema(examples("Aurora, first batch"))]
    name: &'a str,
    /// What it is doing.
    state: State,
    /// First instant at which claims are taken.
    start: Timestamp,
    /// First instant at which they are not taken any more.
    end: Timestamp,
    /// How orders are paid.
    payment: PaidBy,
    /// How long an unpaid order is held; only where orders are paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    hold_seconds: Option<u32>,
    /// Whether guests may claim.
    guests_allowed: bool,
    /// Most units that one customer can have, over all items.
    #[serde(skip_serializing_if = "Option::is_none")]
    per_customer: Option<Units>,
    /// What is for sale.
    items: Vec<ItemBody<'a>>,
}

/// How the orders of a sale are paid.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum PaidBy {
    /// Not at all: they are confirmed at once.
    None,
    /// From the customer's wallet.
    Wallet,
    /// At a payment provider's page.
    External,
}

/// With the time, which is no part of what a cache compares.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Timed<T: Serialize> {
    /// The time by our clock, to count down with.
    pub(super) server_time: Timestamp,
    #[serde(flatten)]
    pub(super) value: T,
}

/// All sales.
#[derive(Serialize, ToSchema)]
#[schema(as = Sales)]
struct SalesBody<'a> {
    /// Those that run, then those to come, the next first; then those that are over, the last first.
    sales: Vec<SaleBody<'a>>,
}

fn body<'a>(definition: &'a Definition, stock: Option<&Stock>, now: Timestamp) -> SaleBody<'a> {
    let items = definition.items.iter().map(|item| ItemBody {
        stock: ItemStock::of(item, stock),
        name: &item.display_name,
        image_url: item.image_url.as_deref(),
        price: item.price.as_ref(),
        quantity: item.target(),
        per_order: item.per_order,
        per_customer: item.per_customer,
    });
    SaleBody {
        id: &definition.sale,
        name: &definition.display_name,
        state: State::of(definition, now),
        start: definition.start,
        end: definition.end,
        payment: match definition.payment {
            Payment::None => PaidBy::None,
            Payment::Wallet => PaidBy::Wallet,
            Payment::External { .. } => PaidBy::External,
        },
        hold_seconds: definition.holds().then_some(definition.hold_seconds),
        guests_allowed: definition.guests_allowed,
        per_customer: definition.per_customer,
        items: items.collect(),
    }
}

/// Current ones, then upcoming ones, the next first; then ended ones, the last first.
fn sort(sales: &mut [Arc<Definition>], now: Timestamp) {
    sales.sort_by_cached_key(|sale| {
        let state = State::of(sale, now);
        let ended = state == State::Ended;
        let nearest = if ended { -sale.end.as_second() } else { sale.start.as_second() };
        (ended, state == State::Upcoming, nearest, sale.sale.clone())
    });
}

/// Lists all sales: those that run first, then those to come, then those that are over.
///
/// # Errors
/// Busy while the edge does not know its sales.
#[utoipa::path(
    get,
    path = "/v1/sales",
    operation_id = "listSales",
    tag = "Sales",
    responses((status = OK, body = Timed<SalesBody>, description = "All sales", headers(("Cache-Control" = String, description = "A second, for everybody")))),
    extensions(("x-problems" = json!(["busy"]))),
    security(()),
)]
pub async fn list(extract::State(edge): extract::State<Arc<Edge>>) -> Result<Response, Problem> {
    let now = edge.clock.now();
    let mut known = edge.sales.list()?;
    sort(&mut known, now);
    let bodies = known.iter().map(|definition| body(definition, edge.engine.stock(definition).as_ref(), now));
    let value = SalesBody { sales: bodies.collect() };
    Ok(cached(problem::found(&Timed { server_time: now, value })))
}

/// Shows one sale, its items, and what can be had of them.
///
/// # Errors
/// When there is none.
#[utoipa::path(
    get,
    path = "/v1/sales/{sale}",
    operation_id = "getSale",
    tag = "Sales",
    params(OfSale, IfNoneMatch),
    responses(
        (status = OK, body = Timed<SaleBody>, description = "The sale", headers(("ETag" = String, description = "For If-None-Match: changes with everything but the time"), ("Cache-Control" = String, description = "A second, for everybody"))),
        (status = NOT_MODIFIED, description = "What you have is still true", headers(("ETag" = String, description = "For If-None-Match: changes with everything but the time"), ("Cache-Control" = String, description = "A second, for everybody"))),
    ),
    extensions(("x-problems" = json!(["busy", "not-found"]))),
    security(()),
)]
pub async fn one(
    extract::State(edge): extract::State<Arc<Edge>>,
    Path(sale): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let definition = named(&edge, &sale)?;
    let mut stock = edge.engine.stock(&definition);
    if stock.is_none() && definition.withdrawn.is_none() {
        // Whoever looks first waits a moment; without an answer the stock is unknown, not the sale.
        stock = tokio::time::timeout(FIRST_LOOK_WAIT, first_look(&edge, &definition)).await.ok();
    }
    let now = edge.clock.now();
    let value = body(&definition, stock.as_ref(), now);
    // Weak, because the time in the body differs.
    let etag = etag::weak(&serde_json::to_vec(&value).unwrap_or_default());
    if etag::is_known(&headers, &etag) {
        return Ok(cached(problem::not_modified(etag)));
    }
    let mut response = cached(problem::found(&Timed { server_time: now, value }));
    response.headers_mut().insert(ETAG, etag);
    Ok(response)
}

async fn first_look(edge: &Edge, definition: &Arc<Definition>) -> Stock {
    loop {
        if edge.engine.look_at(definition).await.is_ok()
            && let Some(stock) = edge.engine.stock(definition)
        {
            return stock;
        }
        // The view is being filled; the caller bounds the wait.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn cached(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, A_SECOND);
    response
}
