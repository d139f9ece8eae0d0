//! The ledger as a process, on a real nats-server and a real Postgres. Orders are written straight into the streams, as
//! an edge would have; what is asserted is what Postgres holds afterwards.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "a test fails by panicking"
)]

mod commands;
mod expire;
mod follow;
mod halt;
mod killed;
mod lost;
mod money;
mod pay;
mod schema;
mod shop;
mod status;
