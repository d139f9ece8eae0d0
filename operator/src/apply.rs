//! Doing the steps of a plan: the rim.
//!
//! **What must always hold.** Each step may be repeated, and the process may end between any two, or in the middle of one.
//! Everything written to Kubernetes names the version of the resource that it was decided from, so whoever decided from
//! an older one is told so.

use std::collections::BTreeMap;
use std::time::Duration;

use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};
use kube::api::{Api, Patch, PatchParams};
use kube::{Resource as _, ResourceExt as _};
use protocol::deed::Deed;
use protocol::key::Stream;
use protocol::sale::{Definition, StreamIdentity};
use protocol::store::{Unavailable, Write};
use protocol::supply::Target;
use protocol::{Revision, Shard, Sku};
use runtime::clock::Clock;
use runtime::jetstream::{JetStream, context, stream_info};
use runtime::registry::Table;
use runtime::trace::Tracer;
use serde_json::json;

use crate::args::Storage;
use crate::error::Error;
use crate::plan::{FIRST_EPOCH, Step};
use crate::resource::{FIELD_MANAGER, FlashSale, FlashSaleStatus};
use crate::status;
use crate::stock;
use crate::wanted::{Latch, Wanted};

/// How long making a stream is waited for: three replicas elect a leader first.
const CREATE_TIMEOUT: Duration = Duration::from_secs(10);
/// JetStream's code for "stream name already in use".
const STREAM_NAME_EXISTS: u64 = 10_058;

/// Where the steps are done.
#[derive(Clone)]
pub struct Hands {
    /// NATS.
    pub client: async_nats::Client,
    /// Definitions.
    pub sales: Table<Definition>,
    /// Whose they are.
    pub deeds: Table<Deed>,
    /// What time it is.
    pub clock: Clock,
    /// Copies of every message, unless the sale says so.
    pub default_replicas: u8,
    /// Where streams are kept.
    pub storage: Storage,
    /// Told of looks that are traced; what they write belongs to them.
    pub tracer: Tracer,
}

/// Does the steps in order. Returns the resource as it is after them. `published_at` is the revision of what was published
/// when they were planned.
///
/// # Errors
/// The first step's that could not be done; the steps before it are done.
pub async fn steps(
    hands: &Hands,
    api: &Api<FlashSale>,
    mut sale: FlashSale,
    wanted: Option<&Wanted>,
    store: Option<JetStream>,
    published_at: Revision,
    steps: &[Step],
) -> Result<FlashSale, Error> {
    let mut store = store;
    // Neighbours that may be one write are one: each write may cost a sync of every server's disk.
    for together in steps.chunk_by(|one, next| (is_seed(one) && is_seed(next)) || (is_supply(one) && is_supply(next))) {
        let [step, ..] = together else { continue };
        if let Step::Publish(definition) = step {
            hands.sales.update(definition.sale.as_str(), definition, published_at).await?;
            continue;
        }
        if let (Step::CreateStream, Some(wanted)) = (step, wanted) {
            create_stream(hands, wanted).await?;
            continue;
        }
        if store.is_none()
            && let Some(wanted) = wanted
        {
            store = Some(JetStream::open(hands.client.clone(), &wanted.stream(FIRST_EPOCH, Shard(0)), None).await?);
        }
        let Some(store) = &store else { return Err(Error::Changed) };
        match step {
            Step::SeedMeta(_) | Step::SeedBuckets { .. } => {
                stock::seed(store, together.iter().map(seed).collect()).await?
            }
            Step::Stamp { definition, closed } => stock::stamp(store, definition, *closed).await?,
            Step::Supply { .. } => {
                stock::supply_all(store, &together.iter().filter_map(target).collect::<Vec<_>>()).await?
            }
            Step::Latch { streams, buckets } => {
                let Some(wanted) = wanted else { return Err(Error::Changed) };
                sale = latch(hands, api, &sale, wanted, streams.clone(), buckets.clone()).await?;
            }
            Step::Resume => stock::stop(store, false).await?,
            Step::CreateStream | Step::Publish(..) => {}
        }
    }
    Ok(sale)
}

fn is_seed(step: &Step) -> bool {
    matches!(step, Step::SeedMeta(_) | Step::SeedBuckets { .. })
}

fn is_supply(step: &Step) -> bool {
    matches!(step, Step::Supply { .. })
}

fn seed(step: &Step) -> Vec<Write> {
    match step {
        Step::SeedMeta(meta) => stock::meta_seed(meta),
        Step::SeedBuckets { sku, buckets, generation } => stock::bucket_seeds(sku, *buckets, *generation),
        _ => Vec::new(),
    }
}

fn target(step: &Step) -> Option<(Sku, Target)> {
    match step {
        Step::Supply { sku, target } => Some((sku.clone(), *target)),
        _ => None,
    }
}

/// Makes the stream of the first shard. One that is there is left as it is: the next look judges whose it is.
async fn create_stream(hands: &Hands, wanted: &Wanted) -> Result<(), Error> {
    let stream = wanted.stream(FIRST_EPOCH, Shard(0));
    let mut context = context(&hands.client);
    context.set_timeout(CREATE_TIMEOUT);
    let replicas = wanted.replicas.unwrap_or(hands.default_replicas);
    match context.create_stream(config(&stream, replicas, hands.storage, first_sequence(&hands.clock))).await {
        Ok(_) => Ok(()),
        Err(error) => {
            use async_nats::jetstream::context::CreateStreamErrorKind as Kind;
            match error.kind() {
                Kind::JetStream(refused) if refused.error_code().0 == STREAM_NAME_EXISTS => Ok(()),
                Kind::JetStream(refused) if refused.code() == 503 => Err(Error::Nats(refused.to_string())),
                Kind::JetStream(refused) => {
                    Err(Error::NatsRefuses(format!("stream {} with {replicas} replicas: {refused}", stream.name())))
                }
                _ => Err(Error::Nats(format!("stream {}: {error}", stream.name()))),
            }
        }
    }
}

