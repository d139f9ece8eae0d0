//! One script, played: each act, what was reported when, and what must hold in the end.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use jiff::Timestamp;
use serde_json::{Value, json};
use testbed::books;
use testbed::eventually;
use testbed::installation::Installation;
use testbed::kubernetes::FlashSales;

use super::operators::Operators;
use super::script::{Act, Invalid, Item, Script, Step};
use crate::history::{Answer, Claim, Shut, accounted, honoured, told_only};
use crate::rush::Rush;
use crate::stored::Stored;
use crate::{BOUND, from_now, known, now, sale, stored};

/// How long a change may take to be reported done while operators are killed and wait for one another's Leases.
const DONE_WITHIN: Duration = Duration::from_secs(150);
/// Shoppers at each edge, and the pause of each between two claims.
const SHOPPERS_PER_EDGE: usize = 2;
const SHOPPER_PAUSE: Duration = Duration::from_millis(80);
/// Claims that are answered between two acts, so that they are not all made at once.
const CLAIMS_BETWEEN: usize = 6;
/// Units that are added in the end, to see that the sale still sells.
const UNITS_ADDED: usize = 100;
/// How far the clocks of edges may be apart, and a schedule's whole seconds from what was meant.
const CLOCK_SKEW: Duration = Duration::from_millis(750);
/// How far off the end is that is waited for.
const END_SOON: i64 = 2;

const PAUSED: &[&str] = &["sale-paused", "sale-closed", "sold-out", "busy"];
const OVER: &[&str] = &["sale-closed", "sold-out", "busy"];

/// What all scripts share.
pub(super) struct Shop<'a> {
    pub(super) at: &'a Installation,
    pub(super) operators: Operators<'a>,
    pub(super) sales: FlashSales,
    pub(super) sessions: Vec<String>,
    /// Ids of the sales that were deleted.
    pub(super) gone: Mutex<Vec<String>>,
}

/// One sale and its script.
pub(super) struct Play<'a> {
    shop: &'a Shop<'a>,
    script: &'a Script,
    name: String,
    id: String,
    items: Vec<Item>,
    closed: bool,
    shuts: Vec<Shut>,
    rush: &'a Rush,
}

impl<'a> Play<'a> {
    /// Plays it from the first apply to the last check; `acts` tells how far it came.
    pub(super) async fn begin(shop: &'a Shop<'a>, script: &'a Script, acts: &mut Vec<Act>) -> anyhow::Result<()> {
        let name = format!("script-{}", script.seed);
        let mut resource = sale(&name, 1);
        resource["spec"]["items"] = spec(&script.items);
        resource["spec"]["sharding"] = json!({ "bucketsPerItem": script.buckets });
        shop.sales.create(&resource).await?;
        let id = provisioned(shop, &name).await?;
        let rush = Rush::new(shop.at, &id, shop.sessions.clone(), SHOPPER_PAUSE);
        script.items.iter().skip(1).for_each(|item| rush.offer(&item.sku));
        let items = script.items.clone();
        let mut play = Play { shop, script, name, id, items, closed: false, shuts: Vec::new(), rush: &rush };
        Box::pin(rush.during(SHOPPERS_PER_EDGE, play.acted(acts))).await?;
        play.checked().await?;
        if script.deleted {
            play.deleted().await?;
        }
        Ok(())
    }

    async fn acted(&mut self, acts: &mut Vec<Act>) -> anyhow::Result<()> {
        for act in &self.script.acts {
            acts.push(act.clone());
            self.act(act).await.with_context(|| format!("{act:?}"))?;
            self.rush.goes_on(CLAIMS_BETWEEN).await?;
        }
        self.settled().await?;
        let last = &self.script.last;
        if !last.over && !last.paused && !last.stopped {
            self.sells().await?;
        }
        Ok(())
    }

