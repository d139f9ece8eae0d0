//! Finding out, before anything else, whether a resource may touch the stock of its name.
//!
//! **What must always hold.** A deed is taken only for a resource that the API server has at that moment, so that a watch
//! that lags makes no sale of a resource that is gone.

use kube::ResourceExt as _;
use kube::api::Api;
use protocol::deed::Deed;
use protocol::key::deed_key;
use protocol::{Generation, Revision, SaleId};

use super::look::{latch_of, see};
use super::{Context, lock};
use crate::deed::{self, Candidate, Tenure};
use crate::error::Error;
use crate::plan;
use crate::resource::{ADOPT, FlashSale, START_OVER};
use crate::wanted::{Refused, Wanted};

/// What the resource may do.
pub(super) enum Whose {
    /// Sell, as the deed says.
    Ours(Deed),
    /// Stand for a sale that is over.
    Over(Deed),
    /// Nothing.
    Refused(Refused),
}

/// Asks the deed of the resource's name, and takes it where that is right. The resource may be read anew.
pub(super) async fn whose(context: &Context, api: &Api<FlashSale>, sale: &mut FlashSale) -> Result<Whose, Error> {
    let (uid, own) = match identity(sale) {
        Ok(identity) => identity,
        Err(refused) => return Ok(Whose::Refused(refused)),
    };
    let (found, revision) = find(context, sale).await?;
    let tenure = deed::tenure(&candidate(sale, &uid, &own), found.as_ref());
    let whose = match tenure {
        Tenure::Ours(deed) => Whose::Ours(deed),
        Tenure::Over(deed) => Whose::Over(deed),
        Tenure::Refused(refused) => Whose::Refused(refused),
        Tenure::Take(mut deed) => {
            let known = latch_of(sale, &deed)?.is_some();
            if found.is_none() && !known && Wanted::try_from(&*sale).is_err() {
                // Nothing is made of it as it is, so there is nothing to take a name for.
                return Ok(Whose::Ours(deed));
            }
            if sale.status.as_ref().is_some_and(|status| status.storage.is_some()) {
                // One without a latch was read from the API server already.
                *sale = living(api, sale).await?;
            }
            if deed.ended.is_none() && found.is_some_and(|found| found.ended.is_none()) {
                deed.base = newest(context, sale, &deed).await?;
            }
            take(context, sale, &deed, revision).await?;
            if deed.ended.is_some() { Whose::Over(deed) } else { Whose::Ours(deed) }
        }
    };
    if let Whose::Ours(deed) | Whose::Over(deed) = &whose {
        let name = (sale.namespace().unwrap_or_default(), sale.name_any());
        lock(&context.names).insert(deed.sale.clone(), name);
    }
    Ok(whose)
}

/// The resource's uid, and the id of a sale that it begins.
fn identity(sale: &FlashSale) -> Result<(String, SaleId), Refused> {
    let uid = sale.uid().unwrap_or_default();
    let id = SaleId::of_resource(&sale.name_any(), &uid);
    id.map(|id| (uid, id)).map_err(|error| Refused::new("metadata.name", error.to_string()))
}

fn candidate<'a>(sale: &'a FlashSale, uid: &'a str, own: &'a SaleId) -> Candidate<'a> {
    let says = |annotation| sale.annotations().get(annotation).map(String::as_str);
    let noted = sale.status.as_ref().and_then(|status| status.sale_id.as_deref());
    Candidate { uid, own, noted, adopt: says(ADOPT), start_over: says(START_OVER) }
}

fn key(sale: &FlashSale) -> String {
    deed_key(&sale.namespace().unwrap_or_default(), &sale.name_any())
}

/// The deed of the resource's name, and the revision that a change of it has to name.
pub(super) async fn find(context: &Context, sale: &FlashSale) -> Result<(Option<Deed>, Revision), Error> {
    Ok(context.hands.deeds.find(&key(sale)).await?)
}

/// The deed that a resource which is being deleted has to bring to its end; `None` when it has none.
pub(super) async fn held(context: &Context, sale: &FlashSale) -> Result<Option<(Deed, Revision)>, Error> {
    let Ok((uid, own)) = identity(sale) else { return Ok(None) };
    Ok(match find(context, sale).await? {
        (Some(deed), revision) => (deed.owner == uid).then_some((deed, revision)),
        // Of a release that wrote none, or refused before it had one.
        (None, revision) => Some((candidate(sale, &uid, &own).first(), revision)),
    })
}

/// Writes a deed in place of what was found.
pub(super) async fn take(context: &Context, sale: &FlashSale, deed: &Deed, found: Revision) -> Result<(), Error> {
    context.hands.deeds.update(&key(sale), deed, found).await?;
    tracing::info!(sale = %sale.name_any(), "{} is sold under the name {}", deed.sale, key(sale));
    Ok(())
}

/// Writes the end of a sale into its deed.
pub(super) async fn end(context: &Context, sale: &FlashSale, deed: &Deed, found: Revision) -> Result<Revision, Error> {
    Ok(context.hands.deeds.update(&key(sale), deed, found).await?)
}

/// Frees the name.
pub(super) async fn give_up(context: &Context, sale: &FlashSale, found: Revision) -> Result<(), Error> {
    Ok(context.hands.deeds.delete_at(&key(sale), found).await?)
}

/// The resource as the API server has it now, unless it is gone, replaced or on its way out.
async fn living(api: &Api<FlashSale>, sale: &FlashSale) -> Result<FlashSale, Error> {
    let now = api.get(&sale.name_any()).await?;
    if now.metadata.uid != sale.metadata.uid || now.metadata.deletion_timestamp.is_some() {
        return Err(Error::Changed);
    }
    Ok(now)
}

/// The newest generation that anything stored about the sale knows.
async fn newest(context: &Context, sale: &FlashSale, deed: &Deed) -> Result<Generation, Error> {
    let wanted = Wanted::try_from(sale).map(|wanted| wanted.held_by(deed)).ok();
    let (seen, _) = see(context, sale, deed, wanted.as_ref(), None).await?;
    Ok(plan::newest_generation(&seen).unwrap_or_default())
}

/// Somebody has put a newer generation in force than the one that was read: the resource as the API server has it. Where
/// that is no newer either, the resource was restored from a backup, and counts only once a person has said so. Who
/// deletes it has: a deletion closes the sale, and sells nothing.
pub(super) async fn read_again(
    context: &Context,
    api: &Api<FlashSale>,
    sale: &FlashSale,
    deed: &Deed,
    newer: Generation,
) -> Result<Result<FlashSale, (FlashSale, Refused)>, Error> {
    let now = api.get(&sale.name_any()).await?;
    let deleting = now.metadata.deletion_timestamp.is_some();
    if now.metadata.uid != sale.metadata.uid || deleting != sale.metadata.deletion_timestamp.is_some() {
        return Err(Error::Changed);
    }
    let asked = now.metadata.generation.and_then(|generation| u64::try_from(generation).ok()).unwrap_or_default();
    if deed.base.0.saturating_add(asked) >= newer.0 {
        return Ok(Ok(now));
    }
    let (uid, own) = identity(&now).map_err(|refused| Error::Unreadable(refused.to_string()))?;
    if !deleting && !deed::may_go_back(&candidate(&now, &uid, &own), deed) {
        return Ok(Err((now, deed::gone_back(deed, newer))));
    }
    let (found, revision) = find(context, &now).await?;
    if found.as_ref() != Some(deed) {
        return Err(Error::Changed);
    }
    take(context, &now, &Deed { base: newer, ..deed.clone() }, revision).await?;
    Ok(Ok(now))
}
