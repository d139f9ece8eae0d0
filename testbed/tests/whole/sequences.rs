//! Fifty sales, each with a script of its own of changes, stops and mistakes, while both operators are killed, put to sleep
//! and started again and shoppers claim at both edges all the time.
//!
//! **What must hold of each.** Its status comes to say what its resource asks; every unit is supplied once and is free or in
//! one order; Postgres agrees; nobody bought while it was reported to be shut; a deleted one leaves nothing behind.
//!
//! A script follows from its seed; how it meets the others does not. The seed of a failure is told with the command that
//! plays it alone.

mod operators;
mod play;
mod script;

use anyhow::{Context as _, ensure};
use futures::StreamExt as _;
use protocol::key::{Stream, parse_status_key};
use testbed::Stopwatch;
use testbed::installation::{Installation, Plan};

use crate::{alone, stored};
use operators::Operators;
use play::{Play, Shop};
use script::Script;

/// The first script's seed; each further one's is one more.
const SEED: u64 = 29_100;
/// How many scripts are played.
const SEQUENCES: u64 = 50;
/// How many at a time.
const AT_ONCE: usize = 16;
/// Shoppers with a session; each buys once in a sale at most.
const SHOPPERS: usize = 3_000;

/// A number that somebody who repeats a failure sets.
#[expect(clippy::disallowed_methods, reason = "a test has no arguments: this is how one script is played again")]
fn set(name: &str) -> anyhow::Result<Option<u64>> {
    match std::env::var(name) {
        Ok(text) => Ok(Some(text.parse().with_context(|| format!("{name} is no number: {text}"))?)),
        Err(_) => Ok(None),
    }
}

/// Plays the script of a seed; what to tell of it, and how it ended.
async fn played(shop: &Shop<'_>, seed: u64) -> (String, anyhow::Result<()>) {
    let script = Script::of(seed);
    let again = format!(
        "to play it alone: SLUICE_SEQUENCE_SEED={seed} SLUICE_SEQUENCES=1 cargo test --workspace --test whole sequences -- --nocapture"
    );
    let watch = Stopwatch::start();
    let mut acts = Vec::new();
    let result = Box::pin(Play::begin(shop, &script, &mut acts)).await;
    let result = result.with_context(|| format!("the script of seed {seed} failed after {acts:#?}\n{again}"));
    (format!("seed {seed}: {watch}, {} acts", acts.len()), result)
}

/// Nothing of a sale that is gone is anywhere: no stream, no definition, no status.
async fn nothing_is_left(at: &Installation, gone: &[String]) -> anyhow::Result<()> {
    let (client, sales) = stored::sales(at).await?;
    let jetstream = async_nats::jetstream::new(client);
    let of = |sale: &str| gone.iter().any(|id| id == sale);
    let mut streams = jetstream.stream_names();
    while let Some(name) = streams.next().await {
        let name = name?;
        ensure!(!Stream::parse_name(&name).is_some_and(|stream| of(stream.sale.as_str())), "stream {name} is left");
    }
    for id in gone {
        // What is left there may say that the sale is gone, not that it is for sale.
        let found = sales.get(id).await.ok().flatten().filter(|(definition, _)| definition.withdrawn.is_none());
        ensure!(found.is_none(), "{id} is still defined: {found:?}");
    }
    let installation = protocol::key::Installation::parse(&at.access().namespace).map_err(anyhow::Error::msg)?;
    let statuses = jetstream.get_key_value(installation.status_bucket()).await?;
    let mut keys = statuses.keys().await?;
    while let Some(key) = keys.next().await {
        let key = key?;
        ensure!(!parse_status_key(&key).is_some_and(|stream| of(stream.sale.as_str())), "status {key} is left");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_scripts_of_changes_under_load_end_as_asked_with_every_unit_accounted_for_and_nothing_left_behind() {
    let (_alone, bed) = alone().await;
    let mut plan = Plan::on(bed).await.unwrap();
    plan.further_operators = 1;
    let at = Installation::start(bed, plan).await.unwrap();
    let sessions = at.sessions("shopper", SHOPPERS).await.unwrap();
    let sales = bed.kubernetes().await.unwrap().flash_sales(&at.access().namespace).unwrap();
    let shop = Shop { at: &at, operators: Operators::of(&at), sales, sessions, gone: std::sync::Mutex::default() };

    let first = set("SLUICE_SEQUENCE_SEED").unwrap().unwrap_or(SEED);
    let count = set("SLUICE_SEQUENCES").unwrap().unwrap_or(SEQUENCES);
    println!("{count} scripts from seed {first}");
    let watch = Stopwatch::start();
    let scripts = futures::stream::iter(first..first + count).map(|seed| played(&shop, seed));
    let mut ended = scripts.buffer_unordered(AT_ONCE);
    let mut failed = Vec::new();
    while let Some((told, result)) = ended.next().await {
        println!("{told}");
        failed.extend(result.err().map(|error| format!("{error:?}")));
    }
    println!("{count} scripts took {watch}");
    assert!(failed.is_empty(), "{} of {count} scripts failed:\n{}", failed.len(), failed.join("\n\n"));
    let gone = shop.gone.lock().unwrap().clone();
    nothing_is_left(&at, &gone).await.unwrap();
    at.stop().await.unwrap();
}
