//! How every stream, subject and key is spelled. Nobody else spells one.
//!
//! **What must always hold.** `parse` is the inverse of `Display`; a key that this version does not know parses to
//! `None` and is skipped by readers, never misread.

use std::fmt;

use crate::ask::Verb;
use crate::id::{BucketIndex, CustomerId, Epoch, OrderNumber, SaleId, Shard, Sku};

/// One shard's stream in one life of a sale.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Stream {
    /// The sale.
    pub sale: SaleId,
    /// The life of its streams.
    pub epoch: Epoch,
    /// Which of its streams.
    pub shard: Shard,
}

impl Stream {
    /// The KV bucket's name, as the `nats` tooling takes it.
    #[must_use]
    pub fn kv_bucket(&self) -> String {
        format!("{}_e{}_s{}", self.sale, self.epoch, self.shard)
    }

    /// The JetStream stream's name.
    #[must_use]
    pub fn name(&self) -> String {
        format!("KV_{}", self.kv_bucket())
    }

    /// What every subject of the stream starts with, dot included.
    #[must_use]
    pub fn prefix(&self) -> String {
        format!("$KV.{}.", self.kv_bucket())
    }

    /// The subject of a key.
    #[must_use]
    pub fn subject(&self, key: &Key) -> String {
        format!("{}{key}", self.prefix())
    }

    /// The subject filter of a set of keys.
    #[must_use]
    pub fn filter(&self, keys: &Keys) -> String {
        format!("{}{keys}", self.prefix())
    }

    /// The key that a subject of this stream names; `None` for a foreign subject or an unknown key.
    #[must_use]
    pub fn key_of(&self, subject: &str) -> Option<Key> {
        // Called for every followed message: compares in place rather than building the prefix.
        let rest = subject.strip_prefix("$KV.")?.strip_prefix(self.sale.as_str())?.strip_prefix("_e")?;
        let (life, key) = rest.split_once('.')?;
        let (epoch, shard) = life.split_once("_s")?;
        (number(epoch) == Some(self.epoch.0) && number(shard) == Some(self.shard.0)).then_some(())?;
        Key::parse(key)
    }

    /// The stream that a stream's name names, if it is one of ours.
    #[must_use]
    pub fn parse_name(name: &str) -> Option<Self> {
        let (rest, shard) = name.strip_prefix("KV_")?.rsplit_once("_s")?;
        let (sale, epoch) = rest.rsplit_once("_e")?;
        Some(Self { sale: SaleId::parse(sale).ok()?, epoch: Epoch(number(epoch)?), shard: Shard(number(shard)?) })
    }
}

/// A key of a shard's stream.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// What can never change in this epoch.
    Meta,
    /// Free units of an item.
    Bucket(Sku, BucketIndex),
    /// A customer's order.
    Order(CustomerId, OrderNumber),
    /// A recorded change of how many units of an item exist in this shard, from 1.
    Supply(Sku, u32),
}

impl Key {
    /// Reads what [`Display`](fmt::Display) wrote; `None` for a key that this version does not know.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text == "meta" {
            return Some(Self::Meta);
        }
        let (kind, rest) = text.split_once('.')?;
        let (name, index) = rest.rsplit_once('.')?;
        match kind {
            "bucket" => Some(Self::Bucket(Sku::parse(name).ok()?, BucketIndex(number(index)?))),
            "order" => Some(Self::Order(CustomerId::parse(name).ok()?, OrderNumber(number(index)?))),
            "supply" => Some(Self::Supply(Sku::parse(name).ok()?, number(index)?)),
            _ => None,
        }
    }
}

/// Only the one spelling that `Display` writes: no sign, no leading zero.
fn number<N: std::str::FromStr>(text: &str) -> Option<N> {
    let canonical = text == "0" || (text.starts_with(|c: char| c.is_ascii_digit()) && !text.starts_with('0'));
    if canonical { text.parse().ok() } else { None }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Meta => f.write_str("meta"),
            Self::Bucket(sku, index) => write!(f, "bucket.{sku}.{index}"),
            Self::Order(customer, number) => write!(f, "order.{customer}.{number}"),
            Self::Supply(sku, number) => write!(f, "supply.{sku}.{number}"),
        }
    }
}

