//! The things that must not be mixed up, each parsed once, at the door.
//!
//! All are cheap to clone, compare and hash; those that appear in keys are guaranteed to contain only characters that
//! are legal there, so building a key cannot fail.

use std::fmt;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What was wrong with a text that should have been an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// A sale id is a DNS label of at most 40 characters, a dash and 8 hex digits.
    #[error("{0:?} is not a sale id: expected a name of at most 40 characters, a dash and 8 hex digits")]
    Sale(String),
    /// A SKU is 1 to 40 of `A–Z a–z 0–9 _ -`.
    #[error("{0:?} is not a SKU: expected 1 to 40 letters, digits, dashes or underscores")]
    Sku(String),
    /// A customer id is 32 characters of lower-case base32.
    #[error("{0:?} is not a customer id: expected 32 characters of lower-case base32")]
    Customer(String),
    /// An idempotency key is 1 to 64 of `A–Z a–z 0–9 _ - . :`.
    #[error("the idempotency key must be 1 to 64 letters, digits, dashes, dots, colons or underscores")]
    IdempotencyKey,
    /// A number of units does not fit into 32 bits.
    #[error("{0} units do not fit into 32 bits")]
    Units(u64),
}

fn is_word(text: &str, length_max: usize, extra: &[u8]) -> bool {
    !text.is_empty()
        && text.len() <= length_max
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_' || extra.contains(&b))
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $error:expr, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks the text and keeps it.
            ///
            /// # Errors
            /// [`InvalidId`] when the text has another form.
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                let valid: fn(&str) -> bool = $valid;
                let error: fn(&str) -> InvalidId = $error;
                if valid(text) { Ok(Self(text.into())) } else { Err(error(text)) }
            }

            /// The text as it appears in keys and in JSON.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0.as_ref().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }
    };
}

text_id!(
    /// A sale: the resource's name, a dash, and the first 8 hex digits of its uid. Also what URLs use.
    #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
    #[cfg_attr(feature = "openapi", schema(value_type = String, pattern = "^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?-[0-9a-f]{8}$", examples("aurora-3f2a9c1e")))]
    SaleId,
    |t| InvalidId::Sale(t.chars().take(80).collect()),
    |t| t.rsplit_once('-').is_some_and(|(name, digits)| {
        is_dns_label(name) && digits.len() == 8 && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    })
);
text_id!(
    /// One item of a sale.
    #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
    #[cfg_attr(feature = "openapi", schema(value_type = String, pattern = "^[A-Za-z0-9_-]{1,40}$", examples("AUR-42-BLK")))]
    Sku,
    |t| InvalidId::Sku(t.chars().take(80).collect()),
    |t| is_word(t, 40, b"")
);
text_id!(
    /// Made by the client, once per thing it wants; scoped to a customer and a sale.
    #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
    #[cfg_attr(feature = "openapi", schema(value_type = String, pattern = "^[A-Za-z0-9_.:-]{1,64}$", examples("0198c1d4-9a51-7cc0-b0a9-5d8f6c1b7e02")))]
    IdempotencyKey,
    |_| InvalidId::IdempotencyKey,
    |t| is_word(t, 64, b".:")
);

/// Longest name of a `FlashSale`, in characters: a sale id, an epoch and a shard must fit a stream's name.
pub const SALE_NAME_LENGTH_MAX: usize = 40;

