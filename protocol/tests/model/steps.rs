//! Everything that can happen next, and the laws.

use protocol::bucket::Bucket;
use protocol::conservation::Sums;
use protocol::supply::{Plan, plan};
use protocol::{BucketIndex, Generation, OrderNumber};
use stateright::{Model, Property};

use crate::edge::BurnOutcome;
use crate::operator::Fate;
use crate::world::{Arrival, Broken, Edge, Event, Kv, Operator, Origin, Phase, Slot, State, Wanted, Work, World};

/// One thing that happens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    Send { wish: u8, edge: u8 },
    Launch { edge: u8, bucket: u8, customers: Vec<u8> },
    Arrive { edge: u8, bucket: u8 },
    Unknown { edge: u8, bucket: u8, arrives: bool },
    Burn { edge: u8, bucket: u8, outcome: BurnOutcome },
    Settle { edge: u8, bucket: u8, from_replica: bool },
    Crash { edge: u8 },
    Learn { edge: u8 },
    Close { edge: u8, bucket: u8 },
    Land { flight: usize },
    ReplicaStops,
    WindowEnds,
    Edit,
    TakeUp { operator: u8 },
    Read { operator: u8 },
    Write { operator: u8, fate: Fate },
    Restart { operator: u8 },
    BeginRelease { releaser: u8, customer: u8, number: u8, bucket: u8 },
    Release { releaser: u8, fate: Fate },
    Confirm { customer: u8, number: u8, fate: Fate },
}

impl World {
    /// The stream as generation 1 left it, or with empty buckets when the model is to fill them.
    fn provisioned(&self) -> Kv {
        let seeded = Bucket::seeded(Generation(1));
        let slots = (0..self.config.buckets).map(|_| Slot { bucket: seeded.clone(), revision: 1 });
        let mut kv = Kv { buckets: slots.collect(), orders: vec![Vec::new(); self.customers()], supplies: Vec::new() };
        if self.config.provisioned {
            let buckets: Vec<_> = (0..self.config.buckets.into()).map(|i| (BucketIndex(i), seeded.clone())).collect();
            let Plan::Write(steps) = plan(None, &self.target(1), &buckets) else { panic!("a fill writes") };
            for step in steps {
                let slot = &mut kv.buckets[usize::from(step.record.bucket.0)];
                slot.bucket = slot.bucket.supply(step.record.delta).unwrap();
                slot.revision += 1;
                kv.supplies.push(step.record);
            }
        }
        kv
    }

    fn edge_steps(&self, state: &State, edge: u8, steps: &mut Vec<Step>) {
        let Edge { definition, tasks, lanes } = self.edge(state, edge);
        for (wish, sends) in (0..).zip(&state.sends) {
            let customer = self.config.wishes[usize::from(wish)].customer;
            if sends[usize::from(edge)] > 0 && tasks[usize::from(customer)].is_none() {
                steps.push(Step::Send { wish, edge });
            }
        }
        let ready: Vec<u8> =
            (0..).zip(tasks).filter(|(_, task)| task.as_ref().is_some_and(|t| !t.away)).map(|(c, _)| c).collect();
        for (bucket, lane) in (0..).zip(lanes) {
            match lane.as_ref().map(|lane| lane.phase) {
                None => {
                    let singles = ready.iter().map(|customer| vec![*customer]);
                    steps.extend(singles.map(|customers| Step::Launch { edge, bucket, customers }));
                    if self.config.group_max > 1 {
                        let pairs =
                            ready.iter().flat_map(|a| ready.iter().filter(move |b| a < *b).map(|b| vec![*a, *b]));
                        steps.extend(pairs.map(|customers| Step::Launch { edge, bucket, customers }));
                    }
                }
                Some(Phase::Flying) => {
                    steps.push(Step::Arrive { edge, bucket });
                    if state.faults > 0 {
                        steps.extend([true, false].map(|arrives| Step::Unknown { edge, bucket, arrives }));
                    }
                }
                Some(Phase::Settling) => {
                    steps.push(Step::Burn { edge, bucket, outcome: BurnOutcome::Answered });
                    if state.faults > 0 {
                        let faults = [BurnOutcome::AnswerLost, BurnOutcome::Delayed];
                        steps.extend(faults.map(|outcome| Step::Burn { edge, bucket, outcome }));
                    }
                    if self.has(crate::world::Bug::SettledWithoutBurning) {
                        steps.push(Step::Settle { edge, bucket, from_replica: false });
                    }
                }
                Some(Phase::Sealed) => {
                    steps.push(Step::Settle { edge, bucket, from_replica: false });
                    if state.replica.is_some() {
                        steps.push(Step::Settle { edge, bucket, from_replica: true });
                    }
                }
            }
            if state.ended {
                steps.push(Step::Close { edge, bucket });
            }
        }
        if state.crashes > 0 && (lanes.iter().any(Option::is_some) || tasks.iter().any(Option::is_some)) {
            steps.push(Step::Crash { edge });
        }
        if *definition < state.spec {
            steps.push(Step::Learn { edge });
        }
    }

