//! The operator's binary on a real API server and a real NATS.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod back;
mod durable;
mod life;
mod removal;
mod rights;
mod rules;
mod stop;
mod trouble;
mod world;