/// Microseconds since 1970: no two lives of a stream share it, and it stays below 2^53.
fn first_sequence(clock: &Clock) -> u64 {
    u64::try_from(clock.now().as_microsecond()).unwrap_or(1)
}

/// A shard's stream.
#[must_use]
pub fn config(stream: &Stream, replicas: u8, storage: Storage, first_sequence: u64) -> Config {
    Config {
        name: stream.name(),
        subjects: vec![format!("{}>", stream.prefix())],
        description: Some("Stock and orders of a flash sale. Written by Sluice only.".to_owned()),
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::New,
        max_messages_per_subject: 1,
        storage: match storage {
            Storage::File => StorageType::File,
            Storage::Memory => StorageType::Memory,
        },
        num_replicas: usize::from(replicas),
        allow_direct: true,
        allow_atomic_publish: true,
        deny_delete: true,
        deny_purge: true,
        first_sequence: Some(first_sequence),
        ..Config::default()
    }
}

/// Writes what is provisioned into the status, by compare-and-set.
async fn latch(
    hands: &Hands,
    api: &Api<FlashSale>,
    sale: &FlashSale,
    wanted: &Wanted,
    streams: Option<Vec<StreamIdentity>>,
    buckets: BTreeMap<Sku, u16>,
) -> Result<FlashSale, Error> {
    let id = wanted.definition.sale.as_str();
    // What the status says of another sale is not this one's.
    let old = sale.status.clone().filter(|status| status.sale_id.as_deref().is_none_or(|known| known == id));
    let old = old.unwrap_or_default();
    let latch = match Latch::of(Some(&old)).map_err(|refused| Error::Unreadable(refused.to_string()))? {
        Some(latch) => Latch { buckets, ..latch },
        None => {
            let name = wanted.stream(FIRST_EPOCH, Shard(0)).name();
            let info = stream_info(&hands.client, &name).await?;
            let replicas = info.as_ref().map(|info| info.config.num_replicas.max(1));
            let replicas = replicas.or(wanted.replicas).unwrap_or(hands.default_replicas);
            let found = || {
                let info = info.as_ref().ok_or_else(|| Unavailable(format!("stream {name} has vanished")))?;
                let first_seq = info.config.first_seq;
                Ok::<_, Error>(vec![StreamIdentity { shard: Shard(0), created: info.created, first_seq }])
            };
            let streams = streams.map_or_else(found, Ok)?;
            Latch { epoch: FIRST_EPOCH, streams, replicas, buckets, completed: false }
        }
    };
    let status = status::latched(&old, &wanted.published_as(&latch), &latch, wanted.required_sync);
    write_status(api, sale, &status).await
}

/// Writes the status if the resource is still the one that was read; returns it as it is then.
///
/// # Errors
/// [`Error::Changed`] when it is not.
pub async fn write_status(
    api: &Api<FlashSale>,
    sale: &FlashSale,
    status: &FlashSaleStatus,
) -> Result<FlashSale, Error> {
    let name = sale.name_any();
    let patch = json!({
        "apiVersion": FlashSale::api_version(&()),
        "kind": FlashSale::kind(&()),
        "metadata": { "name": name, "uid": sale.uid(), "resourceVersion": sale.resource_version() },
        "status": status,
    });
    let params = PatchParams::apply(FIELD_MANAGER).force();
    Ok(api.patch_status(&name, &params, &Patch::Apply(patch)).await?)
}

/// Adds or removes the finalizer, if the resource is still the one that was read.
///
/// # Errors
/// [`Error::Changed`] when it is not.
pub async fn write_finalizers(
    api: &Api<FlashSale>,
    sale: &FlashSale,
    finalizers: &[String],
) -> Result<FlashSale, Error> {
    let patch = json!({
        "metadata": { "uid": sale.uid(), "resourceVersion": sale.resource_version(), "finalizers": finalizers },
    });
    Ok(api.patch(&sale.name_any(), &PatchParams::default(), &Patch::Merge(patch)).await?)
}

/// Takes an annotation away, if the resource is still the one that was read.
///
/// # Errors
/// [`Error::Changed`] when it is not.
pub async fn forget_annotation(api: &Api<FlashSale>, sale: &FlashSale, annotation: &str) -> Result<FlashSale, Error> {
    let patch = json!({
        "metadata": {
            "uid": sale.uid(),
            "resourceVersion": sale.resource_version(),
            "annotations": { annotation: null },
        },
    });
    Ok(api.patch(&sale.name_any(), &PatchParams::default(), &Patch::Merge(patch)).await?)
}

/// Removes a stream; one that is gone is fine.
///
/// # Errors
/// When it is not known to be gone.
pub async fn remove_stream(hands: &Hands, stream: &Stream) -> Result<(), Error> {
    let name = stream.name();
    match context(&hands.client).delete_stream(&name).await {
        Ok(_) => Ok(()),
        Err(error) => match stream_info(&hands.client, &name).await? {
            None => Ok(()),
            Some(_) => Err(Error::Nats(format!("stream {name} cannot be removed: {error}"))),
        },
    }
}
