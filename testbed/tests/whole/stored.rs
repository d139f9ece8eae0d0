//! All that a sale's stream holds, read from its beginning, and what must be true of it.

use std::collections::BTreeMap;

use anyhow::{Context as _, ensure};
use protocol::bucket::Bucket;
use protocol::conservation::Sums;
use protocol::key::{Key, Keys};
use protocol::order::Order;
use protocol::sale::{Definition, Item};
use protocol::store::{Feed as _, From, Store as _};
use protocol::supply::Supply;
use protocol::wire::Value as _;
use protocol::{OrderId, Revision, Shard, Sku};
use runtime::jetstream::JetStream;
use runtime::registry::Table;
use testbed::installation::Installation;

/// What the stream holds.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    /// What the sale is published as.
    pub(crate) definition: Definition,
    /// Buckets by item.
    pub(crate) buckets: BTreeMap<Sku, Vec<Bucket>>,
    /// Supply records by item and number.
    pub(crate) supplies: BTreeMap<Sku, BTreeMap<u32, Supply>>,
    /// Orders by id, with the position at which each was written.
    pub(crate) orders: BTreeMap<String, (Revision, Order)>,
    /// The last position.
    pub(crate) position: Revision,
}

/// The table of sales of an installation.
pub(crate) async fn sales(at: &Installation) -> anyhow::Result<(async_nats::Client, Table<Definition>)> {
    let client = async_nats::connect(&at.access().nats).await?;
    let installation = protocol::key::Installation::parse(&at.access().namespace).map_err(anyhow::Error::msg)?;
    Ok((client.clone(), Table::new(client, installation.sales_bucket())))
}

/// Reads a sale's stream from its beginning to where it ends now.
pub(crate) async fn read(at: &Installation, sale_id: &str) -> anyhow::Result<Stored> {
    let (client, table) = sales(at).await?;
    let (definition, _) = table.get(sale_id).await?.context("the sale is not published")?;
    let identity = definition.streams.first().context("a sale has a stream")?;
    let store = JetStream::open(client, &definition.stream(Shard(0)), Some(identity)).await?;
    let position = store.position().await?;
    let mut stored =
        Stored { definition, buckets: BTreeMap::new(), supplies: BTreeMap::new(), orders: BTreeMap::new(), position };
    let mut feed = store.follow(&Keys::All, From::After(Revision(0))).await?;
    loop {
        let entry = feed.next().await?;
        match entry.key {
            Some(Key::Bucket(sku, _)) => stored.buckets.entry(sku).or_default().push(Bucket::decode(&entry.value)?),
            Some(Key::Supply(sku, number)) => {
                stored.supplies.entry(sku).or_default().insert(number, Supply::decode(&entry.value)?);
            }
            Some(Key::Order(customer, _)) => {
                let order = Order::decode(&entry.value)?;
                let id = OrderId::derive(&stored.definition.uid, &customer, &order.key).to_string();
                stored.orders.insert(id, (entry.revision, order));
            }
            Some(Key::Meta) | None => {}
        }
        if entry.revision >= position {
            return Ok(stored);
        }
    }
}

impl Stored {
    /// Every unit was supplied by a record, once; none is anywhere else (I1, I4); the supply is what the definition asks for,
    /// unless units that it does not want any more are sold.
    pub(crate) fn conserved(&self) -> anyhow::Result<()> {
        for item in &self.definition.items {
            self.item_conserved(item).with_context(|| format!("item {}", item.sku))?;
        }
        Ok(())
    }

    /// The buckets of an item.
    pub(crate) fn buckets_of<'s>(&'s self, sku: &'s str) -> impl Iterator<Item = &'s Bucket> {
        self.buckets.iter().filter(move |(of, _)| of.as_str() == sku).flat_map(|(_, buckets)| buckets)
    }

    fn item_conserved(&self, item: &Item) -> anyhow::Result<()> {
        let mut sums = Sums::default();
        let records = self.supplies.get(&item.sku).context("no supply record")?;
        let mut generation = records.values().next().map(|record| record.generation);
        for ((number, record), expected) in records.iter().zip(1..) {
            ensure!(*number == expected, "supply record {expected} is missing");
            ensure!(
                Some(record.generation) >= generation,
                "record {number} is of an older definition than the one before"
            );
            generation = Some(record.generation);
            sums.add_supply(record);
            ensure!(sums.supply == i64::from(record.total.0), "record {number} does not add up: {record:?}");
        }
        let last = records.values().next_back().context("no supply record")?;
        ensure!(last.generation == self.definition.generation, "the supply is of another definition: {last:?}");
        let asked = (last.quantity, last.withheld);
        ensure!(asked == (item.quantity, item.withheld), "{asked:?} was asked for, not what {item:?} says");
        let buckets = self.buckets.get(&item.sku).context("no bucket")?;
        ensure!(buckets.len() == usize::from(item.buckets), "{} of {} buckets", buckets.len(), item.buckets);
        buckets.iter().for_each(|bucket| sums.add_bucket(bucket.free));
        let orders = self.orders.values().filter(|(_, order)| order.sku == item.sku);
        orders.for_each(|(_, order)| sums.add_order(order));
        ensure!(sums.gap() == 0, "{} units too many: {sums:?}", sums.gap());
        let shortfall = sums.shortfall(item.target());
        ensure!(sums.supply >= i64::from(item.target().0), "units are missing: {sums:?} of {:?}", item.target());
        ensure!(
            shortfall.0 == 0 || sums.free == 0,
            "{shortfall} units were not taken back though some are free: {sums:?}"
        );
        Ok(())
    }
}
