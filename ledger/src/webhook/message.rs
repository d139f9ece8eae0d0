//! What the receiver gets. Pure.
//!
//! **What must always hold.** The same state of an order has the same id, however often and by whomever it is sent: receivers
//! tell repetitions apart by it. An order's states come in order and `released` is the last, so a receiver that has seen
//! it drops whatever comes later of that order.

use serde::Serialize;
use uuid::Uuid;

use crate::repo::fulfilment::{CustomerPart, Line, OrderPart};
use crate::repo::outbox::Delivery;

/// Most characters of a text that people chose: a message has a few kilobytes, whatever they are called.
const TEXT_CHARS_MAX: usize = 256;

/// A message, ready to be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What repetitions of it have in common.
    pub id: Uuid,
    /// `order.confirmed` or `order.released`.
    pub event: String,
    /// JSON.
    pub body: Vec<u8>,
}

#[derive(Serialize)]
struct Body<'a> {
    id: Uuid,
    #[serde(rename = "type")]
    event: &'a str,
    #[serde(flatten)]
    line: Line,
    attempt: i32,
}

impl Message {
    /// What is said in a delivery.
    ///
    /// # Errors
    /// When it cannot be said in JSON.
    pub fn of(delivery: &Delivery) -> Result<Self, serde_json::Error> {
        let Delivery { epoch, revision, attempt, line } = delivery;
        let id = Uuid::new_v5(&line.order.id, format!("{epoch}.{revision}").as_bytes());
        let event = ["order", line.order.state.as_str()].join(".");
        let item_name = line.order.item_name.as_deref().map(short);
        let (email, name) = (line.customer.email.as_deref().map(short), line.customer.name.as_deref().map(short));
        let order = OrderPart { item_name, ..line.order.clone() };
        let customer = CustomerPart { email, name, ..line.customer.clone() };
        let line = Line { order, customer, ..line.clone() };
        let body = serde_json::to_vec(&Body { id, event: &event, line, attempt: *attempt })?;
        Ok(Self { id, event, body })
    }
}

fn short(text: &str) -> String {
    text.chars().take(TEXT_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests;
