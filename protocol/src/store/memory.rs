//! The in-memory twin of a shard's stream, with faults.
