//! Which shards this replica follows.
//!
//! **What it is for.** The table of sales says which shards there are. Replicas share them evenly: each takes free ones
//! up to its part and gives back what it has beyond it, one a second, so nothing moves all at once. Every second is a
//! round over what is, not a reaction to what happened: a definition, a lost session or a dead replica all show up in
//! the next round.
//!
//! **What must always hold.** A shard's lock is held while it is followed and given back after its follower ended. A
//! replica that cannot reach NATS does not count and holds nothing, so the others take its part. A shard that halted is
//! tried again after [`HALTED_PAUSE`] only.
//!
//! **What it costs.** A session, and per round two small statements and one per free shard.

mod known;
mod measure;
mod shard;

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use protocol::SaleId;
use protocol::key::Installation;
use protocol::sale::Definition;
use runtime::Process;
use runtime::readiness::Part;
use runtime::registry::{Change, Table};
use tokio::task::{Id, JoinError, JoinSet};

use crate::follow::End;
use crate::metrics::LedgerMetrics;
use crate::places::Places;
use crate::repo::ownership::Ownership;
use crate::repo::{Error, Repo};
use known::Known;
use shard::{Job, Shard};

/// Between two rounds. A dead replica's shards are free after 4 s at the latest and taken in the next round.
const ROUND: Duration = Duration::from_secs(1);
/// Longest that a round may take; a session that does not answer is lost.
const ROUND_MAX: Duration = Duration::from_secs(10);
/// How long a halted shard is left alone: long enough not to drown the log, short enough to see that it was mended.
const HALTED_PAUSE: Duration = Duration::from_secs(60);

/// Follows shards until the process ends.
pub struct Shards {
    process: Process,
    client: async_nats::Client,
    places: Places,
    installation: Installation,
    repo: Repo,
    metrics: LedgerMetrics,
    postgres: Part,
    table: Part,
    /// Whether the table of sales was read to its end once.
    caught_up: bool,
    sales: HashMap<SaleId, Sale>,
    shards: BTreeMap<String, Shard>,
    followers: JoinSet<End>,
    ownership: Option<Ownership>,
}

/// A sale that should be followed.
struct Sale {
    definition: Arc<Definition>,
    /// Whether Postgres has this definition.
    kept: bool,
}

impl Shards {
    /// Knows nothing yet.
    #[must_use]
    pub fn new(
        process: Process,
        client: async_nats::Client,
        installation: Installation,
        repo: Repo,
        metrics: LedgerMetrics,
        postgres: Part,
    ) -> Self {
        let table = process.readiness.part("sales", true);
        let places = Places::new(client.clone(), installation.clone());
        Self {
            process,
            client,
            places,
            installation,
            repo,
            metrics,
            postgres,
            table,
            caught_up: false,
            sales: HashMap::new(),
            shards: BTreeMap::new(),
            followers: JoinSet::new(),
            ownership: None,
        }
    }

