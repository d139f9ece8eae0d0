//! Something breaks, and somebody is told: the right alert fires, no other one does, what its runbook says to type can be typed,
//! and it ends once all is well again.
//!
//! The rules are the chart's [in a hurry](crate::rules). A server of NATS is killed that leads nothing of the sale: an election
//! takes seconds whatever the rules, and would be minutes to rules in a hurry.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use protocol::bucket::Bucket;
use protocol::key::Key;
use protocol::sale::Definition;
use protocol::store::{Expect, Outcome, Store as _, Write};
use protocol::wire::Value as _;
use protocol::{BucketIndex, Shard, Sku, Units};
use runtime::jetstream::JetStream;
use runtime::registry::Table;
use testbed::installation::{Installation, OPERATOR, Plan};
use testbed::prometheus::Prometheus;
use testbed::{Bed, NatsCluster, Stopwatch, eventually};

use crate::runbook::{Desk, Runbook};
use crate::street::Street;
use crate::{BOUND, OF_SLOWNESS, ONE_AT_A_TIME, firing, reaches, rules, sale, sum, watched};

/// How much shorter every time in the rules is: a minute becomes three seconds, which is what a reconnect may take.
const HURRY: u64 = 20;
const SCRAPED_EVERY: Duration = Duration::from_millis(500);
/// How often an alert has to be seen firing before it counts as one that stays; it is looked at as often as it is scraped.
const SEEN_FIRING: f64 = 12.0;
/// The namespaces and the sale of the runbooks.
const RELEASE: &str = "sluice";
const SALES: &str = "shop";
const SALE: &str = "aurora";
/// Nobody's order ends by itself while the ledger is away, as that would rightly be told as well once it is back.
const HOLD_SECONDS: u32 = 900;
/// Units that come from nowhere.
const PLANTED: i64 = 7;

/// Everything that is broken and looked at.
struct Scene<'bed> {
    bed: &'bed Bed,
    nats: &'bed NatsCluster,
    at: Installation,
    prometheus: Prometheus,
    sale_id: String,
}

impl<'bed> Scene<'bed> {
    async fn set(bed: &'bed Bed) -> anyhow::Result<Self> {
        let nats = bed.nats_cluster().await?;
        let rules = rules::in_a_hurry(&bed.folder().join("hurried"), HURRY).await?;
        let kubernetes = bed.kubernetes().await?;
        for namespace in [RELEASE, SALES] {
            kubernetes.kubectl(&["create", "namespace", namespace], None).await?;
        }
        let plan = Plan {
            namespace: SALES.to_owned(),
            operator_kubeconfig: Some(kubernetes.kubeconfig_for(SALES, OPERATOR).await?),
            ..Plan::on_cluster(bed).await?
        };
        let (at, prometheus) =
            tokio::try_join!(Installation::start(bed, plan), Prometheus::start(bed, SCRAPED_EVERY, &rules))?;
        at.apply(&sale(SALE, HOLD_SECONDS)).await?;
        for condition in ["Provisioned", "Durable"] {
            at.wait_for(SALE, condition, 60).await?;
        }
        let sale_id = at.sale_id(SALE).await?;
        watched(&prometheus, &at).await?;
        Ok(Self { bed, nats, at, prometheus, sale_id })
    }

    /// Waits until no alert fires and everybody answers.
    async fn calm(&self) -> anyhow::Result<()> {
        eventually(BOUND, "no alert to fire", async || {
            let firing = firing(&self.prometheus).await?;
            ensure!(firing.is_empty(), "{firing:?} fire");
            self.prometheus.sees(self.at.members().count()).await
        })
        .await
    }

    /// Every alert that fired at any time since then, but for those [of slowness](OF_SLOWNESS): rules are in a hurry, and the
    /// seconds that they compare with are not.
    async fn fired(&self, since: Duration) -> anyhow::Result<BTreeSet<String>> {
        let firing = "ALERTS{alertstate=\"firing\"}";
        let series = self.prometheus.query_range(firing, since, SCRAPED_EVERY).await?;
        let names = series.iter().filter_map(|one| one.labels.get("alertname").cloned());
        Ok(names.filter(|name| !OF_SLOWNESS.contains(&name.as_str())).collect())
    }

    /// Breaks something and mends it: this alert fires and stays, what its runbook says can be typed, and it ends.
    async fn alarmed<T>(
        &self,
        alert: &str,
        breaking: impl AsyncFnOnce(&Self) -> anyhow::Result<T>,
        mending: impl AsyncFnOnce(&Self, T) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        self.calm().await.context("before")?;
        let watch = Stopwatch::start();
        let broken = breaking(self).await?;
        let only = BTreeSet::from([alert.to_owned()]);
        eventually(BOUND, &format!("{alert} to fire"), async || {
            let fired = self.fired(watch.elapsed()).await?;
            ensure!(fired.contains(alert), "{fired:?} fired; pending: {:?}", self.prometheus.alerts().await?);
            Ok(())
        })
        .await?;
        eprintln!("{alert}: told after {watch}");
        self.desk().read(&Runbook::of(alert)?).await.with_context(|| format!("the runbook of {alert}"))?;
        let stays = format!("sum(count_over_time(ALERTS{{alertname=\"{alert}\",alertstate=\"firing\"}}[2m]))");
        reaches(&self.prometheus, &stays, SEEN_FIRING).await?;
        let fired = self.fired(watch.elapsed()).await?;
        ensure!(fired == only, "{alert} alone is right, and what fired is {fired:?}");

        mending(self, broken).await?;
        self.calm().await.with_context(|| format!("after {alert}"))?;
        let fired = self.fired(watch.elapsed()).await?;
        ensure!(fired == only, "once all was mended, more fired than {alert}: {fired:?}");
        eprintln!("{alert}: over after {watch}");
        Ok(())
    }

