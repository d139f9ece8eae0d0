//! Orders that the ledger knows: those of all sales, and those of sales that are gone.

use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use jiff::Timestamp;
use protocol::ask::history::{ORDERS_MAX, OneOrder, Orders, OrdersPage, PastOrder};
use protocol::order::Reason;
use protocol::sale::Money;
use protocol::{OrderId, OrderNumber, SaleId, Sku, Units};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::app::Edge;
use crate::auth::session::Session;
use crate::problem::{self, Problem};
use crate::routes::orders::shown::OrderState;
use crate::routes::query;

/// A page of orders.
#[derive(Serialize, ToSchema)]
#[schema(as = PastOrders)]
struct PageBody {
    /// The newest first.
    orders: Vec<PastBody>,
    /// What to send as `cursor` for those that come next.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

/// An order as the sale's own address shows it, and what needed the sale to be known.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PastOrder)]
pub(super) struct PastBody {
    /// What its address ends with.
    id: OrderId,
    /// Where it was made.
    sale: SaleId,
    /// What that sale is called.
    sale_name: String,
    /// Which of the customer's orders in that sale, from 0.
    number: OrderNumber,
    /// What was claimed.
    sku: Sku,
    /// What that is called.
    item_name: String,
    /// How many units of it.
    quantity: Units,
    /// Where it is in its life.
    #[schema(value_type = OrderState)]
    state: &'static str,
    /// Why it was released; only when it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    /// When it must be paid; only while it is held.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    /// Of one unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    price: Option<Money>,
    /// Of all units.
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<Money>,
    /// When it was made.
    created_at: Timestamp,
    /// When it last changed.
    updated_at: Timestamp,
}

impl From<PastOrder> for PastBody {
    fn from(order: PastOrder) -> Self {
        let total = order.price.as_ref().and_then(|price| {
            let amount_minor = price.amount_minor.checked_mul(i64::from(order.quantity.0))?;
            Some(Money { amount_minor, currency: price.currency.clone() })
        });
        Self {
            id: order.id,
            sale: order.sale,
            sale_name: order.sale_name,
            number: order.number,
            sku: order.sku,
            item_name: order.item_name,
            quantity: order.quantity,
            state: order.state.as_str(),
            reason: order.reason,
            expires_at: order.expires_at,
            price: order.price,
            total,
            created_at: order.made_at,
            updated_at: order.changed_at,
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Page {
    /// Where an earlier page ended.
    #[serde(default)]
    #[param(max_length = 200)]
    cursor: Option<String>,
    /// Most orders to answer with; 20 when it is not given.
    #[serde(default)]
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u16>,
}

/// Lists my orders over all sales, the newest first, those of sales that are gone too.
///
/// # Errors
/// When the ledger is away.
#[utoipa::path(
    get,
    path = "/v1/orders",
    operation_id = "listAllOrders",
    tag = "Orders",
    params(Page),
    responses((status = OK, body = PageBody, description = "A page of orders")),
    extensions(("x-problems" = json!(["busy"]))),
)]
pub async fn orders(State(edge): State<Arc<Edge>>, session: Session, uri: Uri) -> Result<Response, Problem> {
    let Page { cursor, limit } = query::read(&uri, "only cursor and limit are taken, each once")?;
    let limit = query::limit(limit, ORDERS_MAX)?;
    let cursor = query::cursor(cursor)?;
    let OrdersPage { orders, cursor } = edge.ledger.ask(&Orders { customer: session.customer, cursor, limit }).await?;
    Ok(problem::found(&PageBody { orders: orders.into_iter().map(PastBody::from).collect(), cursor }))
}

/// One order of a sale that no edge knows any more.
///
/// # Errors
/// When there is no such order of this customer, or the ledger is away.
pub(super) async fn one(edge: &Edge, sale: SaleId, order: OrderId, session: &Session) -> Result<Response, Problem> {
    let past = edge.ledger.ask(&OneOrder { sale, customer: session.customer, order }).await?;
    Ok(problem::found(&PastBody::from(past)))
}
