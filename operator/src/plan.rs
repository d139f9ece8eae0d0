//! What to do next for a sale: pure.
//!
//! **What it is for.** [`plan`] looks at what is asked, what was latched, what is stored and the time, and names the next
//! stage of work. The caller does the stage, looks again and asks again, until there is nothing left. Nothing is
//! remembered in between, so an operator may be killed at any instruction.
//!
//! **What must always hold.** A sale is provisioned once per epoch:
//!
//! ```text
//! create stream ─► meta ─► empty buckets ─► LATCH in the status ─► supply ─► publish        (nothing is visible before)
//! change:          empty buckets of new items ─► LATCH ─► their supply ─► publish ─► stamp every bucket ─► move supply
//! ```
//!
//! Before the latch there are only empty buckets, which nobody can claim from; so whatever is found without a latch is
//! adopted or made again without harm. After it, a stream, its `meta` or a bucket that is missing is *lost*: nothing is
//! ever seeded again, the definition is withdrawn. A new definition is published before the buckets are stamped, because
//! an edge that has it claims from both kinds of bucket, and one that does not is fenced by the stamp.
//!
//! **What is deliberately absent.** How many units lie in which bucket: [`protocol::supply`] decides that.

use std::collections::BTreeMap;

use jiff::Timestamp;
use protocol::bucket::Bucket;
use protocol::sale::{Definition, DesiredState, Gate, Item, Meta, Money, StreamIdentity};
use protocol::supply::{Supply, Target};
use protocol::{BucketIndex, Epoch, Generation, Revision, Shard, Sku};
use sha2::{Digest as _, Sha256};

use crate::durability::Kept;
use crate::resource::BUCKETS_PER_SHARD_MAX;
use crate::wanted::{Latch, Refused, Wanted};

mod enforce;

use enforce::enforce;
pub use enforce::{all_closed, bucket_state, shortfall, target};

/// The life of a sale's streams that is provisioned first.
pub const FIRST_EPOCH: Epoch = Epoch(1);
/// What a definition says while its streams are being removed.
pub const DELETED: &str = "the sale is being deleted";

/// Everything that is stored about a sale outside the resource.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// The definition that edges and ledger know.
    pub published: Option<Definition>,
    /// The revision of that, or of nothing: of the deletion, or 0.
    pub published_at: Revision,
    /// The stream of the only shard; `None` when there is none under its name.
    pub shelf: Option<Shelf>,
}

/// What a shard's stream holds.
#[derive(Debug, Clone)]
pub struct Shelf {
    /// Which stream it is.
    pub identity: StreamIdentity,
    /// Where its copies are, and how they are.
    pub kept: Kept,
    /// How many messages it holds.
    pub messages: u64,
    /// Whose it is.
    pub meta: Option<Meta>,
    /// Stock by item.
    pub items: BTreeMap<Sku, Stock>,
    /// Everything up to here was seen.
    pub position: Revision,
}

/// The stock of an item in a shard.
#[derive(Debug, Clone, Default)]
pub struct Stock {
    /// Its buckets, by index.
    pub buckets: Vec<(BucketIndex, Bucket)>,
    /// Its newest supply record, with its number.
    pub supplied: Option<(u32, Supply)>,
}

impl Stock {
    /// Units in all buckets.
    #[must_use]
    pub fn free(&self) -> i64 {
        self.buckets.iter().map(|(_, bucket)| i64::from(bucket.free.0)).sum()
    }

