//! The stream: every condition is checked at the commit, against the state before the batch.

use protocol::bucket;

use crate::world::{Batch, Broken, Event, Kv, Origin, Put, Row, State, World};

impl Put {
    fn holds(&self, kv: &Kv) -> bool {
        match self {
            Self::Bucket { index, at, .. } => at.is_none_or(|at| kv.bucket(*index).revision == at),
            Self::NewOrder { customer, number, absent, .. } => !absent || kv.row(*customer, *number).is_none(),
            Self::Order { customer, number, at, .. } => {
                at.is_none_or(|at| kv.row(*customer, *number).is_some_and(|row| row.revision == at))
            }
            Self::Supply { number, .. } => kv.supplies.len() < *number as usize,
        }
    }

    /// Revisions only rise and records are never deleted, so what fails now for that reason fails for ever.
    fn can_still_hold(&self, kv: &Kv) -> bool {
        match self {
            Self::Bucket { index, at, .. } => at.is_none_or(|at| kv.bucket(*index).revision <= at),
            Self::NewOrder { .. } | Self::Supply { .. } => self.holds(kv),
            Self::Order { customer, number, at, .. } => {
                at.is_none_or(|at| kv.row(*customer, *number).is_none_or(|row| row.revision <= at))
            }
        }
    }

    fn store(&self, kv: &mut Kv) {
        match self {
            Self::Bucket { index, next, .. } => {
                let slot = &mut kv.buckets[usize::from(*index)];
                slot.bucket = next.clone();
                slot.revision += 1;
            }
            Self::NewOrder { customer, number, wish, .. } => {
                let orders = &mut kv.orders[usize::from(*customer)];
                let row = Row { wish: *wish, state: protocol::order::State::Held, revision: 1 };
                match orders.get_mut(usize::from(*number)) {
                    Some(there) => *there = Row { revision: there.revision + 1, ..row },
                    None => orders.push(row),
                }
            }
            Self::Order { customer, number, state, .. } => {
                if let Some(row) = kv.orders[usize::from(*customer)].get_mut(usize::from(*number)) {
                    row.state = *state;
                    row.revision += 1;
                }
            }
            Self::Supply { record, .. } => kv.supplies.push(record.clone()),
        }
    }
}

impl World {
    /// Stores all of a batch, or says which message's condition failed first.
    pub(crate) fn commit(&self, state: &mut State, batch: &Batch) -> Result<(), usize> {
        if let Some(failed) = batch.puts.iter().position(|put| !put.holds(&state.kv)) {
            return Err(failed);
        }
        self.witness(state, batch);
        for put in &batch.puts {
            put.store(&mut state.kv);
        }
        if matches!(batch.origin, Origin::Claim { .. }) {
            self.note_sold(&state.kv);
        }
        self.prune(state);
        Ok(())
    }

    fn note_sold(&self, kv: &Kv) {
        if kv.buckets.iter().all(|slot| slot.bucket.free.0 == 0) {
            self.note(Event::SoldOut);
        }
        let ever: u32 = kv.orders.iter().flatten().map(|row| self.requests[usize::from(row.wish)].quantity.0).sum();
        if kv.supplies.last().is_some_and(|last| ever > last.total.0) {
            self.note(Event::UnitSoldAgain);
        }
    }

    /// Lets a batch leave its sender, who gives up waiting for it.
    pub(crate) fn delay(&self, state: &mut State, batch: Batch) {
        state.flights.push(batch);
        self.prune(state);
    }

    /// Notes what the state after this commit would not show.
    fn witness(&self, state: &mut State, batch: &Batch) {
        let mut broken = None;
        for put in &batch.puts {
            if let Put::NewOrder { customer, number, .. } = put
                && usize::from(*number) > state.kv.orders[usize::from(*customer)].len()
            {
                broken = Some(Broken::Gap);
            }
            let Put::Bucket { index, next, .. } = put else { continue };
            let before = &state.kv.bucket(*index).bucket;
            let reopened = before.state == bucket::State::Closed && next.state == bucket::State::Open;
            if next.generation < before.generation || (reopened && next.generation == before.generation) {
                broken = Some(Broken::BucketWentBack);
            }
            if let Origin::Claim { definition, .. } = batch.origin {
                if before.generation.0 > definition.into() || state.done > definition {
                    broken = Some(Broken::FencedClaim);
                }
                if before.state == bucket::State::Closed {
                    broken = Some(Broken::ClosedClaim);
                }
            }
        }
        if let Origin::Claim { denied, .. } = batch.origin
            && batch.claims().iter().any(|(customer, ..)| denied & (1 << customer) != 0)
        {
            broken = Some(Broken::Contradicted);
        }
        state.broken = state.broken.or(broken);
    }

    /// Takes batches off the wire that can only be refused when they land: their landing changes nothing.
    fn prune(&self, state: &mut State) {
        let State { flights, kv, .. } = state;
        flights.retain(|batch| {
            let alive = batch.puts.iter().all(|put| put.can_still_hold(kv));
            if !alive {
                match batch.origin {
                    Origin::Claim { .. } => self.note(Event::DelayedClaimRefused),
                    Origin::Supply { .. } => self.note(Event::SupplyLostBucket),
                    _ => {}
                }
            }
            alive
        });
        if flights.len() > 1 {
            // What is on the wire has no order.
            flights.sort_by_cached_key(|batch| std::hash::BuildHasher::hash_one(&FixedState, batch));
        }
    }
}

/// The same hash in every state.
struct FixedState;

impl std::hash::BuildHasher for FixedState {
    type Hasher = std::hash::DefaultHasher;
    fn build_hasher(&self) -> Self::Hasher {
        std::hash::DefaultHasher::new()
    }
}