/// A set of keys, as a filter can name it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Keys {
    /// Every key.
    All,
    /// Every bucket.
    Buckets,
    /// Every bucket of an item.
    BucketsOf(Sku),
    /// Every order of everybody.
    Orders,
    /// Every order of a customer.
    OrdersOf(CustomerId),
    /// Every supply record of an item.
    SuppliesOf(Sku),
    /// This one.
    One(Key),
}

impl Keys {
    /// Whether the set has this key.
    #[must_use]
    pub fn contains(&self, key: &Key) -> bool {
        match (self, key) {
            (Self::All, _) | (Self::Buckets, Key::Bucket(..)) | (Self::Orders, Key::Order(..)) => true,
            (Self::BucketsOf(sku), Key::Bucket(of, _)) | (Self::SuppliesOf(sku), Key::Supply(of, _)) => sku == of,
            (Self::OrdersOf(customer), Key::Order(of, _)) => customer == of,
            (Self::One(one), key) => one == key,
            _ => false,
        }
    }
}

impl fmt::Display for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str(">"),
            Self::Buckets => f.write_str("bucket.>"),
            Self::BucketsOf(sku) => write!(f, "bucket.{sku}.*"),
            Self::Orders => f.write_str("order.>"),
            Self::OrdersOf(customer) => write!(f, "order.{customer}.*"),
            Self::SuppliesOf(sku) => write!(f, "supply.{sku}.*"),
            Self::One(key) => key.fmt(f),
        }
    }
}

/// Names that several sales share: the small KV buckets and the hints on core NATS. Two installations on one NATS
/// tell themselves apart by a prefix; the default has none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Installation(String);

impl Installation {
    /// An installation by name; empty is the default one.
    ///
    /// # Errors
    /// Says what a name may contain.
    pub fn parse(name: &str) -> Result<Self, String> {
        if name.len() <= 32 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            Ok(Self(name.to_owned()))
        } else {
            Err(format!("{name:?} is not an installation's name: expected at most 32 letters, digits and dashes"))
        }
    }

    /// Its name; empty for the default one.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }

    fn named(&self, what: &str) -> String {
        if self.0.is_empty() { what.to_owned() } else { format!("{}_{what}", self.0) }
    }

    /// KV bucket with one definition per sale, under the sale's id. The operator writes it, edges and ledger watch it.
    #[must_use]
    pub fn sales_bucket(&self) -> String {
        self.named("sales")
    }

    /// KV bucket with one status per shard, under [`status_key`]. The ledger writes it, operator and edges read it.
    #[must_use]
    pub fn status_bucket(&self) -> String {
        self.named("sale_status")
    }

    /// KV bucket with one deed per name, under [`deed_key`]. Only the operator reads and writes it.
    #[must_use]
    pub fn deeds_bucket(&self) -> String {
        self.named("deeds")
    }

    /// Core subject of the hint that an order of this customer changed.
    #[must_use]
    pub fn order_hint(&self, sale: &SaleId, customer: &CustomerId) -> String {
        format!("{}.order.{sale}.{customer}", self.named("sluice"))
    }

    /// Core subject under which the ledger is asked this.
    #[must_use]
    pub fn ask(&self, verb: Verb) -> String {
        format!("{}.ask.{}", self.named("sluice"), verb.as_str())
    }

    /// Core subject on which a shard's ledger says how far Postgres is.
    #[must_use]
    pub fn cursor_hint(&self, sale: &SaleId) -> String {
        format!("{}.cursor.{sale}", self.named("sluice"))
    }
}

/// Key of a name's deed. Neither part has a dot, so no two names share one.
#[must_use]
pub fn deed_key(namespace: &str, name: &str) -> String {
    format!("{namespace}.{name}")
}

/// Key of a shard's status.
#[must_use]
pub fn status_key(stream: &Stream) -> String {
    format!("{}.{}.{}", stream.sale, stream.epoch, stream.shard)
}

/// The shard that a status key names.
#[must_use]
pub fn parse_status_key(key: &str) -> Option<Stream> {
    let (rest, shard) = key.rsplit_once('.')?;
    let (sale, epoch) = rest.rsplit_once('.')?;
    Some(Stream { sale: SaleId::parse(sale).ok()?, epoch: Epoch(number(epoch)?), shard: Shard(number(shard)?) })
}

#[cfg(test)]
mod tests;
