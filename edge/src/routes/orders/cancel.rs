//! `POST /v1/sales/{sale}/orders/{order}/cancel`: a customer gives a held order back.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;

use super::shown::{OrderBody, SettlingBody};
use super::{ABSENT, idempotency_key, open_to, settling, unanswered};
use crate::app::Edge;
use crate::auth::session::Session;
use crate::claim::cancel::Cancelled;
use crate::openapi::parameters::{Keyed, OfOrder};
use crate::problem::{self, Denied, Problem};

/// Longest that a cancellation is tried.
const CANCEL_WITHIN: Duration = Duration::from_secs(5);

/// Gives a held order back, and answers with the released order, however often it is asked.
///
/// The key is asked for as with everything that moves something, but an order can be given back only once: its id is key
/// enough.
///
/// # Errors
/// When there is no such order, or it is paid.
#[utoipa::path(
    post,
    path = "/v1/sales/{sale}/orders/{order}/cancel",
    operation_id = "cancelOrder",
    tag = "Orders",
    params(OfOrder, Keyed),
    responses(
        (status = OK, body = OrderBody, description = "The order, released"),
        (status = ACCEPTED, body = SettlingBody, description = "Nobody knows yet; the order's address will"),
    ),
    extensions(("x-problems" = json!(["already-paid", "busy", "not-found", "forbidden", "idempotency-key-required"]))),
)]
pub async fn cancel(
    State(edge): State<Arc<Edge>>,
    Path((sale, order)): Path<(String, String)>,
    session: Session,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let definition = open_to(&edge, &sale, &session)?;
    let id = super::id(&order)?;
    idempotency_key(&headers)?;
    let cancelled = edge.engine.cancel(&definition, session.customer, id, CANCEL_WITHIN).await;
    match cancelled.map_err(unanswered)? {
        Cancelled::Released(stored, _) => {
            Ok(problem::found(&OrderBody::of(&definition, id, stored.number, &stored.order, None)))
        }
        Cancelled::Paid => Err(Problem::Denied(Denied::AlreadyPaid {})),
        Cancelled::Absent => Err(ABSENT),
        Cancelled::Settling => Ok(settling(&definition.sale, id)),
    }
}
