//! The end of a deleted sale.
//!
//! **What must always hold.** Streams go only after every bucket is closed and the ledger has everything, or somebody said
//! by annotation that it does not matter. A stream that is not the sale's is left alone. The definition is withdrawn
//! before the stream goes, so nobody takes the removal for a loss, and deleted after it, so a rerun knows where it was.

use kube::api::Api;
use kube::runtime::controller::Action;
use kube::{Resource as _, ResourceExt as _};
use protocol::Shard;
use protocol::key::{Stream, status_key};
use protocol::sale::{Definition, DesiredState};
use protocol::status::SaleStatus;

use super::look::{latch_of, see};
use super::{Context, LIVE, show};
use crate::apply::{self, write_finalizers};
use crate::error::Error;
use crate::plan::{self, DELETED, FIRST_EPOCH, Plan, Seen, Step, Stop};
use crate::resource::{FINALIZER, FORCE_DELETE, FlashSale};
use crate::status;
use crate::wanted::{Latch, Wanted};

/// Stages of closing a sale.
const STAGES_MAX: u32 = 8;

pub(super) async fn remove(context: &Context, api: &Api<FlashSale>, mut sale: FlashSale) -> Result<Action, Error> {
    if !sale.finalizers().iter().any(|finalizer| finalizer == FINALIZER) {
        return Ok(Action::await_change());
    }
    for _ in 0..STAGES_MAX {
        let wanted = Wanted::try_from(&sale);
        let latch = latch_of(&sale)?;
        let (seen, store) = see(context, &sale, wanted.as_ref().ok(), latch.as_ref()).await?;
        let Some(latch) = latch else {
            return remove_unlatched(context, api, &sale, wanted.as_ref().ok(), &seen).await;
        };
        if is_gone(&latch, &seen) || is_withdrawn(&seen) {
            return remove_latched(context, api, &sale, &latch, &seen).await;
        }
        let wanted = wanted.or_else(|refused| closing(&sale, &seen).ok_or(refused));
        match plan::plan(&wanted, Some(&latch), &seen, context.now()) {
            Plan::Deposed(newer) => return Err(Error::Deposed(newer)),
            Plan::Steps(steps) => {
                sale = apply::steps(&context.hands, api, sale, wanted.as_ref().ok(), store, &steps).await?;
            }
            Plan::Settled(standing) => {
                let Some(definition) = standing.definition else {
                    return remove_latched(context, api, &sale, &latch, &seen).await;
                };
                let ledger = context.statuses.get(&status_key(&definition.stream(Shard(0)))).await?;
                let waits = missing(&sale, &definition, &seen, ledger.as_ref().map(|(status, _)| status), context);
                if let Some(waits) = waits {
                    return wait(context, api, &sale, waits).await;
                }
                let withdrawn = Definition { withdrawn: Some(DELETED.to_owned()), ..*definition };
                let step = Step::Publish(Box::new(withdrawn), Stop::Kept);
                sale = apply::steps(&context.hands, api, sale, None, None, &[step]).await?;
            }
        }
    }
    Err(Error::Restless)
}

/// A resource that cannot be read any more is closed as what was published.
fn closing(sale: &FlashSale, seen: &Seen) -> Option<Wanted> {
    let mut definition = seen.published.clone()?;
    let generation = sale.meta().generation.and_then(|generation| u64::try_from(generation).ok()).unwrap_or_default();
    definition.desired_state = DesiredState::Closed;
    definition.generation.0 = definition.generation.0.max(generation);
    let shards = definition.shards();
    let required_sync = crate::resource::RequiredSync::default();
    Some(Wanted {
        definition,
        replicas: None,
        required_sync,
        shards,
        buckets_per_item: 1,
        deleting: true,
        force: false,
        resume: false,
    })
}

fn is_gone(latch: &Latch, seen: &Seen) -> bool {
    let found = seen.shelf.as_ref().map(|shelf| shelf.identity.created);
    found.is_none() || found != latch.streams.first().map(|identity| identity.created)
}

