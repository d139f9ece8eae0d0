//! The operator's binary on a real API server and a real NATS.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod back;
mod churn;
mod durable;
mod early;
mod leadership;
mod life;
mod place;
mod removal;
mod rights;
mod rules;
mod server;
mod stop;
mod trouble;
mod watches;
mod world;
