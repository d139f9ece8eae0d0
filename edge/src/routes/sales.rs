//! What is for sale, and what can be had of it.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{self, Path};
use axum::http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use jiff::Timestamp;
use protocol::sale::{Definition, Gate, Item, Money, Payment};
use protocol::{SaleId, Sku, Units};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::app::Edge;
use crate::claim::Stock;
use crate::problem::{self, Problem};
use crate::routes::named;

/// A crowd that reloads costs one answer a second per cache.
const A_SECOND: HeaderValue = HeaderValue::from_static("public, max-age=1");
/// How long somebody who looks at a sale that nobody looked at yet waits for its stock.
const FIRST_LOOK_WAIT: Duration = Duration::from_millis(250);

/// What a sale is doing, as far as clock and definition say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Availability {
    /// There is.
    Available,
    /// No unit is free; some may be held and come back.
    NoneFree,
    /// Not looked yet.
    Unknown,
}

/// The stock of an item, as viewers and readers see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ItemStock<'a> {
    sku: &'a Sku,
    free: Option<Units>,
    availability: Availability,
}

impl<'a> ItemStock<'a> {
    /// Of an item, from what was last seen.
    #[must_use]
    pub fn of(item: &'a Item, stock: Option<&Stock>) -> Self {
        let free = stock.and_then(|stock| stock.items.iter().find(|of| of.sku == item.sku)).map(|of| of.free);
        let availability = match free {
            None => Availability::Unknown,
            Some(Units::ZERO) => Availability::NoneFree,
            Some(_) => Availability::Available,
        };
        Self { sku: &item.sku, free, availability }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ItemBody<'a> {
    #[serde(flatten)]
    stock: ItemStock<'a>,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    price: Option<&'a Money>,
    quantity: Units,
    per_order: Units,
    #[serde(skip_serializing_if = "Option::is_none")]
    per_customer: Option<Units>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SaleBody<'a> {
    id: &'a SaleId,
    name: &'a str,
    state: State,
    start: Timestamp,
    end: Timestamp,
    payment: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hold_seconds: Option<u32>,
    guests_allowed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    per_customer: Option<Units>,
    items: Vec<ItemBody<'a>>,
}

/// With the time, which is no part of what a cache compares.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Timed<T: Serialize> {
    server_time: Timestamp,
    #[serde(flatten)]
    value: T,
}

#[derive(Serialize)]
struct SalesBody<'a> {
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
            Payment::None => "none",
            Payment::Wallet => "wallet",
            Payment::External { .. } => "external",
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

/// `GET /v1/sales`
///
/// # Errors
/// Busy while the edge does not know its sales.
pub async fn list(extract::State(edge): extract::State<Arc<Edge>>) -> Result<Response, Problem> {
    let now = edge.clock.now();
    let mut known = edge.sales.list()?;
    sort(&mut known, now);
    let bodies = known.iter().map(|definition| body(definition, edge.engine.stock(definition).as_ref(), now));
    let value = SalesBody { sales: bodies.collect() };
    Ok(cached(problem::found(&Timed { server_time: now, value })))
}

/// `GET /v1/sales/{sale}`
///
/// # Errors
/// When there is none.
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
    let etag = etag(&value);
    if headers.get_all(IF_NONE_MATCH).iter().any(|known| matches(known, &etag)) {
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

/// Weak, because the time in the body differs.
fn etag(value: &impl Serialize) -> HeaderValue {
    const BYTES: usize = 12;
    let json = serde_json::to_vec(value).unwrap_or_default();
    let hash = Sha256::digest(&json);
    let short = data_encoding::BASE64URL_NOPAD.encode(hash.get(..BYTES).unwrap_or_default());
    HeaderValue::from_str(&format!("W/\"{short}\"")).unwrap_or(HeaderValue::from_static("W/\"\""))
}

fn matches(known: &HeaderValue, etag: &HeaderValue) -> bool {
    let Ok(known) = known.to_str() else { return false };
    known.split(',').map(str::trim).any(|tag| tag == "*" || tag.as_bytes() == etag.as_bytes())
}
