//! One limit for all edges, in Redis.
//!
//! **What must always hold.** The script decides and writes in one step, by Redis' own clock, so edges whose clocks differ
//! agree. A Redis that fails once is left alone for [`LEFT_ALONE`]; then one request tries it while all others go on
//! without.

use std::time::Duration;

use protocol::key::Installation;
use redis::Script;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use runtime::clock::Clock;
use runtime::readiness::Part;

use super::gcra::{Quota, Verdict};
use super::{ANSWER_WITHIN, Who};
use crate::breaker::Breaker;

/// How long a Redis that failed is not asked.
const LEFT_ALONE: Duration = Duration::from_secs(1);
/// Longest that a new connection may take.
const CONNECT_WITHIN: Duration = Duration::from_millis(500);

/// The arithmetic of [`Quota::take`], beside the number. Answers whether, and how much of the window is used up.
const SCRIPT: &str = r"
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local window, interval = tonumber(ARGV[1]), tonumber(ARGV[2])
local full_at = tonumber(redis.call('GET', KEYS[1]) or now)
local ahead = math.min(math.max(full_at - now, 0), window)
if ahead + interval > window then
    return {0, ahead}
end
ahead = ahead + interval
redis.call('SET', KEYS[1], string.format('%.0f', now + ahead), 'PX', math.ceil(ahead / 1000))
return {1, ahead}
";

pub(super) struct Shared {
    connection: Result<ConnectionManager, String>,
    script: Script,
    prefix: String,
    clock: Clock,
    breaker: Breaker,
    part: Part,
}

impl Shared {
    /// Connects when it is first asked.
    pub(super) fn new(client: redis::Client, installation: &Installation, clock: Clock, part: Part) -> Self {
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(0)
            .set_connection_timeout(Some(CONNECT_WITHIN))
            .set_response_timeout(Some(ANSWER_WITHIN));
        let connection = client.get_connection_manager_lazy(config).map_err(|error| error.to_string());
        match &connection {
            Ok(_) => part.set_ok(),
            Err(why) => part.set_failed(why.clone()),
        }
        let prefix = match installation.name() {
            "" => "sluice:rate".to_owned(),
            name => format!("sluice:{name}:rate"),
        };
        // A limit can be judged without it, so one failure is enough.
        let breaker = Breaker::new(1, LEFT_ALONE);
        Self { connection, script: Script::new(SCRIPT), prefix, clock, breaker, part }
    }

    /// Judges a request; nothing when Redis cannot be asked.
    pub(super) async fn take(&self, who: &Who, quota: Quota) -> Option<Verdict> {
        let connection = self.connection.as_ref().ok()?;
        if !self.breaker.admits(self.clock.monotonic()) {
            return None;
        }
        let mut connection = connection.clone();
        let mut invocation = self.script.key(format!("{}:{who}", self.prefix));
        invocation.arg(quota.window_micros()).arg(quota.interval_micros());
        let asked = invocation.invoke_async::<(u8, u64)>(&mut connection);
        let answer = match tokio::time::timeout(ANSWER_WITHIN, asked).await {
            Ok(answer) => answer.map_err(|error| error.to_string()),
            Err(_) => Err(format!("no answer within {ANSWER_WITHIN:?}")),
        };
        match answer {
            Ok((allowed, ahead)) => {
                if self.breaker.answered() {
                    tracing::info!("Redis answers again: limits are shared by all edges");
                    self.part.set_ok();
                }
                Some(quota.verdict(allowed == 1, ahead))
            }
            Err(why) => {
                if self.breaker.failed(self.clock.monotonic()) {
                    tracing::warn!("Redis does not answer, each edge applies limits by itself: {why}");
                    self.part.set_failed(why);
                }
                None
            }
        }
    }
}
