//! `GET /v1/sales/{sale}/orders/{order}/events`: how an order goes on, until it is over.
//!
//! **What it is for.** Whoever holds an order, or was told that its claim is being settled, learns how it ends without
//! asking again and again. Each event is the whole order, so one that was missed is not missed.
//!
//! **What must always hold.** What is sent is read from the stream's leader. Hints only say when to look; they may be lost,
//! so it is looked every [`LOOK_AFTER`] anyway. After the event that ends the order the stream ends, and whoever comes back
//! with that event's id is told that nothing more will come.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use bytes::Bytes;
use futures::StreamExt as _;
use jiff::Timestamp;
use protocol::order::State as OrderState;
use protocol::sale::Definition;
use protocol::{CustomerId, OrderId};
use runtime::clock::Instant;
use serde::Serialize;
use utoipa::ToSchema;

use super::shown::OrderBody;
use super::{ABSENT, mine, open_to, unanswered};
use crate::app::Edge;
use crate::auth::session::Session;
use crate::claim::history::Stored;
use crate::frames::Seat;
use crate::openapi::parameters::{LastEventId, OfOrder};
use crate::problem::{self, Problem};
use crate::routes::events::{event_stream, hello};

/// Longest time between two looks.
const LOOK_AFTER: Duration = Duration::from_secs(5);
/// Longest silence: proxies cut streams that say nothing.
const HEARTBEAT_AFTER: Duration = Duration::from_secs(15);
/// How long an order that is not there yet is waited for: its claim may be under way.
const APPEARS_WITHIN: Duration = Duration::from_secs(5);
/// Between two looks for it.
const APPEARS_LOOK_AFTER: Duration = Duration::from_secs(1);

/// An order as it is now.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrderEvent)]
struct Shown<'a> {
    /// The time by our clock.
    server_time: Timestamp,
    /// Until it must be paid; only while it is held.
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds_left: Option<i64>,
    #[serde(flatten)]
    order: OrderBody<'a>,
}

/// One who watches.
struct Watching {
    edge: Arc<Edge>,
    definition: Arc<Definition>,
    customer: CustomerId,
    id: OrderId,
    hints: async_nats::Subscriber,
    newest: Stored,
    /// When something was said last; nothing was yet.
    said: Option<Instant>,
    over: bool,
    seat: Seat,
}

/// Streams how an order goes on, until it is over.
///
/// Server-sent events named `order`; the data of each is the whole order. After the one that ends the order the stream
/// ends, and whoever comes back with its id as `Last-Event-ID` is told that nothing more will come.
///
/// # Errors
/// When this customer has no such order, or there is no room for another viewer.
#[utoipa::path(
    get,
    path = "/v1/sales/{sale}/orders/{order}/events",
    operation_id = "watchOrder",
    tag = "Orders",
    params(OfOrder, LastEventId),
    responses(
        (status = OK, content_type = "text/event-stream", body = Shown, description = "A stream of events"),
        (status = NO_CONTENT, description = "Nothing more will come"),
    ),
    extensions(("x-problems" = json!(["busy", "not-found", "forbidden"]))),
)]
pub async fn watch(
    State(edge): State<Arc<Edge>>,
    Path((sale, order)): Path<(String, String)>,
    session: Session,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let definition = open_to(&edge, &sale, &session)?;
    let (id, customer) = (super::id(&order)?, session.customer);
    let seat = edge.frames.own_seat(edge.metrics.viewers.clone()).ok_or(Problem::Refused(crate::claim::BUSY))?;
    // Before the first look, so that no change after it is missed.
    let hints = edge.engine.hints(&definition.sale, &customer).await.map_err(unanswered)?;
    let newest = tokio::time::timeout(APPEARS_WITHIN, appears(&edge, &definition, &session, id)).await;
    let newest = newest.unwrap_or(Err(ABSENT))?;
    let seen = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    if is_over(&newest) && seen == Some(newest.revision.0) {
        return Ok(problem::done());
    }
    let watching = Watching { edge, definition, customer, id, hints, newest, said: None, over: false, seat };
    let events = futures::stream::unfold(watching, async |mut watching| {
        let event = watching.next().await?;
        Some((Ok::<_, Infallible>(event), watching))
    });
    let whole = futures::stream::iter([Ok(hello())]).chain(events);
    Ok(event_stream(Body::from_stream(whole)))
}

async fn appears(edge: &Edge, definition: &Arc<Definition>, session: &Session, id: OrderId) -> Result<Stored, Problem> {
    loop {
        match mine(edge, definition, session, id).await {
            Err(Problem::NotFound { .. }) => {}
            found_or_busy => return found_or_busy,
        }
        tokio::time::sleep(APPEARS_LOOK_AFTER).await;
    }
}

/// Whether nothing but a refund can happen to it any more.
fn is_over(stored: &Stored) -> bool {
    stored.order.state != OrderState::Held
}

impl Watching {
    async fn next(&mut self) -> Option<Bytes> {
        if self.over {
            return None;
        }
        let Some(said) = self.said else { return Some(self.say()) };
        loop {
            let stopping = self.seat.stopping.clone();
            stopping.run_until_cancelled(self.hinted()).await?;
            // A sale that is gone, or must not be touched, has no events any more; whoever comes back is told.
            let known = self.edge.sales.get(&self.definition.sale).ok()?;
            self.definition = known.filter(|definition| definition.withdrawn.is_none())?;
            let number = self.newest.number;
            let now = self.edge.clock.monotonic();
            match self.edge.engine.order(&self.definition, self.customer, number).await {
                Ok(Some(stored)) if stored.revision > self.newest.revision => {
                    self.newest = stored;
                    return Some(self.say());
                }
                Ok(_) => {}
                // It is looked again; whoever watches keeps what they have.
                Err(error) => tracing::debug!(%error, "a watched order could not be read"),
            }
            if now.saturating_duration_since(said) >= HEARTBEAT_AFTER {
                self.said = Some(now);
                return Some(Bytes::from_static(b":\n\n"));
            }
        }
    }

    /// Returns when it is time to look.
    async fn hinted(&mut self) {
        if let Ok(None) = tokio::time::timeout(LOOK_AFTER, self.hints.next()).await {
            // No hint will ever come again.
            tokio::time::sleep(LOOK_AFTER).await;
        }
    }

    fn say(&mut self) -> Bytes {
        self.said = Some(self.edge.clock.monotonic());
        self.over = is_over(&self.newest);
        let Stored { number, order, at, revision } = &self.newest;
        let now = self.edge.clock.now();
        let shown = Shown {
            server_time: now,
            seconds_left: order.expires_at.and_then(|at| seconds_until(at, now)),
            order: OrderBody::of(&self.definition, self.id, *number, order, Some(*at)),
        };
        let json = serde_json::to_string(&shown).unwrap_or_default();
        Bytes::from(format!("id: {revision}\nevent: order\ndata: {json}\n\n"))
    }
}

/// Whole seconds until an instant in seconds since 1970; never less than none.
fn seconds_until(at: i64, now: Timestamp) -> Option<i64> {
    Some(Timestamp::from_second(at).ok()?.duration_since(now).as_secs().max(0))
}
