//! Questions about what came of a sale, for merchants.
//!
//! **What must always hold.** None of these names a customer who asks: an edge puts them for merchants only, and the ledger
//! trusts edges with that. Every one only reads. A page is bounded, so that an answer fits into one message; following
//! the cursor reads everything that was there when the first page was read, once, in an order that never changes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::money::{PaymentMode, PaymentState};
use super::people::ask;
use super::{Ask, Verb};
use crate::id::{CustomerId, OrderId, OrderNumber, SaleId, Sku, Units};
use crate::order::{Reason, State};
use crate::sale::Money;
use crate::wire::Value;

/// Most orders in one answer.
pub const SALE_ORDERS_MAX: u16 = 100;
/// Most payments that are told of one order: of those that failed, a provider may report any number.
pub const PAYMENTS_OF_ORDER_MAX: u16 = 8;
/// Most bytes of a sheet in one answer. Written as JSON a byte becomes six at most, and a message has a million.
pub const SHEET_BYTES_MAX: usize = 160 * 1_024;
/// Most breaches that are told; a merchant calls somebody at the first.
pub const BREACHES_MAX: usize = 20;

/// What a sale came to. Reads every order of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Statement {
    /// Which sale.
    pub sale: SaleId,
}

/// The settlement of a sale at one moment, from Postgres alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Settlement {
    /// Which sale.
    pub sale: SaleId,
    /// What it is called.
    pub sale_name: String,
    /// When it began, or will.
    pub start: Timestamp,
    /// When it ended, or will.
    pub end: Timestamp,
    /// By item, in the order of their keys.
    pub items: Vec<ItemTotals>,
    /// Of all items together.
    pub orders: OrderTotals,
    /// By currency; none in a sale without payments.
    pub money: Vec<MoneyTotals>,
    /// SHA-256, in hex, of exactly the list of all orders that can be downloaded.
    pub orders_sha256: String,
    /// Whether the books balanced when both sides were last compared; missing while a part of the sale never was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit: Option<Audited>,
}

/// What came of an item. `quantity − withheld + shortfall = supply = free + held + sold` whenever nothing is under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ItemTotals {
    /// Which item.
    pub sku: Sku,
    /// What it is called; its key once it has left the sale.
    pub item_name: String,
    /// Units that exist, by the newest definition.
    pub quantity: i64,
    /// Units among them that are not for sale.
    pub withheld: i64,
    /// Units that a decrease could not take back, because they were taken.
    pub shortfall: i64,
    /// Units that were put on sale.
    pub supply: i64,
    /// Units that can be claimed.
    pub free: i64,
    /// Units of orders that are not paid yet.
    pub held: i64,
    /// Units that are sold.
    pub sold: i64,
    /// Units that were given back, whoever gave them.
    pub released: i64,
    /// Units among those that a merchant took back after they were sold.
    pub refunded: i64,
    /// Orders, whatever became of them.
    pub orders: i64,
    /// Of one unit, by the newest definition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Money>,
}

/// How many orders came to which end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OrderTotals {
    /// Not paid yet.
    pub held: i64,
    /// Sold.
    pub confirmed: i64,
    /// Given back by their customers.
    pub cancelled: i64,
    /// Not paid in time.
    pub expired: i64,
    /// Sold, and taken back by a merchant.
    pub refunded: i64,
}

/// What a currency of a sale came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MoneyTotals {
    /// Earned, without what went back.
    pub revenue: Money,
    /// Taken by payments that are under way.
    pub pending: Money,
    /// Given back to customers after it was earned.
    pub refunded: Money,
    /// Owed to customers: a provider has it and has to send it back.
    pub refunds_due: Money,
    /// By where they are in their life.
    pub payments: Vec<PaymentTotals>,
}

/// Payments that are in one state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PaymentTotals {
    /// Which state.
    pub state: PaymentState,
    /// How many.
    pub count: i64,
    /// What they come to.
    pub amount: Money,
}

/// The last comparison of what the stream holds with what the books hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Audited {
    /// When; of several parts of a sale, the one that was compared longest ago.
    pub at: Timestamp,
    /// Whether units and money added up on both sides, and both sides were equal.
    pub balanced: bool,
    /// Whether everything in this settlement was there already when it was compared.
    pub current: bool,
    /// What did not add up, one sentence each; the first of them.
    #[cfg_attr(feature = "openapi", schema(max_items = 20))]
    pub breaches: Vec<String>,
}

/// The orders of a sale, of everybody, by customer and number.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SaleOrders {
    /// Which sale.
    pub sale: SaleId,
    /// Only this one; nothing else counts then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderId>,
    /// Only those in this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
    /// Those after this cursor of an earlier page; opaque.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// At most so many, up to [`SALE_ORDERS_MAX`].
    pub limit: u16,
}

/// A page of orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SaleOrdersPage {
    /// By customer and number.
    pub orders: Vec<SaleOrder>,
    /// What to ask for next, when there is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// An order as a merchant sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SaleOrder {
    /// Its id.
    pub id: OrderId,
    /// Whose.
    pub customer: CustomerId,
    /// Which of theirs in this sale.
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
    /// Of one unit, by the newest definition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Money>,
    /// When it was made.
    pub placed_at: Timestamp,
    /// When it last changed.
    pub changed_at: Timestamp,
    /// At most [`PAYMENTS_OF_ORDER_MAX`]: those that failed last, the others the newest first.
    pub payments: Vec<OrderPayment>,
}

/// A payment of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OrderPayment {
    /// Its id.
    pub id: uuid::Uuid,
    /// Where its money comes from.
    pub mode: PaymentMode,
    /// Where it is in its life.
    pub state: PaymentState,
    /// How much.
    pub amount: Money,
    /// What the provider calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

/// A list for a spreadsheet, page by page, exactly as the ledger's own command prints it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sheet {
    /// Which sale.
    pub sale: SaleId,
    /// Which list.
    pub of: SheetOf,
    /// What follows this cursor of an earlier page; opaque.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// The lists that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum SheetOf {
    /// A line per item.
    Totals,
    /// A line per order.
    Orders,
    /// A line per payment.
    Payments,
}

impl SheetOf {
    /// Every list.
    pub const ALL: [Self; 3] = [Self::Totals, Self::Orders, Self::Payments];

    /// As addresses and file names spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Totals => "totals",
            Self::Orders => "orders",
            Self::Payments => "payments",
        }
    }
}

/// A part of a list: whole lines, the first of all with the names of the columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SheetPage {
    /// Comma-separated.
    pub text: String,
    /// What to ask for next; the list is complete when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

ask!(Statement, Statement, Settlement, "question for a statement");
ask!(SaleOrders, SaleOrders, SaleOrdersPage, "question for the orders of a sale");
ask!(Sheet, Sheet, SheetPage, "question for a sheet");
