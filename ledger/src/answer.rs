//! Where edges ask, and get their answers.
//!
//! **What it is for.** An edge sends a question on the subject of its verb; one of the replicas that answer this verb takes
//! it. Whoever can answer a kind of question hands the [`Desk`] a function from question to answer, and nothing else:
//! reading, bounds, counting, the reply and the end are the same for all.
//!
//! **What must always hold.** Every question that is taken gets a reply: an answer, a named no, or that it is not known
//! yet. A question that cannot be read gets [`No::Invalid`] and nobody's text: what a parser says quotes what it read,
//! and that may be a password. A process that ends answers what it has taken.
//!
//! **What it costs.** A task per verb, and one per question under way, of which there are at most [`UNDER_WAY_MAX`] per
//! verb; past that the answer is [`No::Busy`] at once. A flood of one kind of question leaves the others alone. The right
//! to subscribe to `$SRV.>` too, where the usual NATS tools ask who is there.
//!
//! **What is deliberately absent.** Retries: who asks may ask again. A promise that a question which is on its way while
//! a replica leaves is answered: NATS may have given it to a replica that has just gone, and whoever asks waits in vain
//! and asks again.

pub mod metrics;
mod traced;

use std::sync::Arc;
use std::time::Duration;

use async_nats::Client;
use async_nats::service::endpoint::Endpoint;
use async_nats::service::{Request, Service, ServiceExt as _};
use futures::StreamExt as _;
use protocol::ask::{Ask, No, Reply, Verb};
use protocol::key::Installation;
use protocol::wire::{Value as _, WireError};
use runtime::Process;
use runtime::clock::Clock;
use runtime::trace;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::repo::Error;
use metrics::{AnswerMetrics, Asked, Outcome};
use traced::Traced;

/// Most questions of one kind under way in this process. Eight connections to Postgres answer some thousand small
/// questions a second, so the last of these waits about a quarter of a second.
pub const UNDER_WAY_MAX: usize = 256;
/// Longest that a question about money may take, which goes on when nobody waits for it any more: what it has begun is best
/// finished by it.
pub const MONEY_MAX: Duration = Duration::from_secs(8);
/// How much sooner than whoever asks any other question is given up, so that the no is still heard.
const AHEAD: Duration = Duration::from_millis(250);
/// Largest question that is looked at: a callback of a payment provider is the largest, and edges take 8 KiB at most.
pub const QUESTION_BYTES_MAX: usize = 32 * 1_024;
/// When to ask again while there is too much to do.
const BUSY_SECONDS: u32 = 1;
/// When to ask again while Postgres is away.
const AWAY_SECONDS: u32 = 2;
/// Replicas of one group share the questions.
const GROUP: &str = "ledger";

/// Why there is no answer.
#[derive(Debug)]
pub enum Failure {
    /// A named no, for whoever asks.
    No(No),
    /// Postgres did not do its part.
    Rows(Error),
}

impl From<No> for Failure {
    fn from(no: No) -> Self {
        Self::No(no)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Rows(error)
    }
}

/// What a handler returns.
pub type Answer<T> = Result<T, Failure>;

/// A no to a question that breaks a rule; the rule is a sentence without its full stop.
#[must_use]
pub fn invalid(field: &str, rule: impl Into<String>) -> No {
    No::Invalid { field: field.to_owned(), rule: rule.into() }
}

/// A no because there is too much to do.
#[must_use]
pub fn busy() -> No {
    No::Busy { retry_after_seconds: BUSY_SECONDS }
}

/// Takes questions for whoever can answer them.
#[derive(Clone)]
pub struct Desk {
    process: Process,
    client: Client,
    installation: Installation,
    /// Kept as long as anybody listens: what it is dropped with stops.
    service: Arc<Service>,
    metrics: AnswerMetrics,
}

impl Desk {
    /// Opens one on this connection; nothing is answered yet.
    ///
    /// # Errors
    /// When a metric cannot exist, or NATS refuses.
    pub async fn open(process: Process, client: Client, installation: Installation) -> anyhow::Result<Self> {
        let metrics = AnswerMetrics::new(&process.metrics)?;
        let service = client.service_builder().description("People, money and history of flash sales");
        let service = service.queue_group(GROUP).start(process.component, process.version).await;
        let service = Arc::new(service.map_err(|error| anyhow::anyhow!("questions cannot be taken: {error}"))?);
        Ok(Self { process, client, installation, service, metrics })
    }

    /// Answers a kind of question until the process stops; then finishes what was taken.
    ///
    /// # Errors
    /// When NATS refuses the subscription.
    pub async fn answer<Q, H, F>(&self, handler: H) -> anyhow::Result<()>
    where
        Q: Ask + Send + 'static,
        Q::Answer: Send,
        H: Fn(Q) -> F + Send + Sync + 'static,
        F: Future<Output = Answer<Q::Answer>> + Send + 'static,
    {
        let subject = self.installation.ask(Q::VERB);
        let questions = self.service.endpoint_builder().name(Q::VERB.as_str()).add(&subject).await;
        let questions = questions.map_err(|error| anyhow::anyhow!("{subject} cannot be answered: {error}"))?;
        let clerk = Clerk { desk: self.clone(), handler: Arc::new(handler), under_way: JoinSet::new() };
        let stopping = self.process.drain.stopping();
        let name = format!("answers to {}", Q::VERB.as_str());
        self.process.drain.spawn(name, clerk.serve::<Q, F>(questions, stopping));
        Ok(())
    }
}

/// Answers one kind of question.
struct Clerk<H> {
    desk: Desk,
    handler: Arc<H>,
    under_way: JoinSet<()>,
}

