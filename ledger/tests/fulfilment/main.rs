//! Whoever fulfils orders, told by real ledgers over real HTTP; and the same orders as a file.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "a test fails by panicking"
)]

mod arguments;
mod away;
mod caught_up;
mod export;
mod killed;
mod leases;
mod receiver;
mod told;

#[allow(dead_code, reason = "the other tests of the ledger use the rest of it")]
#[path = "../books/shop.rs"]
mod shop;