    async fn act(&mut self, act: &Act) -> anyhow::Result<()> {
        let shuts = |shut: bool| act.awaited && shut;
        match &act.step {
            Step::Items(items) => {
                self.items.clone_from(items);
                self.change(json!({ "items": spec(items) }), act.awaited).await?;
            }
            Step::Add(items) => {
                self.items.clone_from(items);
                self.change(json!({ "items": spec(items) }), act.awaited).await?;
                if let Some(added) = items.last().filter(|_| act.awaited) {
                    self.listed(&added.sku).await?;
                    self.rush.offer(&added.sku);
                }
            }
            Step::End(seconds) => {
                self.change(json!({ "schedule": { "endTime": from_now(*seconds) } }), act.awaited).await?;
            }
            Step::EndSoon => {
                let end = now() + Duration::from_secs(END_SOON.unsigned_abs());
                let told = self.change(json!({ "schedule": { "endTime": from_now(END_SOON) } }), true).await?;
                self.shut("over", told.max(end + CLOCK_SKEW), OVER);
                if act.awaited {
                    self.says("the end", |sale| ready(sale, &["Draining", "Completed"])).await?;
                }
            }
            Step::Rate(requests) => {
                let limit = requests.map(|requests| json!({ "requests": requests, "windowSeconds": 60 }));
                self.change(json!({ "rateLimit": limit }), act.awaited).await?;
            }
            Step::Name(name) => drop(self.change(json!({ "displayName": name }), act.awaited).await?),
            Step::Pause => {
                let told = self.change(json!({ "desiredState": "Paused" }), act.awaited).await?;
                if shuts(true) {
                    self.says("the pause", |sale| is(sale, "Paused", "True")).await?;
                    self.shut("paused", told.max(now()), PAUSED);
                }
            }
            Step::Resume => {
                self.lift("paused");
                self.change(json!({ "desiredState": "Scheduled" }), act.awaited).await?;
            }
            Step::Stop => {
                self.shop.at.emergency_stop(&self.id).await?;
                self.shut("stopped", now(), PAUSED);
            }
            Step::EndStop => self.end_stop().await?,
            Step::Close => {
                self.closed = true;
                self.change(json!({ "desiredState": "Closed" }), act.awaited).await?;
                if shuts(true) {
                    self.says("the close", |sale| ready(sale, &["Draining", "Completed"])).await?;
                    self.shut("closed", now(), OVER);
                }
            }
            Step::Invalid(invalid) => self.refused(*invalid).await?,
            Step::Operators(trouble) => self.shop.operators.suffer(*trouble, self.rush).await?,
        }
        Ok(())
    }

    /// Waits until every edge lists an item: one that hears of it late would know nothing of it.
    async fn listed(&self, sku: &str) -> anyhow::Result<()> {
        for edge in &self.shop.at.access().edges {
            eventually(BOUND, "the edge to list the item", async || {
                let page: Value = reqwest::get(format!("{edge}/v1/sales/{}", self.id)).await?.json().await?;
                let mut items = page["items"].as_array().into_iter().flatten();
                ensure!(items.any(|item| item["sku"] == sku), "{page}");
                Ok(())
            })
            .await?;
        }
        Ok(())
    }

    /// Asks for a change; with `awaited`, returns once the status is of the resource as it is then.
    async fn change(&self, change: Value, awaited: bool) -> anyhow::Result<Timestamp> {
        self.shop.sales.patch(&self.name, &json!({ "spec": change })).await?;
        if awaited {
            self.says("the change", |_| Ok(())).await?;
        }
        Ok(now())
    }

    /// An annotation that asks for the end of a stop is used up before another stop may come: else it would end that one.
    async fn end_stop(&mut self) -> anyhow::Result<()> {
        const RESUME: &str = "sluice.dev/resume";
        self.lift("stopped");
        let annotated = json!({ "metadata": { "annotations": { RESUME: "true" } } });
        self.shop.sales.patch(&self.name, &annotated).await?;
        self.says("the end of the stop", |sale| {
            ensure!(sale["metadata"]["annotations"][RESUME].is_null(), "it is asked for still");
            Ok(())
        })
        .await
        .map(drop)
    }

