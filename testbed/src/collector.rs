//! A collector of traces that can be asked what it got.
//!
//! **What it is for.** What the services send is OTLP over HTTP as OpenTelemetry defines it: it is read here by the definitions
//! that OpenTelemetry publishes, so whatever can be asked about here, every other collector understands.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use prost::Message as _;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// A part of a trace, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Which process told it, as `sluice-edge`.
    pub service: String,
    /// What it was.
    pub name: String,
    /// The trace, in hexadecimal digits.
    pub trace: String,
    /// Its own id, in hexadecimal digits.
    pub span: String,
    /// What it is a part of; empty for the first one.
    pub parent: String,
    /// More about it.
    pub attributes: BTreeMap<String, String>,
    /// From when until when, in nanoseconds since 1970.
    pub time: (u64, u64),
}

/// The collector; it ends when it is dropped.
#[derive(Debug)]
pub struct Collector {
    url: String,
    spans: Spans,
    _serving: JoinSet<()>,
}

type Spans = Arc<Mutex<Vec<Span>>>;

impl Collector {
    /// Listens on a free port of loopback.
    ///
    /// # Errors
    /// When there is none.
    pub async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let spans = Spans::default();
        let router = Router::new().route("/v1/traces", post(take)).with_state(Arc::clone(&spans));
        let mut serving = JoinSet::new();
        serving.spawn(async move { drop(axum::serve(listener, router).await) });
        Ok(Self { url, spans, _serving: serving })
    }

    /// What `--trace-endpoint` is told.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What came of a trace so far, in the order of time.
    #[must_use]
    pub fn trace(&self, trace: &str) -> Vec<Span> {
        let mut of_it = self.all();
        of_it.retain(|span| span.trace == trace);
        of_it.sort_by_key(|span| span.time);
        of_it
    }

    /// Everything that came so far.
    #[must_use]
    pub fn all(&self) -> Vec<Span> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn take(State(spans): State<Spans>, body: Bytes) -> StatusCode {
    let Ok(request) = ExportTraceServiceRequest::decode(body) else { return StatusCode::BAD_REQUEST };
    let mut came = Vec::new();
    for resource in request.resource_spans {
        let named = attributes(resource.resource.unwrap_or_default().attributes);
        let service = named.get("service.name").cloned().unwrap_or_default();
        for span in resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            came.push(Span {
                service: service.clone(),
                name: span.name,
                trace: hex(&span.trace_id),
                span: hex(&span.span_id),
                parent: hex(&span.parent_span_id),
                attributes: attributes(span.attributes),
                time: (span.start_time_unix_nano, span.end_time_unix_nano),
            });
        }
    }
    spans.lock().unwrap_or_else(PoisonError::into_inner).extend(came);
    StatusCode::OK
}

fn attributes(pairs: Vec<KeyValue>) -> BTreeMap<String, String> {
    pairs.into_iter().map(|pair| (pair.key, text(pair.value))).collect()
}

fn text(value: Option<AnyValue>) -> String {
    match value.and_then(|value| value.value) {
        Some(any_value::Value::StringValue(text)) => text,
        Some(any_value::Value::IntValue(number)) => number.to_string(),
        Some(any_value::Value::BoolValue(truth)) => truth.to_string(),
        Some(any_value::Value::DoubleValue(number)) => number.to_string(),
        _ => String::new(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