    /// Units that all records come to.
    #[must_use]
    pub fn supply(&self) -> i64 {
        self.supplied.as_ref().map_or(0, |(_, supply)| i64::from(supply.total.0))
    }
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Make the stream, unless it is there.
    CreateStream,
    /// Say whose it is.
    SeedMeta(Meta),
    /// Make an item's buckets, empty and open, all or none.
    SeedBuckets {
        /// Which item.
        sku: Sku,
        /// How many.
        buckets: u16,
        /// Stamped with this.
        generation: Generation,
    },
    /// Write the streams' identities and the items' numbers of buckets into the status, by compare-and-set.
    Latch {
        /// The streams; those of the status, or the one that is there, when nothing was published yet.
        streams: Option<Vec<StreamIdentity>>,
        /// Items with their numbers of buckets, those latched before included.
        buckets: BTreeMap<Sku, u16>,
    },
    /// Bring every bucket to this generation and its item's state.
    Stamp {
        /// The definition that is to be in force.
        definition: Box<Definition>,
        /// Whether all are closed; else only those of removed items are.
        closed: bool,
    },
    /// Write supply records until they come to the target.
    Supply {
        /// Which item.
        sku: Sku,
        /// What is asked of it.
        target: Target,
    },
    /// Let everybody know, if what is published is still what was seen: an emergency stop may have come meanwhile, or a
    /// replica that was faster may have ended the sale.
    Publish(Box<Definition>),
    /// Clear the emergency stop of every bucket.
    Resume,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// Do these in this order, then look and ask again.
    Steps(Vec<Step>),
    /// What is asked is in force.
    Settled(Standing),
    /// A newer operator was here: leave everything alone and read the resource again.
    Deposed(Generation),
}

/// How things stand once nothing is left to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// What is in force; `None` when nothing was ever provisioned.
    pub definition: Option<Box<Definition>>,
    /// Why what is asked is not what is in force.
    pub refused: Option<Refused>,
    /// Why the streams may not be used.
    pub lost: Option<String>,
}

/// Names the next stage.
#[must_use]
pub fn plan(wanted: &Result<Wanted, Refused>, latch: Option<&Latch>, seen: &Seen, now: Timestamp) -> Plan {
    let Some(latch) = latch else {
        return match (wanted, &seen.published) {
            (Err(refused), _) => refuse(refused.clone(), None, None),
            (Ok(_), Some(published)) => Plan::Steps(vec![latch_again(published, seen.shelf.as_ref())]),
            (Ok(wanted), None) => provision(wanted, seen),
        };
    };
    let (definition, refused) = in_force(wanted, latch, seen.published.as_ref(), now);
    let Some(mut definition) = definition else {
        // Provisioned but never published, and what is asked now cannot be.
        return refuse(refused.unwrap_or_else(|| Refused::new("spec", "cannot be read")), None, None);
    };
    if let Some(newer) = newest_generation(seen).filter(|newer| *newer > definition.generation) {
        return Plan::Deposed(newer);
    }
    let resume = wanted.as_ref().is_ok_and(|wanted| wanted.resume);
    definition.stopped = !resume && seen.published.as_ref().is_some_and(|published| published.stopped);
    definition.withdrawn = lost(latch, &definition, seen);
    if definition.withdrawn.is_some() {
        if seen.published.as_ref() != Some(&definition) {
            return Plan::Steps(vec![Step::Publish(Box::new(definition))]);
        }
        let lost = definition.withdrawn.clone();
        return Plan::Settled(Standing { definition: Some(Box::new(definition)), refused, lost });
    }
    let Some(shelf) = &seen.shelf else { return refuse(Refused::new("spec", "has no stream"), None, None) };
    let steps = enforce(&definition, latch, shelf, seen.published.as_ref(), now, resume);
    if steps.is_empty() {
        Plan::Settled(Standing { definition: Some(Box::new(definition)), refused, lost: None })
    } else {
        Plan::Steps(steps)
    }
}

fn refuse(refused: Refused, definition: Option<Box<Definition>>, lost: Option<String>) -> Plan {
    Plan::Settled(Standing { definition, refused: Some(refused), lost })
}

