//! Money for orders, and money back.
//!
//! **What must always hold.** Which order is paid, by whom and for how much is known here from the session, the address and
//! the stream; a request carries no wish. A payment whose answer was lost is not refused: it may have been made, so the
//! shopper is sent to the order, which tells the truth.
//!
//! **What the key is for.** An order has at most one payment that did not fail, so asking again cannot pay twice, whatever the
//! key. Whoever asks again with the key that paid is told that it is paid; with another one, that it was already.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Request};
use axum::response::Response;
use protocol::ask::No;
use protocol::ask::money::{Callback, CallbackAnswer, Changed, Pay, Refund};
use protocol::sale::Definition;
use protocol::{OrderId, SaleId};

use crate::app::Edge;
use crate::auth::Merchant;
use crate::auth::session::Session;
use crate::ledger::Unanswered;
use crate::openapi::parameters::{Keyed, OfOrder, Signed};
use crate::problem::{self, How, Problem};
use crate::routes::orders::shown::{OrderBody, SettlingBody};
use crate::routes::{body, named, orders};

/// When the provider says that it sent this, in seconds since 1970.
const TIMESTAMP: &str = "sluice-timestamp";
/// HMAC-SHA256 over that, a dot and the body.
const SIGNATURE: &str = "sluice-signature";
/// Longest of the two.
const HEADER_BYTES_MAX: usize = 128;

/// Pays a held order from my wallet, in sales that are paid so.
///
/// # Errors
/// Why it is not paid.
#[utoipa::path(
    post,
    path = "/v1/sales/{sale}/orders/{order}/payment",
    operation_id = "payOrder",
    tag = "Orders",
    params(OfOrder, Keyed),
    responses(
        (status = OK, body = OrderBody, description = "The order, confirmed"),
        (status = ACCEPTED, body = SettlingBody, description = "Nobody knows yet; the order's address will"),
    ),
    extensions(("x-problems" = json!(["hold-expired", "already-paid", "order-released", "insufficient-funds", "payment-declined", "busy", "not-found", "forbidden", "idempotency-key-required"]))),
)]
pub async fn pay(
    State(edge): State<Arc<Edge>>,
    Path((sale, order)): Path<(String, String)>,
    session: Session,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let definition = orders::open_to(&edge, &sale, &session)?;
    let order = orders::id(&order)?;
    let (head, request_body) = request.into_parts();
    let key = orders::idempotency_key(&head.headers)?;
    body::none(request_body).await?;
    let stored = orders::mine(&edge, &definition, &session, order).await?;
    let question = Pay { sale: definition.sale.clone(), customer: session.customer, number: stored.number, order, key };
    answered(&definition, order, edge.ledger.ask(&question).await)
}

/// Takes a confirmed order back: its units go on sale again, its money to where it came from. For merchants.
///
/// # Errors
/// Why it is not refunded.
#[utoipa::path(
    post,
    path = "/v1/sales/{sale}/orders/{order}/refund",
    operation_id = "refundOrder",
    tag = "Merchants",
    params(OfOrder, Keyed),
    responses(
        (status = OK, body = OrderBody, description = "The order, released"),
        (status = ACCEPTED, body = SettlingBody, description = "Nobody knows yet; the order's address will"),
    ),
    extensions(("x-problems" = json!(["hold-expired", "order-released", "busy", "not-found", "forbidden", "idempotency-key-required"]))),
)]
pub async fn refund(
    State(edge): State<Arc<Edge>>,
    Path((sale, order)): Path<(String, String)>,
    Merchant(session): Merchant,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let definition = match (named(&edge, &sale), SaleId::parse(&sale)) {
        (Ok(definition), _) => Some(definition),
        // No edge knows it any more: the ledger does, and gives the money back.
        (Err(Problem::NotFound { .. }), Ok(_)) => None,
        (Err(other), _) => return Err(other),
    };
    let sale = SaleId::parse(&sale).map_err(|_| Problem::not_found("There is no such sale."))?;
    let id = orders::id(&order)?;
    let (head, request_body) = request.into_parts();
    orders::idempotency_key(&head.headers)?;
    body::none(request_body).await?;
    let answer = edge.ledger.ask(&Refund { sale: sale.clone(), order: id, by: session.customer }).await;
    match (definition, answer) {
        (Some(definition), answer) => answered(&definition, id, answer),
        (None, Ok(Changed { number, order, .. })) => {
            Ok(problem::found(&OrderBody::without_price(&sale, id, number, &order, None)))
        }
        (None, Err(Unanswered::Lost | Unanswered::No(No::Unsettled))) => Ok(orders::settling(&sale, id)),
        (None, Err(other)) => Err(other.into()),
    }
}

fn answered(definition: &Definition, id: OrderId, answer: Result<Changed, Unanswered>) -> Result<Response, Problem> {
    match answer {
        Ok(Changed { number, order, .. }) => Ok(problem::found(&OrderBody::of(definition, id, number, &order, None))),
        Err(Unanswered::Lost | Unanswered::No(No::Unsettled)) => Ok(orders::settling(&definition.sale, id)),
        Err(other) => Err(other.into()),
    }
}

/// Takes what a payment provider says about an attempt to pay.
///
/// It is carried to the ledger as it came, which alone can tell whether it is the provider's: HMAC-SHA256 over the
/// timestamp, a dot and the body, no older than five minutes. The same again is taken and changes nothing.
///
/// # Errors
/// When it is not, or the ledger did not answer: then the provider sends it again.
#[utoipa::path(
    post,
    path = "/v1/payments/callback",
    operation_id = "paymentCallback",
    tag = "Payment providers",
    params(Signed),
    request_body(content = String, description = "What the provider signed, as it sent it", content_type = "application/json"),
    responses((status = OK, body = CallbackAnswer, description = "What became of it")),
    extensions(("x-problems" = json!(["forbidden", "not-found", "busy"]))),
    security(()),
)]
pub async fn callback(State(edge): State<Arc<Edge>>, request: Request<Body>) -> Result<Response, Problem> {
    let (head, request_body) = request.into_parts();
    let (timestamp, signature) = (header(&head.headers, TIMESTAMP)?, header(&head.headers, SIGNATURE)?);
    let bytes = body::raw(request_body).await?;
    let unreadable = |_| Problem::invalid(How::Unreadable, "body", "it must be UTF-8 text");
    let body = String::from_utf8(bytes.into()).map_err(unreadable)?;
    let CallbackAnswer { outcome } = edge.ledger.ask(&Callback { body, timestamp, signature }).await?;
    Ok(problem::found(&serde_json::json!({ "outcome": outcome })))
}

fn header(headers: &HeaderMap, name: &'static str) -> Result<String, Problem> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().and_then(|value| value.to_str().ok()).filter(|value| value.len() <= HEADER_BYTES_MAX);
    match (value, values.next()) {
        (Some(value), None) => Ok(value.to_owned()),
        _ => Err(Problem::invalid(How::Content, name, "it must be sent, once, as the provider signs")),
    }
}
