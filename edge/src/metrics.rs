//! What the edge counts about requests; what the claim engine counts is beside it.

use prometheus::{Histogram, IntCounter, IntGauge};
use runtime::label;
use runtime::metrics::{By, Error, Metrics as Registry, SECONDS};

use crate::auth::session::Refused;

label! {
    /// Which address was asked.
    pub enum Route as "route" {
        /// Something small that is none of the others.
        Other = "other",
        /// All sales.
        Sales = "sales",
        /// One sale.
        Sale = "sale",
        /// The stream of a sale's events.
        Events = "sale_events",
        /// Claims, and a customer's orders.
        Orders = "orders",
        /// One order.
        Order = "order",
        /// The stream of an order's events.
        OrderEvents = "order_events",
        /// What is done to an order.
        OrderChange = "order_change",
    }
}

label! {
    /// How a request ended.
    pub enum Outcome as "outcome" {
        /// With what was asked for, or with the address where it will be.
        Answered = "answered",
        /// With a refusal of the sale.
        Refused = "refused",
        /// With an invitation to come back.
        Busy = "busy",
        /// It was wrong.
        Invalid = "invalid",
        /// We were wrong.
        Failed = "failed",
    }
}

label! {
    /// What became of a session that was shown.
    pub enum SessionOutcome as "outcome" {
        /// It is one.
        Verified = "verified",
        /// It was one.
        Expired = "expired",
        /// It never was.
        Foreign = "foreign",
        /// It was changed.
        Forged = "forged",
        /// It is for something else.
        Misplaced = "misplaced",
    }
}

label! {
    /// What was said to a claim.
    pub enum ClaimAnswer as "answer" {
        /// A new order.
        Taken = "taken",
        /// The same order again.
        Replayed = "replayed",
        /// Not known yet.
        Settling = "settling",
        /// Refused.
        NotOpenYet = "not-open-yet",
        /// Refused.
        SaleClosed = "sale-closed",
        /// Refused.
        SalePaused = "sale-paused",
        /// Refused.
        SoldOut = "sold-out",
        /// Refused.
        AllUnitsHeld = "all-units-held",
        /// Refused.
        FewerLeft = "fewer-left",
        /// Refused.
        LimitReached = "limit-reached",
        /// Refused.
        Busy = "busy",
        /// Refused.
        KeyReused = "idempotency-key-reused",
    }
}

label! {
    /// Who applied a rate limit.
    pub enum Judge as "judge" {
        /// All edges together.
        Redis = "redis",
        /// One edge by itself.
        Local = "local",
    }
}

impl SessionOutcome {
    /// How a refused session is counted.
    #[must_use]
    pub fn of(refused: Refused) -> Self {
        match refused {
            Refused::TooLong | Refused::Foreign => Self::Foreign,
            Refused::Forged => Self::Forged,
            Refused::Misplaced => Self::Misplaced,
            Refused::Expired => Self::Expired,
        }
    }
}

impl Route {
    /// Which route a path belongs to, without asking the router: a label must not cost a map per request.
    #[must_use]
    pub fn of(path: &str) -> Self {
        let Some(rest) = path.strip_prefix("/v1/sales") else { return Self::Other };
        let mut parts = rest.split('/').skip(1);
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (None, ..) if rest.is_empty() => Self::Sales,
            (Some(_), None, ..) => Self::Sale,
            (Some(_), Some("events"), None, _) => Self::Events,
            (Some(_), Some("orders"), None, _) => Self::Orders,
            (Some(_), Some("orders"), Some(_), None) => Self::Order,
            (Some(_), Some("orders"), Some(_), Some("events")) => Self::OrderEvents,
            (Some(_), Some("orders"), Some(_), Some("payment" | "cancel" | "refund")) => Self::OrderChange,
            _ => Self::Other,
        }
    }
}

/// Handles, resolved once.
pub struct Metrics {
    /// Requests.
    pub requests: By<(Route, Outcome), IntCounter>,
    /// Time until the head of the answer.
    pub seconds: By<Route, Histogram>,
    /// Sessions shown.
    pub sessions: By<SessionOutcome, IntCounter>,
    /// Claims by what was said to them.
    pub claims: By<ClaimAnswer, IntCounter>,
    /// Claims that a rate limit was applied to.
    pub rate_checks: By<Judge, IntCounter>,
    /// Those among them that came too soon.
    pub rate_limited: IntCounter,
    /// Open connections.
    pub connections: IntGauge,
    /// Connections closed because their source has too many.
    pub connections_refused: IntCounter,
    /// Open event streams.
    pub viewers: IntGauge,
    /// Sales known.
    pub sales: IntGauge,
    /// Definitions that cannot be used.
    pub definitions_unusable: IntCounter,
    /// Requests that panicked.
    pub panics: IntCounter,
}

impl Metrics {
    /// Registers them.
    ///
    /// # Errors
    /// When a name is taken.
    pub fn new(registry: &Registry) -> Result<Self, Error> {
        Ok(Self {
            requests: registry.counter_by("sluice_edge_requests_total", "Requests, by route and how they ended.")?,
            seconds: registry.histogram_by(
                "sluice_edge_request_seconds",
                "Time from a request's head to its answer's, by route.",
                SECONDS,
            )?,
            sessions: registry
                .counter_by("sluice_edge_sessions_total", "Sessions that were shown, by what became of them.")?,
            claims: registry.counter_by("sluice_edge_claims_total", "Claims, by what was said to them.")?,
            rate_checks: registry.counter_by(
                "sluice_edge_rate_checks_total",
                "Claims that a rate limit was applied to, by who judged.",
            )?,
            rate_limited: registry.counter("sluice_edge_rate_limited_total", "Claims that came too soon.")?,
            connections: registry.gauge("sluice_edge_connections", "Open connections of shoppers.")?,
            connections_refused: registry.counter(
                "sluice_edge_connections_refused_total",
                "Connections that were closed because their source has too many.",
            )?,
            viewers: registry.gauge("sluice_edge_viewers", "Open event streams.")?,
            sales: registry.gauge("sluice_edge_sales", "Sales that this edge knows.")?,
            definitions_unusable: registry.counter(
                "sluice_edge_definitions_unusable_total",
                "Definitions of sales that could not be used; the one before stays.",
            )?,
            panics: registry.counter("sluice_edge_panics_total", "Requests that panicked.")?,
        })
    }
}
