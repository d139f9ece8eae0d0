//! Sales that are deleted under the chart's rules of admission, one by one and with their namespace, on a real API server
//! with the real controllers of Kubernetes.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod namespace;
mod one;
#[path = "../cluster/place.rs"]
#[allow(dead_code, reason = "these tests need less of it than those of the operator's life")]
mod place;
mod rules;
#[path = "../cluster/world.rs"]
#[allow(dead_code, reason = "these tests need less of it than those of the operator's life")]
mod world;
