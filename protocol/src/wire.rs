//! How values become bytes and back.
//!
//! Every value carries `v`. A reader takes versions up to its own and refuses newer ones with a clear error, so that a
//! rolling upgrade never lets an old pod misread a new value. Unknown fields of a known version are ignored and would be lost on
//! the next write, so a field that changes the meaning of a value raises the version.

use bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// The version of every value that this code writes.
pub const VERSION: u8 = 1;

/// A value could not be read.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// Not JSON, or not of the shape expected.
    #[error("not a valid {what}: {source}")]
    Shape {
        /// What should have been there.
        what: &'static str,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// Written by a newer release.
    #[error("{what} has version {found}, this release reads up to {VERSION}: upgrade it first")]
    Newer {
        /// What it is.
        what: &'static str,
        /// Its version.
        found: u8,
    },
    /// The value parses but contradicts itself.
    #[error("not a valid {what}: {why}")]
    Content {
        /// What it is.
        what: &'static str,
        /// What is wrong.
        why: String,
    },
}

/// A value of the protocol.
pub trait Value: Serialize + DeserializeOwned {
    /// What to call it in errors.
    const WHAT: &'static str;

    /// The bytes to store.
    fn encode(&self) -> Bytes {
        #[derive(Serialize)]
        struct Versioned<'a, T> {
            v: u8,
            #[serde(flatten)]
            value: &'a T,
        }
        // Serialising our own plain structs cannot fail; an empty value would be refused by every reader.
        serde_json::to_vec(&Versioned { v: VERSION, value: self }).map(Bytes::from).unwrap_or_default()
    }

    /// Reads what [`encode`](Self::encode) wrote.
    ///
    /// # Errors
    /// [`WireError`] for anything else; the caller decides whether that stops it, and never guesses a value.
    fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        #[derive(Deserialize)]
        struct Version {
            v: u8,
        }
        let shape = |source| WireError::Shape { what: Self::WHAT, source };
        let Version { v } = serde_json::from_slice(bytes).map_err(shape)?;
        if v > VERSION {
            return Err(WireError::Newer { what: Self::WHAT, found: v });
        }
        serde_json::from_slice(bytes).map_err(shape)
    }
}
