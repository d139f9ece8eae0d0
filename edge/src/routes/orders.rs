//! Claims, and what became of them. `claim` is the hot path.
//!
//! **What must always hold.** Who claims is who signed in, what it costs is what the definition says: of the body only the
//! wish is taken. A claim has its whole answer before the shell's bound on time, whatever it meets on the way.

pub mod cancel;
pub mod events;
pub mod shown;
pub mod wish;

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Request};
use axum::response::{IntoResponse, Response};
use protocol::refusal::{Refusal, Retry};
use protocol::sale::Definition;
use protocol::{IdempotencyKey, OrderId, SaleId};

use crate::app::Edge;
use crate::auth::session::Session;
use crate::claim::history::Stored;
use crate::claim::{self, Answer};
use crate::metrics::ClaimAnswer;
use crate::openapi::parameters::{Keyed, OfOrder, OfSale};
use crate::problem::{self, How, Problem};
use crate::routes::{history, named};
use crate::shell::Arrived;
use shown::{OrderBody, OrdersBody, SettlingBody, address};

/// When a claim is answered at the latest, since its head arrived. Opening a shard may take two seconds more; together
/// that is less than [`REQUEST_TIMEOUT`](crate::shell::REQUEST_TIMEOUT), so the shell never interrupts a claim.
const CLAIM_WITHIN: Duration = Duration::from_secs(7);

/// Nobody knows yet what became of it; the order's address will.
pub(super) fn settling(sale: &SaleId, id: OrderId) -> Response {
    problem::settling(&SettlingBody { id, sale, state: "settling" }, &address(sale, id))
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

/// Claims units of an item.
///
/// The same key and the same wish get the same order, however often and wherever they are sent: after a timeout, send
/// exactly the same again. Without payment the order is confirmed at once; else it is held until its deadline.
///
/// # Errors
/// Every no there is.
#[utoipa::path(
    post,
    path = "/v1/sales/{sale}/orders",
    operation_id = "claim",
    tag = "Orders",
    params(OfSale, Keyed),
    request_body = wish::Fields,
    responses(
        (status = CREATED, body = OrderBody, description = "The order, new or the same again", headers(("RateLimit" = String, description = "What is left of the sale's limit of requests, where it has one"), ("RateLimit-Policy" = String, description = "That limit"))),
        (status = ACCEPTED, body = SettlingBody, description = "Nobody knows yet; the order's address will"),
    ),
    extensions(("x-problems" = json!(["not-open-yet", "sale-closed", "sale-paused", "sold-out", "all-units-held", "fewer-left", "limit-reached", "busy", "idempotency-key-required", "idempotency-key-reused", "not-found", "forbidden"]))),
)]
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
    edge.metrics.claims[counted(definition, &answer)].inc();
    edge.metrics.claim_seconds.observe(edge.clock.monotonic().saturating_duration_since(arrived).as_secs_f64());
    match answer {
        Answer::Order { number, order, .. } => {
            let id = OrderId::derive(&definition.uid, &session.customer, &order.key);
            // Without its time, which a new order's answer does not know: the same key gets the same bytes.
            Ok(problem::created(&OrderBody::of(definition, id, number, &order, None), &address(&definition.sale, id)))
        }
        Answer::Settling { id } => Ok(settling(&definition.sale, id)),
        Answer::Refused(refusal) => Err(refusal.into()),
    }
}

fn counted(definition: &Definition, answer: &Answer) -> ClaimAnswer {
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
            // Nobody is too busy for it, and another time will not help.
            Refusal::Busy { .. } if definition.withdrawn.is_some() => ClaimAnswer::Withdrawn,
            Refusal::Busy { .. } => ClaimAnswer::Busy,
            Refusal::IdempotencyKeyReused {} => ClaimAnswer::KeyReused,
        },
    }
}

/// Lists my orders in a sale, right at once: they are read where claims write them.
///
/// # Errors
/// When there is no such sale, or its stream does not answer.
#[utoipa::path(
    get,
    path = "/v1/sales/{sale}/orders",
    operation_id = "listOrders",
    tag = "Orders",
    params(OfSale),
    responses((status = OK, body = OrdersBody, description = "My orders in this sale")),
    extensions(("x-problems" = json!(["busy", "not-found", "forbidden"]))),
)]
pub async fn list(
    State(edge): State<Arc<Edge>>,
    Path(sale): Path<String>,
    session: Session,
) -> Result<Response, Problem> {
    let definition = open_to(&edge, &sale, &session)?;
    let stored = edge.engine.orders(&definition, session.customer).await.map_err(unanswered)?;
    let orders = stored.iter().map(|stored| {
        let id = OrderId::derive(&definition.uid, &session.customer, &stored.order.key);
        OrderBody::of(&definition, id, stored.number, &stored.order, Some(stored.at))
    });
    Ok(problem::found(&OrdersBody { orders: orders.collect() }))
}

/// Shows one of my orders, also of a sale that is gone: then with the names that the sale had for things.
///
/// # Errors
/// When this customer has no such order, or its stream does not answer.
#[utoipa::path(
    get,
    path = "/v1/sales/{sale}/orders/{order}",
    operation_id = "getOrder",
    tag = "Orders",
    params(OfOrder),
    responses((status = OK, body = AnyOrder, description = "The order")),
    extensions(("x-problems" = json!(["busy", "not-found", "forbidden"]))),
)]
pub async fn one(
    State(edge): State<Arc<Edge>>,
    Path((sale, order)): Path<(String, String)>,
    session: Session,
) -> Result<Response, Problem> {
    let asked = id(&order)?;
    let definition = match (open_to(&edge, &sale, &session), SaleId::parse(&sale)) {
        // No edge knows it any more: the ledger does.
        (Err(Problem::NotFound { .. }), Ok(gone)) => return history::one(&edge, gone, asked, &session).await,
        (Ok(lost), Ok(sale)) if lost.withdrawn.is_some() => return history::one(&edge, sale, asked, &session).await,
        (known, _) => known?,
    };
    let stored = mine(&edge, &definition, &session, asked).await?;
    Ok(problem::found(&OrderBody::of(&definition, asked, stored.number, &stored.order, Some(stored.at))))
}

/// An order, from the sale or from the ledger.
#[derive(serde::Serialize, utoipa::ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "it describes an answer that comes from two places")]
enum AnyOrder {
    Live(OrderBody<'static>),
    Past(history::PastBody),
}

/// Also while a claim may be under way: it must be asked again to be told the truth.
pub(super) const ABSENT: Problem = Problem::NotFound {
    why: "You have no such order. If you are waiting for one, send your claim again with the same key.",
    retry: Retry::Now,
};

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
    let stored = edge.engine.orders(definition, session.customer).await.map_err(unanswered)?;
    let is_asked = |stored: &Stored| OrderId::derive(&definition.uid, &session.customer, &stored.order.key) == asked;
    stored.into_iter().find(is_asked).ok_or(ABSENT)
}

fn unanswered(error: protocol::store::Unavailable) -> Problem {
    tracing::debug!(%error, "orders could not be read");
    claim::BUSY.into()
}
