//! Stage 3: orders become rows and balanced books.
//!
//! **What it is for.** Claims are decided and durable in the streams; nothing here can sell a unit. The ledger follows
//! every bucket, order and supply record into Postgres, keeps a double-entry book of units, and proves from both sides,
//! whenever it has caught up, that every unit is accounted for.
//!
//! ```text
//! table of sales ─► shards: which ones are mine ─► follow: messages ─► post (pure): rows, balanced postings
//!                          │ one session                │ position            ▼
//!                          ▼                            ▼              repo: one transaction with the cursor
//!                   repo/ownership                  audit: both sides ─► status: what operator and edges are told
//! ```
//!
//! | module | it settles |
//! | --- | --- |
//! | [`app`] | what each command does |
//! | [`args`] | the arguments |
//! | [`shards`] | which shards this replica follows |
//! | [`follow`] | one shard, from its stream into Postgres |
//! | [`post`] | messages become rows and balanced postings; pure |
//! | [`expire`] | unpaid orders go back on sale |
//! | [`payments`] | held orders are paid, sold ones taken back |
//! | [`places`] | the definition and the streams of a sale, for whoever moves an order |
//! | [`repo`] | every SQL statement |
//! | [`audit`] | comparing both sides on an exact cut |
//! | [`status`] | what operator and edges are told about a shard |
//! | [`reconcile`] | both sides of a sale in full, key by key, on demand |
//! | [`statement`] | the settlement of a sale |
//! | [`export`] | the orders of a sale with whom they are for |
//! | [`spreadsheet`] | what a spreadsheet makes of a cell |
//! | [`webhook`] | whoever fulfils orders is told of them |
//! | [`signature`] | how we and others prove who sends a message |
//! | [`answer`] | where edges ask, and get their answers |
//! | [`roles`] | who answers what |
//! | [`accounts`] | people: register, sign in, who is that |
//! | [`wallets`] | what customers have, and what moved |
//! | [`history`] | what customers ordered, in all sales |
//! | [`metrics`] | what is counted |
//!
//! **What must always hold.** The cursor and the rows move in one transaction, by compare-and-set. What cannot be true (a
//! key used twice, a transition that does not exist, a value that cannot be read) stops following that shard and says
//! so; it is never skipped.

pub mod accounts;
pub mod answer;
pub mod app;
pub mod args;
pub mod audit;
pub mod expire;
pub mod export;
pub mod follow;
pub mod history;
pub mod metrics;
pub mod payments;
pub mod places;
pub mod post;
pub mod reconcile;
pub mod repo;
pub mod roles;
pub mod shards;
pub mod signature;
pub mod spreadsheet;
pub mod statement;
pub mod status;
pub mod wallets;
pub mod webhook;