fn is_dns_label(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= SALE_NAME_LENGTH_MAX
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

impl SaleId {
    /// The id of the resource with this name and uid (a UUID, as Kubernetes makes them).
    ///
    /// # Errors
    /// [`InvalidId::Sale`] when the name is no DNS label of at most 40 characters or the uid has fewer than 8 hex digits.
    pub fn of_resource(name: &str, uid: &str) -> Result<Self, InvalidId> {
        let digits: String = uid.chars().filter(char::is_ascii_hexdigit).take(8).collect();
        Self::parse(&format!("{name}-{}", digits.to_ascii_lowercase()))
    }
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number!(
    /// A number of units of one item.
    #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
    Units(u32)
);
number!(
    /// Position of a message in a shard's stream; also the revision of the key that it wrote. 0 is before everything.
    Revision(u64)
);
number!(
    /// `metadata.generation` of the resource: which version of the definition something was made by.
    Generation(u64)
);
number!(
    /// One life of a sale's streams, from 1.
    Epoch(u32)
);
number!(
    /// One stream of a sale, from 0.
    Shard(u16)
);
number!(
    /// One bucket of an item within a shard, from 0.
    BucketIndex(u16)
);
number!(
    /// Which order of a customer in a sale, from 0, contiguous, never reused.
    #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
    OrderNumber(u8)
);

/// Most orders that one customer can ever make in one sale.
pub const ORDERS_PER_CUSTOMER_MAX: u8 = 64;

impl Units {
    /// None at all.
    pub const ZERO: Self = Self(0);

    /// Sum, or `None` past 32 bits.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// Difference, or `None` below zero.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }
}

impl TryFrom<u64> for Units {
    type Error = InvalidId;
    fn try_from(units: u64) -> Result<Self, InvalidId> {
        u32::try_from(units).map(Self).map_err(|_| InvalidId::Units(units))
    }
}

/// Bytes of the keyed hash that are kept: 160 bits, so that two of 10^9 customers collide with probability 10^-30 and
/// a key stays 20 characters shorter than with the whole hash.
const CUSTOMER_BYTES: usize = 20;

/// A stable, opaque id of a person within one installation: a keyed hash of issuer and subject. Nothing personal enters
/// the stream, and without the key nobody can tell whether a known person bought.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = String, pattern = "^[a-z2-7]{32}$", examples("k5f3c6m2vq7xw4tjb2ln6ahzd5yospre")))]
pub struct CustomerId([u8; CUSTOMER_BYTES]);

/// Lower-case RFC 4648 base32 without padding: legal in keys, and case-insensitive tools cannot break it.
fn base32() -> &'static data_encoding::Encoding {
    static ENCODING: std::sync::OnceLock<data_encoding::Encoding> = std::sync::OnceLock::new();
    ENCODING.get_or_init(|| {
        let mut specification = data_encoding::Specification::new();
        specification.symbols.push_str("abcdefghijklmnopqrstuvwxyz234567");
        specification.encoding().unwrap_or(data_encoding::BASE32_NOPAD)
    })
}

impl CustomerId {
    /// The customer that `issuer` knows as `subject`, under the installation's customer key.
    #[must_use]
    pub fn derive(customer_key: &[u8], issuer: &str, subject: &str) -> Self {
        let mut id = [0; CUSTOMER_BYTES];
        // HMAC takes keys of any length; the error arm cannot be reached and an all-zero id would be harmless.
        if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(customer_key) {
            mac.update(&(issuer.len() as u64).to_be_bytes());
            mac.update(issuer.as_bytes());
            mac.update(subject.as_bytes());
            let hash = mac.finalize().into_bytes();
            id.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
        }
        Self(id)
    }

    /// Reads the base32 form.
    ///
    /// # Errors
    /// [`InvalidId::Customer`] for anything that [`Display`](fmt::Display) would not have written.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        base32()
            .decode(text.as_bytes())
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .map(Self)
            .ok_or_else(|| InvalidId::Customer(text.chars().take(80).collect()))
    }

    /// The shard that this customer belongs to, of `shards` (at least 1).
    #[must_use]
    pub fn shard(&self, shards: u16) -> Shard {
        let [a, b, c, d, ..] = self.0;
        let shard = u32::from_be_bytes([a, b, c, d]) % u32::from(shards.max(1));
        Shard(u16::try_from(shard).unwrap_or(0))
    }

    /// A 64-bit hash for compact sets; already uniform.
    #[must_use]
    pub fn hash64(&self) -> u64 {
        let [.., a, b, c, d, e, f, g, h] = self.0;
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }
}

impl fmt::Display for CustomerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base32().encode(&self.0))
    }
}

impl fmt::Debug for CustomerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<String> for CustomerId {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        Self::parse(&text)
    }
}

impl From<CustomerId> for String {
    fn from(id: CustomerId) -> String {
        id.to_string()
    }
}

/// An order's address. Every edge computes the same one from what the client sent, before the claim, so an address
/// handed out with a `202` stays true whichever edge settles it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(examples("5d0f6c55-9a0b-8f0e-a9c5-7a1d8b3e4f60")))]
pub struct OrderId(pub uuid::Uuid);

impl OrderId {
    /// The order that this customer's idempotency key names in the sale with this uid (RFC 9562 version 8).
    #[must_use]
    pub fn derive(sale_uid: &str, customer: &CustomerId, key: &IdempotencyKey) -> Self {
        let mut hash = Sha256::new();
        hash.update((sale_uid.len() as u64).to_be_bytes());
        hash.update(sale_uid);
        hash.update(customer.0);
        hash.update(key.as_str());
        let digest = hash.finalize();
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
        Self(uuid::Uuid::new_v8(bytes))
    }
}

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests;
