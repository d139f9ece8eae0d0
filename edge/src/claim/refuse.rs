//! Every no of the claim path: given only from a view that has reached a position named after the request arrived.
//!
//! **What must always hold.** A refusal never contradicts an earlier yes: the customer's orders are looked for first.
//! `sold-out` means that no unit is free or held; final answers of a paused or closed sale mean that no batch still
//! under way can commit, because every bucket is stamped. Where that is not so yet, the answer is `busy`.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use protocol::bucket::{Bucket, State};
use protocol::claim::{Limits, Request, Verdict, decide};
use protocol::key::Key;
use protocol::order::Order;
use protocol::refusal::Refusal;
use protocol::sale::{Definition, DesiredState, Gate, Item};
use protocol::store::{Expect, Outcome, Store, Unavailable, Write};
use protocol::wire::Value;
use protocol::{CustomerId, Sku, Units};

use super::desk::Desk;
use super::history::{self, Stored};
use super::tally::Count;
use super::view::Known;
use super::{Answer, BUSY};

/// When a shopper of a paused sale should look again.
const PAUSED_RETRY_SECONDS: u32 = 10;
/// Soonest that a shopper should look again whether a held unit came back: an overdue one is released within 2 s.
const HELD_RETRY_SECONDS_MIN: u32 = 1;
/// Latest: others cancel long before their deadline.
const HELD_RETRY_SECONDS_MAX: u32 = 15;
/// Longest that a refusal waits for a position that is no middle of a batch; the rest of a batch is there within a moment.
const COUNT_WAIT: Duration = Duration::from_millis(250);
/// How long a claim waits for the definition that its buckets are already stamped with; it is on its way.
pub(super) const DEFINITION_WAIT: Duration = Duration::from_millis(500);

/// What a close look at the stock of an item came to.
pub(super) enum Look {
    /// It is a no.
    Refused(Refusal),
    /// The customer has orders after all: decide with them in hand.
    Customer(Vec<Stored>),
    /// There are units that can be claimed: try again.
    Again,
}

/// Answers a claim that came before the start; `None` when the start has changed meanwhile.
///
/// Without a read index: whoever waits for a sale to open asks again and again, and a thorough view would cost every edge
/// every order of the rush that follows. That the buckets are ahead of the definition is seen a moment later than it is so.
pub(super) async fn early<S: Store>(desk: &Desk<S>, definition: &Definition) -> Option<Refusal> {
    let newest = desk.view.newest_generation();
    if newest <= definition.generation {
        return Some(Refusal::NotOpenYet { opens_at: definition.start });
    }
    // The start may be an earlier one; the definition that says so is on its way.
    if desk.redefined(newest, DEFINITION_WAIT).await { None } else { Some(BUSY) }
}

/// Answers a claim on a sale that is not open: by the clock, by the merchant's wish, or (where the gate is open) because its
/// buckets give nothing under the very definition that opens it.
pub(super) async fn shut<S: Store>(
    desk: &Desk<S>,
    definition: &Definition,
    gate: Gate,
    customer: CustomerId,
    request: &Request,
) -> Result<Answer, Unavailable> {
    desk.index.pass().await?;
    if desk.view.has_orders(&customer)
        && let Some(answer) = earlier(desk, customer, request).await?
    {
        return Ok(answer);
    }
    // It may be shut no longer, and say so only to whoever asks.
    desk.ask_if_overtaken();
    Ok(Answer::Refused(shut_as(desk, definition, gate).await))
}

/// How a sale is shut, as the buckets have it; `busy` while a batch may still commit.
async fn shut_as<S: Store>(desk: &Desk<S>, definition: &Definition, gate: Gate) -> Refusal {
    let closed = desk.view.every_bucket(|bucket| bucket.state == State::Closed);
    let gives_nothing = |bucket: &Bucket| bucket.stopped || bucket.state == State::Closed;
    // A pause holds whoever has the definition that was stamped; a newer stamp may have ended it. A stop holds everybody
    // whose bucket has the flag, whatever the definition.
    let paused = |bucket: &Bucket| match definition.desired_state {
        DesiredState::Paused => bucket.generation == definition.generation || gives_nothing(bucket),
        DesiredState::Scheduled | DesiredState::Closed => gives_nothing(bucket),
    };
    match gate {
        Gate::Closed if closed => Refusal::SaleClosed { closed_at: ended(definition) },
        Gate::Closed => {
            close_buckets(desk, definition).await;
            BUSY
        }
        // Another edge, whose clock is ahead of ours, has seen the end.
        Gate::Open if closed => Refusal::SaleClosed { closed_at: None },
        Gate::Paused | Gate::Open if desk.view.every_bucket(paused) => {
            Refusal::SalePaused { retry_after_seconds: PAUSED_RETRY_SECONDS }
        }
        Gate::Paused | Gate::Open | Gate::NotOpenYet | Gate::Withdrawn => BUSY,
    }
}

fn ended(definition: &Definition) -> Option<Timestamp> {
    (definition.desired_state != DesiredState::Closed).then_some(definition.end)
}

/// The yes that this request already got, or that its key is taken.
async fn earlier<S: Store>(
    desk: &Desk<S>,
    customer: CustomerId,
    request: &Request,
) -> Result<Option<Answer>, Unavailable> {
    let stored = history::read(&desk.store, customer).await?;
    let found = stored.into_iter().find(|stored| stored.order.key == request.key);
    Ok(found.map(|stored| {
        if request.made(&stored.order) {
            Answer::replay(stored)
        } else {
            Answer::Refused(Refusal::IdempotencyKeyReused {})
        }
    }))
}

