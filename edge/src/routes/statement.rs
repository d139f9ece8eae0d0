//! What came of a sale, for merchants.
//!
//! **What must always hold.** Every route here takes a [`Merchant`], so nobody else reaches the ledger through it. Nothing
//! is counted here: the ledger settles, and what a page shows is what its own command prints. A sale that no edge knows any
//! more still has its books, so the sale is looked for in the ledger and nowhere else.

pub mod download;

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::Response;
use jiff::Timestamp;
use protocol::ask::No;
use protocol::ask::statement::{
    OrderPayment, SALE_ORDERS_MAX, SaleOrder, SaleOrders, SaleOrdersPage, Settlement, Statement,
};
use protocol::order::{Reason, State as OrderStateOf};
use protocol::refusal::Retry;
use protocol::sale::Money;
use protocol::{CustomerId, OrderId, OrderNumber, SaleId, Sku, Units};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::app::Edge;
use crate::auth::Merchant;
use crate::ledger::Unanswered;
use crate::openapi::parameters::OfSale;
use crate::problem::{self, How, Problem};
use crate::routes::orders::shown::OrderState;
use crate::routes::{named, query};

/// Settles a sale: what became of its units, its orders and its money, and whether the books balance.
///
/// Every order of the sale is read for it: ask when somebody looks, not all the time.
///
/// # Errors
/// When there is no such sale, or the ledger is away or has too much to do.
#[utoipa::path(
    get,
    path = "/v1/sales/{sale}/statement",
    operation_id = "saleStatement",
    tag = "Merchants",
    params(OfSale),
    responses((status = OK, body = Settlement, description = "The settlement at this moment")),
    extensions(("x-problems" = json!(["busy", "not-found", "forbidden"]))),
)]
pub async fn settlement(
    State(edge): State<Arc<Edge>>,
    Path(sale): Path<String>,
    _: Merchant,
) -> Result<Response, Problem> {
    let sale = id(&sale)?;
    let settlement = edge.ledger.ask(&Statement { sale: sale.clone() }).await;
    Ok(problem::found(&settlement.map_err(|no| unanswered(&edge, &sale, no))?))
}

/// A page of the orders of a sale.
#[derive(Serialize, ToSchema)]
#[schema(as = SaleOrders)]
struct PageBody {
    /// By customer and number.
    orders: Vec<OrderBody>,
    /// What to send as `cursor` for those that come next.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

/// An order as a merchant sees it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SaleOrder)]
struct OrderBody {
    /// Its id: what it is refunded by.
    id: OrderId,
    /// Whose it is.
    customer: CustomerId,
    /// Which of the customer's orders in this sale, from 0.
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
    /// Of one unit, by the newest definition.
    #[serde(skip_serializing_if = "Option::is_none")]
    price: Option<Money>,
    /// Of all units.
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<Money>,
    /// When it was made.
    placed_at: Timestamp,
    /// When it last changed.
    changed_at: Timestamp,
    /// What was paid for it: the newest first, those that failed after all others, eight at most.
    #[schema(max_items = 8)]
    payments: Vec<OrderPayment>,
}

impl From<SaleOrder> for OrderBody {
    fn from(order: SaleOrder) -> Self {
        let total = order.price.as_ref().and_then(|price| {
            let amount_minor = price.amount_minor.checked_mul(i64::from(order.quantity.0))?;
            Some(Money { amount_minor, currency: price.currency.clone() })
        });
        Self {
            id: order.id,
            customer: order.customer,
            number: order.number,
            sku: order.sku,
            item_name: order.item_name,
            quantity: order.quantity,
            state: order.state.as_str(),
            reason: order.reason,
            expires_at: order.expires_at,
            price: order.price,
            total,
            placed_at: order.placed_at,
            changed_at: order.changed_at,
            payments: order.payments,
        }
    }
}

/// Every part is read by itself, so that a rule that is broken names the part that breaks it.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Page {
    /// Only this order.
    #[serde(default)]
    #[param(value_type = Option<OrderId>)]
    order: Option<String>,
    /// Only orders in this state.
    #[serde(default)]
    #[param(value_type = Option<OrderState>)]
    state: Option<String>,
    /// Where an earlier page ended.
    #[serde(default)]
    #[param(max_length = 200)]
    cursor: Option<String>,
    /// Most orders to answer with; 20 when it is not given.
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 100)]
    limit: Option<String>,
}

/// Lists the orders of a sale, of everybody, by customer and number.
///
/// # Errors
/// When there is no such sale, or the ledger is away.
#[utoipa::path(
    get,
    path = "/v1/sales/{sale}/statement/orders",
    operation_id = "listSaleOrders",
    tag = "Merchants",
    params(OfSale, Page),
    responses((status = OK, body = PageBody, description = "A page of orders")),
    extensions(("x-problems" = json!(["busy", "not-found", "forbidden"]))),
)]
pub async fn orders(
    State(edge): State<Arc<Edge>>,
    Path(sale): Path<String>,
    _: Merchant,
    uri: Uri,
) -> Result<Response, Problem> {
    let sale = id(&sale)?;
    let Page { order, state, cursor, limit } =
        query::read(&uri, "only order, state, cursor and limit are taken, each once")?;
    let order = order.map(|text| text.parse().map(OrderId)).transpose();
    let order = order.map_err(|_| Problem::invalid(How::Content, "order", "it must be the id of an order"))?;
    let state = state.map(|text| spelled(&text)).transpose()?;
    let limit =
        query::limit(limit.map(|text| query::number(&text, "limit", SALE_ORDERS_MAX)).transpose()?, SALE_ORDERS_MAX)?;
    let cursor = query::cursor(cursor)?;
    let page = edge.ledger.ask(&SaleOrders { sale: sale.clone(), order, state, cursor, limit }).await;
    let SaleOrdersPage { orders, cursor } = page.map_err(|no| unanswered(&edge, &sale, no))?;
    Ok(problem::found(&PageBody { orders: orders.into_iter().map(OrderBody::from).collect(), cursor }))
}

fn spelled(text: &str) -> Result<OrderStateOf, Problem> {
    let states = [OrderStateOf::Held, OrderStateOf::Confirmed, OrderStateOf::Released];
    let found = states.into_iter().find(|state| state.as_str() == text);
    found.ok_or_else(|| Problem::invalid(How::Content, "state", "it must be held, confirmed or released"))
}

/// What the address calls a sale.
fn id(sale: &str) -> Result<SaleId, Problem> {
    SaleId::parse(sale).map_err(|_| Problem::not_found("There is no such sale."))
}

/// Why there is no answer. A sale that is on sale has books soon, if it has none yet.
fn unanswered(edge: &Edge, sale: &SaleId, no: Unanswered) -> Problem {
    match no {
        Unanswered::No(No::NotFound) if named(edge, sale.as_str()).is_ok() => {
            Problem::NotFound { why: "The books of this sale are not open yet.", retry: Retry::Later }
        }
        Unanswered::No(No::NotFound) => Problem::not_found("There are no books of such a sale."),
        other => other.into(),
    }
}
