//! What the edge counts about requests; what the claim engine counts is beside it.

use prometheus::{Histogram, IntCounter, IntGauge};
use protocol::ask::Verb;
use runtime::label;
use runtime::metrics::{By, Error, Label, Metrics as Registry, SECONDS};

use crate::auth::session::Refused;
use crate::page;

label! {
    /// Which address was asked.
    pub enum Route as "route" {
        /// Something small that is none of the others.
        Other = "other",
        /// The shoppers' page and its files, and whatever else is no address of the API.
        Page = "page",
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
        /// What is done with an order: pay, cancel, refund.
        OrderChange = "order_change",
        /// Accounts, sessions, and who somebody is.
        People = "people",
        /// Wallets.
        Wallets = "wallets",
        /// Orders of all sales.
        History = "history",
        /// What a payment provider says.
        Callback = "callback",
        /// What a sale came to, and its orders, for merchants.
        Statement = "statement",
        /// The same as a list to keep.
        Download = "download",
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
        /// Told busy, as the storage of the sale is lost and the sale withdrawn.
        Withdrawn = "withdrawn",
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

label! {
    /// What the ledger is asked.
    pub enum Asked as "verb" {
        /// To make an account.
        Register = "register",
        /// To check a password.
        SignIn = "sign-in",
        /// To know somebody whom an issuer knows.
        Exchange = "exchange",
        /// Who somebody is.
        Profile = "profile",
        /// What wallets hold.
        Wallets = "wallets",
        /// What moved in one.
        Entries = "entries",
        /// To take money.
        Pay = "pay",
        /// To give it back.
        Refund = "refund",
        /// To hear a payment provider.
        Callback = "callback",
        /// For orders.
        Orders = "orders",
        /// For one order.
        OneOrder = "one-order",
        /// What a sale came to.
        Statement = "statement",
        /// For the orders of a sale.
        SaleOrders = "sale-orders",
        /// For a part of a list.
        Sheet = "sheet",
    }
}

label! {
    /// How a question to the ledger ended.
    pub enum AskOutcome as "outcome" {
        /// With what was asked for.
        Yes = "yes",
        /// With a no.
        No = "no",
        /// With an invitation to come back.
        Busy = "busy",
        /// Nobody heard it.
        Away = "away",
        /// No answer came in time.
        Lost = "lost",
        /// It was not asked: too many are under way, or nobody answered the last ones.
        Shed = "shed",
    }
}

impl Asked {
    /// The label of a question.
    #[must_use]
    pub fn of(verb: Verb) -> Self {
        match verb {
            Verb::Register => Self::Register,
            Verb::SignIn => Self::SignIn,
            Verb::Exchange => Self::Exchange,
            Verb::Profile => Self::Profile,
            Verb::Wallets => Self::Wallets,
            Verb::Entries => Self::Entries,
            Verb::Pay => Self::Pay,
            Verb::Refund => Self::Refund,
            Verb::Callback => Self::Callback,
            Verb::Orders => Self::Orders,
            Verb::OneOrder => Self::OneOrder,
            Verb::Statement => Self::Statement,
            Verb::SaleOrders => Self::SaleOrders,
            Verb::Sheet => Self::Sheet,
        }
    }

    /// Its place among all of them.
    #[must_use]
    pub fn index(self) -> usize {
        Label::position(self)
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
        let Some(rest) = path.strip_prefix("/v1/") else {
            return if page::is_api(path) { Self::Other } else { Self::Page };
        };
        let mut parts = rest.split('/');
        match (parts.next(), parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some("sales"), None, ..) => Self::Sales,
            (Some("sales"), Some(_), None, ..) => Self::Sale,
            (Some("sales"), Some(_), Some("events"), None, _) => Self::Events,
            (Some("sales"), Some(_), Some("orders"), None, _) => Self::Orders,
            (Some("sales"), Some(_), Some("orders"), Some(_), None) => Self::Order,
            (Some("sales"), Some(_), Some("orders"), Some(_), Some("events")) => Self::OrderEvents,
            (Some("sales"), Some(_), Some("orders"), Some(_), Some(_)) => Self::OrderChange,
            (Some("sales"), Some(_), Some("statement"), Some("download"), None) => Self::Download,
            (Some("sales"), Some(_), Some("statement"), ..) => Self::Statement,
            (Some("me"), Some("wallets"), ..) => Self::Wallets,
            (Some("me" | "accounts" | "sessions"), ..) => Self::People,
            (Some("orders"), None, ..) => Self::History,
            (Some("payments"), Some("callback"), None, ..) => Self::Callback,
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
    /// Time until they had their answer.
    pub claim_seconds: Histogram,
    /// Claims, and requests of addresses, that a rate limit was applied to.
    pub rate_checks: By<Judge, IntCounter>,
    /// Those among them that came too soon.
    pub rate_limited: IntCounter,
    /// Requests that came too often from their address.
    pub addresses_limited: IntCounter,
    /// Questions to the ledger.
    pub questions: By<(Asked, AskOutcome), IntCounter>,
    /// Whether they are asked: 0 all, 1 one to try, 2 none.
    pub question_breakers: By<Asked, IntGauge>,
    /// Downloads that ended before their end, which whoever downloads is told by how the connection ends.
    pub downloads_broken: IntCounter,
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
    /// Definitions that were asked for.
    pub definitions_asked: IntCounter,
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
            claim_seconds: registry.histogram(
                "sluice_edge_claim_seconds",
                "Time from a claim's head to its answer.",
                SECONDS,
            )?,
            rate_checks: registry.counter_by(
                "sluice_edge_rate_checks_total",
                "Claims and requests that a rate limit was applied to, by who judged.",
            )?,
            rate_limited: registry.counter("sluice_edge_rate_limited_total", "Claims that came too soon.")?,
            addresses_limited: registry
                .counter("sluice_edge_addresses_limited_total", "Requests that came too often from their address.")?,
            questions: registry
                .counter_by("sluice_edge_questions_total", "Questions to the ledger, by kind and how they ended.")?,
            question_breakers: registry.gauge_by(
                "sluice_edge_question_breaker",
                "Whether the ledger is asked this: 0 yes, 1 by one shopper to try, 2 not now.",
            )?,
            downloads_broken: registry
                .counter("sluice_edge_downloads_broken_total", "Downloads of merchants that broke off.")?,
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
            definitions_asked: registry.counter(
                "sluice_edge_definitions_asked_total",
                "Definitions that were asked for because buckets were ahead of what the watch had told.",
            )?,
            panics: registry.counter("sluice_edge_panics_total", "Requests that panicked.")?,
        })
    }
}
