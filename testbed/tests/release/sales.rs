//! What the release sells, and to whom.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use runtime::clock::Clock;
use serde_json::{Value, json};
use testbed::crowd::{Arrival, Crowd, History};
use testbed::eventually;
use testbed::installation::Access;

/// How many come in a second: enough to meet whatever happens, and the pods keep a core for it.
const PER_SECOND: f64 = 300.0;
/// How many come in a wave: one follows another as long as something happens.
const WAVE: usize = 1_000;

/// A sale whose stock is handed out while something happens to the pods, so that units are claimed all the time.
pub(crate) struct Sale<'release> {
    access: &'release Access,
    name: &'release str,
    pub(crate) id: String,
}

impl<'release> Sale<'release> {
    /// Applies one that is open, and waits until it can be bought.
    pub(crate) async fn open(access: &'release Access, name: &'release str, units: usize) -> anyhow::Result<Self> {
        let from_now = |hours: i64| {
            let when = Clock::system().now().checked_add(jiff::SignedDuration::from_hours(hours))?;
            anyhow::Ok(format!("{when:.0}"))
        };
        let item = json!({ "sku": "UNIT", "quantity": units, "limits": { "perOrder": 1, "perCustomer": 1 } });
        let sale = json!({
            "apiVersion": "sluice.dev/v1alpha1",
            "kind": "FlashSale",
            "metadata": { "name": name },
            "spec": { "schedule": { "startTime": from_now(-1)?, "endTime": from_now(24)? }, "items": [item] },
        });
        access.apply(&sale).await?;
        access.wait_for(name, "Provisioned", 60).await?;
        let id = access.sale_id(name).await?;
        for edge in &access.edges {
            eventually(crate::BOUND, "the edges to know the sale", async || {
                let answer = reqwest::get(format!("{edge}/v1/sales/{id}")).await?;
                ensure!(answer.status().is_success(), "{}", answer.status());
                Ok(())
            })
            .await?;
        }
        Ok(Self { access, name, id })
    }

    /// Sets how many units there are, and waits until all of them are sold.
    pub(crate) async fn sell(&self, units: usize) -> anyhow::Result<()> {
        let patch = json!([{ "op": "replace", "path": "/spec/items/0/quantity", "value": units }]);
        let patch = ["patch", "flashsale", self.name, "--type=json", "-p", &patch.to_string()];
        self.access.kubectl(&patch).await?;
        eventually(crate::BOUND, "what was restocked to be sold", async || {
            let sold = sold(&self.access.sale(self.name).await?)?;
            ensure!(sold == units, "{sold} of {units}");
            Ok(())
        })
        .await
    }

    /// Shoppers who come wave after wave while something happens, at least so many; everything that they were told.
    pub(crate) async fn visited<T>(
        &self,
        least: usize,
        happening: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<History> {
        let (happened, mut over) = tokio::sync::watch::channel(false);
        let crowd = async {
            let mut all = History { stories: Vec::new(), took: Duration::ZERO };
            while all.stories.len() < least || !*over.borrow_and_update() {
                let wave = format!("{}-{}", self.name, all.stories.len());
                let mut history = self.crowd().run(&self.access.sessions(&wave, WAVE).await?, |_| {}).await?;
                let before = all.stories.len();
                history.stories.iter_mut().for_each(|story| story.shopper += before);
                all.stories.append(&mut history.stories);
                all.took += history.took;
            }
            Ok(all)
        };
        let happening = async {
            happening.await?;
            // Nobody hears it when the crowd has failed already.
            happened.send_replace(true);
            Ok(())
        };
        tokio::try_join!(crowd, happening).map(|(history, ())| history)
    }

    /// Shoppers who come by and by, each with one request for one unit.
    fn crowd(&self) -> Crowd {
        Crowd {
            edges: self.access.edges.clone(),
            sale: self.id.clone(),
            sku: "UNIT".to_owned(),
            quantity: 1,
            sends: 1,
            connections: 64,
            arrival: Arrival::PerSecond(PER_SECOND),
            patience: Duration::from_secs(90),
        }
    }
}

/// Every sale of the release, with how many units were sold.
pub(crate) async fn all(access: &Access) -> anyhow::Result<Vec<(String, usize)>> {
    let list: Value = serde_json::from_str(&access.kubectl(&["get", "flashsales", "-o", "json"]).await?)?;
    let sales = list["items"]
        .as_array()
        .context("a list has items")?
        .iter()
        .map(|sale| Ok((sale["metadata"]["name"].as_str().context("a sale has a name")?.to_owned(), sold(sale)?)));
    sales.collect()
}

/// How many units of a sale are sold, by its status.
fn sold(sale: &Value) -> anyhow::Result<usize> {
    let sold = sale.pointer("/status/totals/sold").and_then(Value::as_u64).context("a sale has totals")?;
    Ok(usize::try_from(sold)?)
}
