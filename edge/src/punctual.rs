//! Whether this edge's clock can be trusted to open and close sales.
//!
//! **What it is for.** Edges apply a sale's window by their own clock. One that is wrong sells early or late, and closes
//! buckets that are not over, so it has to notice by itself: it becomes unready and claims nothing.
//!
//! **What must always hold.** Only what is certain counts. The server names its time between our question and its answer;
//! if that does not lie between the two times of ours, our clock is off by at least the rest. So neither a slow network
//! nor a slow machine makes a good clock look wrong. Of what is followed only a message from our future counts: that one
//! came late says nothing about our clock.
//!
//! **What it costs.** One small question a second.

use std::time::Duration;

use async_nats::Request;
use jiff::Timestamp;
use runtime::clock::Clock;
use runtime::readiness::Part;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use crate::claim::Engine;

/// Most that our clock may differ from the servers'.
pub const SKEW_MS_MAX: i64 = 250;
/// How often the servers are asked.
const ASK_AFTER: Duration = Duration::from_secs(1);
/// How long an answer is waited for.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// What the server's time was, and when it was asked for and told by ours.
#[derive(Debug, Clone, Copy)]
struct Told {
    asked: Timestamp,
    server: Timestamp,
    answered: Timestamp,
}

impl Told {
    /// Milliseconds by which our clock is certainly ahead of the server's (positive) or behind it.
    fn skew_ms(&self) -> i64 {
        let [asked, server, answered] = [self.asked, self.server, self.answered].map(Timestamp::as_millisecond);
        if asked > server { asked - server } else { (answered - server).min(0) }
    }
}

/// The larger of what was told and what a followed message proves.
fn worst(told: Told, followed_ms: Option<i64>) -> i64 {
    let told = told.skew_ms();
    let behind = followed_ms.unwrap_or(0).min(0);
    if behind.abs() > told.abs() { behind } else { told }
}

/// Why a clock cannot be trusted, if it cannot.
fn complaint(skew_ms: i64) -> Option<String> {
    let side = if skew_ms > 0 { "ahead of" } else { "behind" };
    (skew_ms.abs() > SKEW_MS_MAX).then(|| {
        format!("this clock is {} ms {side} that of NATS, more than {SKEW_MS_MAX} ms: it would sell early or late", {
            skew_ms.abs()
        })
    })
}

/// Compares clocks until told to stop, with the server that has this stream. Without an answer what is known stays: a
/// clock does not go wrong because a server does not answer.
pub async fn keep(
    engine: &Engine,
    client: &async_nats::Client,
    stream: &str,
    clock: &Clock,
    part: &Part,
    stopping: &CancellationToken,
) {
    let keep = async {
        loop {
            match ask(client, stream, clock).await {
                Some(told) => {
                    let complaint = complaint(worst(told, engine.clock_skew_ms()));
                    engine.trust_clock(complaint.is_none());
                    complaint.map_or_else(|| part.set_ok(), |sentence| part.set_failed(sentence));
                }
                None => tracing::debug!(stream, "the server did not say what time it is"),
            }
            tokio::time::sleep(ASK_AFTER).await;
        }
    };
    stopping.run_until_cancelled(keep).await;
}

async fn ask(client: &async_nats::Client, stream: &str, clock: &Clock) -> Option<Told> {
    /// Not said where there is no such stream: without a table of sales an edge is unready anyway.
    #[derive(Deserialize)]
    struct Answer {
        ts: Timestamp,
    }
    let asked = clock.now();
    let request = Request::new().timeout(Some(ANSWER_WITHIN));
    let answer = client.send_request(format!("$JS.API.STREAM.INFO.{stream}"), request).await.ok()?;
    let answered = clock.now();
    let Answer { ts: server } = serde_json::from_slice(&answer.payload).ok()?;
    Some(Told { asked, server, answered })
}

#[cfg(test)]
mod tests;
