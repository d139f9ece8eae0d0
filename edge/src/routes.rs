//! One file per thing that has an address.

pub mod events;
pub mod index;
pub mod orders;
pub mod sales;

use std::sync::Arc;

use protocol::SaleId;
use protocol::sale::Definition;

use crate::app::Edge;
use crate::problem::Problem;

/// The sale that an address names.
///
/// # Errors
/// Not found, whatever is wrong with the name: what cannot be a sale is none.
fn named(edge: &Edge, sale: &str) -> Result<Arc<Definition>, Problem> {
    let known = SaleId::parse(sale).ok().and_then(|id| edge.sales.get(&id));
    known.ok_or_else(|| Problem::not_found("There is no such sale."))
}
