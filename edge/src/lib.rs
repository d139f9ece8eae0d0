//! Stage 2: token buckets become orders.

pub mod claim;
