//! Traces: what became of one request on its way through the processes, sent to an OpenTelemetry collector.
//!
//! **What it is for.** Metrics say that claims are slow; a trace says where one of them was. It begins at an edge, which takes
//! the trace id of whoever asks and decides by itself whether it is kept; what follows in this or another process belongs to
//! it by its [`TraceContext`].
//!
//! **What must always hold.** Nothing waits for it: a span is told when it is over and goes into a bounded queue, and what
//! finds it full, or a collector that does not answer, is counted and dropped. Nothing personal is in it: no customer, no
//! address, no session.
//!
//! **What it costs.** Without a collector, nothing: there is no context, so there is nothing to tell. With one, a request that
//! is not kept costs a random number, one that is some hundred bytes per span.

mod metrics;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanExporter as _, SpanLinks};
use protocol::trace::TraceContext;
use tokio::sync::{mpsc, oneshot};

use crate::args::TraceArgs;
use crate::metrics::Metrics;
use metrics::{Fate, TraceMetrics};

pub use opentelemetry::Value;
pub use opentelemetry::trace::SpanKind as Kind;

/// Most spans that wait for the collector.
const QUEUE_MAX: usize = 4_096;
/// Most spans in one request to it.
const BATCH_MAX: usize = 512;
/// How long spans are gathered for one request.
const GATHER: Duration = Duration::from_secs(1);
/// How long the collector may take to answer.
const EXPORT_WITHIN: Duration = Duration::from_secs(5);
/// How long the end of a process waits for what is still queued.
const FLUSH_WITHIN: Duration = Duration::from_secs(2);

/// Traces cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The client of the collector cannot be made.
    #[error("--trace-endpoint {0}: {1}")]
    Endpoint(String, Box<dyn std::error::Error + Send + Sync>),
    /// What is counted cannot be.
    #[error(transparent)]
    Metrics(#[from] crate::metrics::Error),
}

/// Where spans go; its clones are the same. [`Tracer::default`] keeps nothing.
#[derive(Clone, Default)]
pub struct Tracer {
    shared: Option<Arc<Shared>>,
}

struct Shared {
    queue: mpsc::Sender<Told>,
    sample: f64,
    scope: InstrumentationScope,
    metrics: TraceMetrics,
}

enum Told {
    Span(Box<SpanData>),
    Flush(oneshot::Sender<()>),
}

impl fmt::Debug for Tracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracer").field("on", &self.is_on()).finish()
    }
}

/// Something that is over.
#[derive(Debug)]
pub struct Span<'a> {
    /// What it was, in a few words that are the same every time.
    pub name: Cow<'static, str>,
    /// Whether somebody asked for it, or it is an asking itself.
    pub kind: Kind,
    /// Its own place.
    pub context: TraceContext,
    /// The span it is a part of; 0 for the first one.
    pub parent: u64,
    /// When it was over.
    pub ended: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// What went wrong.
    pub error: Option<Cow<'static, str>>,
    /// More about it; names as in the semantic conventions of OpenTelemetry where they have one.
    pub attributes: &'a [(&'static str, Value)],
}

impl Tracer {
    /// Sends to the collector that the arguments name, with a task that ends when it is dropped; without one, keeps nothing.
    ///
    /// # Errors
    /// [`enum@Error`].
    pub fn start(
        args: &TraceArgs,
        component: &'static str,
        version: &'static str,
        metrics: &Metrics,
    ) -> Result<(Self, Option<impl Future<Output = ()> + Send + use<>>), Error> {
        let metrics = TraceMetrics::new(metrics)?;
        let Some(endpoint) = args.endpoint() else { return Ok((Self::default(), None)) };
        let refused = |error: Box<dyn std::error::Error + Send + Sync>| Error::Endpoint(endpoint.clone(), error);
        let client =
            reqwest::Client::builder().timeout(EXPORT_WITHIN).build().map_err(|error| refused(error.into()))?;
        let http = SpanExporter::builder().with_http().with_protocol(Protocol::HttpBinary).with_http_client(client);
        let exporter = http.with_endpoint(&endpoint).with_timeout(EXPORT_WITHIN).build();
        let mut exporter = exporter.map_err(|error| refused(error.into()))?;
        exporter.set_resource(&resource(component, version));
        let (queue, told) = mpsc::channel(QUEUE_MAX);
        let scope = InstrumentationScope::builder(component).with_version(version).build();
        let shared = Shared { queue, sample: args.trace_sample, scope, metrics: metrics.clone() };
        Ok((Self { shared: Some(Arc::new(shared)) }, Some(send(exporter, told, metrics))))
    }