    fn operator_steps(&self, state: &State, operator: u8, steps: &mut Vec<Step>) {
        let Operator { generation, work } = &state.operators[usize::from(operator)];
        let units_returned = || {
            let total = state.kv.supplies.last().map_or(0, |last| last.total.0);
            total > self.target(state.spec).total().0 && state.kv.buckets.iter().any(|slot| slot.bucket.free.0 > 0)
        };
        let again = *work == Work::Idle && *generation == state.spec && state.done == state.spec && units_returned();
        if *generation < state.spec || again {
            steps.push(Step::TakeUp { operator });
        }
        match work {
            Work::Stamp(_) | Work::Plan => steps.push(Step::Read { operator }),
            Work::StampWrite(..) | Work::Write(_) => {
                steps.extend(self.fates(state).map(|fate| Step::Write { operator, fate }));
            }
            Work::Idle => {}
        }
        if state.crashes > 0 && *work != Work::Idle {
            steps.push(Step::Restart { operator });
        }
    }

    fn order_steps(&self, state: &State, steps: &mut Vec<Step>) {
        let orders = (0..)
            .zip(&state.kv.orders)
            .flat_map(|(customer, rows)| (0..).zip(rows).map(move |(number, row)| (customer, number, row.state)));
        for (customer, number, at) in orders {
            if self.config.holds && at == protocol::order::State::Held {
                let fates = self.fates(state).filter(|fate| *fate != Fate::AnswerLost);
                steps.extend(fates.map(|fate| Step::Confirm { customer, number, fate }));
            }
            for (releaser, busy) in (0..).zip(&state.releasers) {
                if busy.is_none() && at != protocol::order::State::Released {
                    let buckets = 0..self.config.buckets;
                    steps.extend(buckets.map(|bucket| Step::BeginRelease { releaser, customer, number, bucket }));
                }
            }
        }
        for (releaser, _) in (0..).zip(&state.releasers).filter(|(_, batch)| batch.is_some()) {
            steps.extend(self.fates(state).map(|fate| Step::Release { releaser, fate }));
        }
    }

    fn fates(&self, state: &State) -> impl Iterator<Item = Fate> + use<> {
        let faults = if state.faults > 0 { 2 } else { 0 };
        [Fate::Answered].into_iter().chain([Fate::AnswerLost, Fate::Delayed].into_iter().take(faults))
    }

    fn land(&self, state: &mut State, flight: usize) -> bool {
        let batch = state.flights.remove(flight);
        let landed = self.commit(state, &batch).is_ok();
        if let Origin::Claim { edge, .. } = batch.origin {
            let mut lanes = state.edges[usize::from(edge)].lanes.iter_mut().flatten();
            match lanes.find(|lane| lane.batch.puts == batch.puts) {
                Some(lane) if landed => lane.arrival = Arrival::Late,
                None if landed => self.note(Event::OrphanLanded),
                _ => {}
            }
        }
        true
    }

    fn sums(&self, kv: &Kv) -> Sums {
        let mut sums = Sums::default();
        kv.buckets.iter().for_each(|slot| sums.add_bucket(slot.bucket.free));
        kv.orders.iter().flatten().for_each(|row| sums.add_order(&self.order(row.wish, row.state)));
        kv.supplies.iter().for_each(|record| sums.add_supply(record));
        sums
    }

