//! What the model is made of: one item in one shard, a few of everything else, and whatever is on the wire.
//!
//! Revisions are counted per key: a compare-and-set only ever compares those, and states that differ in how the keys'
//! writes were interleaved become one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use protocol::bucket::Bucket;
use protocol::claim::{Limits, Request};
use protocol::order::{self, Order};
use protocol::supply::{Supply, Target};
use protocol::{Generation, IdempotencyKey, Sku, Units};

pub(crate) use crate::config::{Bug, Config, Event, Spec, Wanted, Wish};

/// The model: a configuration, the values that its wishes come to, and which events were reached.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) config: Config,
    pub(crate) requests: Vec<Request>,
    pub(crate) limits: Limits,
    reached: Arc<AtomicU64>,
}

impl World {
    pub(crate) fn new(config: Config) -> Self {
        let request = |wish: &Wish| Request {
            key: IdempotencyKey::parse(wish.key).unwrap(),
            sku: Sku::parse("a").unwrap(),
            quantity: Units(wish.quantity),
        };
        let requests = config.wishes.iter().map(request).collect();
        let limits =
            Limits { per_order: Units(9), per_customer_item: config.limit.map(Units), per_customer_sale: None };
        Self { config, requests, limits, reached: Arc::default() }
    }

    /// Notes an event; kept outside of the states, which would multiply by it.
    pub(crate) fn note(&self, event: Event) {
        self.reached.fetch_or(1 << event as u8, Ordering::Relaxed);
    }

    pub(crate) fn reached(&self) -> impl Fn(Event) -> bool + use<> {
        let reached = Arc::clone(&self.reached);
        move |event| reached.load(Ordering::Relaxed) & (1 << event as u8) != 0
    }

    pub(crate) fn has(&self, bug: Bug) -> bool {
        self.config.bug == Some(bug)
    }

    pub(crate) fn customers(&self) -> usize {
        self.config.wishes.iter().map(|w| usize::from(w.customer) + 1).max().unwrap_or(0)
    }

    pub(crate) fn spec(&self, generation: u8) -> Spec {
        self.config.specs[usize::from(generation) - 1]
    }

    pub(crate) fn target(&self, generation: u8) -> Target {
        let Spec { quantity, withheld, .. } = self.spec(generation);
        Target { generation: Generation(generation.into()), quantity: Units(quantity), withheld: Units(withheld) }
    }

    /// A row as the protocol has it.
    pub(crate) fn order(&self, wish: u8, state: order::State) -> Order {
        Order { state, ..self.requests[usize::from(wish)].order(None) }
    }

    /// A customer's orders as the protocol has them.
    pub(crate) fn orders(&self, history: &[(u8, order::State)]) -> Vec<Order> {
        history.iter().map(|(wish, state)| self.order(*wish, *state)).collect()
    }
}

/// An order: which wish it granted, where it is, and how often it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Row {
    pub(crate) wish: u8,
    pub(crate) state: order::State,
    pub(crate) revision: u8,
}

/// A bucket and how often it was written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Slot {
    pub(crate) bucket: Bucket,
    pub(crate) revision: u8,
}

/// The newest values of one shard.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Kv {
    pub(crate) buckets: Vec<Slot>,
    /// By customer and number.
    pub(crate) orders: Vec<Vec<Row>>,
    /// By number, from 1.
    pub(crate) supplies: Vec<Supply>,
}

impl Kv {
    pub(crate) fn bucket(&self, index: u8) -> &Slot {
        &self.buckets[usize::from(index)]
    }

    pub(crate) fn row(&self, customer: u8, number: u8) -> Option<&Row> {
        self.orders[usize::from(customer)].get(usize::from(number))
    }

    pub(crate) fn history(&self, customer: u8) -> Vec<(u8, order::State)> {
        self.orders[usize::from(customer)].iter().map(|row| (row.wish, row.state)).collect()
    }
}

/// One message of a batch; a condition of `None` is a mistake that some bug makes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Put {
    Bucket { index: u8, at: Option<u8>, next: Bucket },
    NewOrder { customer: u8, number: u8, wish: u8, absent: bool },
    Order { customer: u8, number: u8, at: Option<u8>, state: order::State },
    Supply { number: u32, record: Supply },
}

