//! `sluice-operator close --sale`: the emergency stop, which needs NATS and nothing else.
//!
//! **What it is for.** Something is wrong (a price, a leaked link), every second sells more of it, and the API server or the
//! operator is not there to pause the sale. The stop holds every edge, whatever definition it has, until somebody resumes
//! the sale on purpose.
//!
//! **What must always hold.** Once it says that the sale is stopped, no claim is taken any more: every bucket refuses. The
//! definition is stopped first, so that edges say why, then every bucket; then the definition is looked at again, because an
//! operator may have published at the same time. No reconcile clears it: only the annotation [`RESUME`] does.
//!
//! **What it costs.** A write of the definition and one batch per two hundred buckets.

use std::process::ExitCode;

use anyhow::Context as _;
use protocol::SaleId;
use protocol::sale::Definition;
use runtime::jetstream::JetStream;
use runtime::registry::{Table, WriteError};

use crate::args::CloseArgs;
use crate::resource::RESUME;
use crate::stock;

/// Tries of the definition's compare-and-set, and looks at what an operator made of it.
const TRIES_MAX: u32 = 20;

/// Stops a sale, and says so.
#[must_use]
pub fn run(args: &CloseArgs) -> ExitCode {
    let done = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(stop(args)));
    match done {
        Ok(told) => {
            eprintln!("{told}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("sluice-operator: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn stop(args: &CloseArgs) -> anyhow::Result<String> {
    let client = runtime::nats::connect_once(&args.nats, "sluice-operator", "close").await?;
    let sales = Table::<Definition>::new(client.clone(), args.nats.installation.sales_bucket());
    for _ in 0..TRIES_MAX {
        let definition = stop_definition(&sales, &args.sale).await?;
        for identity in &definition.streams {
            let stream = definition.stream(identity.shard);
            let store = JetStream::open(client.clone(), &stream, Some(identity)).await;
            let store = store.with_context(|| format!("stream {}", stream.name()))?;
            stock::stop(&store, true).await.with_context(|| format!("stream {}", stream.name()))?;
        }
        let (after, _) = known(&sales, &args.sale).await?;
        if after.stopped && after.epoch == definition.epoch && after.items.len() == definition.items.len() {
            let Definition { sale, namespace, name, .. } = definition;
            return Ok(format!(
                "{sale} is stopped: no claim is taken any more. To go on: kubectl -n {namespace} annotate flashsale {name} {RESUME}=true"
            ));
        }
    }
    anyhow::bail!("{} is published again and again while it is stopped: try again", args.sale)
}

async fn known(sales: &Table<Definition>, sale: &SaleId) -> anyhow::Result<(Definition, protocol::Revision)> {
    sales.get(sale.as_str()).await?.with_context(|| format!("there is no sale {sale} in this installation"))
}

async fn stop_definition(sales: &Table<Definition>, sale: &SaleId) -> anyhow::Result<Definition> {
    for _ in 0..TRIES_MAX {
        let (mut definition, revision) = known(sales, sale).await?;
        if definition.stopped {
            return Ok(definition);
        }
        definition.stopped = true;
        match sales.update(sale.as_str(), &definition, revision).await {
            Ok(_) => return Ok(definition),
            Err(WriteError::Conflict) => {}
            Err(error @ WriteError::Unavailable(_)) => return Err(error.into()),
        }
    }
    anyhow::bail!("the definition of {sale} changes all the time: try again")
}
