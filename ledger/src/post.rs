//! Messages of a stream become rows and balanced postings. Pure.
//!
//! **What it is for.** A shard's units lie in accounts per item: they come out of `supply` and lie in `free`, `held` or
//! `sold`. A message says how things are now, never what happened, so what is posted is the difference between the level
//! that is stored and the level that the message names. Superseded messages may be missing: whatever was skipped is
//! contained in the next difference.
//!
//! **What must always hold.** A posting takes an amount from one account and gives it to another: it cannot be written
//! unbalanced. A claim is one batch but two kinds of message (a bucket with fewer units, orders with more), and a cut
//! may fall between them: so buckets and supply records post against `in-flight`, and so does an order that begins or
//! ends. `in-flight` is 0 whenever everything was followed, which the audit checks; in between it may have either sign.
//! A message posts at most one entry, so the entry's key is the message's position and nothing is ever posted twice.
//!
//! **What is refused.** A value that cannot be read, an order whose claim changed, a transition that orders do not have,
//! a supply record that was written again: each is somebody's error about stock, and guessing would make it ours.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use protocol::bucket::Bucket;
use protocol::conservation::Sums;
use protocol::key::Key;
use protocol::order::{Order, State};
use protocol::sale::Meta;
use protocol::store::Entry;
use protocol::supply::Supply;
use protocol::wire::Value;
use protocol::{BucketIndex, CustomerId, Epoch, OrderId, OrderNumber, Revision, Sku, Units};

/// Where units of an item can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Account {
    /// Where they come from: minus what was ever supplied.
    Supply,
    /// Given by one row, not yet received by another.
    InFlight,
    /// In buckets.
    Free,
    /// In held orders.
    Held,
    /// In confirmed orders.
    Sold,
}

impl Account {
    /// Every account that an item has.
    pub const ALL: [Self; 5] = [Self::Supply, Self::InFlight, Self::Free, Self::Held, Self::Sold];

    /// As the books spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Supply => "supply",
            Self::InFlight => "in-flight",
            Self::Free => "free",
            Self::Held => "held",
            Self::Sold => "sold",
        }
    }

    /// Whether it may be below zero.
    #[must_use]
    pub fn overdraft(self) -> bool {
        matches!(self, Self::Supply | Self::InFlight)
    }

    fn of(state: State) -> Self {
        match state {
            State::Held => Self::Held,
            State::Confirmed => Self::Sold,
            State::Released => Self::InFlight,
        }
    }
}

/// A value that this ledger understands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Says whose stream it is.
    Meta(Meta),
    /// How many units a bucket has.
    Bucket(Sku, BucketIndex, Bucket),
    /// How an order is.
    Order(CustomerId, OrderNumber, Order),
    /// What was added or taken.
    Supply(Sku, u32, Supply),
    /// A key of a later version; only its position counts.
    Unknown,
}

/// A message of the stream, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its position.
    pub revision: Revision,
    /// When the server stored it.
    pub at: Timestamp,
    /// What it says.
    pub content: Content,
}

/// Why a sale cannot be followed any further.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Broken(pub String);

impl Message {
    /// Reads a message.
    ///
    /// # Errors
    /// [`Broken`] when its key is known and its value is not.
    pub fn read(entry: &Entry) -> Result<Self, Broken> {
        let content = match &entry.key {
            None => Ok(Content::Unknown),
            Some(Key::Meta) => Meta::decode(&entry.value).map(Content::Meta),
            Some(Key::Bucket(sku, index)) => {
                Bucket::decode(&entry.value).map(|bucket| Content::Bucket(sku.clone(), *index, bucket))
            }
            Some(Key::Order(customer, number)) => {
                Order::decode(&entry.value).map(|order| Content::Order(*customer, *number, order))
            }
            Some(Key::Supply(sku, number)) => {
                Supply::decode(&entry.value).map(|supply| Content::Supply(sku.clone(), *number, supply))
            }
        };
        let key = || entry.key.as_ref().map(ToString::to_string).unwrap_or_default();
        let broken = |error| Broken(format!("key {} at position {}: {error}", key(), entry.revision));
        Ok(Self { revision: entry.revision, at: entry.time, content: content.map_err(broken)? })
    }
}

