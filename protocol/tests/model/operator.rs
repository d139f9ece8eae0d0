//! The operator, perhaps several: each generation stamps every bucket, moves supply, and is then reported done. Beside
//! it whoever confirms and releases orders.

use protocol::bucket;
use protocol::order::{self, Reason};
use protocol::supply::{Plan, bucket_state, plan};
use protocol::{BucketIndex, Generation, OrderNumber};

use crate::world::{Batch, Bug, Event, Operator, Origin, Put, State, Wanted, Work, World};

impl World {
    pub(crate) fn operator<'s>(&self, state: &'s mut State, operator: u8) -> &'s mut Operator {
        &mut state.operators[usize::from(operator)]
    }

    /// Reads the resource as it is now, and begins.
    pub(crate) fn take_up(&self, state: &mut State, operator: u8) {
        let generation = state.spec;
        let work = if self.has(Bug::ReportedBeforeStamped) { Work::Plan } else { Work::Stamp(0) };
        *self.operator(state, operator) = Operator { generation, work };
    }

    /// Whatever it had in memory is gone; the same generation is run again from what is stored.
    pub(crate) fn restart(&self, state: &mut State, operator: u8) {
        state.crashes -= 1;
        self.note(Event::Rerun);
        let operator = self.operator(state, operator);
        operator.work = if operator.generation == 0 { Work::Idle } else { Work::Stamp(0) };
    }

    /// The next read, and what follows from it.
    pub(crate) fn read(&self, state: &mut State, operator: u8) -> bool {
        let Operator { generation, work } = self.operator(state, operator).clone();
        let next = match work {
            Work::Stamp(index) if index == self.config.buckets => Work::Plan,
            Work::Stamp(index) => self.plan_stamp(state, generation, index),
            Work::Plan => self.plan_supply(state, generation),
            Work::StampWrite(..) | Work::Write(_) | Work::Idle => return false,
        };
        self.operator(state, operator).work = next;
        true
    }

    fn plan_stamp(&self, state: &State, generation: u8, index: u8) -> Work {
        let slot = state.kv.bucket(index);
        let wanted = bucket_state(self.spec(generation).wanted == Wanted::Closed);
        let next = match slot.bucket.stamp(Generation(generation.into()), wanted) {
            Ok(None) => return Work::Stamp(index + 1),
            Ok(Some(next)) => next,
            Err(_) if self.has(Bug::ReopenedByOlderGeneration) => {
                bucket::Bucket { state: wanted, generation: Generation(generation.into()), ..slot.bucket.clone() }
            }
            Err(_) => {
                self.note(Event::DeposedStamp);
                return Work::Idle;
            }
        };
        let put = Put::Bucket { index, at: Some(slot.revision), next };
        Work::StampWrite(index, Batch { origin: Origin::Stamp { by: generation }, puts: vec![put] })
    }

    fn plan_supply(&self, state: &mut State, generation: u8) -> Work {
        let last = state.kv.supplies.iter().zip(1u32..).last().map(|(record, number)| (number, record));
        let buckets: Vec<_> =
            state.kv.buckets.iter().zip(0..).map(|(slot, index)| (BucketIndex(index), slot.bucket.clone())).collect();
        let target = self.target(generation);
        let mut planned = plan(last, &target, &buckets);
        if self.has(Bug::SupplySplitAgainOnRerun) && state.done < generation {
            planned = plan(None, &target, &buckets);
            if let (Plan::Write(steps), Some((number, record))) = (&mut planned, last) {
                for step in steps {
                    step.number += number;
                    step.record.total.0 += record.total.0;
                }
            }
        }
        match planned {
            Plan::Deposed(_) => {
                self.note(Event::DeposedPlan);
                Work::Idle
            }
            Plan::Settled { shortfall } => {
                self.note(Event::Done);
                if shortfall.0 > 0 {
                    self.note(Event::Shortfall);
                }
                if state.done > 0 && state.done < generation && self.spec(generation).wanted == Wanted::Open {
                    let before = self.spec(state.done).wanted;
                    if before != Wanted::Open {
                        self.note(Event::Resumed);
                    }
                }
                state.done = state.done.max(generation);
                Work::Idle
            }
            Plan::Write(steps) => {
                if state.done == generation {
                    self.note(Event::ShortfallTaken);
                }
                let batch = |step: protocol::supply::Step| {
                    let index = u8::try_from(step.record.bucket.0).unwrap();
                    let slot = state.kv.bucket(index);
                    let next = slot.bucket.supply(step.record.delta).unwrap();
                    let put = Put::Bucket { index, at: Some(slot.revision), next };
                    let record = Put::Supply { number: step.number, record: step.record };
                    Batch { origin: Origin::Supply { by: generation }, puts: vec![put, record] }
                };
                Work::Write(steps.into_iter().map(batch).collect())
            }
        }
    }

    /// The next write that the operator has ready, and what it does after it when it knows the outcome or does not.
    pub(crate) fn write(&self, state: &mut State, operator: u8, fate: Fate) -> bool {
        let Operator { generation, work } = self.operator(state, operator).clone();
        let (batch, done, otherwise) = match work {
            Work::StampWrite(index, batch) => (batch, Work::Stamp(index + 1), Work::Stamp(index)),
            Work::Write(mut batches) => {
                let batch = batches.remove(0);
                let done = if batches.is_empty() { Work::Plan } else { Work::Write(batches) };
                (batch, done, Work::Plan)
            }
            Work::Stamp(_) | Work::Plan | Work::Idle => return false,
        };
        let next = match fate {
            Fate::Answered => match self.commit(state, &batch) {
                Ok(()) => done,
                Err(_) => {
                    let newer = state.kv.supplies.last().is_some_and(|last| last.generation.0 > generation.into());
                    if newer && matches!(batch.origin, Origin::Supply { .. }) {
                        self.note(Event::DeposedRecordRefused);
                    }
                    otherwise
                }
            },
            Fate::AnswerLost => {
                state.faults -= 1;
                let _ = self.commit(state, &batch);
                otherwise
            }
            Fate::Delayed => {
                state.faults -= 1;
                self.delay(state, batch);
                otherwise
            }
        };
        self.operator(state, operator).work = next;
        true
    }

    /// Reads an order and a bucket, to give the units back there.
    pub(crate) fn begin_release(
        &self,
        state: &mut State,
        releaser: u8,
        customer: u8,
        number: OrderNumber,
        index: u8,
    ) -> bool {
        let Some(row) = state.kv.row(customer, number.0).copied() else { return false };
        let Ok(released) = self.order(row.wish, row.state).released(Reason::Cancelled) else { return false };
        let slot = state.kv.bucket(index);
        let Ok(next) = slot.bucket.give_back(released.quantity) else { return false };
        let next = if self.has(Bug::ReleaseWithoutReturn) { slot.bucket.clone() } else { next };
        let at = (!self.has(Bug::ReleaseWithoutOrderRevision)).then_some(row.revision);
        let puts = vec![
            Put::Order { customer, number: number.0, at, state: released.state },
            Put::Bucket { index, at: Some(slot.revision), next },
        ];
        state.releasers[usize::from(releaser)] = Some(Batch { origin: Origin::Release, puts });
        true
    }

    /// Sends it. Whatever is heard of it, the order is read again: at its old revision the same goes again.
    pub(crate) fn release(&self, state: &mut State, releaser: u8, fate: Fate) -> bool {
        let Some(batch) = state.releasers[usize::from(releaser)].take() else { return false };
        match fate {
            Fate::Answered => match self.commit(state, &batch) {
                Ok(()) => self.note(Event::Released),
                Err(0) => {
                    let Some(Put::Order { customer, number, .. }) = batch.puts.first() else { return false };
                    match state.kv.row(*customer, *number).map(|row| row.state) {
                        Some(order::State::Released) => self.note(Event::SecondReleaseRefused),
                        _ => self.note(Event::ConfirmBeatRelease),
                    }
                }
                Err(_) => self.note(Event::ReleaseLostBucket),
            },
            Fate::AnswerLost => {
                state.faults -= 1;
                let _ = self.commit(state, &batch);
            }
            Fate::Delayed => {
                state.faults -= 1;
                self.delay(state, batch);
            }
        }
        true
    }

    /// Held to confirmed, by the order's revision.
    pub(crate) fn confirm(&self, state: &mut State, customer: u8, number: OrderNumber, fate: Fate) -> bool {
        let Some(row) = state.kv.row(customer, number.0).copied() else { return false };
        let Ok(confirmed) = self.order(row.wish, row.state).confirmed(None) else { return false };
        let put = Put::Order { customer, number: number.0, at: Some(row.revision), state: confirmed.state };
        let batch = Batch { origin: Origin::Confirm, puts: vec![put] };
        match fate {
            Fate::Answered => return self.commit(state, &batch).is_ok(),
            Fate::AnswerLost => return false,
            Fate::Delayed => {
                state.faults -= 1;
                self.delay(state, batch);
            }
        }
        true
    }
}

/// What becomes of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Fate {
    Answered,
    AnswerLost,
    Delayed,
}
