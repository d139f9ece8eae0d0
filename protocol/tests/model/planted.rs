//! Every mistake that the protocol is made to exclude, planted once: the model must catch each.

use stateright::{Checker, HasDiscoveries, Model};

use crate::steps::{
    BUCKETS_GO_FORWARD, CONSERVATION, DONE_STAYS_DONE, FENCED, NO_IS_KEPT, NO_OVERSELL, ONE_ORDER_PER_KEY,
    SUPPLY_AS_ASKED, WITHIN_LIMITS, YES_IS_BACKED,
};
use crate::world::{Bug, Config, Wanted, World};
use crate::{closed, open, paused, wish};

/// Explores until the law is broken; the same configuration without the mistake must break none.
fn catches(bug: Bug, law: &'static str, config: Config) {
    let sound = World::new(config.clone()).checker().spawn_dfs().join();
    let found: Vec<_> = sound.discoveries().into_keys().collect();
    assert!(found.is_empty(), "without the mistake: {found:?}");
    let world = World::new(Config { bug: Some(bug), ..config });
    let checker = world.checker().finish_when(HasDiscoveries::AnyOf([law].into())).spawn_bfs().join();
    let found: Vec<_> = checker.discoveries().into_keys().collect();
    assert!(found.contains(&law), "{bug:?} was not caught by {law:?} but by {found:?}");
    println!("{bug:?}: {law}: {:#?}", checker.discovery(law).map(stateright::Path::into_actions));
}

fn two_claims_on_two_edges() -> Config {
    Config {
        wishes: vec![wish(0, "k", 1, &[1, 0]), wish(1, "k", 1, &[0, 1])],
        buckets: 1,
        specs: vec![open(1)],
        ..Config::default()
    }
}

#[test]
fn the_model_catches_a_bucket_written_whatever_its_revision() {
    catches(Bug::BucketRevisionIgnored, CONSERVATION, two_claims_on_two_edges());
    catches(Bug::BucketRevisionIgnored, NO_OVERSELL, two_claims_on_two_edges());
}

#[test]
fn the_model_catches_a_timeout_treated_as_no() {
    catches(Bug::TimeoutIsNo, NO_IS_KEPT, Config { faults: 1, ..two_claims_on_two_edges() });
}

#[test]
fn the_model_catches_settling_without_burning() {
    catches(Bug::SettledWithoutBurning, NO_IS_KEPT, Config { faults: 1, ..two_claims_on_two_edges() });
}

#[test]
fn the_model_catches_a_snapshot_believed_that_still_shows_the_old_revision() {
    let config = Config { faults: 1, lags: 1, ..two_claims_on_two_edges() };
    catches(Bug::StaleSnapshotBelieved, NO_IS_KEPT, config);
}

#[test]
fn the_model_catches_a_group_settled_by_its_first_key() {
    let config = Config {
        wishes: vec![wish(0, "k", 1, &[1, 1]), wish(1, "k", 1, &[1, 0])],
        specs: vec![open(4)],
        group_max: 2,
        faults: 1,
        ..Config::default()
    };
    catches(Bug::GroupSettledByItsFirstKey, YES_IS_BACKED, config);
}

#[test]
fn the_model_catches_the_next_number_taken_while_one_is_undecided() {
    let config = Config { wishes: vec![wish(0, "k", 1, &[1])], edges: 1, faults: 1, ..Config::default() };
    catches(Bug::NextNumberWhileUndecided, ONE_ORDER_PER_KEY, config);
}

#[test]
fn the_model_catches_a_later_number_claimed_without_the_earlier_orders_in_hand() {
    let retried = Config { wishes: vec![wish(0, "k", 1, &[1, 1])], ..Config::default() };
    catches(Bug::ClaimedWithoutHistory, ONE_ORDER_PER_KEY, retried);
    let two = vec![wish(0, "k", 1, &[1]), wish(0, "l", 1, &[1])];
    let limited = Config { wishes: two, edges: 1, limit: Some(1), ..Config::default() };
    catches(Bug::ClaimedWithoutHistory, WITHIN_LIMITS, limited);
}

#[test]
fn the_model_catches_a_limit_checked_from_a_stale_read() {
    let config = Config {
        wishes: vec![wish(0, "k", 1, &[1, 0]), wish(0, "l", 1, &[0, 1])],
        limit: Some(1),
        ..Config::default()
    };
    catches(Bug::LimitFromStaleRead, WITHIN_LIMITS, config);
}

#[test]
fn the_model_catches_supply_split_again_on_a_rerun() {
    let config =
        Config { edges: 0, operators: 1, specs: vec![open(3)], provisioned: false, crashes: 1, ..Config::default() };
    catches(Bug::SupplySplitAgainOnRerun, SUPPLY_AS_ASKED, config);
}

fn two_operators(wanted: Wanted) -> Config {
    let second = if wanted == Wanted::Closed { closed(1) } else { paused(1) };
    Config {
        wishes: vec![wish(0, "k", 1, &[1])],
        edges: 1,
        buckets: 1,
        operators: 2,
        specs: vec![open(1), second, open(1)],
        ..Config::default()
    }
}

#[test]
fn the_model_catches_a_bucket_reopened_by_an_older_generation() {
    catches(Bug::ReopenedByOlderGeneration, BUCKETS_GO_FORWARD, two_operators(Wanted::Closed));
    catches(Bug::ReopenedByOlderGeneration, DONE_STAYS_DONE, two_operators(Wanted::Closed));
}

#[test]
fn the_model_catches_a_pause_reported_before_every_bucket_is_stamped() {
    catches(Bug::ReportedBeforeStamped, FENCED, two_operators(Wanted::Paused));
}

#[test]
fn the_model_catches_an_order_written_without_expecting_absence() {
    catches(
        Bug::OrderWithoutExpectation,
        YES_IS_BACKED,
        Config { wishes: vec![wish(0, "k", 1, &[1, 0]), wish(0, "l", 1, &[0, 1])], ..Config::default() },
    );
}

fn released_twice() -> Config {
    Config { wishes: vec![wish(0, "k", 1, &[1])], edges: 1, releasers: 2, ..Config::default() }
}

#[test]
fn the_model_catches_a_release_whatever_the_orders_revision() {
    catches(Bug::ReleaseWithoutOrderRevision, CONSERVATION, released_twice());
}

#[test]
fn the_model_catches_a_release_that_does_not_give_the_unit_back() {
    catches(Bug::ReleaseWithoutReturn, CONSERVATION, released_twice());
}
