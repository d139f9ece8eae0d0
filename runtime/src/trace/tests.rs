use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::routing::post;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::*;

/// Longest that a test waits; its collector and its sender share one thread, which may get little of a busy machine.
const WAIT: Duration = Duration::from_secs(30);

fn args(endpoint: Option<String>, share: f64) -> TraceArgs {
    TraceArgs { trace_endpoint: endpoint.map(|endpoint| endpoint.parse().unwrap()), trace_sample: share }
}

struct Collector {
    address: String,
    posts: mpsc::Receiver<Bytes>,
    _serving: JoinSet<()>,
}

/// Takes what is posted, and answers like this.
async fn collector(answer: StatusCode) -> Collector {
    let (told, posts) = mpsc::channel(64);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let take = post(async move |body: Bytes| {
        told.send(body).await.unwrap();
        answer
    });
    let mut serving = JoinSet::new();
    serving.spawn(async move { drop(axum::serve(listener, Router::new().route("/v1/traces", take)).await) });
    Collector { address, posts, _serving: serving }
}

fn started(args: &TraceArgs) -> (Tracer, Metrics, JoinSet<()>) {
    let metrics = Metrics::new("sluice-test", "0").unwrap();
    let (tracer, sending) = Tracer::start(args, "sluice-test", "0", &metrics).unwrap();
    let mut senders = JoinSet::new();
    if let Some(sending) = sending {
        senders.spawn(sending);
    }
    (tracer, metrics, senders)
}

fn told(tracer: &Tracer, context: TraceContext, name: &'static str) {
    tracer.tell(&Span {
        name: name.into(),
        kind: Kind::Server,
        context,
        parent: 0,
        ended: Timestamp::constant(1_800_000_000, 0),
        took: Duration::from_millis(3),
        error: None,
        attributes: &[("sluice.outcome", Value::from("taken"))],
    });
}

fn contains(body: &Bytes, text: &[u8]) -> bool {
    body.windows(text.len()).any(|window| window == text)
}

#[tokio::test]
async fn what_was_told_is_at_the_collector_after_a_flush() {
    let mut collector = collector(StatusCode::OK).await;
    let (tracer, metrics, _senders) = started(&args(Some(collector.address.clone()), 1.0));
    let (context, parent) = tracer.begin(None).unwrap();
    assert_eq!(parent, 0);
    told(&tracer, context, "a claim");
    tracer.flush_within(WAIT).await;
    let body = collector.posts.try_recv().unwrap();
    for text in [b"a claim".as_slice(), b"sluice-test", b"sluice.outcome", &context.trace.to_be_bytes()] {
        assert!(contains(&body, text), "{text:?}");
    }
    assert!(metrics.encode().unwrap().contains("sluice_trace_spans_total{fate=\"exported\"} 1\n"));
}

#[tokio::test]
async fn a_collector_that_refuses_costs_its_spans_and_nothing_else() {
    let mut collector = collector(StatusCode::BAD_REQUEST).await;
    let (tracer, metrics, _senders) = started(&args(Some(collector.address.clone()), 1.0));
    told(&tracer, tracer.begin(None).unwrap().0, "refused");
    tracer.flush_within(WAIT).await;
    assert!(collector.posts.try_recv().is_ok());
    assert!(metrics.encode().unwrap().contains("sluice_trace_spans_total{fate=\"refused\"} 1\n"));
}

#[tokio::test]
async fn without_a_collector_nothing_is_kept() {
    let (tracer, _, _senders) = started(&args(None, 1.0));
    assert!(!tracer.is_on());
    assert_eq!(tracer.begin(Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")), None);
    let place = TraceContext { trace: 1, span: 1 };
    assert_eq!((tracer.child(Some(place)), current()), (None, None));
    tracer.flush().await;
}

#[tokio::test]
async fn the_trace_is_the_askers_and_the_choice_is_ours() {
    let (tracer, _, _senders) = started(&args(Some("http://127.0.0.1:9".to_owned()), 0.25));
    let header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let kept: Vec<_> = (0..4_000).filter_map(|_| tracer.begin(Some(header))).collect();
    // One that is kept once is not kept for that the next time.
    assert!((800..=1_200).contains(&kept.len()), "a quarter of 4,000, give or take: {}", kept.len());
    let (context, parent) = *kept.first().unwrap();
    assert_eq!((context.trace, parent), (0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c, 0xb7ad_6b71_6920_3331));
    let child = tracer.child(Some(context)).unwrap();
    assert!(child.trace == context.trace && child.span != context.span);
}

#[tokio::test]
async fn work_knows_where_it_belongs_and_only_while_it_runs() {
    let place = TraceContext { trace: 7, span: 9 };
    assert_eq!(within(Some(place), async { current() }).await, Some(place));
    assert_eq!(within(None, async { current() }).await, None);
    assert_eq!(current(), None);
}

#[test]
fn an_address_without_a_path_gets_the_usual_one() {
    let endpoint = |text: &str| args(Some(text.to_owned()), 1.0).endpoint().unwrap();
    assert_eq!(endpoint("http://collector:4318"), "http://collector:4318/v1/traces");
    assert_eq!(endpoint("https://collector/otlp/v1/traces"), "https://collector/otlp/v1/traces");
}
