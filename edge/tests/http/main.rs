//! The edge over HTTP, on real servers.

#[path = "../common/provision.rs"]
mod provision;

mod fixture;
