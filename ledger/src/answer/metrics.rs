//! What is counted of questions.

use prometheus::{Histogram, IntCounter, IntGauge};
use protocol::ask::Verb;
use runtime::metrics::{By, Error, Label, Metrics, SECONDS};

runtime::label! {
    /// What became of a question.
    pub enum Outcome as "outcome" {
        /// It has an answer.
        Answered = "answered",
        /// It has a named no.
        Refused = "refused",
        /// It could not be read.
        Malformed = "malformed",
        /// There was too much to do.
        Busy = "busy",
        /// Postgres was away.
        Away = "away",
        /// It took too long, or its end is not known yet.
        Late = "late",
        /// The rows contradict it.
        Broken = "broken",
    }
}

/// A [`Verb`] as a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked(pub Verb);

impl Label for Asked {
    const NAME: &'static str = "verb";
    const VALUES: &'static [Self] = &[
        Self(Verb::Register),
        Self(Verb::SignIn),
        Self(Verb::Exchange),
        Self(Verb::Profile),
        Self(Verb::Wallets),
        Self(Verb::Entries),
        Self(Verb::Pay),
        Self(Verb::Refund),
        Self(Verb::Callback),
        Self(Verb::Orders),
        Self(Verb::OneOrder),
        Self(Verb::Statement),
        Self(Verb::SaleOrders),
        Self(Verb::Sheet),
    ];

    fn text(self) -> &'static str {
        self.0.as_str()
    }

    fn position(self) -> usize {
        self.0 as usize
    }
}

/// Handles, resolved once.
#[derive(Debug, Clone)]
pub struct AnswerMetrics {
    questions: By<(Asked, Outcome), IntCounter>,
    /// How long answers take.
    pub seconds: By<Asked, Histogram>,
    /// Questions that have no reply yet.
    pub under_way: By<Asked, IntGauge>,
}

impl AnswerMetrics {
    /// Registers them.
    ///
    /// # Errors
    /// When a name is taken.
    pub fn new(metrics: &Metrics) -> Result<Self, Error> {
        Ok(Self {
            questions: metrics.counter_by(
                "sluice_ledger_questions_total",
                "Questions of edges, by kind and by what became of them.",
            )?,
            seconds: metrics.histogram_by(
                "sluice_ledger_answer_seconds",
                "How long answers took, by kind of question.",
                SECONDS,
            )?,
            under_way: metrics
                .gauge_by("sluice_ledger_questions_under_way", "Questions without a reply yet, by kind.")?,
        })
    }

    /// One more.
    pub fn count(&self, verb: Verb, outcome: Outcome) {
        self.questions[(Asked(verb), outcome)].inc();
    }
}