    /// Where the commands of a runbook are typed.
    fn desk(&self) -> Desk<'_> {
        Desk { bed: self.bed, at: &self.at, prometheus: &self.prometheus, sale_id: &self.sale_id }
    }

    async fn redis(&self) -> anyhow::Result<()> {
        let redis = self.bed.redis().await?;
        self.alarmed("SluiceRedisAway", async |_| redis.kill9().await, async |_, ()| redis.restart().await).await
    }

    async fn ledgers(&self) -> anyhow::Result<()> {
        let kill = async |scene: &Self| {
            for ledger in &scene.at.ledgers {
                ledger.service.kill9().await?;
            }
            Ok(())
        };
        let start = async |scene: &Self, ()| {
            for ledger in &scene.at.ledgers {
                ledger.service.restart()?;
                ledger.ready().await?;
            }
            Ok(())
        };
        self.alarmed("SluiceLedgerAway", kill, start).await
    }

    async fn postgres(&self) -> anyhow::Result<()> {
        let postgres = self.bed.postgres().await?;
        self.alarmed("SluiceLedgerAway", async |_| postgres.kill9().await, async |_, ()| postgres.restart().await).await
    }

    async fn nats_server(&self) -> anyhow::Result<()> {
        let (_, definition) = self.definition().await?;
        let kill = async |scene: &Self| {
            let leaders =
                [scene.nats.stream_leader(&definition.stream(Shard(0)).name()).await?, scene.nats.meta_leader().await?];
            let victim = (0..scene.nats.urls().len()).find(|node| !leaders.contains(node)).context("three nodes")?;
            scene.nats.kill9(victim).await?;
            Ok(victim)
        };
        let start = async |scene: &Self, victim| {
            scene.nats.restart(victim)?;
            scene.nats.ready().await?;
            scene.at.wait_for(SALE, "Durable", 60).await
        };
        self.alarmed("SluiceNatsServerAway", kill, start).await
    }

    async fn bucket(&self) -> anyhow::Result<()> {
        let (client, definition) = self.definition().await?;
        let identity = definition.streams.first().context("a sale has a stream")?;
        let store = JetStream::open(client, &definition.stream(Shard(0)), Some(identity)).await?;
        let key = Key::Bucket(Sku::parse("UNIT")?, BucketIndex(0));
        // Shoppers write it as well, so by hand it takes a few tries.
        let plant = async |units: i64| {
            eventually(BOUND, "the bucket to be written by hand", async || {
                let entry = store.read(&key).await?.context("no bucket")?;
                let bucket = Bucket::decode(&entry.value)?;
                let free = Units(u32::try_from(i64::from(bucket.free.0) + units)?);
                let value = Bucket { free, ..bucket }.encode();
                let write = Write { key: key.clone(), expect: Expect::At(entry.revision), value, trace: None };
                let outcome = store.commit(vec![write]).await;
                ensure!(matches!(outcome, Outcome::Committed(_)), "{outcome:?}");
                Ok(())
            })
            .await
        };
        self.alarmed("SluiceConservationGap", async |_| plant(PLANTED).await, async |_, ()| plant(-PLANTED).await).await
    }

    async fn definition(&self) -> anyhow::Result<(async_nats::Client, Definition)> {
        let client = async_nats::connect(self.nats.urls()).await?;
        let installation =
            protocol::key::Installation::parse(&self.at.access().namespace).map_err(anyhow::Error::msg)?;
        let table: Table<Definition> = Table::new(client.clone(), installation.sales_bucket());
        let (definition, _) = table.get(&self.sale_id).await?.context("the sale is not published")?;
        Ok((client, definition))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_breaks_the_right_alert_fires_and_no_other_and_it_ends_when_all_is_well() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let bed = Bed::shared().await.unwrap();
    let scene = Scene::set(bed).await.unwrap();
    let street = Street::of(&scene.at, bed.folder(), &scene.sale_id).await.unwrap();
    let all = async {
        reaches(&scene.prometheus, "sum(sluice_edge_claims_committed_total)", 20.0).await?;
        ensure!(
            sum(&scene.prometheus, "sluice_operator_conditions{condition=\"Durable\",status=\"true\"}").await? > 0.0
        );
        scene.redis().await?;
        scene.ledgers().await?;
        scene.postgres().await?;
        scene.nats_server().await?;
        scene.bucket().await
    };
    street.busy_while(all).await.unwrap();
    scene.at.stop().await.unwrap();
}
