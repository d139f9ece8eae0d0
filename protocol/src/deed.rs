//! Which resource sells under a name, and what became of the sale before it.
//!
//! **What it is for.** A resource can come back: applied again after it was deleted, or restored from a backup, with
//! another uid and as if nothing had been sold. The deed of a name lies beside the stock, not in the resource, so whoever
//! comes back finds out. A deed whose sale has ended is its tombstone.
//!
//! **What must always hold.** A deed is there before the first unit is, and is written by compare-and-set. At most one
//! resource owns it, and only the owner's operator touches the stock.
//!
//! **What it costs.** One small key per name that ever sold something.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{Generation, SaleId, Sku, Units};
use crate::wire::Value;

/// Who sells under the name of a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deed {
    /// Uid of the resource that may.
    pub owner: String,
    /// The sale, which keeps its id when another resource adopts it.
    pub sale: SaleId,
    /// Uid of the resource that began the sale; the one that its streams and its definition name.
    pub uid: String,
    /// Added to the resource's generation. A resource that comes back counts from 1 again, and whatever it says now is
    /// newer than what was said before it.
    pub base: Generation,
    /// What became of the sale, once its resource was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Ended>,
}

/// The end of a sale whose resource was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// When.
    pub at: Timestamp,
    /// Whether the numbers are the last ones: the stock was closed and read to its end.
    pub certain: bool,
    /// What was left and what was not.
    pub items: Vec<EndedItem>,
}

/// The units of one item at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedItem {
    /// Which item.
    pub sku: Sku,
    /// Units that existed.
    pub quantity: Units,
    /// Units among them that were not for sale.
    pub withheld: Units,
    /// Units that nobody bought.
    pub free: Units,
    /// Units of orders that were not paid yet.
    pub held: Units,
    /// Units of confirmed orders.
    pub sold: Units,
    /// Units that a decrease could not take back.
    pub shortfall: Units,
}

impl Ended {
    /// Whether it is certain that nobody has a unit: then the same stock can be sold under the name again.
    #[must_use]
    pub fn is_untouched(&self) -> bool {
        self.certain && self.items.iter().all(|item| item.held == Units::ZERO && item.sold == Units::ZERO)
    }
}

impl Value for Deed {
    const WHAT: &'static str = "deed";
}
