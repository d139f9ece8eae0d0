//! The exhaustive model.
//!
//! **What it is for.** A few edges, buckets, customers, operators and releasers, every fault that the stream and the
//! processes can have, every interleaving. The decisions are those of the crate: `claim::decide`, `Bucket`, `Order`,
//! `supply::plan`. What is modelled is the protocol around them: what is written under which conditions, and what is
//! concluded when no answer comes.
//!
//! **What must always hold**, in every state, is listed in `steps.rs`. **What it costs** is bounded by each
//! configuration; together they explore more than a million distinct states. A model that finds nothing proves little,
//! so every configuration names the events that it must have reached, and every mistake that the protocol is made to
//! exclude is planted once and must be caught.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    clippy::print_stdout,
    reason = "a model is indexed by its own small numbers, and a test fails by panicking"
)]

mod config;
mod edge;
mod operator;
mod planted;
mod server;
mod steps;
mod world;

use stateright::{Checker, Model};

use crate::world::{Config, Event, Spec, Wanted, Wish, World};

fn wish(customer: u8, key: &'static str, quantity: u32, sends: &[u8]) -> Wish {
    Wish { customer, key, quantity, sends: sends.to_vec() }
}

fn open(quantity: u32) -> Spec {
    Spec { quantity, withheld: 0, wanted: Wanted::Open }
}

/// Explores all of a configuration: every law holds everywhere, every event is reached, and it was as large as it says.
fn explore(config: Config, states_min: usize, events: &[Event]) {
    let world = World::new(config);
    let reached = world.reached();
    let checker = world.checker().spawn_dfs().join();
    if let Some((name, path)) = checker.discoveries().into_iter().next() {
        panic!("not so: {name}\n{:#?}", path.into_actions());
    }
    let missing: Vec<_> = events.iter().filter(|event| !reached(**event)).collect();
    let states = checker.unique_state_count();
    println!("{states} distinct states");
    assert!(missing.is_empty(), "in {states} states never reached: {missing:?}");
    assert!(states >= states_min, "only {states} distinct states");
}

fn paused(quantity: u32) -> Spec {
    Spec { quantity, withheld: 0, wanted: Wanted::Paused }
}

fn closed(quantity: u32) -> Spec {
    Spec { quantity, withheld: 0, wanted: Wanted::Closed }
}

#[test]
fn claims_with_lost_answers_and_delayed_commits_on_two_edges() {
    let config = Config {
        wishes: vec![
            wish(0, "k", 1, &[1, 1]),
            wish(0, "l", 1, &[0, 1]),
            wish(1, "k", 1, &[1, 0]),
            wish(2, "k", 1, &[0, 1]),
        ],
        faults: 2,
        ..Config::default()
    };
    let events = [
        Event::Yes,
        Event::LostAckSettledYes,
        Event::DelayedClaimSettledYes,
        Event::DelayedClaimRefused,
        Event::BurnWon,
        Event::BurnAnswerLost,
        Event::SealedByAnother,
        Event::SettledNotTaken,
        Event::SettledNumberTaken,
        Event::Replayed,
        Event::BucketConflict,
        Event::SoldOut,
    ];
    explore(config, 100_000, &events);
}

#[test]
fn groups_are_settled_claim_by_claim() {
    let config = Config {
        wishes: vec![
            wish(0, "k", 1, &[1, 1]),
            wish(1, "k", 1, &[1, 0]),
            wish(1, "l", 1, &[0, 1]),
            wish(2, "k", 1, &[1, 0]),
        ],
        specs: vec![open(4)],
        group_max: 2,
        faults: 2,
        ..Config::default()
    };
    explore(
        config,
        1_000_000,
        &[Event::GroupSplit, Event::GroupSettledApart, Event::Replayed, Event::SettledNumberTaken],
    );
}

#[test]
fn limits_and_keys_hold_over_edges_and_retries() {
    let config = Config {
        wishes: vec![
            wish(0, "k", 1, &[1, 1]),
            wish(0, "k", 2, &[1, 0]),
            wish(0, "l", 1, &[1, 1]),
            wish(0, "m", 1, &[0, 1]),
        ],
        specs: vec![open(6)],
        limit: Some(2),
        faults: 2,
        releasers: 0,
        ..Config::default()
    };
    explore(config, 500_000, &[Event::LimitReached, Event::KeyReused, Event::Replayed, Event::SettledNumberTaken]);
}

#[test]
fn a_snapshot_from_a_replica_settles_only_when_it_is_new_enough() {
    let config = Config {
        wishes: vec![wish(0, "k", 1, &[1, 1]), wish(1, "k", 1, &[1, 0]), wish(2, "k", 1, &[0, 1])],
        faults: 2,
        lags: 2,
        group_max: 2,
        ..Config::default()
    };
    explore(
        config,
        200_000,
        &[Event::SnapshotTooOld, Event::SettledFromReplica, Event::BurnWon, Event::LostAckSettledYes],
    );
}

