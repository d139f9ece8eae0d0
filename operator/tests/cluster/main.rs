//! The operator's binary on a real API server and a real NATS.

mod life;
mod removal;
mod rules;
mod trouble;
mod world;
