//! What a customer ordered, in all sales.
//!
//! **What must always hold.** The owner is part of every statement: another's order is not found, however its id was
//! learned. Following a cursor yields every order that was there when the first page was read, once: orders are ordered
//! by when they were made, which never changes.

use jiff::Timestamp;
use protocol::OrderId;
use protocol::ask::No;
use protocol::ask::history::{ORDERS_MAX, OneOrder, Orders, OrdersPage, PastOrder};
use uuid::Uuid;

use crate::answer::{Answer, invalid};
use crate::repo::Repo;
use crate::repo::history::Place;

/// A page of a customer's orders.
///
/// # Errors
/// When the question breaks a rule, or Postgres is away.
pub async fn orders(repo: &Repo, question: Orders) -> Answer<OrdersPage> {
    if question.limit == 0 || question.limit > ORDERS_MAX {
        return Err(invalid("limit", format!("1 to {ORDERS_MAX}")).into());
    }
    let after = match &question.cursor {
        None => None,
        Some(text) => Some(read(text).ok_or_else(|| invalid("cursor", "the cursor of an earlier page, as it came"))?),
    };
    // One more than asked for says whether there is a next page.
    let mut orders = repo.past_orders(&question.customer, after, question.limit + 1).await?;
    let more = orders.len() > usize::from(question.limit);
    orders.truncate(question.limit.into());
    let cursor = if more { orders.last().map(write) } else { None };
    Ok(OrdersPage { orders, cursor })
}

/// One order of a customer.
///
/// # Errors
/// When it is not theirs or not there, or Postgres is away.
pub async fn one_order(repo: &Repo, question: OneOrder) -> Answer<PastOrder> {
    let found = repo.past_order(&question.sale, &question.customer, &question.order).await?;
    Ok(found.ok_or(No::NotFound)?)
}

/// The cursor after this order.
fn write(order: &PastOrder) -> String {
    format!("{}.{}", order.made_at.as_microsecond(), order.id.0.simple())
}

fn read(cursor: &str) -> Option<Place> {
    let (made_at, order) = cursor.split_once('.')?;
    let made_at = Timestamp::from_microsecond(made_at.parse().ok()?).ok()?;
    // Postgres counts fewer years back than we do, and no order is that old.
    if made_at < Timestamp::UNIX_EPOCH {
        return None;
    }
    Some(Place { made_at, order: OrderId(Uuid::try_parse(order).ok()?) })
}

#[cfg(test)]
mod tests;