    async fn refused(&self, invalid: Invalid) -> anyhow::Result<()> {
        let mut items = spec(&self.items);
        let change = match invalid {
            Invalid::Reopens if self.closed => json!({ "desiredState": "Scheduled" }),
            Invalid::WithholdsMoreThanExists | Invalid::Reopens => {
                items[0]["withheld"] = json!(1_000_000);
                json!({ "items": items })
            }
            Invalid::EndsBeforeItStarts => json!({ "schedule": { "endTime": from_now(-100_000) } }),
            Invalid::BreaksASku => {
                items[0]["sku"] = json!("A B");
                json!({ "items": items })
            }
            Invalid::SplitsAnew => json!({ "sharding": { "bucketsPerItem": self.script.buckets + 1 } }),
            Invalid::RemovesAnItem => json!({ "items": [{ "sku": "OTHER", "quantity": 1 }] }),
            Invalid::ChangesALimit => {
                items[0]["limits"] = json!({ "perOrder": 2, "perCustomer": 2 });
                json!({ "items": items })
            }
        };
        match self.shop.sales.patch(&self.name, &json!({ "spec": change })).await {
            Ok(taken) => bail!("{invalid:?} was taken: {}", taken["spec"]),
            Err(error) => ensure!(error.to_string().contains("422"), "{invalid:?}: {error}"),
        }
        Ok(())
    }

