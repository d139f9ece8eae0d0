//! People, wallets and history, asked over NATS as an edge asks, on a real nats-server and a real Postgres.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    clippy::cast_precision_loss,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says what it measured"
)]

mod asking;
mod commands;
mod history;
mod life;
mod limits;
mod money;
mod people;
mod statement;
mod wallets;

#[allow(dead_code, reason = "the other tests of the ledger use the rest of it")]
#[path = "../books/shop.rs"]
mod shop;