/// The first stage: everything before the latch.
fn provision(wanted: &Wanted, seen: &Seen) -> Plan {
    let meta = meta(wanted);
    let mut steps = Vec::new();
    match &seen.shelf {
        None => steps.extend([Step::CreateStream, Step::SeedMeta(meta)]),
        Some(shelf) => match &shelf.meta {
            None if shelf.messages == 0 => steps.push(Step::SeedMeta(meta)),
            Some(found) if *found == meta => {}
            None | Some(_) => {
                let why = "a stream of the sale's name is there and was not made for it: remove it or rename the sale";
                return refuse(Refused::new("metadata.name", why), None, None);
            }
        },
    }
    let found = |sku: &Sku| seen.shelf.as_ref().and_then(|shelf| shelf.items.get(sku)).map(|stock| &stock.buckets);
    let mut buckets = BTreeMap::new();
    for item in &wanted.definition.items {
        let there = found(&item.sku).and_then(|buckets| u16::try_from(buckets.len()).ok()).filter(|n| *n > 0);
        if there.is_none() {
            steps.push(seed(item, wanted.definition.generation));
        }
        buckets.insert(item.sku.clone(), there.unwrap_or(item.buckets));
    }
    steps.push(Step::Latch { streams: None, buckets });
    Plan::Steps(steps)
}

/// The status of a sale that is sold already knows nothing of it: the resource came back, by a backup or as another one.
/// What was published says which streams are the sale's; whether they are still there is judged after the latch.
fn latch_again(published: &Definition, shelf: Option<&Shelf>) -> Step {
    let mut buckets: BTreeMap<Sku, u16> = published.items.iter().map(|i| (i.sku.clone(), i.buckets)).collect();
    for (sku, stock) in shelf.iter().flat_map(|shelf| &shelf.items) {
        // Those of items that were removed before the sale opened.
        buckets.entry(sku.clone()).or_insert_with(|| u16::try_from(stock.buckets.len()).unwrap_or(u16::MAX));
    }
    Step::Latch { streams: Some(published.streams.clone()), buckets }
}

fn seed(item: &Item, generation: Generation) -> Step {
    Step::SeedBuckets { sku: item.sku.clone(), buckets: item.buckets, generation }
}

/// What marks a stream as this sale's.
#[must_use]
pub fn meta(wanted: &Wanted) -> Meta {
    Meta {
        uid: wanted.definition.uid.clone(),
        epoch: FIRST_EPOCH,
        shards: wanted.shards,
        digest: digest(&wanted.definition, wanted.shards),
    }
}

