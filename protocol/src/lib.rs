//! What the stages agree on.
//!
//! **What it is for.** A sale's free units lie in *buckets*: keys of a JetStream KV stream whose values hold a count.
//! A *claim* is one atomic batch: the bucket with fewer units, compare-and-set on its revision, and one new order per
//! claim, each conditional on its absence. The operator raises and lowers the counts with *supply* records, the edges
//! turn them into orders, the ledger follows everything into Postgres. The three never import one another; they meet
//! in the keys and values of this crate.
//!
//! | module | it settles |
//! | --- | --- |
//! | [`id`] | the things that must not be mixed up: sale, sku, customer, units, revision … parsed once, at the door |
//! | [`key`] | how every stream, subject and key is spelled; nobody else spells one |
//! | [`deed`] | which resource sells under a name, and what became of the sale before it |
//! | [`sale`] | the definition of a sale as the operator publishes it, and what the time makes of it |
//! | [`bucket`] | how many units a bucket may give, take and to whom: the fence |
//! | [`order`] | an order and its legal transitions; its id |
//! | [`claim`] | what a customer's earlier orders allow them to claim: replay, limits, the next number |
//! | [`supply`] | which records bring the stock to what the resource asks for |
//! | [`release`] | units come back: cancelled, expired, refunded; and orders are confirmed |
//! | [`refusal`] | every honest no, with its numbers and what a client can do |
//! | [`conservation`] | the law that the books must satisfy, checked from both sides |
//! | [`status`] | what the ledger tells operator and edges about a shard |
//! | [`trace`] | which trace a request belongs to, as it travels with it |
//! | [`ask`] | what an edge asks the ledger: people, money, history |
//! | [`store`] | the port to a shard's stream: one atomic commit, leader reads, a feed; and its in-memory twin |
//!
//! **What must always hold.** Active units never exceed supply at any position of any log; every accepted order exists
//! exactly once; a writer with an old definition changes nothing.
//!
//! **What is deliberately absent.** No I/O, no clock, no randomness, no async runtime: every decision here is a function
//! of its arguments, so the exhaustive model of `tests/model` runs the same code as production.

pub mod ask;
pub mod bucket;
pub mod claim;
pub mod conservation;
pub mod deed;
pub mod id;
pub mod key;
pub mod order;
pub mod refusal;
pub mod release;
pub mod sale;
pub mod status;
pub mod store;
pub mod supply;
pub mod trace;
pub mod wire;

pub use id::{
    BucketIndex, CustomerId, Epoch, Generation, IdempotencyKey, OrderId, OrderNumber, Revision, SaleId, Shard, Sku,
    Units,
};
