//! The claim engine against a real nats-server: two engines stand for two edges.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "a test fails by panicking"
)]

use testbed::provision;

mod clock;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::ensure;
use edge::claim::desk::Floor;
use edge::claim::metrics::Metrics;
use edge::claim::{Answer, Engine};
use futures::StreamExt as _;
use protocol::claim::Request;
use protocol::key::Installation;
use protocol::refusal::{Limit, Refusal};
use protocol::sale::{Definition, DesiredState};
use protocol::{CustomerId, Generation, IdempotencyKey, Sku, Units};
use runtime::clock::Clock;
use runtime::trace::Tracer;
use testbed::{Bed, Proxy, eventually};
use tokio_util::task::TaskTracker;

const BUDGET: Duration = Duration::from_secs(20);
/// How long somebody insists.
const PATIENCE: Duration = Duration::from_secs(40);

/// An engine over a connection of its own, as another edge has it.
async fn engine(url: &str) -> Engine {
    engine_at(url, Clock::system()).await
}

async fn engine_at(url: &str, clock: Clock) -> Engine {
    static EDGES: AtomicU64 = AtomicU64::new(1);
    let client = async_nats::connect(url).await.unwrap();
    let metrics = Metrics::new(&runtime::metrics::Metrics::new("test", "0").unwrap()).unwrap();
    Engine::new(
        client,
        Installation::default(),
        Floor {
            edge: EDGES.fetch_add(1, Ordering::Relaxed),
            clock,
            tasks: TaskTracker::new(),
            metrics: Arc::new(metrics),
            tracer: Tracer::default(),
            overtaken: Arc::default(),
        },
    )
}

struct Shop {
    client: async_nats::Client,
    url: String,
    definition: Arc<Definition>,
}

impl Shop {
    async fn of(draft: Definition) -> Self {
        let bed = Bed::shared().await.unwrap();
        let url = bed.nats().await.unwrap().url();
        let client = async_nats::connect(&url).await.unwrap();
        let installation = provision::installation(&bed.unique("claim")).unwrap();
        let definition = provision::provision(&client, &installation, draft, 1).await.unwrap();
        Self { client, url, definition: Arc::new(definition) }
    }

    async fn free(&self) -> u32 {
        provision::free(&self.client, &self.definition, "shoe").await.unwrap()
    }

    async fn change(&mut self, change: impl FnOnce(&mut Definition)) {
        let mut definition = Definition::clone(&self.definition);
        definition.generation = Generation(definition.generation.0 + 1);
        change(&mut definition);
        let installation = provision::installation("changed").unwrap();
        provision::restamp(&self.client, &installation, &definition).await.unwrap();
        self.definition = Arc::new(definition);
    }
}

fn customer(name: usize) -> CustomerId {
    CustomerId::derive(b"a key of at least thirty-two bytes", "test", &name.to_string())
}

fn request(key: &str, quantity: u32) -> Request {
    Request { key: IdempotencyKey::parse(key).unwrap(), sku: Sku::parse("shoe").unwrap(), quantity: Units(quantity) }
}

/// Claims; while the engine is busy, which it is when the server keeps it waiting, again with the same key, as a shopper is
/// told to.
async fn insist(engine: &Engine, definition: &Arc<Definition>, customer: CustomerId, request: &Request) -> Answer {
    eventually(PATIENCE, "an engine that is not busy", async || {
        let answer = engine.claim(definition, customer, request, BUDGET).await;
        ensure!(!matches!(answer, Answer::Refused(Refusal::Busy { .. })), "{answer:?}");
        Ok(answer)
    })
    .await
    .unwrap()
}

/// Claims for customers 0…count over the engines in turn, all at once.
async fn everybody(engines: &[Engine], shop: &Shop, count: usize, quantity: u32) -> Vec<Answer> {
    let claims = (0..count).map(|number| {
        let engine = engines[number % engines.len()].clone();
        let definition = Arc::clone(&shop.definition);
        async move { insist(&engine, &definition, customer(number), &request("first", quantity)).await }
    });
    futures::stream::iter(claims).buffered(1_000).collect().await
}

