//! An order as its customer sees it.

use jiff::Timestamp;
use protocol::order::{Order, Reason, State};
use protocol::sale::{Definition, Money, Payment};
use protocol::{OrderId, OrderNumber, SaleId, Sku, Units};
use serde::Serialize;
use utoipa::ToSchema;

/// One order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Order)]
pub struct OrderBody<'a> {
    /// What its address ends with.
    id: OrderId,
    /// Where it was made.
    sale: &'a SaleId,
    /// Which of the customer's orders in this sale, from 0.
    number: OrderNumber,
    /// What was claimed.
    sku: &'a Sku,
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
    /// Where to pay it; only while it is held, in sales that are paid elsewhere.
    #[serde(rename = "payURL", skip_serializing_if = "Option::is_none")]
    pay_url: Option<String>,
    /// Of one unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    price: Option<&'a Money>,
    /// Of all units.
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<Money>,
    /// When the state was stored; not in the answer to a claim.
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<Timestamp>,
}

/// Several orders.
#[derive(Serialize, ToSchema)]
#[schema(as = Orders)]
pub(super) struct OrdersBody<'a> {
    /// In the order in which they were made.
    pub(super) orders: Vec<OrderBody<'a>>,
}

/// An order of which nobody knows yet whether it was made or changed.
#[derive(Serialize, ToSchema)]
#[schema(as = SettlingOrder)]
pub(crate) struct SettlingBody<'a> {
    /// What its address ends with, should it have been made.
    pub(super) id: OrderId,
    /// Where.
    pub(super) sale: &'a SaleId,
    /// That it is being settled.
    #[schema(value_type = Settling)]
    pub(super) state: &'static str,
}

/// Where an order is in its life.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "the protocol spells them; a test compares")]
pub(crate) enum OrderState {
    /// Its units are taken, its payment is not in.
    Held,
    /// Sold.
    Confirmed,
    /// Its units went back.
    Released,
}

/// The only state of an order that is being settled.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "it is written as it is spelled")]
pub(crate) enum Settling {
    /// Ask at its address, or send the same request again with the same key.
    Settling,
}

impl<'a> OrderBody<'a> {
    /// Of an order in a sale.
    #[must_use]
    pub fn of(
        definition: &'a Definition,
        id: OrderId,
        number: OrderNumber,
        order: &'a Order,
        at: Option<Timestamp>,
    ) -> Self {
        let price = definition.item(&order.sku).and_then(|item| item.price.as_ref());
        let total = price.and_then(|price| {
            let amount_minor = price.amount_minor.checked_mul(i64::from(order.quantity.0))?;
            Some(Money { amount_minor, currency: price.currency.clone() })
        });
        let pay_url = match &definition.payment {
            Payment::External { checkout_url } if order.state == State::Held => {
                Some(checkout_url.replace("{order}", &id.to_string()))
            }
            _ => None,
        };
        Self { pay_url, price, total, ..Self::without_price(&definition.sale, id, number, order, at) }
    }

    /// Of an order whose sale is gone, and with it what it cost.
    #[must_use]
    pub fn without_price(
        sale: &'a SaleId,
        id: OrderId,
        number: OrderNumber,
        order: &'a Order,
        at: Option<Timestamp>,
    ) -> Self {
        Self {
            id,
            sale,
            number,
            sku: &order.sku,
            quantity: order.quantity,
            state: order.state.as_str(),
            reason: order.reason,
            expires_at: order.expires_at.and_then(|at| Timestamp::from_second(at).ok()),
            pay_url: None,
            price: None,
            total: None,
            updated_at: at,
        }
    }
}

/// Where an order is.
#[must_use]
pub fn address(sale: &SaleId, id: OrderId) -> String {
    format!("/v1/sales/{sale}/orders/{id}")
}