/// What the rows say of an order, as far as the next message about it needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredOrder {
    /// The life of the streams that it was last seen in.
    pub epoch: Epoch,
    /// Its newest position there.
    pub revision: Revision,
    /// Made from what the client called it.
    pub id: OrderId,
    /// What was claimed.
    pub sku: Sku,
    /// How many units of it.
    pub quantity: Units,
    /// Where it is in its life.
    pub state: State,
}

/// The stored orders that a group of messages is about; a new order is not in it.
pub type StoredOrders = HashMap<(CustomerId, OrderNumber), StoredOrder>;

/// What a shard's rows come to: kept in memory by the one who moves its cursor, and loaded by whoever follows next.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Book {
    /// Everything up to here is in the rows.
    pub cursor: Revision,
    /// Per item.
    pub sums: BTreeMap<Sku, Sums>,
    /// Free units per bucket.
    pub buckets: HashMap<(Sku, BucketIndex), Units>,
}

/// An amount that leaves one account and reaches another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posting {
    /// Position of the message that caused it.
    pub revision: Revision,
    /// Time of that message.
    pub at: Timestamp,
    /// Which item.
    pub sku: Sku,
    /// Gives.
    pub credit: Account,
    /// Receives.
    pub debit: Account,
    /// How many units, at least 1.
    pub units: i64,
    /// The order it is about.
    pub order: Option<OrderId>,
}

/// An order as it is after a group of messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRow {
    /// Whose.
    pub customer: CustomerId,
    /// Which of theirs.
    pub number: OrderNumber,
    /// Its id.
    pub id: OrderId,
    /// Newest position.
    pub revision: Revision,
    /// Time of the first message in the group.
    pub seen_at: Timestamp,
    /// Time of the newest.
    pub changed_at: Timestamp,
    /// The order.
    pub order: Order,
}

/// The newest value of each key in a group of messages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rows {
    /// Orders.
    pub orders: Vec<OrderRow>,
    /// Buckets.
    pub buckets: BTreeMap<(Sku, BucketIndex), (Revision, Bucket)>,
    /// Supply records.
    pub supplies: BTreeMap<(Sku, u32), (Revision, Supply)>,
}

/// Whose stream is followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Uid of the sale's resource.
    pub uid: String,
    /// The life of its streams.
    pub epoch: Epoch,
}

/// Folds messages to the newest value of each key. They come in the order of the log.
#[must_use]
pub fn rows(identity: &Identity, messages: &[Message]) -> Rows {
    let mut rows = Rows::default();
    let mut positions: HashMap<(CustomerId, OrderNumber), usize> = HashMap::with_capacity(messages.len());
    for Message { revision, at, content } in messages {
        match content {
            Content::Bucket(sku, index, bucket) => {
                rows.buckets.insert((sku.clone(), *index), (*revision, bucket.clone()));
            }
            Content::Supply(sku, number, supply) => {
                rows.supplies.insert((sku.clone(), *number), (*revision, supply.clone()));
            }
            Content::Order(customer, number, order) => {
                let known = positions.get(&(*customer, *number)).and_then(|position| rows.orders.get_mut(*position));
                if let Some(row) = known {
                    (row.revision, row.changed_at, row.order) = (*revision, *at, order.clone());
                } else {
                    positions.insert((*customer, *number), rows.orders.len());
                    rows.orders.push(OrderRow {
                        customer: *customer,
                        number: *number,
                        id: OrderId::derive(&identity.uid, customer, &order.key),
                        revision: *revision,
                        seen_at: *at,
                        changed_at: *at,
                        order: order.clone(),
                    });
                }
            }
            Content::Meta(_) | Content::Unknown => {}
        }
    }
    rows
}