    /// Whether the step changed anything.
    fn step(&self, state: &mut State, step: Step) -> bool {
        match step {
            Step::Send { wish, edge } => self.send(state, wish, edge),
            Step::Launch { edge, bucket, customers } => {
                let Some(batch) = self.group(state, edge, bucket, &customers) else { return false };
                self.launch(state, edge, bucket, batch);
            }
            Step::Arrive { edge, bucket } => self.arrive(state, edge, bucket),
            Step::Unknown { edge, bucket, arrives } => self.unknown(state, edge, bucket, arrives),
            Step::Burn { edge, bucket, outcome } => self.burn(state, edge, bucket, outcome),
            Step::Settle { edge, bucket, from_replica } => return self.settle(state, edge, bucket, from_replica),
            Step::Crash { edge } => self.crash(state, edge),
            Step::Learn { edge } => state.edges[usize::from(edge)].definition = state.spec,
            Step::Close { edge, bucket } => return self.close(state, edge, bucket),
            Step::Land { flight } => return self.land(state, flight),
            Step::ReplicaStops => {
                state.lags -= 1;
                state.replica = Some(Box::new(state.kv.clone()));
            }
            Step::WindowEnds => state.ended = true,
            Step::Edit => state.spec += 1,
            Step::TakeUp { operator } => self.take_up(state, operator),
            Step::Read { operator } => return self.read(state, operator),
            Step::Write { operator, fate } => return self.write(state, operator, fate),
            Step::Restart { operator } => self.restart(state, operator),
            Step::BeginRelease { releaser, customer, number, bucket } => {
                return self.begin_release(state, releaser, customer, OrderNumber(number), bucket);
            }
            Step::Release { releaser, fate } => return self.release(state, releaser, fate),
            Step::Confirm { customer, number, fate } => {
                return self.confirm(state, customer, OrderNumber(number), fate);
            }
        }
        true
    }
}

impl Model for World {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        let Self { config, .. } = self;
        let edge =
            || Edge { definition: 1, tasks: vec![None; self.customers()], lanes: vec![None; config.buckets.into()] };
        vec![State {
            kv: self.provisioned(),
            replica: None,
            edges: (0..config.edges).map(|_| edge()).collect(),
            flights: Vec::new(),
            operators: vec![
                Operator { generation: u8::from(config.provisioned), work: Work::Idle };
                config.operators.into()
            ],
            releasers: vec![None; config.releasers.into()],
            spec: 1,
            done: u8::from(config.provisioned),
            ended: false,
            faults: config.faults,
            crashes: config.crashes,
            lags: config.lags,
            sends: config.wishes.iter().map(|wish| wish.sends.clone()).collect(),
            told: vec![None; config.wishes.len()],
            broken: None,
        }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        for edge in 0..self.config.edges {
            self.edge_steps(state, edge, steps);
        }
        steps.extend((0..state.flights.len()).map(|flight| Step::Land { flight }));
        if state.lags > 0 && state.replica.as_deref() != Some(&state.kv) {
            steps.push(Step::ReplicaStops);
        }
        if self.config.ends && !state.ended {
            steps.push(Step::WindowEnds);
        }
        if usize::from(state.spec) < self.config.specs.len() {
            steps.push(Step::Edit);
        }
        for operator in 0..self.config.operators {
            self.operator_steps(state, operator, steps);
        }
        self.order_steps(state, steps);
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut next = last.clone();
        self.step(&mut next, step).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(NO_OVERSELL, Self::no_oversell),
            Property::always(CONSERVATION, Self::conserves),
            Property::always(SUPPLY_AS_ASKED, Self::supply_as_asked),
            Property::always(RECORDS_IN_ORDER, Self::records_in_order),
            Property::always(ONE_ORDER_PER_KEY, Self::one_order_per_key),
            Property::always(WITHIN_LIMITS, Self::within_limits),
            Property::always(YES_IS_BACKED, Self::yes_is_backed),
            Property::always(NO_IS_KEPT, |_, state: &State| state.broken != Some(Broken::Contradicted)),
            Property::always(ONE_ANSWER, |_, state: &State| state.broken != Some(Broken::TwoAnswers)),
            Property::always(NO_GAP, |_, state: &State| state.broken != Some(Broken::Gap)),
            Property::always(FENCED, |_, state: &State| {
                !matches!(state.broken, Some(Broken::FencedClaim | Broken::ClosedClaim))
            }),
            Property::always(BUCKETS_GO_FORWARD, |_, state: &State| state.broken != Some(Broken::BucketWentBack)),
            Property::always(DONE_STAYS_DONE, Self::done_stays_done),
        ]
    }
}

