//! Stage 2: token buckets become orders.
//!
//! **What it is for.** Shoppers ask over HTTP; every request that may take something becomes a claim, and every claim gets
//! an honest answer.
//!
//! ```text
//! connection ─► serve (who is let in, how long) ─► shell (bounds, id, counts) ─► app (routes)
//!                                                                                  │ auth: who asks
//!        sales: what is for sale ◄── table of sales ──► warm: desks open in time   ▼
//!                            ▲── overtaken: asked for, where buckets are ahead     │
//!                                                                                  │ limit: how often
//!        frames: what viewers see ◄──────────────────────────────────────────── claim: the engine
//!                                                                                  │
//!                                        problem: what every no looks like ◄───────┤
//!                                                                                  │
//!                           ledger: what only Postgres knows, asked over NATS ◄────┤
//!                                                                                  │
//!                           page: what browsers are shown, read once at the start ◄┘
//! ```

pub mod app;
pub mod args;
pub mod auth;
pub mod breaker;
pub mod claim;
pub mod cors;
pub mod docs;
pub mod etag;
pub mod files;
pub mod frames;
pub mod ledger;
pub mod limit;
pub mod metrics;
pub mod mint;
pub mod openapi;
pub mod overtaken;
pub mod page;
pub mod problem;
pub mod punctual;
pub mod routes;
pub mod run;
pub mod sales;
pub mod serve;
pub mod shell;
pub mod warm;