/// Posts messages, in the order of the log and all of them after the book's cursor, to a book whose orders are stored
/// like this; the book is then at the last of them.
///
/// # Errors
/// [`Broken`]; the book is then in no particular state.
pub fn post(
    book: &mut Book,
    identity: &Identity,
    mut stored: StoredOrders,
    messages: &[Message],
) -> Result<Vec<Posting>, Broken> {
    let mut postings = Vec::with_capacity(messages.len());
    for Message { revision, at, content } in messages {
        let moved = match content {
            Content::Unknown => None,
            Content::Meta(meta) => {
                check_meta(identity, meta)?;
                None
            }
            Content::Bucket(sku, index, bucket) => {
                let before = book.buckets.insert((sku.clone(), *index), bucket.free).unwrap_or_default();
                Some((sku, Account::Free, i64::from(bucket.free.0) - i64::from(before.0), None))
            }
            Content::Supply(sku, _, supply) => Some((sku, Account::Supply, -supply.delta, None)),
            Content::Order(customer, number, order) => {
                let before = stored.get(&(*customer, *number));
                let after = StoredOrder::of(identity, *revision, customer, order);
                let from = transition(before, &after).map_err(|why| {
                    Broken(format!("{} at position {revision}: {why}", Key::Order(*customer, *number)))
                })?;
                let sums = book.sums.entry(order.sku.clone()).or_default();
                // An order that comes from an earlier life is new to this one's book.
                sums.orders += i64::from(before.is_none_or(|before| before.epoch != identity.epoch));
                let to = Account::of(order.state);
                let (id, units) = (after.id, i64::from(order.quantity.0));
                stored.insert((*customer, *number), after);
                postings.extend(posting(*revision, *at, &order.sku, (from, to), units, Some(id)));
                None
            }
        };
        if let Some((sku, account, change, order)) = moved {
            let ends = if change < 0 { (account, Account::InFlight) } else { (Account::InFlight, account) };
            book.sums.entry(sku.clone()).or_default();
            postings.extend(posting(*revision, *at, sku, ends, change.abs(), order));
        }
        book.cursor = *revision;
    }
    for posting in &postings {
        let sums = book.sums.entry(posting.sku.clone()).or_default();
        add(sums, posting.debit, posting.units);
        add(sums, posting.credit, -posting.units);
    }
    Ok(postings)
}

impl StoredOrder {
    fn of(identity: &Identity, revision: Revision, customer: &CustomerId, order: &Order) -> Self {
        let id = OrderId::derive(&identity.uid, customer, &order.key);
        let Order { sku, quantity, state, .. } = order;
        Self { epoch: identity.epoch, revision, id, sku: sku.clone(), quantity: *quantity, state: *state }
    }
}

/// What an account's balance is in the terms of the law; supply counts what was ever taken out of it.
fn add(sums: &mut Sums, account: Account, units: i64) {
    match account {
        Account::Supply => sums.supply -= units,
        Account::Free => sums.free += units,
        Account::Held => sums.held += units,
        Account::Sold => sums.sold += units,
        Account::InFlight => {}
    }
}

fn posting(
    revision: Revision,
    at: Timestamp,
    sku: &Sku,
    (credit, debit): (Account, Account),
    units: i64,
    order: Option<OrderId>,
) -> Option<Posting> {
    (units != 0 && credit != debit).then(|| Posting { revision, at, sku: sku.clone(), credit, debit, units, order })
}

fn check_meta(identity: &Identity, meta: &Meta) -> Result<(), Broken> {
    if meta.uid == identity.uid && meta.epoch == identity.epoch {
        return Ok(());
    }
    Err(Broken(format!(
        "the stream belongs to sale {} in epoch {}, not to {} in epoch {}",
        meta.uid, meta.epoch, identity.uid, identity.epoch
    )))
}

/// Where the units of an order were before it became this; an error when it cannot have been there.
fn transition(before: Option<&StoredOrder>, after: &StoredOrder) -> Result<Account, String> {
    let Some(before) = before else { return Ok(Account::InFlight) };
    if (before.epoch, before.revision) >= (after.epoch, after.revision) {
        return Err(format!("its row is of position {} in epoch {} already", before.revision, before.epoch));
    }
    if (before.id, &before.sku, before.quantity) != (after.id, &after.sku, after.quantity) {
        return Err(format!(
            "{} × {} was claimed as {}, now it says {} × {} as {}",
            before.quantity, before.sku, before.id, after.quantity, after.sku, after.id
        ));
    }
    let legal = match (before.state, after.state) {
        (State::Held, _) | (State::Confirmed, State::Confirmed | State::Released) => true,
        (State::Released, after) => after == State::Released,
        (State::Confirmed, State::Held) => false,
    };
    if !legal {
        return Err(format!("a {} order became {}", before.state.as_str(), after.state.as_str()));
    }
    if before.epoch == after.epoch { Ok(Account::of(before.state)) } else { Ok(Account::InFlight) }
}

#[cfg(test)]
mod tests;
