//! A request that is traced.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method};
use axum::response::Response;
use jiff::Timestamp;
use protocol::trace::TraceContext;
use runtime::metrics::Label as _;
use runtime::trace::{Kind, Span, Tracer, Value};

use crate::metrics::{Outcome, Route};

/// Tells whoever asked where to look, as the draft of W3C Trace Context, level 2, has it.
const TRACE_RESPONSE: HeaderName = HeaderName::from_static("traceresponse");

/// A request that is under way.
pub(super) struct Traced {
    pub(super) context: TraceContext,
    pub(super) parent: u64,
    pub(super) method: Method,
    pub(super) route: Route,
}

impl Traced {
    /// Tells how it ended, and whoever asked where that is told.
    pub(super) fn tell(
        self,
        tracer: &Tracer,
        ended: Timestamp,
        took: Duration,
        outcome: Outcome,
        response: &mut Response,
    ) {
        let Self { context, parent, method, route } = self;
        // Whoever asks could make up any other name.
        let known = [Method::GET, Method::POST, Method::DELETE, Method::HEAD, Method::OPTIONS];
        let method = known.iter().find(|known| **known == method).map_or("_OTHER", Method::as_str).to_owned();
        if let Ok(place) = HeaderValue::from_str(&context.to_string()) {
            response.headers_mut().insert(TRACE_RESPONSE, place);
        }
        tracer.tell(&Span {
            name: format!("{method} {}", route.text()).into(),
            kind: Kind::Server,
            context,
            parent,
            ended,
            took,
            error: (outcome == Outcome::Failed).then_some("we were wrong".into()),
            attributes: &[
                ("http.request.method", Value::from(method.clone())),
                ("http.route", Value::from(route.text())),
                ("http.response.status_code", Value::from(i64::from(response.status().as_u16()))),
                ("sluice.outcome", Value::from(outcome.text())),
            ],
        });
    }
}
