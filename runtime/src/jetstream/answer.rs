//! What the server's answer to a commit means: the one place that knows its error codes.
//!
//! The codes are those of nats-server 2.14 and later (`server/errors.json`); each was provoked on a real server. What is
//! not listed is unknown, and unknown is asked about, never guessed.

use protocol::Revision;
use protocol::store::{Committed, Outcome};
use serde::Deserialize;

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    error: Option<Error>,
    #[serde(default)]
    seq: u64,
    #[serde(default)]
    batch: Option<String>,
    #[serde(default)]
    count: u64,
}

#[derive(Deserialize)]
struct Error {
    #[serde(default)]
    err_code: u32,
    #[serde(default)]
    code: u32,
    #[serde(default)]
    description: String,
}

/// Reads the answer to a commit of `count` messages, sent as this batch (`None` for a plain publish).
pub(super) fn read(payload: &[u8], batch: Option<&str>, count: u64) -> Outcome {
    let Ok(answer) = serde_json::from_slice::<Answer>(payload) else {
        return Outcome::Unknown("the server's answer is not one to a publish".to_owned());
    };
    if let Some(error) = answer.error {
        return refused(&error);
    }
    let committed = match batch {
        Some(batch) => answer.batch.as_deref() == Some(batch) && answer.count == count && answer.seq >= count,
        None => answer.seq > 0,
    };
    if committed {
        Outcome::Committed(Committed { last: Revision(answer.seq), count })
    } else {
        Outcome::Unknown("the server's answer is to another batch".to_owned())
    }
}

fn refused(error: &Error) -> Outcome {
    let text = || format!("{} ({})", error.description, error.err_code);
    match error.err_code {
        // "wrong last sequence: N", N the last revision of the key whose condition failed; 0 when it has none.
        10_071 => {
            let at = error.description.rsplit_once(": ").and_then(|(_, n)| n.trim().parse().ok());
            Outcome::Conflict(at.filter(|n| *n > 0).map(Revision))
        }
        // The same without a number: a write to the key is still in flight, or the batch names a key twice.
        10_164 => Outcome::Conflict(None),
        // Incomplete batch, too many in flight; then resources, and everything else the server is out of.
        10_176 | 10_210 | 10_002 | 10_023 => Outcome::NotTaken(text()),
        // Atomic publish off, bad batch id or sequence, too long, unsupported header, message too large, sealed, …
        10_199 | 10_174 | 10_175 | 10_177 | 10_179 | 10_200 | 10_054 | 10_097 | 10_109 => Outcome::Fault(text()),
        // The store failed while writing: some of it may be there.
        10_077 => Outcome::Unknown(text()),
        _ if error.code == 503 => Outcome::NotTaken(text()),
        _ => Outcome::Unknown(text()),
    }
}

#[cfg(test)]
mod tests;
