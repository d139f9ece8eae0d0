//! Messages that are traced: the last part of what is told of a claim, up to its row.

use std::time::Duration;

use protocol::key::Key;
use protocol::store::{Entry, Store};
use runtime::trace::{Kind, Span, Value};

use super::Follower;

/// Tells that these messages are in Postgres, after a transaction that took so long.
pub(super) fn tell<'e, S: Store>(follower: &Follower<S>, entries: impl Iterator<Item = &'e Entry>, took: Duration) {
    if !follower.tracer.is_on() {
        return;
    }
    for entry in entries {
        let Some(parent) = entry.trace else { continue };
        let Some(context) = follower.tracer.child(Some(parent)) else { continue };
        let revision = i64::try_from(entry.revision.0).unwrap_or(i64::MAX);
        follower.tracer.tell(&Span {
            name: "store message".into(),
            kind: Kind::Consumer,
            context,
            parent: parent.span,
            ended: follower.clock.now(),
            took,
            error: None,
            attributes: &[
                ("messaging.system", Value::from("nats")),
                ("messaging.destination.name", Value::from(follower.stream.name())),
                ("db.system.name", Value::from("postgresql")),
                ("db.collection.name", Value::from(table(entry.key.as_ref()))),
                // With the sale and its epoch, which name the stream, this is the row.
                ("sluice.revision", Value::from(revision)),
            ],
        });
    }
}

fn table(key: Option<&Key>) -> &'static str {
    match key {
        Some(Key::Order(..)) => "orders",
        Some(Key::Bucket(..)) => "buckets",
        Some(Key::Supply(..)) => "supplies",
        Some(Key::Meta) | None => "",
    }
}
