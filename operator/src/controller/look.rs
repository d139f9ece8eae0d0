//! One look at a living sale: observe, plan, do, until nothing is left to do.

use std::time::Duration;

use kube::ResourceExt as _;
use kube::api::Api;
use kube::runtime::controller::Action;
use protocol::Shard;
use protocol::deed::Deed;
use protocol::key::status_key;
use protocol::sale::{Definition, Gate};
use runtime::jetstream::JetStream;

use super::tenure::{Whose, read_again, whose};
use super::{Context, DOUBTFUL, IDLE, LIVE, show};
use crate::apply;
use crate::durability;
use crate::error::Error;
use crate::observe;
use crate::plan::{self, FIRST_EPOCH, Plan, Seen, Standing, Step};
use crate::resource::{FlashSale, RESUME};
use crate::status::{self, View};
use crate::wanted::{Latch, Refused, Wanted};

/// Stages of one look; a sale that is made and filled takes four.
const STAGES_MAX: u32 = 12;
/// How long after a transition it is looked at, so that the look does not come too early by a rounding.
const TRANSITION_MARGIN: Duration = Duration::from_millis(2);

pub(super) async fn look(context: &Context, api: &Api<FlashSale>, mut sale: FlashSale) -> Result<Action, Error> {
    let uid = sale.uid().unwrap_or_default();
    let begun = context.hands.clock.monotonic();
    context.remember(&uid, |memory| {
        memory.seen_first.get_or_insert(begun);
        memory.change.look(&sale, begun);
    });
    let mut there_at = None;
    for _ in 0..STAGES_MAX {
        let deed = match whose(context, api, &mut sale).await? {
            Whose::Ours(deed) => deed,
            Whose::Over(deed) => return over(context, api, &sale, &deed).await,
            Whose::Refused(refused) => return stand_still(context, api, &sale, None, refused).await,
        };
        let wanted = Wanted::try_from(&sale).map(|wanted| wanted.held_by(&deed));
        let latch = latch_of(&sale, &deed)?;
        let (seen, store) = see(context, &sale, &deed, wanted.as_ref().ok(), latch.as_ref()).await?;
        match plan::plan(&wanted, latch.as_ref(), &seen, context.now()) {
            Plan::Deposed(newer) => match read_again(context, api, &sale, &deed, newer).await? {
                Ok(read) => sale = read,
                Err((read, refused)) => {
                    let published = seen.published.clone().map(Box::new);
                    return stand_still(context, api, &read, published, refused).await;
                }
            },
            Plan::Steps(steps) => {
                let first = seen.published.is_none() && steps.iter().any(|step| matches!(step, Step::Publish(_)));
                if first && there_at != Some(seen.published_at) {
                    still_there(api, &sale).await?;
                }
                let latches = steps.iter().any(|step| matches!(step, Step::Latch { .. }));
                let (wanted, at) = (wanted.as_ref().ok(), seen.published_at);
                sale = apply::steps(&context.hands, api, sale, wanted, store, at, &steps).await?;
                // The latch is a write on condition of the resource as it was read, so the sale was there after this place.
                there_at = latches.then_some(seen.published_at).or(there_at);
                if first && let Some(seen_first) = context.memory(&uid).seen_first {
                    let took = context.hands.clock.monotonic() - seen_first;
                    context.metrics.provision_seconds.observe(took.as_secs_f64());
                }
            }
            Plan::Settled(standing) => {
                let now = context.hands.clock.monotonic();
                let mut took = None;
                context.remember(&uid, |memory| took = memory.change.in_force(&sale, now));
                if let Some(took) = took.filter(|_| standing.refused.is_none() && standing.lost.is_none()) {
                    context.metrics.change_seconds.observe(took.as_secs_f64());
                }
                if wanted.as_ref().is_ok_and(|wanted| wanted.resume) {
                    // Done, and a stop that comes from now on is another one.
                    sale = apply::forget_annotation(api, &sale, RESUME).await?;
                }
                return settled(context, api, &sale, wanted.as_ref().ok(), latch.as_ref(), &seen, &standing).await;
            }
        }
    }
    Err(Error::Restless)
}

/// Asks the API server, after the place of the definition was found empty: what a replica finds that has slept through the
/// end of a sale looks like a sale that is about to begin. A removal that ends later leaves a mark in that place, so that
/// nothing is published over it.
async fn still_there(api: &Api<FlashSale>, sale: &FlashSale) -> Result<(), Error> {
    let found = api.get_opt(&sale.name_any()).await?;
    if found.is_some_and(|found| found.uid() == sale.uid()) { Ok(()) } else { Err(Error::Changed) }
}

/// A resource that only stands for a sale that is over.
async fn over(context: &Context, api: &Api<FlashSale>, sale: &FlashSale, deed: &Deed) -> Result<Action, Error> {
    let old = sale.status.as_ref().unwrap_or(&crate::resource::NO_STATUS);
    let new = status::over(old, deed, sale.metadata.generation.unwrap_or_default(), context.now());
    let due = show(context, api, sale, &new).await?;
    Ok(Action::requeue(due.unwrap_or_else(|| IDLE.random_pause(1))))
}

