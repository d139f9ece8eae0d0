//! The hot path: token buckets become orders.
//!
//! **What it is for.** [`Engine::claim`] turns one request into the truth about it: an order, a named refusal, or "still
//! being settled". Requests of one item wait in a [`counter`], a [`lane`] commits them in batches, [`settle`] finds out
//! what became of a batch that nobody answered for, and [`refuse`] gives every no from the [`view`].
//!
//! **What must always hold.** Nothing decides stock but the compare-and-set. A yes is told only after the stream
//! acknowledged it or showed it. A caller that leaves stops nothing that was sent, and nothing is sent after it left.
//!
//! **What it costs.** On the way to a yes: no read, one share of a batch. A claim of a customer with earlier orders costs
//! a read per order; a refusal a share of a read index.
//!
//! **What is deliberately absent.** Redis, Postgres, Kubernetes: claiming needs none of them.

pub mod cancel;
pub(crate) mod counter;
pub mod desk;
pub mod history;
mod index;
mod lane;
pub mod metrics;
mod refuse;
mod settle;
mod skew;
mod tally;
mod traced;
mod turn;
mod view;

use std::sync::Arc;
use std::time::Duration;

use protocol::claim::{Limits, Request, Verdict, decide};
use protocol::order::{Order, held_until};
use protocol::refusal::{Limit, Refusal};
use protocol::sale::{Definition, Gate, Item};
use protocol::store::{Store, Unavailable};
use protocol::{CustomerId, OrderId, OrderNumber, Units};
use tokio::sync::oneshot;

use counter::{Reply, Stage, Waiting};
use desk::Desk;
use history::Stored;
use metrics::Shed;
use refuse::Look;

pub use self::engine::{Engine, Stock, StockItem};
pub use self::tally::Held;

mod engine;

/// Nothing was taken by this attempt; the same key again, in a second.
pub(crate) const BUSY: Refusal = Refusal::Busy { retry_after_seconds: 1 };

/// The truth about a request.
#[derive(Debug, Clone)]
pub enum Answer {
    /// Its order.
    Order {
        /// Which of the customer's orders.
        number: OrderNumber,
        /// The order.
        order: Order,
        /// Whether it existed before this request.
        replayed: bool,
    },
    /// It was sent and nobody knows yet; the order will be found under this id, or not.
    Settling {
        /// The address of the order.
        id: OrderId,
    },
    /// A named no.
    Refused(Refusal),
}

impl Answer {
    fn replay(stored: Stored) -> Self {
        Self::Order { number: stored.number, order: stored.order, replayed: true }
    }
}

/// Claims at one desk, within a budget of time. Answers `busy` for what was never sent by then, `Settling` for what was.
pub(crate) async fn claim<S: Store>(
    desk: &Arc<Desk<S>>,
    customer: CustomerId,
    request: &Request,
    budget: Duration,
) -> Answer {
    let mut attempt = Attempt { stage: Arc::default() };
    let deadline = tokio::time::sleep(budget);
    let answer = {
        let claiming = claiming(desk, customer, request, budget, &mut attempt);
        tokio::select! {
            biased;
            answer = claiming => Some(answer),
            () = deadline => None,
        }
    };
    match answer {
        Some(Ok(answer)) => answer,
        Some(Err(unavailable)) => {
            tracing::debug!(error = %unavailable, "a claim could not be decided");
            Answer::Refused(BUSY)
        }
        None if attempt.stage.leave() => shed(desk, Shed::Late),
        None => Answer::Settling { id: OrderId::derive(&desk.definition().uid, &customer, &request.key) },
    }
}

/// Tells a claim of which nothing was sent to come back.
fn shed<S>(desk: &Desk<S>, why: Shed) -> Answer {
    desk.floor.metrics.shed(why);
    Answer::Refused(BUSY)
}

/// What the deadline needs to know of a claim that it interrupts.
struct Attempt {
    /// Of the newest sending; earlier ones ended in a definite no.
    stage: Arc<Stage>,
}