pub(crate) const NO_OVERSELL: &str = "active units never exceed supply";
pub(crate) const CONSERVATION: &str = "supply = free + held + sold";
pub(crate) const SUPPLY_AS_ASKED: &str = "supply never exceeds what a definition asked for";
pub(crate) const RECORDS_IN_ORDER: &str = "supply records add up and their generations never fall";
pub(crate) const ONE_ORDER_PER_KEY: &str = "a customer has one order per idempotency key";
pub(crate) const WITHIN_LIMITS: &str = "no customer has more active units than the limit";
pub(crate) const YES_IS_BACKED: &str = "a yes is backed by that very order";
pub(crate) const NO_IS_KEPT: &str = "a claim decided as not taken is not taken later";
pub(crate) const ONE_ANSWER: &str = "all yeses to one wish name one order";
pub(crate) const NO_GAP: &str = "orders of a customer are contiguous";
pub(crate) const FENCED: &str = "a fenced edge claims nothing";
pub(crate) const BUCKETS_GO_FORWARD: &str = "a bucket goes back to no older generation or state";
pub(crate) const DONE_STAYS_DONE: &str = "what was reported done stays done";

impl World {
    fn no_oversell(&self, state: &State) -> bool {
        let Sums { supply, held, sold, .. } = self.sums(&state.kv);
        held + sold <= supply
    }

    fn conserves(&self, state: &State) -> bool {
        self.sums(&state.kv).gap() == 0
    }

    fn supply_as_asked(&self, state: &State) -> bool {
        let asked = (1..=state.spec).map(|generation| i64::from(self.target(generation).total().0)).max();
        state.kv.supplies.iter().map(|record| record.delta).sum::<i64>() <= asked.unwrap_or(0)
    }

    fn one_order_per_key(&self, state: &State) -> bool {
        let key = |row: &crate::world::Row| &self.requests[usize::from(row.wish)].key;
        let alone = |rows: &Vec<crate::world::Row>| {
            (1..rows.len()).all(|i| rows[..i].iter().all(|earlier| key(earlier) != key(&rows[i])))
        };
        state.kv.orders.iter().all(alone)
    }

    fn within_limits(&self, state: &State) -> bool {
        let Some(limit) = self.config.limit else { return true };
        let active = |rows: &Vec<crate::world::Row>| {
            rows.iter().map(|row| self.order(row.wish, row.state).active().0).sum::<u32>()
        };
        state.kv.orders.iter().all(|rows| active(rows) <= limit)
    }

    fn yes_is_backed(&self, state: &State) -> bool {
        self.config.wishes.iter().zip(&state.told).zip(0..).all(|((wish, told), index): (_, u8)| {
            told.is_none_or(|number| state.kv.row(wish.customer, number).is_some_and(|row| row.wish == index))
        })
    }

    /// Every bucket has the reported generation, and the records did not fall short of it since; closed stays closed.
    fn done_stays_done(&self, state: &State) -> bool {
        let Some(done) = Some(state.done).filter(|done| *done > 0) else { return true };
        let closed = self.spec(done).wanted == Wanted::Closed;
        let stamped = state.kv.buckets.iter().all(|slot| {
            let generation = slot.bucket.generation.0;
            let open = slot.bucket.state == protocol::bucket::State::Open;
            generation >= done.into() && !(closed && open && generation == u64::from(done))
        });
        let last = state.kv.supplies.last();
        let supplied = last.is_some_and(|record| {
            record.generation.0 > done.into()
                || (record.generation.0 == u64::from(done) && record.total >= self.target(done).total())
        });
        stamped && supplied
    }

    fn records_in_order(&self, state: &State) -> bool {
        let (mut total, mut generation) = (0, Generation(0));
        state.kv.supplies.iter().all(|record| {
            total += record.delta;
            let risen = record.generation >= generation;
            generation = record.generation;
            risen && i64::from(record.total.0) == total
        })
    }
}
