//! Questions about orders that Postgres answers.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::people::ask;
use super::{Ask, Verb};
use crate::id::{CustomerId, OrderId, OrderNumber, SaleId, Sku, Units};
use crate::order::{Reason, State};
use crate::sale::Money;
use crate::wire::Value;

/// Most orders in one answer.
pub const ORDERS_MAX: u16 = 100;

/// A customer's orders over all sales, the newest first.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Orders {
    /// Whose.
    pub customer: CustomerId,
    /// Those after this cursor of an earlier page; opaque.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// At most so many, up to [`ORDERS_MAX`].
    pub limit: u16,
}

/// A page of orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrdersPage {
    /// The newest first.
    pub orders: Vec<PastOrder>,
    /// What to ask for next, when there is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// One order, wherever it was made.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OneOrder {
    /// Where.
    pub sale: SaleId,
    /// Whose; another's is not found.
    pub customer: CustomerId,
    /// Which.
    pub order: OrderId,
}

/// An order as Postgres has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PastOrder {
    /// Its id.
    pub id: OrderId,
    /// Where it was made.
    pub sale: SaleId,
    /// What that sale is called.
    pub sale_name: String,
    /// Which of the customer's orders there.
    pub number: OrderNumber,
    /// What was claimed.
    pub sku: Sku,
    /// What that is called.
    pub item_name: String,
    /// How many units of it.
    pub quantity: Units,
    /// Where it is in its life.
    pub state: State,
    /// Why it was released.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// Deadline of a held order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Of one unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Money>,
    /// When it was made.
    pub made_at: Timestamp,
    /// When it last changed.
    pub changed_at: Timestamp,
}

ask!(Orders, Orders, OrdersPage, "question for orders");
ask!(OneOrder, OneOrder, PastOrder, "question for an order");