impl<H> Clerk<H> {
    async fn serve<Q, F>(mut self, mut questions: Endpoint, stopping: CancellationToken) -> anyhow::Result<()>
    where
        Q: Ask + Send + 'static,
        Q::Answer: Send,
        H: Fn(Q) -> F + Send + Sync + 'static,
        F: Future<Output = Answer<Q::Answer>> + Send + 'static,
    {
        loop {
            tokio::select! {
                biased;
                () = stopping.cancelled() => break,
                Some(ended) = self.under_way.join_next() => ended?,
                question = questions.next() => match question {
                    Some(question) => self.take::<Q, F>(question).await,
                    None => anyhow::bail!("the subscription has ended"),
                },
            }
        }
        questions.stop().await?;
        // What had arrived by then is answered like everything before.
        while let Some(question) = questions.next().await {
            self.take::<Q, F>(question).await;
        }
        while let Some(ended) = self.under_way.join_next().await {
            ended?;
        }
        Ok(self.desk.client.flush().await?)
    }

    async fn take<Q, F>(&mut self, request: Request)
    where
        Q: Ask + Send + 'static,
        Q::Answer: Send,
        H: Fn(Q) -> F + Send + Sync + 'static,
        F: Future<Output = Answer<Q::Answer>> + Send + 'static,
    {
        let metrics = &self.desk.metrics;
        while let Some(Ok(())) = self.under_way.try_join_next() {}
        if self.under_way.len() >= UNDER_WAY_MAX {
            metrics.count(Q::VERB, Outcome::Busy);
            return reply::<Q>(&request, Err(busy())).await;
        }
        let question = match read::<Q>(&request.message.payload) {
            Ok(question) => question,
            Err(no) => {
                metrics.count(Q::VERB, Outcome::Malformed);
                return reply::<Q>(&request, Err(no)).await;
            }
        };
        let (metrics, clock) = (metrics.clone(), self.desk.process.clock.clone());
        let traced = Traced::of(&self.desk.process.tracer, request.message.headers.as_ref());
        let answer = (self.handler)(question);
        metrics.under_way[Asked(Q::VERB)].inc();
        self.under_way.spawn(async move {
            let began = clock.monotonic();
            let answering = bounded(Q::VERB, &metrics, &clock, answer);
            let (outcome, result) = trace::within(traced.place(), answering).await;
            traced.tell(Q::VERB, outcome, clock.now(), clock.monotonic() - began);
            // Before the reply, so that whoever has it finds it counted.
            metrics.under_way[Asked(Q::VERB)].dec();
            metrics.count(Q::VERB, outcome);
            reply::<Q>(&request, result).await;
        });
    }
}

/// Reads a question, and says nothing of what is in it.
fn read<Q: Ask>(payload: &[u8]) -> Result<Q, No> {
    if payload.len() > QUESTION_BYTES_MAX {
        return Err(invalid("question", format!("at most {QUESTION_BYTES_MAX} bytes")));
    }
    Q::decode(payload).map_err(|error| match error {
        WireError::Newer { .. } => invalid("v", error.to_string()),
        WireError::Shape { what, .. } | WireError::Content { what, .. } => {
            invalid("question", format!("not a valid {what}"))
        }
    })
}

/// The answer, or why there is none, within the time that a question may take.
async fn bounded<T>(
    verb: Verb,
    metrics: &AnswerMetrics,
    clock: &Clock,
    answer: impl Future<Output = Answer<T>>,
) -> (Outcome, Result<T, No>) {
    let began = clock.monotonic();
    let ended = tokio::time::timeout(answered_within(verb), answer).await;
    metrics.seconds[Asked(verb)].observe((clock.monotonic() - began).as_secs_f64());
    match ended {
        Ok(Ok(answer)) => (Outcome::Answered, Ok(answer)),
        Ok(Err(Failure::No(no))) => (refusal(&no), Err(no)),
        Ok(Err(Failure::Rows(Error::Unavailable(why)))) => {
            tracing::debug!(verb = verb.as_str(), "no answer, postgres is away: {why}");
            (Outcome::Away, Err(No::Busy { retry_after_seconds: AWAY_SECONDS }))
        }
        Ok(Err(Failure::Rows(Error::Broken(why)))) => {
            tracing::error!(verb = verb.as_str(), "no answer, the rows contradict the question: {why}");
            (Outcome::Broken, Err(No::Unsettled))
        }
        Err(_elapsed) if changes(verb) => (Outcome::Late, Err(No::Unsettled)),
        Err(_elapsed) => (Outcome::Late, Err(busy())),
    }
}

fn refusal(no: &No) -> Outcome {
    match no {
        No::Busy { .. } => Outcome::Busy,
        No::Unsettled => Outcome::Late,
        _ => Outcome::Refused,
    }
}

fn answered_within(verb: Verb) -> Duration {
    match verb {
        Verb::Pay | Verb::Refund | Verb::Callback => MONEY_MAX,
        _ => verb.patience().saturating_sub(AHEAD),
    }
}

/// Whether something may have been done by the time that a question is given up.
fn changes(verb: Verb) -> bool {
    match verb {
        Verb::Register | Verb::Exchange | Verb::Pay | Verb::Refund | Verb::Callback => true,
        Verb::SignIn | Verb::Profile | Verb::Wallets | Verb::Entries | Verb::Orders | Verb::OneOrder => false,
        Verb::Statement | Verb::SaleOrders | Verb::Sheet => false,
    }
}

async fn reply<Q: Ask>(request: &Request, result: Result<Q::Answer, No>) {
    // Who asks without saying where the answer goes wants none; a connection that is closed has nobody behind it.
    drop(request.respond(Ok(Reply::from(result).encode())).await);
}

#[cfg(test)]
mod tests;
