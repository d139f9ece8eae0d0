//! One file per thing that has an address.

pub mod accounts;
pub mod body;
pub mod events;
pub mod history;
pub mod index;
pub mod me;
pub mod orders;
pub mod payments;
pub mod query;
pub mod reference;
pub mod sales;
pub mod sessions;
pub mod statement;

use std::sync::Arc;

use protocol::SaleId;
use protocol::sale::Definition;

use crate::app::Edge;
use crate::problem::Problem;

/// The sale that an address names.
///
/// # Errors
/// Not found, whatever is wrong with the name: what cannot be a sale is none. Busy while the edge does not know its sales:
/// a shopper whose edge has just started must not be told that the sale is gone.
fn named(edge: &Edge, sale: &str) -> Result<Arc<Definition>, Problem> {
    let known = SaleId::parse(sale).ok().map_or(Ok(None), |id| edge.sales.get(&id))?;
    known.ok_or_else(|| Problem::not_found("There is no such sale."))
}
