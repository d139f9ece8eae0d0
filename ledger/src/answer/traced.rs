//! A question that is traced.

use std::time::Duration;

use async_nats::HeaderMap;
use jiff::Timestamp;
use protocol::ask::Verb;
use protocol::trace::TraceContext;
use runtime::jetstream::traced;
use runtime::metrics::Label as _;
use runtime::trace::{Kind, Span, Tracer, Value};

use super::metrics::Outcome;

/// Where a question belongs, and where it came from; nothing for one that is not traced.
pub(super) struct Traced {
    tracer: Tracer,
    places: Option<(TraceContext, u64)>,
}

impl Traced {
    pub(super) fn of(tracer: &Tracer, headers: Option<&HeaderMap>) -> Self {
        let asked = headers.filter(|_| tracer.is_on()).and_then(|headers| traced(Some(headers)));
        let places = asked.and_then(|asked| Some((tracer.child(Some(asked))?, asked.span)));
        Self { tracer: tracer.clone(), places }
    }

    /// Where the work for the answer belongs.
    pub(super) fn place(&self) -> Option<TraceContext> {
        self.places.map(|(place, _)| place)
    }

    /// Tells what became of it.
    pub(super) fn tell(&self, verb: Verb, outcome: Outcome, ended: Timestamp, took: Duration) {
        let Some((context, parent)) = self.places else { return };
        self.tracer.tell(&Span {
            name: format!("answer {}", verb.as_str()).into(),
            kind: Kind::Server,
            context,
            parent,
            ended,
            took,
            error: matches!(outcome, Outcome::Broken).then_some("the rows contradict the question".into()),
            attributes: &[
                ("messaging.system", Value::from("nats")),
                ("sluice.verb", Value::from(verb.as_str())),
                ("sluice.outcome", Value::from(outcome.text())),
            ],
        });
    }
}
