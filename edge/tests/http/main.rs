//! The edge as a process, over HTTP, on a real nats-server. One file per address, and one per way to be wrong.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "a test fails by panicking, and a table is as long as it is"
)]

use testbed::provision;

mod addresses;
mod books;
mod connections;
mod current;
mod document;
mod events;
mod fixture;
mod held;
mod identity;
mod ledger;
mod limits;
mod oidc;
mod orders;
mod page;
mod payments;
mod reference;
mod sales;
mod sessions;
mod shop;
mod sites;
mod statement;
mod strangers;
mod wrong;