fn orders(answers: &[Answer]) -> usize {
    answers.iter().filter(|answer| matches!(answer, Answer::Order { .. })).count()
}

fn refusal(answer: &Answer) -> &Refusal {
    match answer {
        Answer::Refused(refusal) => refusal,
        other => panic!("not refused but {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_edges_sell_exactly_what_there_is_and_tell_the_others_that_it_is_sold_out() {
    let shop = Shop::of(provision::draft("exact", 300)).await;
    let engines = [engine(&shop.url).await, engine(&shop.url).await];
    let answers = everybody(&engines, &shop, 2_000, 1).await;
    assert_eq!(orders(&answers), 300);
    for answer in answers.iter().filter(|answer| !matches!(answer, Answer::Order { .. })) {
        assert_eq!(refusal(answer), &Refusal::SoldOut {});
    }
    assert_eq!(shop.free().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn units_scattered_over_buckets_are_gathered_for_larger_orders() {
    let mut draft = provision::draft("scattered", 6);
    draft.items[0].buckets = 4;
    let shop = Shop::of(draft).await;
    let engines = [engine(&shop.url).await];
    // Buckets of 2, 2, 1, 1: the third pair exists only together.
    let answers = everybody(&engines, &shop, 3, 2).await;
    assert_eq!(orders(&answers), 3, "{answers:?}");
    assert_eq!(shop.free().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn fewer_units_than_asked_for_are_named() {
    let shop = Shop::of(provision::draft("fewer", 1)).await;
    let engine = engine(&shop.url).await;
    let answer = insist(&engine, &shop.definition, customer(1), &request("two", 2)).await;
    assert_eq!(refusal(&answer), &Refusal::FewerLeft { left: Units(1), asked: Units(2) });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_duplicates_over_two_edges_make_one_order() {
    let shop = Shop::of(provision::draft("duplicates", 100)).await;
    let engines = [engine(&shop.url).await, engine(&shop.url).await];
    let claims = (0..1_000).map(|number| {
        let engine = engines[number % 2].clone();
        let definition = Arc::clone(&shop.definition);
        async move { insist(&engine, &definition, customer(7), &request("same", 1)).await }
    });
    let answers: Vec<_> = futures::stream::iter(claims).buffered(1_000).collect().await;
    assert_eq!(orders(&answers), 1_000, "every duplicate gets the order");
    assert_eq!(shop.free().await, 99);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_who_races_over_two_edges_never_gets_more_than_the_limit() {
    let mut draft = provision::draft("limit", 100);
    draft.items[0].per_customer = Some(Units(2));
    let shop = Shop::of(draft).await;
    let engines = [engine(&shop.url).await, engine(&shop.url).await];
    let claims = (0..40).map(|number| {
        let engine = engines[number % 2].clone();
        let definition = Arc::clone(&shop.definition);
        async move { insist(&engine, &definition, customer(1), &request(&format!("key-{number}"), 1)).await }
    });
    let answers: Vec<_> = futures::stream::iter(claims).buffered(40).collect().await;
    assert_eq!(orders(&answers), 2);
    for answer in answers.iter().filter(|answer| !matches!(answer, Answer::Order { .. })) {
        let limit = Limit::Item { limit: Units(2), asked: Units(1), has: Units(2) };
        assert_eq!(refusal(answer), &Refusal::LimitReached { limit });
    }
    assert_eq!(shop.free().await, 98);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_used_for_another_request_is_refused_and_changes_nothing() {
    let shop = Shop::of(provision::draft("reused", 10)).await;
    let engine = engine(&shop.url).await;
    let first = insist(&engine, &shop.definition, customer(1), &request("key", 1)).await;
    assert_eq!(orders(&[first]), 1);
    let other = insist(&engine, &shop.definition, customer(1), &request("key", 2)).await;
    assert_eq!(refusal(&other), &Refusal::IdempotencyKeyReused {});
    assert_eq!(shop.free().await, 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_winner_gets_the_order_again_when_the_sale_is_sold_out_paused_and_over() {
    let mut shop = Shop::of(provision::draft("again", 1)).await;
    let first = engine(&shop.url).await;
    let won = insist(&first, &shop.definition, customer(1), &request("win", 1)).await;
    assert_eq!(orders(&[won]), 1);
    // An edge that has never seen this customer.
    let other = engine(&shop.url).await;
    let ask = async |shop: &Shop, expected: &Refusal| {
        let again = insist(&other, &shop.definition, customer(1), &request("win", 1)).await;
        assert!(matches!(again, Answer::Order { replayed: true, .. }), "{again:?}");
        let late = insist(&other, &shop.definition, customer(2), &request("late", 1)).await;
        assert_eq!(refusal(&late).name(), expected.name());
    };
    ask(&shop, &Refusal::SoldOut {}).await;
    shop.change(|definition| definition.desired_state = DesiredState::Paused).await;
    ask(&shop, &Refusal::SalePaused { retry_after_seconds: 1 }).await;
    shop.change(|definition| definition.desired_state = DesiredState::Closed).await;
    ask(&shop, &Refusal::SaleClosed { closed_at: None }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_with_an_older_definition_sells_nothing_from_a_stamped_bucket() {
    let mut shop = Shop::of(provision::draft("fenced", 10)).await;
    let old = Arc::clone(&shop.definition);
    let engine = engine(&shop.url).await;
    assert_eq!(orders(&[insist(&engine, &old, customer(1), &request("a", 1)).await]), 1);
    shop.change(|definition| definition.desired_state = DesiredState::Paused).await;
    // The watch of this edge is cut: it still believes in the old definition.
    let answer = engine.claim(&old, customer(2), &request("b", 1), BUDGET).await;
    assert_eq!(refusal(&answer).name(), "busy");
    assert_eq!(shop.free().await, 9);
    engine.redefine(&HashMap::from([(shop.definition.sale.clone(), Arc::clone(&shop.definition))]));
    let answer = insist(&engine, &shop.definition, customer(2), &request("b", 1)).await;
    assert_eq!(refusal(&answer).name(), "sale-paused");
}

#[tokio::test(flavor = "multi_thread")]
async fn past_the_end_with_the_operator_away_edges_close_the_buckets_and_over_is_final() {
    let mut draft = provision::draft("ended", 10);
    (draft.start, draft.end) = (draft.start - Duration::from_secs(60), draft.start);
    let shop = Shop::of(draft).await;
    let engine = engine(&shop.url).await;
    let mut names = Vec::new();
    for _ in 0..20 {
        let answer = engine.claim(&shop.definition, customer(1), &request("late", 1), BUDGET).await;
        names.push(refusal(&answer).name());
        if names.last() == Some(&"sale-closed") {
            break;
        }
    }
    assert_eq!(names.last(), Some(&"sale-closed"), "{names:?}");
    assert_eq!(shop.free().await, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_lost_on_the_way_settle_to_the_truth() {
    let shop = Shop::of(provision::draft("lost", 400)).await;
    let bed = Bed::shared().await.unwrap();
    let proxy = Proxy::nats(&bed.nats().await.unwrap().address()).await.unwrap();
    let engines = [engine(&proxy.url("nats")).await, engine(&shop.url).await];
    proxy.swallow_commit_answers(5);
    let answers = everybody(&engines, &shop, 600, 1).await;
    assert!(proxy.swallowed() > 0, "no answer was lost, so nothing was tested");
    let settling = answers.iter().filter(|answer| matches!(answer, Answer::Settling { .. })).count();
    assert_eq!((orders(&answers), settling), (400, 0));
    assert_eq!(shop.free().await, 0);
    // Everybody gets the same answer again, from the edge that did not give it.
    for number in 0..600 {
        let engine = &engines[(number + 1) % 2];
        let again = insist(engine, &shop.definition, customer(number), &request("first", 1)).await;
        assert_eq!(orders(&[again]), orders(std::slice::from_ref(&answers[number])), "customer {number}");
    }
}