fn is_withdrawn(seen: &Seen) -> bool {
    seen.published.as_ref().is_some_and(|published| published.withdrawn.as_deref() == Some(DELETED))
}

/// What the removal still has to wait for.
fn missing(
    sale: &FlashSale,
    definition: &Definition,
    seen: &Seen,
    ledger: Option<&SaleStatus>,
    context: &Context,
) -> Option<&'static str> {
    if sale.annotations().get(FORCE_DELETE).is_some_and(|value| value == "true") {
        return None;
    }
    let shelf = seen.shelf.as_ref()?;
    let opened = sale.status.as_ref().is_some_and(|status| status.opened_at.is_some());
    let untouched = shelf.items.values().all(|stock| stock.free() == stock.supply());
    if !opened && untouched && context.now() < definition.start && plan::all_closed(definition, shelf) {
        // Nobody could ever claim, so the ledger has nothing to learn.
        return None;
    }
    status::open_end(definition, shelf, ledger)
}

async fn wait(context: &Context, api: &Api<FlashSale>, sale: &FlashSale, why: &str) -> Result<Action, Error> {
    let mut new = sale.status.clone().unwrap_or_default();
    let known = status::Known {
        status: "True",
        reason: "Draining".to_owned(),
        message: format!("deletion waits: {why} (annotation {FORCE_DELETE}: \"true\" does not wait)"),
    };
    let generation = sale.meta().generation.unwrap_or_default();
    status::set(&mut new.conditions, status::Kind::Ready, known, generation, context.now());
    let due = show(context, api, sale, &new).await?;
    let regular = LIVE.random_pause(1);
    Ok(Action::requeue(due.unwrap_or(regular).min(regular)))
}

async fn remove_latched(
    context: &Context,
    api: &Api<FlashSale>,
    sale: &FlashSale,
    latch: &Latch,
    seen: &Seen,
) -> Result<Action, Error> {
    let id = sale_id(sale)?;
    if !is_gone(latch, seen) {
        let stream = Stream { sale: id.clone(), epoch: latch.epoch, shard: Shard(0) };
        apply::remove_stream(&context.hands, &stream).await?;
    }
    finish(context, api, sale, &id).await
}

/// Nothing was published: at most a stream without units is there.
async fn remove_unlatched(
    context: &Context,
    api: &Api<FlashSale>,
    sale: &FlashSale,
    wanted: Option<&Wanted>,
    seen: &Seen,
) -> Result<Action, Error> {
    let Ok(id) = sale_id(sale) else { return release(context, api, sale).await };
    let ours = seen.shelf.as_ref().is_some_and(|shelf| match &shelf.meta {
        None => shelf.messages == 0,
        Some(meta) => wanted.is_some_and(|wanted| *meta == plan::meta(wanted)),
    });
    if ours {
        apply::remove_stream(&context.hands, &Stream { sale: id.clone(), epoch: FIRST_EPOCH, shard: Shard(0) }).await?;
    }
    finish(context, api, sale, &id).await
}

fn sale_id(sale: &FlashSale) -> Result<protocol::SaleId, Error> {
    let id = protocol::SaleId::of_resource(&sale.name_any(), &sale.uid().unwrap_or_default());
    id.map_err(|error| Error::Unreadable(error.to_string()))
}

async fn finish(
    context: &Context,
    api: &Api<FlashSale>,
    sale: &FlashSale,
    id: &protocol::SaleId,
) -> Result<Action, Error> {
    if context.hands.sales.get(id.as_str()).await?.is_some() {
        context.hands.sales.delete(id.as_str()).await?;
    }
    release(context, api, sale).await
}

async fn release(context: &Context, api: &Api<FlashSale>, sale: &FlashSale) -> Result<Action, Error> {
    let left: Vec<_> = sale.finalizers().iter().filter(|finalizer| *finalizer != FINALIZER).cloned().collect();
    write_finalizers(api, sale, &left).await?;
    context.forget(&sale.uid().unwrap_or_default());
    tracing::info!(sale = %sale.name_any(), "{} is deleted", sale.name_any());
    Ok(Action::await_change())
}
