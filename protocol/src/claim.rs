//! What a customer's earlier orders allow them to claim.
//!
//! **What must always hold.** A claim at number n > 0 is decided with all of the orders 0…n−1 in hand; creation at n
//! is conditional on absence of n. So of two racing claims of one customer at most one is created per number, the loser
//! reads the winner's order and decides again, and the limit is exact across edges.

use crate::id::{IdempotencyKey, ORDERS_PER_CUSTOMER_MAX, OrderNumber, Sku, Units};
use crate::order::{Order, State};
use crate::refusal::Limit;
use crate::sale::{Definition, Item};

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Request {
    /// What it calls this.
    pub key: IdempotencyKey,
    /// What it wants.
    pub sku: Sku,
    /// How many units of it, at least 1.
    pub quantity: Units,
}

impl Request {
    /// Whether this order is what the request asked for, the first time.
    #[must_use]
    pub fn made(&self, order: &Order) -> bool {
        order.key == self.key && order.sku == self.sku && order.quantity == self.quantity
    }

    /// The order that a claim creates.
    #[must_use]
    pub fn order(&self, expires_at: Option<i64>) -> Order {
        Order {
            key: self.key.clone(),
            sku: self.sku.clone(),
            quantity: self.quantity,
            state: if expires_at.is_some() { State::Held } else { State::Confirmed },
            reason: None,
            expires_at,
            payment: None,
        }
    }
}

/// What the limits of a sale say about one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most units in one order.
    pub per_order: Units,
    /// Most active units of the item per customer.
    pub per_customer_item: Option<Units>,
    /// Most active units over all items per customer.
    pub per_customer_sale: Option<Units>,
}

impl Limits {
    /// The limits that apply to this item of this sale.
    #[must_use]
    pub fn of(definition: &Definition, item: &Item) -> Self {
        Self {
            per_order: item.per_order,
            per_customer_item: item.per_customer,
            per_customer_sale: definition.per_customer,
        }
    }
}

/// What to do with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It was made before: answer with that order.
    Replay(OrderNumber),
    /// Its key was used for something else.
    KeyReused(OrderNumber),
    /// It would exceed a limit.
    LimitReached(Limit),
    /// Create this order.
    Claim(OrderNumber),
}

/// Decides a request with the customer's complete history in this sale in hand: orders 0, 1, 2 … without a gap.
///
/// With an empty history the verdict is a guess that the conditional creation at number 0 checks.
#[must_use]
pub fn decide(request: &Request, history: &[Order], limits: &Limits) -> Verdict {
    // An earlier order answers first, so that a retry is never told about a limit which its own order used up.
    if let Some((number, order)) = (0..=u8::MAX).map(OrderNumber).zip(history).find(|(_, o)| o.key == request.key) {
        return if request.made(order) { Verdict::Replay(number) } else { Verdict::KeyReused(number) };
    }
    let asked = request.quantity;
    if asked > limits.per_order {
        return Verdict::LimitReached(Limit::Order { limit: limits.per_order, asked });
    }
    let active = |only: Option<&Sku>| {
        let of = history.iter().filter(|o| only.is_none_or(|sku| o.sku == *sku));
        Units(of.fold(0, |sum, order| sum.saturating_add(order.active().0)))
    };
    let exceeds = |has: Units, limit: Units| has.checked_add(asked).is_none_or(|sum| sum > limit);
    if let Some(limit) = limits.per_customer_item {
        let has = active(Some(&request.sku));
        if exceeds(has, limit) {
            return Verdict::LimitReached(Limit::Item { limit, asked, has });
        }
    }
    if let Some(limit) = limits.per_customer_sale {
        let has = active(None);
        if exceeds(has, limit) {
            return Verdict::LimitReached(Limit::Sale { limit, asked, has });
        }
    }
    match u8::try_from(history.len()) {
        Ok(next) if next < ORDERS_PER_CUSTOMER_MAX => Verdict::Claim(OrderNumber(next)),
        _ => Verdict::LimitReached(Limit::Orders { limit: ORDERS_PER_CUSTOMER_MAX }),
    }
}

#[cfg(test)]
mod tests;
