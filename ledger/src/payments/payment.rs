//! A payment: what it is for, where it is in its life, and which way its money goes. Pure.

pub use protocol::ask::money::{PaymentMode as Mode, PaymentState as State};
use protocol::order::{Order, State as OrderState};
use protocol::{CustomerId, OrderId, OrderNumber, SaleId};
use uuid::Uuid;

use crate::repo::purses::{Cause, Kind};

/// The order that is paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Where it was made.
    pub sale: SaleId,
    /// Its id.
    pub order: OrderId,
    /// Whose it is.
    pub customer: CustomerId,
    /// Which of theirs.
    pub number: OrderNumber,
}

/// One payment of one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// Its id; an order that is confirmed with it carries it.
    pub id: Uuid,
    /// What is paid.
    pub target: Target,
    /// Where its money comes from.
    pub mode: Mode,
    /// How much, in minor units; 0 where an item is free.
    pub amount_minor: i64,
    /// ISO 4217, three capitals.
    pub currency: String,
    /// Where it is in its life.
    pub state: State,
}

/// What has to happen to a payment next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Confirm the order with it.
    Confirm,
    /// Move it, and its money, to this state.
    Move(State),
    /// Nothing more, unless the order changes.
    Done,
}

impl Payment {
    /// What follows from where the payment and its order are.
    ///
    /// A payment that was begun in time confirms its order as long as that is held, however late that is found.
    #[must_use]
    pub fn next(&self, order: &Order) -> Next {
        let ours = order.payment == Some(self.id);
        match (self.state, order.state) {
            (State::Pending, OrderState::Held) => Next::Confirm,
            (State::Pending, OrderState::Confirmed) if ours => Next::Move(State::Settled),
            (State::Pending, OrderState::Confirmed | OrderState::Released) => Next::Move(self.back()),
            (State::Settled, OrderState::Released) if ours => Next::Move(match self.mode {
                Mode::Wallet => State::Refunded,
                Mode::External => State::RefundDue,
            }),
            (State::Settled | State::Returned | State::Refunded | State::RefundDue | State::Failed, _) => Next::Done,
        }
    }

    /// Where it goes when it was not settled.
    #[must_use]
    pub fn back(&self) -> State {
        match self.mode {
            Mode::Wallet => State::Returned,
            Mode::External => State::RefundDue,
        }
    }

    /// Why money moves when a payment goes from one state to another; nothing for a step that does not exist.
    #[must_use]
    pub fn cause(from: State, to: State) -> Option<Cause> {
        match (from, to) {
            (State::Pending, State::Settled) => Some(Cause::Settle),
            (State::Pending, State::Returned | State::RefundDue) => Some(Cause::Return),
            (State::Settled, State::Refunded | State::RefundDue) => Some(Cause::Refund),
            _ => None,
        }
    }

    /// The purses that the money of a step passes, in order.
    #[must_use]
    pub fn route(&self, cause: Cause) -> &'static [Kind] {
        match (cause, self.mode) {
            (Cause::Pay | Cause::Fund, Mode::Wallet) => &[Kind::Wallet, Kind::Pending],
            (Cause::Pay | Cause::Fund, Mode::External) => &[Kind::Funding, Kind::Pending],
            (Cause::Settle, _) => &[Kind::Pending, Kind::Revenue],
            (Cause::Return, Mode::Wallet) => &[Kind::Pending, Kind::Wallet],
            (Cause::Return, Mode::External) => &[Kind::Pending, Kind::Refunds],
            (Cause::Refund, Mode::Wallet) => &[Kind::Revenue, Kind::Refunds, Kind::Wallet],
            (Cause::Refund, Mode::External) => &[Kind::Revenue, Kind::Refunds],
        }
    }
}

#[cfg(test)]
mod tests;