    fn shut(&mut self, why: &'static str, reported: Timestamp, refusals: &'static [&'static str]) {
        self.shuts.push(Shut { why, reported, lifted: None, refusals });
    }

    fn lift(&mut self, why: &str) {
        let lifted = now();
        for shut in self.shuts.iter_mut().filter(|shut| shut.why == why) {
            shut.lifted.get_or_insert(lifted);
        }
    }

    /// Waits until all of the status is of the resource as it is, and this is so.
    async fn says(&self, what: &str, wanted: impl Fn(&Value) -> anyhow::Result<()>) -> anyhow::Result<Value> {
        eventually(DONE_WITHIN, what, async || {
            let sale = self.shop.sales.get(&self.name).await?.context("there is no such sale")?;
            let generation = &sale["metadata"]["generation"];
            let stale = |of: &Value| of["observedGeneration"] != *generation;
            let conditions = sale["status"]["conditions"].as_array().into_iter().flatten();
            let late: Vec<_> = conditions.filter(|condition| stale(condition)).collect();
            ensure!(!stale(&sale["status"]) && late.is_empty(), "generation {generation}: {}", sale["status"]);
            wanted(&sale).with_context(|| sale["status"].to_string())?;
            Ok(sale)
        })
        .await
    }

    /// The status says what the script came to.
    async fn settled(&self) -> anyhow::Result<Value> {
        let last = &self.script.last;
        let held = !last.over && (last.paused || last.stopped);
        self.says("the sale to be as asked", |sale| {
            match (last.over, held) {
                (true, _) => ready(sale, &["Draining", "Completed"])?,
                (false, true) => ready(sale, &["Paused"])?,
                (false, false) => ready(sale, &["Open"])?,
            }
            is(sale, "Paused", if held { "True" } else { "False" })?;
            is(sale, "Provisioned", "True")
        })
        .await
    }

    /// Both edges sell what is added after all of it.
    async fn sells(&mut self) -> anyhow::Result<()> {
        let stored = stored::read(self.shop.at, &self.id).await?;
        let first = &mut self.items[0];
        let sold = stored.orders.values().filter(|(_, order)| order.sku.as_str() == first.sku).count();
        first.quantity = first.withheld + u32::try_from(sold + UNITS_ADDED)?;
        let asked = now();
        let change = json!({ "items": spec(&self.items) });
        let sold_by = |edge: usize| {
            let yes = move |claim: &Claim| claim.edge == edge && matches!(claim.answer, Answer::Yes(_));
            self.rush.sees_since(asked, "an edge to sell what was added", 1, yes)
        };
        // Most of it may be sold by the time at which it is reported.
        self.change(change, true).await?;
        tokio::try_join!(sold_by(0), sold_by(1)).map(drop)
    }

    /// Everything that must hold once nobody claims any more.
    async fn checked(&self) -> anyhow::Result<()> {
        let claims = self.rush.claims();
        honoured(&claims, &self.shuts)?;
        told_only(&claims, &["sale-paused", "sale-closed", "sold-out", "busy"])?;
        self.settled().await?;
        let stored = stored::read(self.shop.at, &self.id).await?;
        stored.conserved()?;
        let ids: BTreeSet<String> = stored.orders.keys().cloned().collect();
        accounted(&claims, &ids)?;
        self.says("the numbers and the books", |sale| {
            is(sale, "LedgerInSync", "True")?;
            is(sale, "StockConserved", "True")?;
            self.numbers(sale, &stored)
        })
        .await?;
        let statement = self.shop.at.statement(&self.id, true).await?;
        let rows = statement["orders"].as_array().context("the statement lists no orders")?;
        let rows: BTreeSet<String> = rows.iter().filter_map(|row| row["id"].as_str().map(ToOwned::to_owned)).collect();
        ensure!(rows == ids, "Postgres has other orders than the stream");
        books::reconciled(self.shop.at, &self.id).await
    }

    /// The status shows what the resource asks and what the stream holds.
    fn numbers(&self, sale: &Value, stored: &Stored) -> anyhow::Result<()> {
        let asked = self.items.iter().map(|item| (item.sku.as_str(), item.quantity, item.withheld));
        let mut short = false;
        for (sku, quantity, withheld) in asked {
            let items = sale["status"]["items"].as_array().context("the status has no items")?;
            let told = items.iter().find(|item| item["sku"] == sku).with_context(|| format!("no {sku}"))?;
            let free: u32 = stored.buckets_of(sku).map(|bucket| bucket.free.0).sum();
            let sold = stored.orders.values().filter(|(_, order)| order.sku.as_str() == sku).count();
            let shortfall = u32::try_from(sold)?.saturating_sub(quantity - withheld);
            short |= shortfall > 0;
            let wanted = json!({ "quantity": quantity, "withheld": withheld, "free": free, "sold": sold, "held": 0, "shortfall": shortfall });
            for (field, value) in wanted.as_object().into_iter().flatten() {
                ensure!(told[field] == *value, "{sku} has {wanted}, and the status says {told}");
            }
        }
        is(sale, "SupplyApplied", if short { "False" } else { "True" })
    }

    async fn deleted(&self) -> anyhow::Result<()> {
        let sales = &self.shop.sales;
        if !self.script.last.over {
            // An open sale is not deleted by accident: the chart's rule refuses it.
            let refused = sales.delete(&self.name).await;
            ensure!(
                refused.is_err_and(|error| format!("{error:#}").contains("close it first")),
                "it was deleted while open"
            );
            sales.patch(&self.name, &json!({ "spec": { "desiredState": "Closed" } })).await?;
            self.says("the sale to be over", |sale| ready(sale, &["Draining", "Completed"])).await?;
        }
        sales.delete(&self.name).await?;
        eventually(DONE_WITHIN, "the sale to be gone", async || {
            let left = sales.get(&self.name).await?;
            ensure!(left.is_none(), "{}", left.unwrap_or_default()["status"]);
            Ok(())
        })
        .await?;
        self.shop.gone.lock().unwrap_or_else(PoisonError::into_inner).push(self.id.clone());
        Ok(())
    }
}

/// Waits until a new sale is provisioned and known to every edge; its id.
async fn provisioned(shop: &Shop<'_>, name: &str) -> anyhow::Result<String> {
    let id = eventually(DONE_WITHIN, "the sale to be provisioned", async || {
        let sale = shop.sales.get(name).await?.context("there is no such sale")?;
        is(&sale, "Provisioned", "True")?;
        Ok(sale["status"]["saleID"].as_str().context("it has no id")?.to_owned())
    })
    .await?;
    known(shop.at, &id).await?;
    Ok(id)
}

/// Items as a resource has them.
fn spec(items: &[Item]) -> Value {
    let limits = json!({ "perOrder": 1, "perCustomer": 1 });
    let item = |item: &Item| {
        let Item { sku, quantity, withheld, text } = item;
        json!({ "sku": sku, "quantity": quantity, "withheld": withheld, "displayName": text, "limits": limits })
    };
    items.iter().map(item).collect()
}

fn condition<'v>(sale: &'v Value, kind: &str) -> anyhow::Result<&'v Value> {
    let conditions = sale["status"]["conditions"].as_array().context("no conditions")?;
    conditions.iter().find(|condition| condition["type"] == kind).with_context(|| format!("no condition {kind}"))
}

fn is(sale: &Value, kind: &str, status: &str) -> anyhow::Result<()> {
    let found = condition(sale, kind)?;
    ensure!(found["status"] == status, "{kind} is to be {status}: {found}");
    Ok(())
}

fn ready(sale: &Value, reasons: &[&str]) -> anyhow::Result<()> {
    let found = condition(sale, "Ready")?;
    let reason = found["reason"].as_str().unwrap_or_default();
    ensure!(found["status"] == "True" && reasons.contains(&reason), "Ready is to be one of {reasons:?}: {found}");
    Ok(())
}