/// Looks closely at an item of which no bucket could be adopted.
pub(super) async fn look<S: Store>(
    desk: &Arc<Desk<S>>,
    definition: &Definition,
    item: &Item,
    customer: CustomerId,
    request: &Request,
    history: &[Order],
) -> Result<Look, Unavailable> {
    desk.index.pass().await?;
    if desk.view.has_orders(&customer) {
        let stored = history::read(&desk.store, customer).await?;
        if stored.len() > history.len() {
            return Ok(Look::Customer(stored));
        }
    }
    let known = desk.view.buckets(&item.sku);
    let serving = |k: &&Known| k.bucket.serves(definition.generation);
    let free = Units(known.iter().filter(serving).fold(0, |sum, k| sum.saturating_add(k.bucket.free.0)));
    let most = known.iter().filter(serving).map(|k| k.bucket.free).max().unwrap_or(Units::ZERO);
    let asked = request.quantity;
    if most >= asked {
        return Ok(Look::Again);
    }
    if known.iter().any(|k| k.bucket.free > Units::ZERO && !k.bucket.serves(definition.generation)) {
        // Units that this definition may not sell: a newer one is on its way, or the sale has just been shut.
        return Ok(Look::Refused(BUSY));
    }
    if free >= asked {
        return Ok(if gather(desk, definition, &item.sku, asked).await { Look::Again } else { Look::Refused(BUSY) });
    }
    if free > Units::ZERO {
        return Ok(Look::Refused(Refusal::FewerLeft { left: free, asked }));
    }
    // The last word on limits: sold out is said only to somebody who might have bought.
    match decide(request, history, &Limits::of(definition, item)) {
        Verdict::LimitReached(limit) => Ok(Look::Refused(Refusal::LimitReached { limit })),
        _ if !definition.holds() => Ok(Look::Refused(Refusal::SoldOut {})),
        _ => match tokio::time::timeout(COUNT_WAIT, desk.view.count(&item.sku)).await {
            Ok(Some(count)) if count.free == Units::ZERO => {
                Ok(Look::Refused(none_free(&count, desk.floor.clock.now())))
            }
            // What is known of the buckets is newer than the log that was read: it is on its way.
            Ok(_) | Err(_) => Ok(Look::Refused(BUSY)),
        },
    }
}

/// No unit is free: sold out only if none is held either.
fn none_free(count: &Count, now: Timestamp) -> Refusal {
    if count.held == Units::ZERO {
        return Refusal::SoldOut {};
    }
    let next_expiry = count.next_expiry.and_then(|at| Timestamp::from_second(at).ok());
    // Something may come back earlier (a cancellation), and what expires is back a moment later.
    let until = next_expiry.map_or(0, |at| (at.as_second() - now.as_second()).saturating_add(1));
    let retry = until.clamp(HELD_RETRY_SECONDS_MIN.into(), HELD_RETRY_SECONDS_MAX.into());
    let retry_after_seconds = u32::try_from(retry).unwrap_or(HELD_RETRY_SECONDS_MAX);
    Refusal::AllUnitsHeld { held: count.held, next_expiry, retry_after_seconds }
}

/// Brings scattered units together: one batch moves units from the next-fullest bucket into the fullest. Whether it
/// was worth trying again; an unknown outcome is harmless, both buckets moved or none.
async fn gather<S: Store>(desk: &Arc<Desk<S>>, definition: &Definition, sku: &Sku, asked: Units) -> bool {
    let mut known = desk.view.buckets(sku);
    known.retain(|k| k.bucket.serves(definition.generation) && k.bucket.free > Units::ZERO);
    known.sort_by_key(|k| std::cmp::Reverse(k.bucket.free));
    let [to, from, ..] = known.as_slice() else { return false };
    let moved = from.bucket.free.min(Units(asked.0.saturating_sub(to.bucket.free.0)));
    let (Ok(less), Ok(more)) = (from.bucket.claim(moved, definition.generation), to.bucket.give_back(moved)) else {
        return false;
    };
    let write = |known: &Known, value: &Bucket| Write {
        key: Key::Bucket(sku.clone(), known.index),
        expect: Expect::At(known.revision),
        value: value.encode(),
        trace: None,
    };
    match desk.store.commit(vec![write(from, &less), write(to, &more)]).await {
        Outcome::Committed(committed) => {
            desk.view.learn(sku, from.index, committed.revision(0), &less);
            desk.view.learn(sku, to.index, committed.revision(1), &more);
            true
        }
        Outcome::Conflict(_) => true,
        Outcome::NotTaken(_) | Outcome::Fault(_) | Outcome::Unknown(_) => false,
    }
}

/// Past the end with the operator away: closes what this definition may close, so that "over" becomes final. One
/// attempt per bucket; the next shopper who asks tries again. One shopper at a time: a crowd that comes at the end must
/// not write every bucket a thousand times.
async fn close_buckets<S: Store>(desk: &Desk<S>, definition: &Definition) {
    let Ok(_alone) = desk.closing.try_lock() else { return };
    for (sku, known) in desk.view.all() {
        let Ok(Some(closed)) = known.bucket.stamp(definition.generation, State::Closed) else { continue };
        // An edge raises no generation: it may close a bucket only under the one that stamped it.
        if closed.generation != known.bucket.generation {
            continue;
        }
        let key = Key::Bucket(sku.clone(), known.index);
        let write = Write { key, expect: Expect::At(known.revision), value: closed.encode(), trace: None };
        if let Outcome::Committed(committed) = desk.store.commit(vec![write]).await {
            desk.view.learn(&sku, known.index, committed.revision(0), &closed);
        }
    }
}
