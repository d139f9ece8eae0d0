//! How a process of ours runs: its life, telemetry, admin port, clock, and the JetStream store.

pub mod jetstream;
pub mod registry;
pub mod clock;
