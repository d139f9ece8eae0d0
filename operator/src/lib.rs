//! Stage 1: kubectl apply becomes token buckets.
