//! What the ledger is asked.
//!
//! **What it is for.** Accounts, wallets, payments and history are in Postgres, and edges hold no database connection:
//! they ask over NATS, on a connection of its own so that no claim waits behind a question.
//!
//! **What must always hold.** A ledger that is away costs these routes and nothing else, and costs them little: whoever
//! asks is told within a bound, and once a question was not answered several times in a row it is not asked for a while.
//! An answer that did not come is not a no: it is told apart whether the question may have been heard.
//!
//! **What it costs.** A round trip over NATS. At most [`UNDER_WAY_MAX`] questions of a kind are under way.
//!
//! **What is deliberately absent.** Retries: the shopper's own retry is one, and every question can be asked again. One
//! breaker for everything: each kind of question may be answered by a deployment of its own, so each has its own. A probe
//! by ourselves: what is not asked needs no answer, so the part of readiness tells how the last questions ended.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_nats::{Client, HeaderMap, Request, RequestErrorKind};
use protocol::ask::{Ask, No, Reply, Verb};
use protocol::key::Installation;
use protocol::trace::HEADER;
use protocol::wire::Value as _;
use runtime::clock::Clock;
use runtime::metrics::By;
use runtime::readiness::Part;
use tokio::sync::Semaphore;

use crate::breaker::{Breaker, Shown};
use crate::metrics::{AskOutcome, Asked, Metrics};
use crate::problem::Problem;

/// Most questions of a kind under way; each holds a shopper's request and about a kilobyte. Of each kind, so that a crowd
/// that signs in takes no place of those who pay.
const UNDER_WAY_MAX: usize = 128;
/// So many questions of a kind without an answer in a row, and it is not asked any more.
const TRIPS_AFTER: u32 = 5;
/// For so long; then one question tries.
const RESTS: Duration = Duration::from_secs(1);

/// Why there is no answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// It is a no.
    No(No),
    /// Nobody heard the question.
    Away,
    /// Somebody may have heard it, and may have done what it asks for.
    Lost,
}

/// The way to the ledger.
pub struct Ledger {
    client: Client,
    installation: Installation,
    clock: Clock,
    /// One per kind of question, in the order of [`Verb::ALL`].
    lines: [Line; Verb::ALL.len()],
    /// A bit for each breaker that is not closed.
    tripped: AtomicU32,
    part: Part,
    counts: By<(Asked, AskOutcome), prometheus::IntCounter>,
    state: By<Asked, prometheus::IntGauge>,
}

/// What bounds one kind of question.
struct Line {
    breaker: Breaker,
    under_way: Semaphore,
}

impl Ledger {
    /// Asks over this connection. The part says which questions go unanswered; nothing needs it.
    #[must_use]
    pub fn new(client: Client, installation: Installation, clock: Clock, part: Part, metrics: &Metrics) -> Self {
        part.set_ok();
        Self {
            client,
            installation,
            clock,
            lines: std::array::from_fn(|_| Line {
                breaker: Breaker::new(TRIPS_AFTER, RESTS),
                under_way: Semaphore::new(UNDER_WAY_MAX),
            }),
            tripped: AtomicU32::new(0),
            part,
            counts: metrics.questions.clone(),
            state: metrics.question_breakers.clone(),
        }
    }

    /// Asks, and waits for the answer within its bound.
    ///
    /// # Errors
    /// [`Unanswered`].
    pub async fn ask<A: Ask>(&self, question: &A) -> Result<A::Answer, Unanswered> {
        let asked = Asked::of(A::VERB);
        let Some(Line { breaker, under_way }) = self.lines.get(asked.index()) else { return Err(Unanswered::Away) };
        let place = under_way.try_acquire();
        if place.is_err() || !breaker.admits(self.clock.monotonic()) {
            self.counts[(asked, AskOutcome::Shed)].inc();
            return Err(Unanswered::Away);
        }
        self.tell(asked, breaker.shown(), false);
        let answer = self.send(question).await;
        let outcome = match &answer {
            Ok(_) => AskOutcome::Yes,
            Err(Unanswered::No(No::Busy { .. })) => AskOutcome::Busy,
            Err(Unanswered::No(_)) => AskOutcome::No,
            Err(Unanswered::Away) => AskOutcome::Away,
            Err(Unanswered::Lost) => AskOutcome::Lost,
        };
        self.counts[(asked, outcome)].inc();
        let changed = match outcome {
            AskOutcome::Away | AskOutcome::Lost => breaker.failed(self.clock.monotonic()),
            _ => breaker.answered(),
        };
        self.tell(asked, breaker.shown(), changed);
        answer
    }

    async fn send<A: Ask>(&self, question: &A) -> Result<A::Answer, Unanswered> {
        // Else it would lie in this process until there is a connection, and be asked when nobody waits any more.
        if self.client.connection_state() != async_nats::connection::State::Connected {
            return Err(Unanswered::Away);
        }
        let mut request = Request::new().payload(question.encode()).timeout(Some(A::VERB.patience()));
        if let Some(place) = runtime::trace::current() {
            let mut headers = HeaderMap::new();
            headers.insert(HEADER, place.to_string());
            request = request.headers(headers);
        }
        let answer = match self.client.send_request(self.installation.ask(A::VERB), request).await {
            Ok(answer) => answer,
            Err(error) => {
                return Err(match error.kind() {
                    RequestErrorKind::NoResponders
                    | RequestErrorKind::InvalidSubject
                    | RequestErrorKind::MaxPayloadExceeded => Unanswered::Away,
                    RequestErrorKind::TimedOut | RequestErrorKind::Other => Unanswered::Lost,
                });
            }
        };
        match Reply::<A::Answer>::decode(&answer.payload) {
            Ok(reply) => Result::from(reply).map_err(Unanswered::No),
            Err(unreadable) => {
                tracing::warn!(question.verb = A::VERB.as_str(), "{unreadable}");
                Err(Unanswered::Lost)
            }
        }
    }

    /// Shows what became of a breaker, once it changed.
    fn tell(&self, asked: Asked, shown: Shown, changed: bool) {
        self.state[asked].set(match shown {
            Shown::Closed => 0,
            Shown::HalfOpen => 1,
            Shown::Open => 2,
        });
        if !changed {
            return;
        }
        let bit = 1_u32 << asked.index();
        let tripped = match shown {
            Shown::Closed => self.tripped.fetch_and(!bit, Ordering::AcqRel) & !bit,
            Shown::Open | Shown::HalfOpen => self.tripped.fetch_or(bit, Ordering::AcqRel) | bit,
        };
        let unanswered: Vec<&str> = Verb::ALL
            .iter()
            .filter(|verb| tripped >> Asked::of(**verb).index() & 1 == 1)
            .map(|verb| verb.as_str())
            .collect();
        if unanswered.is_empty() {
            self.part.set_ok();
        } else {
            self.part.set_failed(format!("nobody answers: {}", unanswered.join(", ")));
        }
    }
}

impl From<Unanswered> for Problem {
    /// What a shopper is told, where asking again does no harm: a question that may have been heard too.
    fn from(unanswered: Unanswered) -> Self {
        match unanswered {
            Unanswered::No(no) => no.into(),
            Unanswered::Away | Unanswered::Lost => crate::claim::BUSY.into(),
        }
    }
}