/// Over what can never change in the life of a stream.
fn digest(definition: &Definition, shards: u16) -> String {
    let payment = match definition.payment {
        protocol::sale::Payment::None => "None",
        protocol::sale::Payment::Wallet => "Wallet",
        protocol::sale::Payment::External { .. } => "External",
    };
    let digest = Sha256::digest(format!("{}|{FIRST_EPOCH}|{shards}|{payment}", definition.uid));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The definition to be enforced: what is asked, unless that contradicts what has been published.
fn in_force(
    wanted: &Result<Wanted, Refused>,
    latch: &Latch,
    published: Option<&Definition>,
    now: Timestamp,
) -> (Option<Definition>, Option<Refused>) {
    let asked = wanted.as_ref().map(|wanted| wanted.published_as(latch)).map_err(Clone::clone);
    let allowed = asked.and_then(|asked| {
        let legal = match (published, wanted) {
            // A deletion closes whatever else was changed with it.
            (Some(published), Ok(wanted)) if !wanted.deleting => change(published, &asked, wanted, latch, now),
            _ => Ok(()),
        };
        legal.map(|()| asked)
    });
    match (allowed, published) {
        (Ok(asked), _) => (Some(asked), None),
        (Err(refused), published) => {
            // The old definition stays; whatever made it unusable is judged anew.
            (published.map(|old| Definition { withdrawn: None, ..old.clone() }), Some(refused))
        }
    }
}

/// Whether a published definition may become this one.
fn change(
    published: &Definition,
    asked: &Definition,
    wanted: &Wanted,
    latch: &Latch,
    now: Timestamp,
) -> Result<(), Refused> {
    if usize::from(wanted.shards) != latch.streams.len() {
        return Err(Refused::new("spec.sharding", "cannot change: the stock is already split"));
    }
    if wanted.replicas.is_some_and(|replicas| replicas != latch.replicas) {
        return Err(Refused::new("spec.storage.replicas", "cannot change: the streams are already made"));
    }
    if std::mem::discriminant(&published.payment) != std::mem::discriminant(&asked.payment) {
        return Err(Refused::new("spec.payment.mode", "cannot change: orders may already wait for a payment"));
    }
    if latch.completed && asked.gate(now) != Gate::Closed {
        return Err(Refused::new(
            "spec.schedule.endTime",
            "the sale is completed, its books are closed: make a new sale",
        ));
    }
    if published.desired_state == DesiredState::Closed && asked.desired_state != DesiredState::Closed {
        return Err(Refused::new("spec.desiredState", "Closed is final: make a new sale"));
    }
    let skus =
        latch.buckets.keys().chain(asked.items.iter().map(|i| &i.sku).filter(|s| !latch.buckets.contains_key(s)));
    let buckets: usize = skus
        .map(|sku| latch.buckets.get(sku).or_else(|| asked.item(sku).map(|i| &i.buckets)))
        .map(|buckets| buckets.map_or(0, |n| usize::from(*n)))
        .sum();
    if buckets > BUCKETS_PER_SHARD_MAX {
        return Err(Refused::new("spec.items", "too many counters, those of removed items included"));
    }
    // Opened means that its window has begun, paused or not: a claim may have been made.
    if now >= published.start { change_opened(published, asked) } else { Ok(()) }
}

fn change_opened(published: &Definition, asked: &Definition) -> Result<(), Refused> {
    let fixed = |field: String| Err(Refused::new(field, "cannot change any more: the sale has opened"));
    if asked.start != published.start {
        return fixed("spec.schedule.startTime".to_owned());
    }
    if asked.per_customer != published.per_customer {
        return fixed("spec.limits".to_owned());
    }
    let price = |money: &Option<Money>| money.as_ref().map(|m| (m.amount_minor, m.currency.clone()));
    for old in &published.items {
        let Some(new) = asked.item(&old.sku) else { return fixed(format!("spec.items[{}]", old.sku)) };
        if price(&new.price) != price(&old.price) {
            return fixed(format!("spec.items[{}].price", old.sku));
        }
        if (new.per_order, new.per_customer) != (old.per_order, old.per_customer) {
            return fixed(format!("spec.items[{}].limits", old.sku));
        }
    }
    Ok(())
}

/// The newest definition that any bucket, record or publication knows.
#[must_use]
pub fn newest_generation(seen: &Seen) -> Option<Generation> {
    let stock = seen.shelf.iter().flat_map(|shelf| shelf.items.values());
    let stored = stock.flat_map(|stock| {
        let buckets = stock.buckets.iter().map(|(_, bucket)| bucket.generation);
        buckets.chain(stock.supplied.as_ref().map(|(_, supply)| supply.generation))
    });
    stored.chain(seen.published.as_ref().map(|published| published.generation)).max()
}

/// Why the latched streams cannot be used, if they cannot.
fn lost(latch: &Latch, definition: &Definition, seen: &Seen) -> Option<String> {
    let identity = latch.streams.first()?;
    let name = definition.stream(Shard(0)).name();
    let Some(shelf) = &seen.shelf else {
        return Some(format!("stream {name} is gone, and the stock with it"));
    };
    if shelf.identity.created != identity.created {
        let (found, expected) = (shelf.identity.created, identity.created);
        return Some(format!("stream {name} was made at {found}, not at {expected}: its stock is not this sale's"));
    }
    if shelf.meta.as_ref().is_none_or(|meta| meta.uid != definition.uid || meta.epoch != latch.epoch) {
        return Some(format!("stream {name} does not say any more that it is this sale's"));
    }
    let short = latch.buckets.iter().find_map(|(sku, buckets)| {
        let there = shelf.items.get(sku).map_or(0, |stock| stock.buckets.len());
        (there != usize::from(*buckets)).then(|| format!("{there} of {buckets} buckets of {sku}"))
    });
    short.map(|short| format!("stream {name} has {short}"))
}

#[cfg(test)]
mod tests;
