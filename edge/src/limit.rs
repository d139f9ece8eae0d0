//! How often a customer may claim, and how often an address may ask.
//!
//! **What it is for.** A sale may say "ten claims a minute": somebody who hammers the button is slowed down before they
//! cost the stream anything. An installation may say how many requests an address has in a minute, whatever they ask. It
//! decides no stock, and no limit of units: those are exact without it.
//!
//! **What must always hold.** A limit is shared by all edges through one script in Redis, judged by Redis' clock. Redis
//! may vanish at any moment: then each edge applies the full limit by what it has itself let through, at once. Limits
//! loosen, nothing stops.
//!
//! **What it costs.** One round trip to Redis per claim, and only in sales that have a limit; one per request where addresses
//! have one. When Redis goes away, at
//! most [`ANSWER_WITHIN`] for the claims that were asking it, and then for one claim a second that tries it again.
//!
//! | module | it settles |
//! | --- | --- |
//! | [`gcra`] | the arithmetic; pure |
//! | [`shared`] | the same arithmetic in Redis, and when it is not asked |
//! | [`local`] | what this edge let through |

pub mod gcra;
mod local;
mod shared;

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use protocol::key::Installation;
use protocol::sale::{Definition, RateLimit};
use protocol::{CustomerId, SaleId};
use runtime::clock::Clock;
use runtime::readiness::Readiness;

use crate::metrics::{Judge, Metrics};
use crate::problem::Problem;
use gcra::{Quota, Verdict};
use local::Local;
use shared::Shared;

/// Longest that a claim waits for Redis before this edge decides by itself.
pub const ANSWER_WITHIN: Duration = Duration::from_millis(80);

/// Bits of an IPv6 address that one customer of a provider has to themselves.
const IPV6_NETWORK_BITS: u32 = 64;
const MINUTE: Duration = Duration::from_secs(60);

/// Whose requests are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Who {
    /// Claims of a customer in a sale.
    Customer(SaleId, CustomerId),
    /// Requests of an address.
    Address(IpAddr),
}

impl Who {
    /// As the answer's head names the policy.
    fn policy(&self) -> &'static str {
        match self {
            Self::Customer(..) => "customer",
            Self::Address(_) => "address",
        }
    }
}

impl std::fmt::Display for Who {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Customer(sale, customer) => write!(out, "{sale}:{customer}"),
            Self::Address(address) => write!(out, "address:{address}"),
        }
    }
}

/// The part of an address that counts: whoever has one IPv6 address has 2^64 of them.
pub(crate) fn counted(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let bits = address.to_bits() >> (128 - IPV6_NETWORK_BITS) << (128 - IPV6_NETWORK_BITS);
            IpAddr::V6(Ipv6Addr::from_bits(bits))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// Applies the limits of sales.
pub struct Limits {
    per_address_per_minute: Option<u32>,
    shared: Option<Shared>,
    local: Local,
    metrics: Arc<Metrics>,
}

impl Limits {
    /// With a Redis that the edges share, or with none; whether it answers is a part of readiness that nothing needs.
    #[must_use]
    pub fn new(
        redis: Option<redis::Client>,
        per_address_per_minute: Option<u32>,
        installation: &Installation,
        clock: Clock,
        readiness: &Readiness,
        metrics: Arc<Metrics>,
    ) -> Self {
        let part = || readiness.part("redis", false);
        let shared = redis.map(|client| Shared::new(client, installation, clock.clone(), part()));
        Self { per_address_per_minute, shared, local: Local::new(clock), metrics }
    }

    /// Whether this customer may claim now; nothing when the sale has no limit.
    pub async fn check(&self, definition: &Definition, customer: CustomerId) -> Option<Checked> {
        let RateLimit { requests, window_seconds } = definition.rate_limit?;
        let quota = Quota::new(requests, Duration::from_secs(window_seconds.into()));
        let who = Who::Customer(definition.sale.clone(), customer);
        let checked = self.judge(who, quota).await;
        if !checked.verdict.allowed {
            self.metrics.rate_limited.inc();
        }
        Some(checked)
    }

    /// Whether somebody at this address may ask anything now.
    ///
    /// # Errors
    /// [`Problem::RateLimited`], and what to say in the answer's head.
    pub async fn address(&self, address: IpAddr) -> Result<(), (Problem, Checked)> {
        let Some(requests) = self.per_address_per_minute else { return Ok(()) };
        let checked = self.judge(Who::Address(counted(address)), Quota::new(requests, MINUTE)).await;
        checked.allowed().map_err(|too_soon| {
            self.metrics.addresses_limited.inc();
            (too_soon, checked)
        })
    }

    async fn judge(&self, who: Who, quota: Quota) -> Checked {
        let asked = match &self.shared {
            Some(shared) => shared.take(&who, quota).await,
            None => None,
        };
        let verdict = match asked {
            Some(verdict) => {
                self.metrics.rate_checks[Judge::Redis].inc();
                if verdict.allowed {
                    // So that this edge knows its part should it have to judge alone in a moment.
                    let _ = self.local.take(&who, quota);
                }
                verdict
            }
            None => {
                self.metrics.rate_checks[Judge::Local].inc();
                self.local.take(&who, quota)
            }
        };
        Checked { policy: who.policy(), quota, verdict }
    }
}

/// A limit that was applied.
#[derive(Debug, Clone, Copy)]
pub struct Checked {
    policy: &'static str,
    quota: Quota,
    verdict: Verdict,
}

impl Checked {
    /// Whether the claim may go on.
    ///
    /// # Errors
    /// [`Problem::RateLimited`] when it came too soon.
    pub fn allowed(&self) -> Result<(), Problem> {
        if self.verdict.allowed {
            return Ok(());
        }
        Err(Problem::RateLimited {
            limit: self.quota.requests,
            window_seconds: whole_seconds(self.quota.window),
            retry_after_seconds: whole_seconds(self.verdict.wait).max(1),
        })
    }

    /// Says it in the answer's head (draft-ietf-httpapi-ratelimit-headers).
    pub fn tell(&self, headers: &mut HeaderMap) {
        const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
        const LIMIT: HeaderName = HeaderName::from_static("ratelimit");
        let Quota { requests, window, .. } = self.quota;
        let name = self.policy;
        let policy = format!("\"{name}\";q={requests};w={}", whole_seconds(window));
        let limit = format!("\"{name}\";r={};t={}", self.verdict.remaining, whole_seconds(self.verdict.full_after));
        for (name, value) in [(POLICY, policy), (LIMIT, limit)] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        }
    }
}

/// Seconds, the last one counted whole: whoever waits that long has waited long enough.
fn whole_seconds(time: Duration) -> u32 {
    u32::try_from(time.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX)
}
