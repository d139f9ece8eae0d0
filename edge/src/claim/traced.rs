//! Claims of a batch that are traced.
//!
//! **What it costs.** A look at each claim of a batch; nothing is allocated while none is traced.

use std::time::Duration;

use protocol::store::Outcome;
use protocol::trace::TraceContext;
use runtime::trace::{Kind, Span, Tracer, Value};

use super::counter::Waiting;
use super::desk::Floor;

/// The places of a batch's traced claims, by their positions in it.
#[derive(Debug, Default)]
pub(super) struct Traced(Vec<Place>);

#[derive(Debug)]
struct Place {
    position: usize,
    context: TraceContext,
    parent: u64,
}

impl Traced {
    pub(super) fn of(tracer: &Tracer, group: &[Waiting]) -> Self {
        let places = group.iter().enumerate().filter_map(|(position, waiting)| {
            let context = tracer.child(waiting.trace)?;
            Some(Place { position, context, parent: waiting.trace?.span })
        });
        Self(places.collect())
    }

    /// What goes with the message of the claim at this position: whoever reads it goes on from there.
    pub(super) fn context(&self, position: usize) -> Option<TraceContext> {
        self.0.iter().find(|place| place.position == position).map(|place| place.context)
    }

    /// Tells what became of the batch, once for each.
    pub(super) fn tell(&self, floor: &Floor, outcome: &Outcome, took: Duration, claims: usize) {
        let (word, why) = match outcome {
            Outcome::Committed(_) => ("committed", None),
            Outcome::Conflict(_) => ("conflict", None),
            Outcome::NotTaken(why) => ("not_taken", Some(why)),
            Outcome::Fault(why) => ("fault", Some(why)),
            Outcome::Unknown(why) => ("unknown", Some(why)),
        };
        for place in &self.0 {
            let mut attributes = vec![
                ("messaging.system", Value::from("nats")),
                ("messaging.batch.message_count", Value::from(i64::try_from(claims).unwrap_or(i64::MAX))),
                ("sluice.outcome", Value::from(word)),
            ];
            if let Outcome::Committed(committed) = outcome {
                // The bucket is the first message of the batch.
                let revision = committed.revision(place.position + 1).0;
                attributes.push(("sluice.revision", Value::from(i64::try_from(revision).unwrap_or(i64::MAX))));
            }
            floor.tracer.tell(&Span {
                name: "commit claims".into(),
                kind: Kind::Producer,
                context: place.context,
                parent: place.parent,
                ended: floor.clock.now(),
                took,
                error: why.map(|why| why.clone().into()),
                attributes: &attributes,
            });
        }
    }
}