/// A resource that may not do anything, whatever it asks for.
async fn stand_still(
    context: &Context,
    api: &Api<FlashSale>,
    sale: &FlashSale,
    definition: Option<Box<Definition>>,
    refused: Refused,
) -> Result<Action, Error> {
    let standing = Standing { definition, refused: Some(refused), lost: None };
    settled(context, api, sale, None, None, &Seen::default(), &standing).await
}

/// What is provisioned of the sale that the deed names; a status that speaks of another sale says nothing about it.
pub(super) fn latch_of(sale: &FlashSale, deed: &Deed) -> Result<Option<Latch>, Error> {
    let known = sale.status.as_ref().filter(|status| status.sale_id.as_deref() == Some(deed.sale.as_str()));
    Latch::of(known).map_err(|Refused { field, why }| Error::Unreadable(format!("{field} {why}")))
}

/// Everything that is stored about the sale.
pub(super) async fn see(
    context: &Context,
    sale: &FlashSale,
    deed: &Deed,
    wanted: Option<&Wanted>,
    latch: Option<&Latch>,
) -> Result<(Seen, Option<JetStream>), Error> {
    let uid = sale.uid().unwrap_or_default();
    let (published, published_at) = context.hands.sales.find(deed.sale.as_str()).await?;
    if wanted.is_none() && latch.is_none() {
        return Ok((Seen { published, published_at, shelf: None }, None));
    }
    let epoch = latch.map_or(FIRST_EPOCH, |latch| latch.epoch);
    let stream = protocol::key::Stream { sale: deed.sale.clone(), epoch, shard: Shard(0) };
    let expected: Vec<_> = latch.iter().flat_map(|latch| latch.buckets.keys().cloned()).collect();
    let mut records = context.memory(&uid).records;
    let found = observe::shelf(&context.hands.client, &stream, &expected, &mut records).await?;
    let ours = |created| latch.is_some_and(|latch| latch.streams.iter().any(|s| s.created == created));
    // Records of another life must not be taken for this one's.
    let kept = found.as_ref().filter(|(_, shelf)| ours(shelf.identity.created)).map(|_| records).unwrap_or_default();
    context.remember(&uid, |memory| memory.records = kept);
    let (store, shelf) = found.unzip();
    Ok((Seen { published, published_at, shelf }, store))
}

async fn settled(
    context: &Context,
    api: &Api<FlashSale>,
    sale: &FlashSale,
    wanted: Option<&Wanted>,
    latch: Option<&Latch>,
    seen: &Seen,
    standing: &Standing,
) -> Result<Action, Error> {
    let definition = standing.definition.as_deref();
    let ledger = match definition {
        Some(definition) => context.statuses.get(&status_key(&definition.stream(Shard(0)))).await?,
        None => None,
    };
    let now = context.now();
    let servers = context.servers.borrow().clone();
    let view = View {
        generation: sale.metadata.generation.unwrap_or_default(),
        created: sale.creation_timestamp().map_or(now, |time| time.0),
        old: sale.status.as_ref().unwrap_or(&crate::resource::NO_STATUS),
        standing,
        latch,
        shelf: seen.shelf.as_ref(),
        ledger: ledger.as_ref().map(|(status, _)| status),
        required_sync: wanted.map(|wanted| wanted.required_sync).unwrap_or_default(),
        servers: &servers,
        now,
    };
    let new = status::status(&view);
    let due = show(context, api, sale, &new).await?;
    let live = definition.is_some_and(|definition| match definition.gate(now) {
        Gate::Open | Gate::Paused => true,
        Gate::Closed => status::find(&new, status::Kind::Completed).is_none_or(|c| c.status != "True"),
        Gate::NotOpenYet | Gate::Withdrawn => false,
    });
    let doubtful =
        || status::find(&new, status::Kind::Durable).is_some_and(|durable| durability::may_pass(&durable.reason));
    let position = seen.shelf.as_ref().map(|shelf| shelf.position).unwrap_or_default();
    let quiet = context.quiet_looks(&sale.uid().unwrap_or_default(), position, *view.old == new);
    let regular = match live {
        true => LIVE.random_pause(quiet.saturating_add(1)),
        false if doubtful() => DOUBTFUL.random_pause(1),
        false => IDLE.random_pause(1),
    };
    let transition = definition
        .and_then(|definition| definition.next_transition(now))
        .map(|at| Duration::try_from(at.duration_since(now)).unwrap_or_default().saturating_add(TRANSITION_MARGIN));
    let next = [Some(regular), due, transition].into_iter().flatten().min().unwrap_or(regular);
    let at = context.hands.clock.monotonic() + next;
    context.remember_unless_gone(sale, |memory| memory.due = Some(at));
    Ok(Action::requeue(next))
}