/// Who sent a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Origin {
    /// An edge under a definition. `denied`: customers who were told that this attempt took nothing.
    Claim {
        edge: u8,
        definition: u8,
        denied: u8,
    },
    Burn,
    Stamp {
        by: u8,
    },
    Supply {
        by: u8,
    },
    Release,
    Confirm,
}

/// Messages that are stored together or not at all.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Batch {
    pub(crate) origin: Origin,
    pub(crate) puts: Vec<Put>,
}

impl Batch {
    /// The bucket that it names first, and at which revision.
    pub(crate) fn bucket(&self) -> Option<(u8, Option<u8>)> {
        self.puts.iter().find_map(|put| match put {
            Put::Bucket { index, at, .. } => Some((*index, *at)),
            _ => None,
        })
    }

    /// Its claims: customer, number, wish.
    pub(crate) fn claims(&self) -> Vec<(u8, u8, u8)> {
        let claim = |put: &Put| match put {
            Put::NewOrder { customer, number, wish, .. } => Some((*customer, *number, *wish)),
            _ => None,
        };
        self.puts.iter().filter_map(claim).collect()
    }
}

/// A claim that an edge works on, in its customer's turn.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Task {
    pub(crate) wish: u8,
    pub(crate) number: u8,
    /// The orders before `number`, as they were read.
    pub(crate) history: Vec<(u8, order::State)>,
    /// In a batch whose fate is open.
    pub(crate) away: bool,
}

/// Where a lane is with its batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Phase {
    Flying,
    /// Its outcome is unknown; the bucket must get past the revision.
    Settling,
    /// The bucket is past it: the orders can be read.
    Sealed,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Lane {
    pub(crate) batch: Batch,
    pub(crate) phase: Phase,
    /// What became of the batch in truth; the edge does not know.
    pub(crate) arrival: Arrival,
}

/// Whether a batch was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Arrival {
    No,
    /// It was, and the answer got lost.
    AnswerLost,
    /// It was, after the edge gave up waiting.
    Late,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Edge {
    /// Generation of the definition that it has.
    pub(crate) definition: u8,
    /// By customer.
    pub(crate) tasks: Vec<Option<Task>>,
    /// By bucket.
    pub(crate) lanes: Vec<Option<Lane>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Work {
    /// Reads this bucket next, to stamp it.
    Stamp(u8),
    /// Has a stamp to write.
    StampWrite(u8, Batch),
    /// Reads the newest record and all buckets next.
    Plan,
    /// Has records to write, in this order.
    Write(Vec<Batch>),
    Idle,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Operator {
    /// Generation that it works on; 0 for none yet.
    pub(crate) generation: u8,
    pub(crate) work: Work,
}

/// How a law was broken at a commit or an answer, where the state after it would not show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Broken {
    /// A claim that was decided as not taken was taken.
    Contradicted,
    /// One wish was answered with two orders.
    TwoAnswers,
    /// An edge with an older definition than the bucket's, or than a reported one, claimed.
    FencedClaim,
    /// A claim from a closed bucket.
    ClosedClaim,
    /// A bucket's generation fell, or it was reopened by no newer one.
    BucketWentBack,
    /// An order was written whose predecessors do not exist.
    Gap,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) kv: Kv,
    /// What a replica that is behind has.
    pub(crate) replica: Option<Box<Kv>>,
    pub(crate) edges: Vec<Edge>,
    /// Batches whose senders do not wait for them any more; each may land, now or never.
    pub(crate) flights: Vec<Batch>,
    pub(crate) operators: Vec<Operator>,
    pub(crate) releasers: Vec<Option<Batch>>,
    /// The resource's generation.
    pub(crate) spec: u8,
    /// The newest generation reported done; 0 for none.
    pub(crate) done: u8,
    pub(crate) ended: bool,
    pub(crate) faults: u8,
    pub(crate) crashes: u8,
    pub(crate) lags: u8,
    /// Sends left, by wish and edge.
    pub(crate) sends: Vec<Vec<u8>>,
    /// The number that a wish was told yes with.
    pub(crate) told: Vec<Option<u8>>,
    pub(crate) broken: Option<Broken>,
}
