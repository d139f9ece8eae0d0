//! The end of a deleted sale.
//!
//! **What must always hold.** Streams go only after every bucket is closed and the ledger has everything, or somebody said
//! by annotation that it does not matter. A stream that is not the sale's is left alone. The definition is withdrawn
//! before the stream goes, so nobody takes the removal for a loss, and deleted after it, so a rerun knows where it was. What
//! was sold is written into the deed before the stream goes, so a resource of the same name that comes later finds out.

use kube::api::Api;
use kube::runtime::controller::Action;
use kube::{Resource as _, ResourceExt as _};
use protocol::deed::{Deed, Ended};
use protocol::key::{Stream, status_key};
use protocol::sale::{Definition, DesiredState};
use protocol::status::SaleStatus;
use protocol::{Revision, Shard};

use super::look::{latch_of, see};
use super::tenure::{end, give_up, held, read_again};
use super::{Context, LIVE, show};
use crate::apply::{self, write_finalizers};
use crate::error::Error;
use crate::plan::{self, DELETED, FIRST_EPOCH, Plan, Seen, Standing, Step};
use crate::resource::{FINALIZER, FORCE_DELETE, FlashSale};
use crate::status::{self, View};
use crate::wanted::{Latch, Wanted};

/// Stages of closing a sale.
const STAGES_MAX: u32 = 8;
/// How often the name of a resource that is gone is freed.
const GIVE_UPS_MAX: u32 = 3;

pub(super) async fn remove(context: &Context, api: &Api<FlashSale>, mut sale: FlashSale) -> Result<Action, Error> {
    if !sale.finalizers().iter().any(|finalizer| finalizer == FINALIZER) {
        return Ok(Action::await_change());
    }
    for _ in 0..STAGES_MAX {
        // Of a resource without a deed of its own nothing was ever made.
        let Some((deed, at)) = held(context, &sale).await? else { return release(context, api, &sale).await };
        let wanted = Wanted::try_from(&sale).map(|wanted| wanted.held_by(&deed));
        let latch = latch_of(&sale, &deed)?;
        let (seen, store) = see(context, &sale, &deed, wanted.as_ref().ok(), latch.as_ref()).await?;
        let held = Held { deed, at, seen: &seen };
        if latch.is_none() && seen.published.is_none() {
            return remove_unlatched(context, api, &sale, wanted.as_ref().ok(), &held).await;
        }
        if let Some(latch) = &latch
            && (held.deed.ended.is_some() || is_gone(latch, &seen) || is_withdrawn(&seen))
        {
            return remove_latched(context, api, &sale, latch, held).await;
        }
        let wanted = wanted.or_else(|refused| closing(&sale, &held).ok_or(refused));
        match plan::plan(&wanted, latch.as_ref(), &seen, context.now()) {
            Plan::Deposed(newer) => match read_again(context, api, &sale, &held.deed, newer).await? {
                Ok(read) => sale = read,
                Err((_, refused)) => return wait(context, api, &sale, &refused.to_string()).await,
            },
            Plan::Steps(steps) => {
                let (wanted, at) = (wanted.as_ref().ok(), seen.published_at);
                sale = apply::steps(&context.hands, api, sale, wanted, store, at, &steps).await?;
            }
            Plan::Settled(standing) => {
                let Some(definition) = standing.definition else { return Err(Error::Restless) };
                let ledger = context.statuses.get(&status_key(&definition.stream(Shard(0)))).await?;
                let waits = missing(&sale, &definition, &seen, ledger.as_ref().map(|(status, _)| status), context);
                if let Some(waits) = waits {
                    return wait(context, api, &sale, waits).await;
                }
                let withdrawn = Definition { withdrawn: Some(DELETED.to_owned()), ..*definition };
                let step = Step::Publish(Box::new(withdrawn));
                sale = apply::steps(&context.hands, api, sale, None, None, seen.published_at, &[step]).await?;
            }
        }
    }
    Err(Error::Restless)
}

/// A deed, the revision that a change of it has to name, and what is stored about its sale.
struct Held<'a> {
    deed: Deed,
    at: Revision,
    seen: &'a Seen,
}

