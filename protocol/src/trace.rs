//! Which trace a request belongs to, as it travels with it: W3C Trace Context, level 1.
//!
//! **What it is for.** One claim is followed from the shopper's request through the edge, the stream and the ledger to its row.
//! The context travels in an HTTP header and in a header of the message, both named [`HEADER`].
//!
//! **What must always hold.** It decides nothing and names nobody: two random numbers. Between our own processes it travels
//! only with what is recorded.

use std::fmt;

/// Name of the header.
pub const HEADER: &str = "traceparent";
/// Length of a header of version 00.
const LENGTH: usize = 55;

/// A place in a trace: what happens next is its child.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceContext {
    /// The trace; never 0.
    pub trace: u128,
    /// The span; never 0.
    pub span: u64,
}

impl TraceContext {
    /// Reads a header; nothing unless it is one.
    #[must_use]
    pub fn parse(header: &str) -> Option<Self> {
        let version = header.get(..2).filter(|version| is_lower_hex(version) && *version != "ff")?;
        // A later version may have more behind a dash, and version 00 has no more.
        let longer = header.len() > LENGTH && version != "00" && header.get(LENGTH..=LENGTH) == Some("-");
        if header.len() != LENGTH && !longer {
            return None;
        }
        let mut parts = header.get(3..LENGTH)?.split('-');
        let (trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?);
        let sizes = trace.len() == 32 && span.len() == 16 && flags.len() == 2 && parts.next().is_none();
        let spelled = header.get(2..3) == Some("-") && [trace, span, flags].into_iter().all(is_lower_hex);
        if !sizes || !spelled {
            return None;
        }
        let (trace, span) = (u128::from_str_radix(trace, 16).ok()?, u64::from_str_radix(span, 16).ok()?);
        (trace != 0 && span != 0).then_some(Self { trace, span })
    }
}

/// The header, with the flag that says that it is recorded.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-01", self.trace, self.span)
    }
}

fn is_lower_hex(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests;
