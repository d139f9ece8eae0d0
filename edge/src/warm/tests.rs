use std::collections::HashSet;
use std::sync::Mutex;

use protocol::sale::{Acknowledge, DesiredState, Payment, StreamIdentity};
use protocol::{Epoch, Generation, SaleId, Shard};
use tokio::sync::watch;

use super::*;

const BOUND: Duration = Duration::from_secs(60);

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn sale(name: &str, generation: u64) -> Definition {
    Definition {
        sale: SaleId::parse(&format!("{name}-0123abcd")).unwrap(),
        namespace: "shop".to_owned(),
        name: name.to_owned(),
        uid: "0123abcd-0000-4000-8000-000000000000".to_owned(),
        generation: Generation(generation),
        epoch: Epoch(1),
        streams: vec![StreamIdentity { shard: Shard(0), created: now(), first_seq: 1 }],
        display_name: name.to_owned(),
        desired_state: DesiredState::Scheduled,
        stopped: false,
        withdrawn: None,
        start: now() - Duration::from_secs(60),
        end: now() + Duration::from_secs(3_600),
        per_customer: None,
        items: Vec::new(),
        payment: Payment::None,
        hold_seconds: 300,
        guests_allowed: false,
        rate_limit: None,
        acknowledge: Acknowledge::Stream,
    }
}

fn snapshot(sales: impl IntoIterator<Item = Definition>) -> Snapshot {
    sales.into_iter().map(|definition| (definition.sale.clone(), Arc::new(definition))).collect()
}

/// Desks whose streams answer, but for those that never do.
#[derive(Default)]
struct Streams {
    silent: HashSet<SaleId>,
    asked: watch::Sender<HashSet<SaleId>>,
    open: Mutex<HashSet<SaleId>>,
    newest: watch::Sender<Generation>,
}

impl Desks for Streams {
    fn redefine(&self, definitions: &Snapshot) {
        self.newest.send_replace(definitions.values().map(|d| d.generation).max().unwrap_or_default());
    }

    fn is_open(&self, definition: &Definition) -> bool {
        self.open.lock().unwrap().contains(&definition.sale)
    }

    async fn open(&self, definition: &Arc<Definition>) -> Result<(), Unavailable> {
        self.asked.send_modify(|asked| asked.extend([definition.sale.clone()]));
        if self.silent.contains(&definition.sale) {
            std::future::pending::<()>().await;
        }
        self.open.lock().unwrap().insert(definition.sale.clone());
        Ok(())
    }
}

/// Runs both loops beside `test`, which has to come to its end.
async fn beside(streams: &Streams, sales: &Sales, test: impl Future<Output = ()>) {
    let clock = Clock::simulated(now());
    tokio::select! {
        ended = async { tokio::join!(pass_on(streams, sales), open(streams, sales, &clock)) } => panic!("{ended:?}"),
        done = tokio::time::timeout(BOUND, test) => done.unwrap(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_definition_is_passed_on_at_once_while_a_stream_that_is_being_opened_does_not_answer() {
    let slow = sale("slow", 1);
    let streams = Streams { silent: HashSet::from([slow.sale.clone()]), ..Streams::default() };
    let sales = Sales::default();
    sales.publish(&snapshot([slow.clone()]));
    let began = Clock::system().monotonic();
    beside(&streams, &sales, async {
        streams.asked.subscribe().wait_for(|asked| asked.contains(&slow.sale)).await.unwrap();
        sales.publish(&snapshot([slow.clone(), sale("paused", 2)]));
        streams.newest.subscribe().wait_for(|newest| *newest == Generation(2)).await.unwrap();
    })
    .await;
    // Time stands still while there is something to do: nothing was waited for at all.
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_does_not_answer_holds_up_no_other_sale() {
    let sellers: Vec<_> = ["a", "b", "c"].map(|name| sale(name, 1)).into();
    let silent = ["x", "y", "z"].map(|name| sale(name, 1));
    let streams = Streams { silent: silent.iter().map(|d| d.sale.clone()).collect(), ..Streams::default() };
    let sales = Sales::default();
    sales.publish(&snapshot(sellers.iter().cloned().chain(silent)));
    let began = Clock::system().monotonic();
    beside(&streams, &sales, async {
        let all = |asked: &HashSet<SaleId>| asked.len() == 6;
        streams.asked.subscribe().wait_for(all).await.unwrap();
    })
    .await;
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert!(sellers.iter().all(|seller| streams.is_open(seller)));
}

#[tokio::test(start_paused = true)]
async fn a_sale_is_opened_two_minutes_before_it_starts_and_not_after_its_end() {
    let near = Definition { start: now() + BEFORE_START, ..sale("near", 1) };
    let far = Definition { start: now() + Duration::from_secs(600), ..sale("far", 1) };
    let over = Definition { end: now(), ..sale("over", 1) };
    let streams = Streams::default();
    let sales = Sales::default();
    sales.publish(&snapshot([near.clone(), far.clone(), over.clone()]));
    let began = Clock::system().monotonic();
    // Far longer than the others of these tests wait, yet no time of anybody's.
    let patience = async {
        streams.asked.subscribe().wait_for(|asked| asked.contains(&near.sale)).await.unwrap();
        assert!(!streams.is_open(&far));
        tokio::time::sleep(Duration::from_secs(30)).await;
        assert!(!streams.is_open(&far));
    };
    beside(&streams, &sales, patience).await;
    assert!(began.elapsed() < BOUND && !streams.is_open(&over));
}
