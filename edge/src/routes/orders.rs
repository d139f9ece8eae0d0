//! Claims, and what became of them. `claim` is the hot path.
//!
//! **What must always hold.** Who claims is who signed in, what it costs is what the definition says: of the body only the
//! wish is taken. A claim has its whole answer before the shell's bound on time, whatever it meets on the way.

pub mod wish;

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Request};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use protocol::order::{Order, Reason};
use protocol::refusal::{Refusal, Retry};
use protocol::sale::{Definition, Money};
use protocol::{IdempotencyKey, OrderId, OrderNumber, SaleId, Sku, Units};
use serde::Serialize;

use crate::app::Edge;
use crate::auth::session::Session;
use crate::claim::history::Stored;
use crate::claim::{self, Answer};
use crate::metrics::ClaimAnswer;
use crate::problem::{self, How, Problem};
use crate::routes::{history, named};
use crate::shell::Arrived;

/// When a claim is answered at the latest, since its head arrived. Opening a shard may take two seconds more; together
/// that is less than [`REQUEST_TIMEOUT`](crate::shell::REQUEST_TIMEOUT), so the shell never interrupts a claim.
const CLAIM_WITHIN: Duration = Duration::from_secs(7);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OrderBody<'a> {
    id: OrderId,
    sale: &'a SaleId,
    number: OrderNumber,
    sku: &'a Sku,
    quantity: Units,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    /// Of one unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    price: Option<&'a Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<Money>,
    /// When the state was stored; not in the answer to a claim.
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<Timestamp>,
}

#[derive(Serialize)]
struct OrdersBody<'a> {
    orders: Vec<OrderBody<'a>>,
}

#[derive(Serialize)]
struct SettlingBody<'a> {
    id: OrderId,
    sale: &'a SaleId,
    state: &'static str,
}

pub(super) fn body<'a>(
    definition: &'a Definition,
    id: OrderId,
    number: OrderNumber,
    order: &'a Order,
    at: Option<Timestamp>,
) -> OrderBody<'a> {
    let price = definition.item(&order.sku).and_then(|item| item.price.as_ref());
    let total = price.and_then(|price| {
        let amount_minor = price.amount_minor.checked_mul(i64::from(order.quantity.0))?;
        Some(Money { amount_minor, currency: price.currency.clone() })
    });
    OrderBody {
        id,
        sale: &definition.sale,
        number,
        sku: &order.sku,
        quantity: order.quantity,
        state: order.state.as_str(),
        reason: order.reason,
        expires_at: order.expires_at.and_then(|at| Timestamp::from_second(at).ok()),
        price,
        total,
        updated_at: at,
    }
}

fn address(sale: &SaleId, id: OrderId) -> String {
    format!("/v1/sales/{sale}/orders/{id}")
}

/// Nobody knows yet what became of it; the order's address will.
pub(super) fn settling(definition: &Definition, id: OrderId) -> Response {
    let value = SettlingBody { id, sale: &definition.sale, state: "settling" };
    problem::settling(&value, &address(&definition.sale, id))
}

/// A sale that this customer may use.
pub(super) fn open_to(edge: &Edge, sale: &str, session: &Session) -> Result<Arc<Definition>, Problem> {
    let definition = named(edge, sale)?;
    if session.guest && !definition.guests_allowed {
        return Err(Problem::Forbidden { why: "This sale is for people who are signed in." });
    }
    Ok(definition)
}

pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<IdempotencyKey, Problem> {
    const NAME: &str = "idempotency-key";
    const RULE: &str = "it must be 1 to 64 letters, digits, dashes, dots, colons or underscores, sent once";
    let mut keys = headers.get_all(NAME).iter();
    let key = keys.next().ok_or(Problem::KeyRequired)?;
    let parsed = key.to_str().ok().filter(|_| keys.next().is_none()).and_then(|key| IdempotencyKey::parse(key).ok());
    parsed.ok_or_else(|| Problem::invalid(How::Content, "Idempotency-Key", RULE))
}

/// `POST /v1/sales/{sale}/orders`
///
/// # Errors
/// Every no there is.
pub async fn claim(
    State(edge): State<Arc<Edge>>,
    Path(sale): Path<String>,
    session: Session,
    Extension(arrived): Extension<Arrived>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let definition = open_to(&edge, &sale, &session)?;
    let Some(checked) = edge.limits.check(&definition, session.customer).await else {
        return claimed(&edge, &definition, &session, arrived, request).await;
    };
    let answer = match checked.allowed() {
        Ok(()) => claimed(&edge, &definition, &session, arrived, request).await,
        Err(too_soon) => Err(too_soon),
    };
    let mut response = answer.unwrap_or_else(IntoResponse::into_response);
    checked.tell(response.headers_mut());
    Ok(response)
}