#[test]
fn an_edge_that_crashes_with_batches_in_flight_leaves_retries_that_find_the_truth() {
    let config = Config {
        wishes: vec![wish(0, "k", 1, &[2, 1]), wish(1, "k", 1, &[1, 1]), wish(2, "k", 2, &[1, 0])],
        specs: vec![open(3)],
        faults: 1,
        crashes: 2,
        ..Config::default()
    };
    explore(config, 500_000, &[Event::CrashWithBatchInFlight, Event::OrphanLanded, Event::Replayed, Event::SoldOut]);
}

#[test]
fn releases_race_one_another_and_claims_and_units_come_back_once() {
    let config = Config {
        wishes: vec![wish(0, "k", 1, &[1, 0]), wish(0, "l", 1, &[0, 1]), wish(1, "k", 1, &[0, 1])],
        specs: vec![open(2)],
        limit: Some(1),
        releasers: 2,
        faults: 1,
        ..Config::default()
    };
    let events = [
        Event::Released,
        Event::UnitSoldAgain,
        Event::ReleaseLostBucket,
        Event::SecondReleaseRefused,
        Event::LimitReached,
    ];
    explore(config, 200_000, &events);
}

#[test]
fn a_confirmation_and_a_release_of_one_order_exclude_one_another_or_follow() {
    let config = Config {
        wishes: vec![wish(0, "k", 1, &[1, 0]), wish(1, "k", 1, &[0, 1])],
        specs: vec![open(1)],
        releasers: 2,
        holds: true,
        faults: 2,
        ..Config::default()
    };
    let events = [Event::ConfirmBeatRelease, Event::SecondReleaseRefused, Event::Released, Event::UnitSoldAgain];
    explore(config, 100_000, &events);
}

#[test]
fn supply_is_filled_and_restocked_by_two_operators_while_claims_go_on() {
    let config = Config {
        wishes: vec![wish(0, "k", 2, &[1])],
        edges: 1,
        operators: 2,
        specs: vec![open(2), open(3)],
        provisioned: false,
        faults: 1,
        crashes: 2,
        ..Config::default()
    };
    let events = [
        Event::Done,
        Event::Rerun,
        Event::DeposedStamp,
        Event::DeposedPlan,
        Event::DeposedRecordRefused,
        Event::SupplyLostBucket,
    ];
    explore(config, 300_000, &events);
}

#[test]
fn a_decrease_takes_free_units_only_and_the_rest_when_they_return() {
    let config = Config {
        wishes: vec![wish(0, "k", 1, &[1]), wish(1, "k", 1, &[1])],
        edges: 1,
        operators: 2,
        releasers: 1,
        specs: vec![open(2), Spec { quantity: 2, withheld: 1, wanted: Wanted::Open }],
        faults: 1,
        ..Config::default()
    };
    let events = [Event::Shortfall, Event::ShortfallTaken, Event::Done, Event::Released, Event::SoldOut];
    explore(config, 400_000, &events);
}

#[test]
fn a_pause_fences_edges_and_operators_that_have_not_heard() {
    let config = Config {
        wishes: vec![wish(0, "k", 1, &[2])],
        edges: 1,
        operators: 2,
        specs: vec![open(2), paused(2), open(2)],
        faults: 1,
        ..Config::default()
    };
    let events = [
        Event::EdgeFenced,
        Event::OldClaimRefusedAfterStamp,
        Event::DelayedClaimRefused,
        Event::DeposedStamp,
        Event::DeposedRecordRefused,
        Event::Resumed,
        Event::Done,
    ];
    explore(config, 400_000, &events);
}

#[test]
fn a_close_stops_claims_and_takes_units_back_all_the_same() {
    let config = Config {
        wishes: vec![wish(0, "k", 1, &[1, 0]), wish(1, "k", 1, &[0, 1])],
        operators: 1,
        releasers: 1,
        specs: vec![open(2), closed(2)],
        faults: 1,
        crashes: 1,
        ..Config::default()
    };
    let events = [Event::OldClaimRefusedAfterStamp, Event::Released, Event::EdgeFenced, Event::Done, Event::Rerun];
    explore(config, 200_000, &events);
}

#[test]
fn past_the_end_any_edge_closes_and_only_a_newer_definition_reopens() {
    let config = Config {
        wishes: vec![wish(0, "k", 1, &[1, 0]), wish(1, "k", 1, &[0, 1])],
        operators: 1,
        specs: vec![open(2), open(2)],
        faults: 1,
        ends: true,
        ..Config::default()
    };
    explore(
        config,
        200_000,
        &[Event::ClosedByEdge, Event::DelayedClaimRefused, Event::EdgeFenced, Event::SettledNotTaken],
    );
}