    /// Whether anything is kept at all: what would only be read for a trace need not be.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.shared.is_some()
    }

    /// The place of a request in the trace that `header` names, or in a new one, and the place before it (0 for none);
    /// nothing when it is not kept. Chance decides, for each request anew: whoever found a trace id that is kept could have every
    /// request of theirs kept otherwise.
    #[must_use]
    pub fn begin(&self, header: Option<&str>) -> Option<(TraceContext, u64)> {
        self.shared.as_ref().filter(|shared| rand::random::<f64>() < shared.sample)?;
        let asked = header.and_then(TraceContext::parse);
        let trace = asked.map_or_else(rand::random::<u128>, |asked| asked.trace).max(1);
        Some((TraceContext { trace, span: new_span() }, asked.map_or(0, |asked| asked.span)))
    }

    /// The place of something that is a part of `parent`; nothing where nothing is kept.
    #[must_use]
    pub fn child(&self, parent: Option<TraceContext>) -> Option<TraceContext> {
        let parent = parent.filter(|_| self.is_on())?;
        Some(TraceContext { trace: parent.trace, span: new_span() })
    }

    /// Tells what is over.
    pub fn tell(&self, span: &Span<'_>) {
        let Some(shared) = &self.shared else { return };
        let ended = SystemTime::from(span.ended);
        let data = SpanData {
            span_context: place(span.context.trace, span.context.span),
            parent_span_id: SpanId::from(span.parent),
            parent_span_is_remote: matches!(span.kind, SpanKind::Server | SpanKind::Consumer),
            span_kind: span.kind.clone(),
            name: span.name.clone(),
            start_time: ended.checked_sub(span.took).unwrap_or(ended),
            end_time: ended,
            attributes: span.attributes.iter().map(|(key, value)| KeyValue::new(*key, value.clone())).collect(),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: span.error.clone().map_or(Status::Unset, |description| Status::Error { description }),
            instrumentation_scope: shared.scope.clone(),
        };
        if shared.queue.try_send(Told::Span(Box::new(data))).is_err() {
            shared.metrics.spans[Fate::Dropped].inc();
        }
    }

    /// Waits until what was told so far is sent, or given up.
    pub async fn flush(&self) {
        self.flush_within(FLUSH_WITHIN).await;
    }

    async fn flush_within(&self, bound: Duration) {
        let Some(shared) = &self.shared else { return };
        let (done, sent) = oneshot::channel();
        let flushed = async {
            if shared.queue.send(Told::Flush(done)).await.is_ok() {
                drop(sent.await);
            }
        };
        if tokio::time::timeout(bound, flushed).await.is_err() {
            tracing::warn!("the last traces were not taken by their collector within {} s", bound.as_secs());
        }
    }
}

tokio::task_local! {
    static PLACE: TraceContext;
}

/// Where the work that runs now belongs; nothing where nothing is kept.
#[must_use]
pub fn current() -> Option<TraceContext> {
    PLACE.try_with(|place| *place).ok()
}

/// Does the work as a part of this place.
pub async fn within<F: Future>(place: Option<TraceContext>, work: F) -> F::Output {
    match place {
        Some(place) => PLACE.scope(place, work).await,
        None => work.await,
    }
}

fn resource(component: &'static str, version: &'static str) -> Resource {
    Resource::builder_empty()
        .with_service_name(component)
        .with_attribute(KeyValue::new("service.version", version))
        .with_attribute(KeyValue::new("service.instance.id", format!("{:016x}", rand::random::<u64>())))
        .build()
}

fn new_span() -> u64 {
    rand::random::<u64>().max(1)
}

fn place(trace: u128, span: u64) -> SpanContext {
    SpanContext::new(TraceId::from(trace), SpanId::from(span), TraceFlags::SAMPLED, false, TraceState::NONE)
}

/// Sends what is told until nobody can tell any more.
async fn send(exporter: SpanExporter, mut told: mpsc::Receiver<Told>, metrics: TraceMetrics) {
    let mut well = true;
    while let Some(first) = told.recv().await {
        let (mut batch, mut flushed) = (Vec::new(), None);
        take(first, &mut batch, &mut flushed);
        let gathering = async {
            while batch.len() < BATCH_MAX && flushed.is_none() {
                let Some(next) = told.recv().await else { break };
                take(next, &mut batch, &mut flushed);
            }
        };
        drop(tokio::time::timeout(GATHER, gathering).await);
        let count = batch.len() as u64;
        if count > 0 {
            let sent = exporter.export(batch).await;
            metrics.spans[if sent.is_ok() { Fate::Exported } else { Fate::Refused }].inc_by(count);
            // Once when it stops working and once when it works again.
            match &sent {
                Ok(()) if !well => tracing::info!("the collector takes traces again"),
                Err(error) if well => tracing::warn!("the collector does not take traces, which are dropped: {error}"),
                _ => {}
            }
            well = sent.is_ok();
        }
        if let Some(flushed) = flushed {
            // Whoever waited has gone on when it fails.
            let _ = flushed.send(());
        }
    }
}

fn take(told: Told, batch: &mut Vec<SpanData>, flushed: &mut Option<oneshot::Sender<()>>) {
    match told {
        Told::Span(span) => batch.push(*span),
        Told::Flush(done) => *flushed = Some(done),
    }
}

#[cfg(test)]
mod tests;