/// A resource that cannot be read any more is closed as what was published.
fn closing(sale: &FlashSale, held: &Held<'_>) -> Option<Wanted> {
    let mut definition = held.seen.published.clone()?;
    let generation = sale.meta().generation.and_then(|generation| u64::try_from(generation).ok()).unwrap_or_default();
    definition.desired_state = DesiredState::Closed;
    definition.generation.0 = definition.generation.0.max(held.deed.base.0.saturating_add(generation));
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

/// The tombstone is written first: what follows takes away what it is written from.
async fn remove_latched(
    context: &Context,
    api: &Api<FlashSale>,
    sale: &FlashSale,
    latch: &Latch,
    held: Held<'_>,
) -> Result<Action, Error> {
    let Held { mut deed, mut at, seen } = held;
    if deed.ended.is_none() {
        deed.ended = Some(end_of(context, sale, latch, seen).await?);
        at = end(context, sale, &deed, at).await?;
    }
    if !is_gone(latch, seen) {
        let stream = Stream { sale: deed.sale.clone(), epoch: latch.epoch, shard: Shard(0) };
        apply::remove_stream(&context.hands, &stream).await?;
    }
    // What the ledger said of the stream goes with it; a ledger that has not heard yet does not write over a deletion.
    let status = status_key(&Stream { sale: deed.sale.clone(), epoch: latch.epoch, shard: Shard(0) });
    if !matches!(context.statuses.get(&status).await, Ok(None)) {
        context.statuses.delete(&status).await?;
    }
    finish(context, api, sale, &Held { deed, at, seen }).await
}

/// What becomes of a sale that is removed now.
async fn end_of(context: &Context, sale: &FlashSale, latch: &Latch, seen: &Seen) -> Result<Ended, Error> {
    let now = context.now();
    let old = sale.status.as_ref().unwrap_or(&crate::resource::NO_STATUS);
    let readable = seen.published.clone().zip(seen.shelf.as_ref()).filter(|_| !is_gone(latch, seen));
    let Some((definition, shelf)) = readable else { return Ok(status::ended(&old.items, false, now)) };
    let ledger = context.statuses.get(&status_key(&definition.stream(Shard(0)))).await?;
    let certain = plan::all_closed(&definition, shelf);
    let servers = context.servers.borrow().clone();
    let view = View {
        generation: sale.metadata.generation.unwrap_or_default(),
        created: now,
        old,
        standing: &Standing { definition: Some(Box::new(definition)), refused: None, lost: None },
        latch: Some(latch),
        shelf: Some(shelf),
        ledger: ledger.as_ref().map(|(status, _)| status),
        required_sync: crate::resource::RequiredSync::default(),
        servers: &servers,
        now,
    };
    Ok(status::ended(&status::status(&view).items, certain, now))
}

/// Nothing was published: at most a stream without units is there.
async fn remove_unlatched(
    context: &Context,
    api: &Api<FlashSale>,
    sale: &FlashSale,
    wanted: Option<&Wanted>,
    held: &Held<'_>,
) -> Result<Action, Error> {
    let ours = held.seen.shelf.as_ref().is_some_and(|shelf| match &shelf.meta {
        None => shelf.messages == 0,
        Some(meta) => wanted.is_some_and(|wanted| *meta == plan::meta(wanted)),
    });
    if ours {
        let stream = Stream { sale: held.deed.sale.clone(), epoch: FIRST_EPOCH, shard: Shard(0) };
        apply::remove_stream(&context.hands, &stream).await?;
    }
    finish(context, api, sale, held).await
}

/// Forgets the definition, and the name too where nobody has anything that was sold under it.
async fn finish(context: &Context, api: &Api<FlashSale>, sale: &FlashSale, held: &Held<'_>) -> Result<Action, Error> {
    let id = held.deed.sale.as_str();
    // Even where nothing is published: the mark of the deletion is what a replica meets that is about to publish.
    context.hands.sales.delete(id).await?;
    let released = release(context, api, sale).await?;
    // After the release, as whoever comes now may take the name all the same, and is not disturbed.
    if held.at != Revision(0) && held.deed.ended.as_ref().is_none_or(Ended::is_untouched) {
        // Nobody looks again at what is gone, so what NATS did not answer is asked again here. One that was done after all
        // is in the way of the next one, which changes nothing.
        let mut given_up = give_up(context, sale, held.at).await;
        for _ in 1..GIVE_UPS_MAX {
            if matches!(given_up, Err(Error::Nats(_))) {
                given_up = give_up(context, sale, held.at).await;
            }
        }
        given_up?;
    }
    Ok(released)
}

async fn release(context: &Context, api: &Api<FlashSale>, sale: &FlashSale) -> Result<Action, Error> {
    let left: Vec<_> = sale.finalizers().iter().filter(|finalizer| *finalizer != FINALIZER).cloned().collect();
    write_finalizers(api, sale, &left).await?;
    context.forget(sale);
    tracing::info!(sale = %sale.name_any(), "{} is deleted", sale.name_any());
    Ok(Action::await_change())
}