    /// Follows until the process stops; then every follower finishes its transaction.
    ///
    /// # Errors
    /// When a follower panicked.
    pub async fn run(mut self) -> anyhow::Result<()> {
        let stopping = self.process.drain.stopping();
        let mut sales = Table::<Definition>::new(self.client.clone(), self.installation.sales_bucket()).watch();
        let mut rounds = tokio::time::interval(ROUND);
        rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = stopping.cancelled() => break,
                Some(ended) = self.followers.join_next_with_id() => self.ended(ended)?,
                change = sales.next() => if self.change(change) {
                    self.round().await;
                },
                _ = rounds.tick() => self.round().await,
            }
        }
        for shard in self.shards.values() {
            shard.stop();
        }
        while let Some(ended) = self.followers.join_next_with_id().await {
            self.ended(ended)?;
        }
        if let Some(ownership) = self.ownership.take() {
            ownership.close().await;
        }
        Ok(())
    }

    /// Takes a change of the table of sales; whether a round should follow at once.
    fn change(&mut self, change: Change<Definition>) -> bool {
        match change {
            Change::Put(key, Ok(definition), _) => {
                tracing::debug!(sale = key, generation = definition.generation.0, "definition");
                let (definition, kept) = (Arc::new(definition), false);
                self.sales.insert(definition.sale.clone(), Sale { definition, kept });
                self.want();
            }
            Change::Put(key, Err(error), _) => {
                // What was known stays in force: a newer operator may have written something that we cannot read.
                tracing::error!(sale = key, "the definition of {key} cannot be read: {error}");
            }
            Change::Deleted(key) => {
                self.sales.retain(|sale, _| sale.as_str() != key);
                self.want();
            }
            Change::CaughtUp => {
                self.table.set_ok();
                self.caught_up = true;
                return true;
            }
            // What is known stays in force. When the table can be read again nobody says so, and whoever took that for a failure
            // would never be ready again.
            Change::Interrupted(lost) if self.caught_up => {
                tracing::warn!("the table of sales cannot be read now, what is known stays: {lost}");
            }
            Change::Interrupted(lost) => self.table.set_failed(format!("the table of sales cannot be read: {lost}")),
            Change::Reset => {
                self.sales.clear();
                self.want();
            }
        }
        false
    }

    /// Which shards there should be.
    fn want(&mut self) {
        for shard in self.shards.values_mut() {
            shard.wanted = false;
        }
        for Sale { definition, .. } in self.sales.values() {
            for identity in &definition.streams {
                let stream = definition.stream(identity.shard);
                let shard =
                    self.shards.entry(stream.name()).or_insert_with(|| Shard::new(stream, definition, identity));
                if shard.identity == *identity {
                    shard.wanted = true;
                    shard.definition = Arc::clone(definition);
                } else if shard.following.is_none() && !shard.owned {
                    *shard = Shard::new(shard.stream.clone(), definition, identity);
                }
            }
        }
        for shard in self.shards.values().filter(|shard| !shard.wanted) {
            shard.stop();
        }
    }

    async fn round(&mut self) {
        // Levels, not events: a shard whose stream changed while it was followed is wanted again once that ended.
        self.want();
        let done = tokio::time::timeout(ROUND_MAX, self.share()).await;
        let lost = match done {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_elapsed) => Some(format!("no answer within {} s", ROUND_MAX.as_secs())),
        };
        if let Some(why) = lost {
            self.postgres.set_failed(format!("postgres is away, claims go on without it: {why}"));
            // The session's locks are gone, or soon will be. Whoever follows meanwhile is told apart by the cursor.
            self.ownership = None;
            for shard in self.shards.values_mut() {
                shard.stop();
                shard.owned = false;
                shard.known = Known::default();
            }
        }
        // What another replica may try meanwhile does not stand still here.
        for shard in self.shards.values_mut().filter(|shard| !shard.owned) {
            shard.halted = false;
        }
        self.shards.retain(|_, shard| shard.wanted || shard.owned || shard.following.is_some());
        self.measure();
    }

    /// Gives back, keeps definitions, takes.
    async fn share(&mut self) -> Result<(), Error> {
        if self.ownership.is_none() {
            self.ownership = Some(Ownership::connect(&self.repo.connect_options()).await?);
        }
        let Some(ownership) = self.ownership.as_mut() else { return Ok(()) };
        let connected = self.client.connection_state() == async_nats::connection::State::Connected;
        let replicas = ownership.replicas(connected).await?.max(1);
        self.postgres.set_ok();
        let owned = self.shards.values().filter(|shard| shard.owned).count();
        let wanted = self.shards.values().filter(|shard| shard.wanted).count();
        let part = if connected { wanted.div_ceil(replicas) } else { 0 };
        // One at a time, the last first, so that two rounds never disagree about which.
        if owned > part
            && let Some(shard) = self.shards.values().rev().find(|shard| shard.following.is_some())
        {
            shard.stop();
        }
        for shard in self.shards.values_mut().filter(|shard| shard.owned && shard.following.is_none()) {
            let now = self.process.clock.monotonic();
            if !shard.wanted || !shard.halted || shard.is_due(now) {
                ownership.give_back(&shard.stream).await?;
                shard.owned = false;
            }
        }
        for sale in self.sales.values_mut().filter(|sale| !sale.kept) {
            match self.repo.keep_sale(&sale.definition).await {
                Ok(()) => sale.kept = true,
                Err(Error::Broken(why)) => {
                    tracing::error!(sale = sale.definition.sale.as_str(), "the definition cannot be kept: {why}");
                    sale.kept = true;
                }
                Err(error) => return Err(error),
            }
        }
        let now = self.process.clock.monotonic();
        let mut owned = self.shards.values().filter(|shard| shard.owned).count();
        for shard in self.shards.values_mut() {
            if shard.owned || shard.following.is_some() || !shard.is_due(now) {
                continue;
            }
            if owned < part && shard.wanted && ownership.take(&shard.stream).await? {
                shard.owned = true;
                owned += 1;
                let job = Job {
                    client: self.client.clone(),
                    places: self.places.clone(),
                    installation: self.installation.clone(),
                    repo: self.repo.clone(),
                    process: self.process.clone(),
                    metrics: self.metrics.clone(),
                };
                shard.follow(job, &mut self.followers, now);
            } else {
                // Somebody else's, who tells of it.
                shard.known = Known::default();
            }
        }
        Ok(())
    }

    fn ended(&mut self, ended: Result<(Id, End), JoinError>) -> anyhow::Result<()> {
        let (task, end) = ended?;
        let following = |shard: &&mut Shard| shard.following.as_ref().is_some_and(|following| following.task == task);
        let Some(shard) = self.shards.values_mut().find(following) else { return Ok(()) };
        let name = shard.stream.name();
        let now = self.process.clock.monotonic();
        shard.look(now, self.process.clock.now());
        shard.following = None;
        match end {
            End::Stopped => (shard.failures, shard.not_before) = (0, None),
            End::Moved => {
                tracing::info!(shard = name, "another replica follows it");
                shard.known = Known::default();
                shard.not_before = Some(now + ROUND);
            }
            End::Lost(why) => {
                if shard.owned {
                    // Whatever comes from here on waits until somebody follows again and says that nothing does.
                    shard.known.behind.get_or_insert(now);
                }
                shard.interrupted(now, &why);
            }
            End::Missing(why) => {
                // Nothing is behind a stream that is not there. If it is lost, the operator tells.
                shard.known = Known::default();
                shard.interrupted(now, &why);
            }
            End::Halted(why) => {
                shard.halted = true;
                shard.not_before = Some(now + HALTED_PAUSE);
                tracing::error!(
                    shard = name,
                    retry_seconds = HALTED_PAUSE.as_secs(),
                    "not followed any further: {why}"
                );
            }
        }
        Ok(())
    }

    fn measure(&mut self) {
        let clock = &self.process.clock;
        measure::measure(&mut self.shards, clock.monotonic(), clock.now(), &self.metrics);
    }
}