async fn claimed(
    edge: &Edge,
    definition: &Arc<Definition>,
    session: &Session,
    Arrived(arrived): Arrived,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let (head, request_body) = request.into_parts();
    let key = idempotency_key(&head.headers)?;
    let wish = wish::read(&head.headers, request_body).await?;
    if definition.item(&wish.sku).is_none() {
        return Err(Problem::invalid(How::Content, "sku", format!("this sale has no item {}", wish.sku)));
    }
    let request = protocol::claim::Request { key, sku: wish.sku, quantity: wish.quantity };
    let budget = (arrived + CLAIM_WITHIN).saturating_duration_since(edge.clock.monotonic());
    let answer = edge.engine.claim(definition, session.customer, &request, budget).await;
    edge.metrics.claims[counted(&answer)].inc();
    match answer {
        Answer::Order { number, order, .. } => {
            let id = OrderId::derive(&definition.uid, &session.customer, &order.key);
            // Without its time, which a new order's answer does not know: the same key gets the same bytes.
            Ok(problem::created(&body(definition, id, number, &order, None), &address(&definition.sale, id)))
        }
        Answer::Settling { id } => Ok(settling(definition, id)),
        Answer::Refused(refusal) => Err(refusal.into()),
    }
}

fn counted(answer: &Answer) -> ClaimAnswer {
    match answer {
        Answer::Order { replayed: false, .. } => ClaimAnswer::Taken,
        Answer::Order { replayed: true, .. } => ClaimAnswer::Replayed,
        Answer::Settling { .. } => ClaimAnswer::Settling,
        Answer::Refused(refusal) => match refusal {
            Refusal::NotOpenYet { .. } => ClaimAnswer::NotOpenYet,
            Refusal::SaleClosed { .. } => ClaimAnswer::SaleClosed,
            Refusal::SalePaused { .. } => ClaimAnswer::SalePaused,
            Refusal::SoldOut {} => ClaimAnswer::SoldOut,
            Refusal::AllUnitsHeld { .. } => ClaimAnswer::AllUnitsHeld,
            Refusal::FewerLeft { .. } => ClaimAnswer::FewerLeft,
            Refusal::LimitReached { .. } => ClaimAnswer::LimitReached,
            Refusal::Busy { .. } => ClaimAnswer::Busy,
            Refusal::IdempotencyKeyReused {} => ClaimAnswer::KeyReused,
        },
    }
}

/// `GET /v1/sales/{sale}/orders`
///
/// # Errors
/// When there is no such sale, or its stream does not answer.
pub async fn list(
    State(edge): State<Arc<Edge>>,
    Path(sale): Path<String>,
    session: Session,
) -> Result<Response, Problem> {
    let definition = open_to(&edge, &sale, &session)?;
    let stored = edge.engine.orders(&definition, session.customer).await.map_err(unanswered)?;
    let orders = stored.iter().map(|stored| {
        let id = OrderId::derive(&definition.uid, &session.customer, &stored.order.key);
        body(&definition, id, stored.number, &stored.order, Some(stored.at))
    });
    Ok(problem::found(&OrdersBody { orders: orders.collect() }))
}

/// `GET /v1/sales/{sale}/orders/{order}`
///
/// # Errors
/// When this customer has no such order, or its stream does not answer.
pub async fn one(
    State(edge): State<Arc<Edge>>,
    Path((sale, order)): Path<(String, String)>,
    session: Session,
) -> Result<Response, Problem> {
    let asked = id(&order)?;
    let definition = match (open_to(&edge, &sale, &session), SaleId::parse(&sale)) {
        // No edge knows it any more: the ledger does.
        (Err(Problem::NotFound { .. }), Ok(gone)) => return history::one(&edge, gone, asked, &session).await,
        (known, _) => known?,
    };
    let stored = mine(&edge, &definition, &session, asked).await?;
    Ok(problem::found(&body(&definition, asked, stored.number, &stored.order, Some(stored.at))))
}

/// The order that an address names.
pub(super) fn id(text: &str) -> Result<OrderId, Problem> {
    // Only the spelling that we hand out: one order, one address.
    let asked = uuid::Uuid::try_parse(text).ok().filter(|id| id.to_string() == text).map(OrderId);
    asked.ok_or_else(|| Problem::not_found("This is no order's address."))
}

/// This customer's order of that id, from the stream's leader.
pub(super) async fn mine(
    edge: &Edge,
    definition: &Arc<Definition>,
    session: &Session,
    asked: OrderId,
) -> Result<Stored, Problem> {
    /// Also while a claim may be under way: it must be asked again to be told the truth.
    const ABSENT: Problem = Problem::NotFound {
        why: "You have no such order. If you are waiting for one, send your claim again with the same key.",
        retry: Retry::Now,
    };
    let stored = edge.engine.orders(definition, session.customer).await.map_err(unanswered)?;
    let is_asked = |stored: &Stored| OrderId::derive(&definition.uid, &session.customer, &stored.order.key) == asked;
    stored.into_iter().find(is_asked).ok_or(ABSENT)
}

fn unanswered(error: protocol::store::Unavailable) -> Problem {
    tracing::debug!(%error, "orders could not be read");
    claim::BUSY.into()
}
