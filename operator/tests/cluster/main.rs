//! The operator's binary on a real API server and a real NATS.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod churn;
mod leadership;
mod life;
mod removal;
mod rules;
mod server;
mod stop;
mod trouble;
mod watches;
mod world;
