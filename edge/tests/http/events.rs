//! `/v1/sales/{sale}/events`

use std::time::Duration;

use jiff::SignedDuration;
use reqwest::Response;
use runtime::clock::Clock;
use serde_json::Value;

use crate::document::assert_event;
use crate::provision::draft;
use crate::shop::{Edge, SOON, answered};

/// Reads events, one by one, within a bound.
pub(crate) struct Viewer {
    answer: Response,
    text: String,
}

pub(crate) struct Event {
    pub(crate) id: i64,
    pub(crate) kind: String,
    pub(crate) data: Value,
}

impl Viewer {
    pub(crate) fn of(answer: Response) -> Self {
        Self { answer, text: String::new() }
    }

    /// The next block; `None` when the stream has ended in order.
    pub(crate) async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                return Some(block);
            }
            let chunk = tokio::time::timeout(SOON, self.answer.chunk()).await.unwrap().unwrap()?;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The first block says when to come back, in milliseconds, and not to everybody the same.
    pub(crate) async fn hello(&mut self) {
        let hello = self.block().await.unwrap();
        let retry: u32 = hello.strip_prefix("retry: ").unwrap().parse().unwrap();
        assert!((500..3_000).contains(&retry));
    }

    pub(crate) async fn event(&mut self) -> Event {
        let block = self.block().await.unwrap();
        let field = |name: &str| {
            let line =
                block.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{name}: {block}"));
            line.trim_start_matches(':').trim().to_owned()
        };
        let data = serde_json::from_str(&field("data")).unwrap();
        assert_event(self.answer.url().path(), &data);
        Event { id: field("id").parse().unwrap(), kind: field("event"), data }
    }
}

#[tokio::test]
async fn a_viewer_sees_the_stock_move_at_most_twice_a_second_and_never_misses_the_end() {
    let sale = Edge::shared().await.sell(draft("watch", 12)).await;
    let answer = sale.http.get(format!("{}/events", sale.url)).header("last-event-id", "7").send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    assert_eq!(answer.headers()["connection"], "close", "nothing else is answered on it");
    let mut viewer = Viewer { answer, text: String::new() };
    viewer.hello().await;

    let first = viewer.event().await;
    assert_eq!((first.kind.as_str(), &first.data["state"]), ("sale", &"open".into()));
    assert_eq!(first.data["items"][0]["free"], 12);
    assert!(first.data["serverTime"].is_string());

    let claims = (0..12).map(|number| answered(sale.claim(&sale.session(&format!("s-{number}")), "k", 1)));
    let claims = async { futures::future::join_all(claims).await };
    let watching = async {
        let mut ids = vec![first.id];
        loop {
            let event = viewer.event().await;
            ids.push(event.id);
            if event.data["items"][0]["free"] == 0 {
                return ids;
            }
        }
    };
    let (answers, ids) = tokio::join!(claims, watching);
    assert!(answers.iter().all(|answer| answer.status() == 201));
    // Timers have a resolution of a millisecond.
    assert!(ids.windows(2).all(|pair| pair[1] - pair[0] >= 498), "{ids:?}");
}

#[tokio::test]
async fn viewers_learn_that_a_sale_is_paused_and_end_in_order_with_the_process() {
    let edge = Edge::start().await.unwrap();
    let mut sale = edge.sell(draft("turn", 3)).await;
    let watch = async || Viewer {
        answer: sale.http.get(format!("{}/events", sale.url)).send().await.unwrap(),
        text: String::new(),
    };
    let (mut one, mut other) = (watch().await, watch().await);
    for viewer in [&mut one, &mut other] {
        viewer.block().await.unwrap();
        assert_eq!(viewer.event().await.data["state"], "open");
    }
    sale.redefine(|definition| definition.desired_state = protocol::sale::DesiredState::Paused).await;
    for viewer in [&mut one, &mut other] {
        while viewer.event().await.data["state"] != "paused" {}
    }
    assert!(edge.service.stop().await.unwrap().success());
    for viewer in [&mut one, &mut other] {
        while viewer.block().await.is_some() {}
    }
}

#[tokio::test]
async fn a_sale_that_opens_right_after_an_event_is_shown_open_before_the_heartbeat() {
    const LEAD: SignedDuration = SignedDuration::from_millis(250);
    const BEFORE_THE_HEARTBEAT: Duration = Duration::from_secs(10);
    for attempt in 0..10 {
        let mut opening = draft(&format!("opens-{attempt}"), 3);
        opening.start = Clock::system().now() + SignedDuration::from_secs(2);
        let start = opening.start;
        let sale = Edge::shared().await.sell(opening).await;
        Clock::system().sleep_until(start - LEAD).await;
        let mut viewer = Viewer::of(sale.http.get(format!("{}/events", sale.url)).send().await.unwrap());
        viewer.block().await.unwrap();
        if viewer.event().await.data["state"] != "upcoming" {
            // The machine was busy for too long.
            continue;
        }
        let opens = async { while viewer.event().await.data["state"] != "open" {} };
        tokio::time::timeout(BEFORE_THE_HEARTBEAT, opens).await.expect("a viewer was not told that the sale is open");
        return;
    }
    panic!("no viewer came before its sale had opened");
}