async fn claiming<S: Store>(
    desk: &Arc<Desk<S>>,
    customer: CustomerId,
    request: &Request,
    budget: Duration,
    attempt: &mut Attempt,
) -> Result<Answer, Unavailable> {
    let Some(_turn) = desk.turns.take(customer).await else { return Ok(shed(desk, Shed::Turn)) };
    let mut orders = desk.memory.get(&customer);
    loop {
        let definition = desk.definition();
        let gate = definition.gate(desk.floor.clock.now());
        match gate {
            Gate::Open => {}
            Gate::NotOpenYet => match refuse::early(desk, &definition).await {
                Some(refusal) => return Ok(Answer::Refused(refusal)),
                None => continue,
            },
            Gate::Withdrawn => return Ok(Answer::Refused(BUSY)),
            Gate::Paused | Gate::Closed => return refuse::shut(desk, &definition, gate, customer, request).await,
        }
        // The item was there when the request was parsed; items are not removed from an open sale.
        let Some(item) = definition.item(&request.sku) else { return Ok(Answer::Refused(BUSY)) };
        let number = match decide(request, &orders, &Limits::of(&definition, item)) {
            Verdict::Claim(number) => number,
            // No order can have been made with it, so nothing needs to be read to refuse it.
            Verdict::LimitReached(limit @ Limit::Order { .. }) if orders.is_empty() => {
                return Ok(Answer::Refused(Refusal::LimitReached { limit }));
            }
            _ => {
                let stored = history::read(&desk.store, customer).await?;
                orders = remember(desk, customer, &stored);
                match decided(request, stored, &orders, &definition, item) {
                    Ok(number) => number,
                    Err(answer) => return Ok(answer),
                }
            }
        };
        let (reply, waiting) = waiting(desk, &definition, customer, request, number, attempt);
        if let Err(why) = desk.submit(item.buckets, waiting, budget) {
            return Ok(shed(desk, why));
        }
        // A lane that went away with the shard answers nothing; the deadline ends the wait then.
        let Ok(reply) = reply.await else { std::future::pending().await };
        match reply {
            Reply::Taken(order) => {
                let known: Vec<Order> = orders.iter().cloned().chain([order.clone()]).collect();
                desk.memory.keep(customer, known.into());
                return Ok(Answer::Order { number, order, replayed: false });
            }
            Reply::NumberTaken => orders = remember(desk, customer, &history::read(&desk.store, customer).await?),
            Reply::Busy => return Ok(Answer::Refused(BUSY)),
            Reply::Stopping => return Ok(shed(desk, Shed::Stopping)),
            Reply::Fenced if desk.definition().gate(desk.floor.clock.now()) != Gate::Open => {}
            Reply::Fenced => {
                let newest = desk.view.buckets(&request.sku).iter().map(|k| k.bucket.generation).max();
                if !desk.redefined(newest.unwrap_or_default(), refuse::DEFINITION_WAIT).await {
                    return Ok(Answer::Refused(BUSY));
                }
                if desk.definition().generation == definition.generation {
                    // It is not the generation: the buckets are closed or stopped under this very definition.
                    return refuse::shut(desk, &definition, gate, customer, request).await;
                }
            }
            Reply::NoUnits => match refuse::look(desk, &definition, item, customer, request, &orders).await? {
                Look::Refused(refusal) => return Ok(Answer::Refused(refusal)),
                Look::Again => {}
                Look::Customer(stored) => {
                    orders = remember(desk, customer, &stored);
                    if let Err(answer) = decided(request, stored, &orders, &definition, item) {
                        return Ok(answer);
                    }
                }
            },
        }
    }
}

/// Decides with what the leader just said: the number to claim, or the answer.
fn decided(
    request: &Request,
    mut stored: Vec<Stored>,
    orders: &[Order],
    definition: &Definition,
    item: &Item,
) -> Result<OrderNumber, Answer> {
    match decide(request, orders, &Limits::of(definition, item)) {
        Verdict::Claim(number) => Ok(number),
        Verdict::Replay(number) => Err(match stored.iter().position(|s| s.number == number) {
            Some(position) => Answer::replay(stored.swap_remove(position)),
            None => Answer::Refused(BUSY),
        }),
        Verdict::KeyReused(_) => Err(Answer::Refused(Refusal::IdempotencyKeyReused {})),
        Verdict::LimitReached(limit) => Err(Answer::Refused(Refusal::LimitReached { limit })),
    }
}

fn remember<S: Store>(desk: &Desk<S>, customer: CustomerId, stored: &[Stored]) -> Arc<[Order]> {
    let orders: Arc<[Order]> = stored.iter().map(|s| s.order.clone()).collect();
    desk.memory.keep(customer, Arc::clone(&orders));
    orders
}

fn waiting<S: Store>(
    desk: &Desk<S>,
    definition: &Definition,
    customer: CustomerId,
    request: &Request,
    number: OrderNumber,
    attempt: &mut Attempt,
) -> (oneshot::Receiver<Reply>, Waiting) {
    let expires_at = definition.holds().then(|| held_until(desk.floor.clock.now(), definition.hold_seconds));
    let stage = Arc::new(Stage::default());
    attempt.stage = Arc::clone(&stage);
    let (reply, told) = oneshot::channel();
    let since = Some(desk.floor.clock.monotonic());
    let order = request.order(expires_at);
    (told, Waiting { customer, number, order, since, trace: runtime::trace::current(), stage, reply })
}

/// Units that a request may ask for at all.
#[must_use]
pub fn is_quantity(quantity: u32) -> bool {
    Units(quantity) > Units::ZERO
}

#[cfg(test)]
mod tests;
