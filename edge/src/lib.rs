//! Stage 2: token buckets become orders.
