//! An edge: one claim per customer at a time, one batch in flight per bucket, unknown outcomes settled by burning.

use protocol::claim::{Verdict, decide};

use crate::world::{Arrival, Batch, Broken, Bug, Edge, Event, Lane, Origin, Phase, Put, State, Task, Wanted, World};

impl World {
    pub(crate) fn edge<'s>(&self, state: &'s State, edge: u8) -> &'s Edge {
        &state.edges[usize::from(edge)]
    }

    fn task<'s>(&self, state: &'s mut State, edge: u8, customer: u8) -> &'s mut Option<Task> {
        &mut state.edges[usize::from(edge)].tasks[usize::from(customer)]
    }

    pub(crate) fn lane<'s>(&self, state: &'s mut State, edge: u8, bucket: u8) -> &'s mut Option<Lane> {
        &mut state.edges[usize::from(edge)].lanes[usize::from(bucket)]
    }

    /// A request arrives: tried at number 0 with nothing read.
    pub(crate) fn send(&self, state: &mut State, wish: u8, edge: u8) {
        state.sends[usize::from(wish)][usize::from(edge)] -= 1;
        let customer = self.config.wishes[usize::from(wish)].customer;
        *self.task(state, edge, customer) = Some(Task { wish, number: 0, history: Vec::new(), away: false });
    }

    /// The batch that this edge would send for these customers, from the bucket as it is now.
    pub(crate) fn group(&self, state: &State, edge: u8, bucket: u8, customers: &[u8]) -> Option<Batch> {
        let from = self.edge(state, edge);
        if self.spec(from.definition).wanted != Wanted::Open || state.ended {
            return None;
        }
        let tasks: Vec<_> = customers.iter().map(|c| (*c, from.tasks[usize::from(*c)].as_ref())).collect();
        let units =
            tasks.iter().filter_map(|(_, task)| Some(self.requests[usize::from(task.as_ref()?.wish)].quantity.0));
        let slot = state.kv.bucket(bucket);
        let next = match slot.bucket.claim(protocol::Units(units.sum()), protocol::Generation(from.definition.into())) {
            Ok(next) => next,
            Err(protocol::bucket::Refused::Fenced(_)) => {
                self.note(Event::EdgeFenced);
                return None;
            }
            Err(_) => return None,
        };
        let at = (!self.has(Bug::BucketRevisionIgnored)).then_some(slot.revision);
        let mut puts = vec![Put::Bucket { index: bucket, at, next }];
        for (customer, task) in tasks {
            let Task { wish, number, away: false, .. } = task? else { return None };
            let absent = !self.has(Bug::OrderWithoutExpectation);
            puts.push(Put::NewOrder { customer, number: *number, wish: *wish, absent });
        }
        Some(Batch { origin: Origin::Claim { edge, definition: from.definition, denied: 0 }, puts })
    }

    pub(crate) fn launch(&self, state: &mut State, edge: u8, bucket: u8, batch: Batch) {
        for (customer, ..) in batch.claims() {
            if let Some(task) = self.task(state, edge, customer) {
                task.away = true;
            }
        }
        *self.lane(state, edge, bucket) = Some(Lane { batch, phase: Phase::Flying, arrival: Arrival::No });
    }

    /// The batch arrives and its answer comes back.
    pub(crate) fn arrive(&self, state: &mut State, edge: u8, bucket: u8) {
        let Some(Lane { batch, .. }) = self.lane(state, edge, bucket).take() else { return };
        let claims = batch.claims();
        match self.commit(state, &batch) {
            Ok(()) => claims.iter().for_each(|claim| self.taken(state, edge, *claim)),
            Err(0) => {
                self.note(Event::BucketConflict);
                if state.kv.bucket(bucket).bucket.generation.0 > self.edge(state, edge).definition.into() {
                    self.note(Event::OldClaimRefusedAfterStamp);
                }
                claims.iter().for_each(|claim| self.again(state, edge, claim.0));
            }
            Err(failed) => {
                for (position, claim) in (1..).zip(&claims) {
                    if position == failed {
                        self.number_taken(state, edge, claim.0);
                    } else {
                        self.note(Event::GroupSplit);
                        self.again(state, edge, claim.0);
                    }
                }
            }
        }
    }

    /// The answer does not come. Whether the batch came before the server is all that differs.
    pub(crate) fn unknown(&self, state: &mut State, edge: u8, bucket: u8, arrives: bool) {
        let Some(mut lane) = self.lane(state, edge, bucket).take() else { return };
        state.faults -= 1;
        let batch = lane.batch.clone();
        let claims = batch.claims();
        if arrives {
            // A refusal whose answer is lost is settled like any other unknown outcome.
            if self.commit(state, &batch).is_ok() {
                lane.arrival = Arrival::AnswerLost;
            }
        } else {
            self.delay(state, batch);
        }
        if self.has(Bug::TimeoutIsNo) {
            for claim in claims {
                self.deny(state, edge, &lane, claim);
                *self.task(state, edge, claim.0) = None;
            }
        } else if self.has(Bug::NextNumberWhileUndecided) {
            for (customer, ..) in claims {
                if let Some(task) = self.task(state, edge, customer) {
                    task.number += 1;
                    task.away = false;
                }
            }
        } else {
            lane.phase = Phase::Settling;
            *self.lane(state, edge, bucket) = Some(lane);
        }
    }

    /// Reads the bucket from the leader and, where it still is at the attempt's revision, writes it again.
    pub(crate) fn burn(&self, state: &mut State, edge: u8, bucket: u8, outcome: BurnOutcome) {
        let Some(Lane { batch, .. }) = self.lane(state, edge, bucket).clone() else { return };
        let Some((_, Some(at))) = batch.bucket() else { return };
        let slot = state.kv.bucket(bucket).clone();
        let mut sealed = slot.revision > at;
        if sealed {
            self.note(Event::SealedByAnother);
        } else {
            let put = Put::Bucket { index: bucket, at: Some(at), next: slot.bucket };
            let burn = Batch { origin: Origin::Burn, puts: vec![put] };
            match outcome {
                BurnOutcome::Answered => {
                    sealed = self.commit(state, &burn).is_ok();
                    self.note(Event::BurnWon);
                }
                BurnOutcome::AnswerLost => {
                    state.faults -= 1;
                    let _ = self.commit(state, &burn);
                    self.note(Event::BurnAnswerLost);
                }
                BurnOutcome::Delayed => {
                    state.faults -= 1;
                    self.delay(state, burn);
                }
            }
        }
        if let Some(lane) = self.lane(state, edge, bucket)
            && sealed
        {
            lane.phase = Phase::Sealed;
        }
    }

    /// Reads the attempt's orders in one snapshot that shows the bucket past the revision; each answers for itself.
    pub(crate) fn settle(&self, state: &mut State, edge: u8, bucket: u8, from_replica: bool) -> bool {
        let Some(lane) = self.lane(state, edge, bucket).clone() else { return false };
        let batch = &lane.batch;
        if lane.phase == Phase::Settling && !self.has(Bug::SettledWithoutBurning) {
            return false;
        }
        let replica = if from_replica { state.replica.as_deref() } else { None };
        if from_replica && replica.is_none() {
            return false;
        }
        let snapshot = replica.unwrap_or(&state.kv).clone();
        let past = batch.bucket().is_none_or(|(index, at)| at.is_none_or(|at| snapshot.bucket(index).revision > at));
        if !past {
            self.note(Event::SnapshotTooOld);
            if !self.has(Bug::SettledWithoutBurning) && !self.has(Bug::StaleSnapshotBelieved) {
                return false;
            }
        }
        if from_replica {
            self.note(Event::SettledFromReplica);
        }
        *self.lane(state, edge, bucket) = None;
        let claims = batch.claims();
        let found = |(customer, number, wish): (u8, u8, u8)| {
            let row = snapshot.row(customer, number)?;
            Some(self.requests[usize::from(wish)].made(&self.order(row.wish, row.state)))
        };
        let first = claims.first().and_then(|claim| found(*claim));
        let answers: Vec<_> = claims.iter().map(|claim| found(*claim)).collect();
        if answers.contains(&Some(true)) && answers.iter().any(|answer| *answer != Some(true)) {
            self.note(Event::GroupSettledApart);
        }
        for (claim, own) in claims.into_iter().zip(answers) {
            match if self.has(Bug::GroupSettledByItsFirstKey) { first } else { own } {
                Some(true) => {
                    match lane.arrival {
                        Arrival::AnswerLost => self.note(Event::LostAckSettledYes),
                        Arrival::Late => self.note(Event::DelayedClaimSettledYes),
                        Arrival::No => self.note(Event::SettledYesByDuplicate),
                    }
                    self.taken(state, edge, claim);
                }
                Some(false) => {
                    self.note(Event::SettledNumberTaken);
                    self.deny(state, edge, &lane, claim);
                    self.number_taken(state, edge, claim.0);
                }
                None => {
                    self.note(Event::SettledNotTaken);
                    self.deny(state, edge, &lane, claim);
                    self.again(state, edge, claim.0);
                }
            }
        }
        true
    }

    /// Everything in memory is gone; what was sent may still land.
    pub(crate) fn crash(&self, state: &mut State, edge: u8) {
        state.crashes -= 1;
        let Edge { tasks, lanes, .. } = &mut state.edges[usize::from(edge)];
        tasks.iter_mut().for_each(|task| *task = None);
        let lanes: Vec<Lane> = lanes.iter_mut().filter_map(Option::take).collect();
        for lane in lanes.into_iter().filter(|lane| lane.phase == Phase::Flying) {
            self.note(Event::CrashWithBatchInFlight);
            self.delay(state, lane.batch);
        }
    }

    /// The window is over: any edge whose definition is not older than the bucket closes it.
    pub(crate) fn close(&self, state: &mut State, edge: u8, bucket: u8) -> bool {
        let slot = state.kv.bucket(bucket).clone();
        if slot.bucket.generation.0 > self.edge(state, edge).definition.into() {
            return false;
        }
        let stamp = slot.bucket.stamp(slot.bucket.generation, protocol::bucket::State::Closed);
        let Ok(Some(next)) = stamp else { return false };
        let put = Put::Bucket { index: bucket, at: Some(slot.revision), next };
        self.note(Event::ClosedByEdge);
        self.commit(state, &Batch { origin: Origin::Stamp { by: 0 }, puts: vec![put] }).is_ok()
    }

    fn taken(&self, state: &mut State, edge: u8, (customer, number, wish): (u8, u8, u8)) {
        *self.task(state, edge, customer) = None;
        self.tell_yes(state, wish, number);
    }

    fn tell_yes(&self, state: &mut State, wish: u8, number: u8) {
        self.note(Event::Yes);
        let told = &mut state.told[usize::from(wish)];
        if told.is_some_and(|before| before != number) {
            state.broken = state.broken.or(Some(Broken::TwoAnswers));
        }
        *told = Some(number);
    }

    /// The claim goes again with the same number, after a definite no.
    fn again(&self, state: &mut State, edge: u8, customer: u8) {
        if let Some(task) = self.task(state, edge, customer) {
            task.away = false;
        }
    }

    /// Decides that this attempt did not take the claim. From now on it must not.
    fn deny(&self, state: &mut State, edge: u8, lane: &Lane, (customer, ..): (u8, u8, u8)) {
        if lane.arrival != Arrival::No {
            state.broken = state.broken.or(Some(Broken::Contradicted));
        }
        for flight in &mut state.flights {
            let same = flight.puts == lane.batch.puts;
            if let Origin::Claim { edge: by, denied, .. } = &mut flight.origin
                && same
                && *by == edge
            {
                *denied |= 1 << customer;
            }
        }
    }

    /// The number has an order: reads all of the customer's from the leader and decides again.
    fn number_taken(&self, state: &mut State, edge: u8, customer: u8) {
        let Some(task) = self.task(state, edge, customer).clone() else { return };
        if self.has(Bug::ClaimedWithoutHistory) {
            *self.task(state, edge, customer) = Some(Task { number: task.number + 1, away: false, ..task });
            return;
        }
        let history = state.kv.history(customer);
        let request = &self.requests[usize::from(task.wish)];
        let mut verdict = decide(request, &self.orders(&history), &self.limits);
        if self.has(Bug::LimitFromStaleRead) && matches!(verdict, Verdict::LimitReached(_)) {
            let stale = decide(request, &self.orders(&task.history), &self.limits);
            let next = protocol::OrderNumber(u8::try_from(history.len()).unwrap());
            verdict = if matches!(stale, Verdict::Claim(_)) { Verdict::Claim(next) } else { verdict };
        }
        let next = match verdict {
            Verdict::Claim(number) => Some(Task { number: number.0, history, away: false, ..task }),
            Verdict::Replay(number) => {
                self.note(Event::Replayed);
                self.tell_yes(state, task.wish, number.0);
                None
            }
            Verdict::KeyReused(_) => {
                self.note(Event::KeyReused);
                None
            }
            Verdict::LimitReached(_) => {
                self.note(Event::LimitReached);
                None
            }
        };
        *self.task(state, edge, customer) = next;
    }
}

/// What becomes of a burn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum BurnOutcome {
    Answered,
    AnswerLost,
    Delayed,
}
