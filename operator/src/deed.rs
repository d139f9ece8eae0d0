//! Whose sale it is: pure.
//!
//! **What it is for.** A name is sold under by one resource at a time, and what was sold under it stays sold. [`tenure`]
//! compares a resource with the [deed](protocol::deed) of its name and says whether it may sell, has to take the deed
//! first, or is refused until a person decides what it is:
//!
//! | annotation | where the old stock is still there | where it was sold and removed |
//! | --- | --- | --- |
//! | none | refused | refused, unless nobody had bought anything |
//! | [`ADOPT`] | goes on with the same stock, orders and limits | stands for the old sale: its numbers, nothing for sale |
//! | [`START_OVER`] | refused: adopt it, then delete it | a new sale with new stock |
//!
//! **What must always hold.** An annotation names the sale that it is about. So it is good for one decision: a backup that
//! contains it, restored a second time, decides nothing.

use protocol::deed::Deed;
use protocol::{Generation, SaleId};

use crate::resource::{ADOPT, START_OVER};
use crate::wanted::Refused;

/// What is known of a resource before its deed is.
#[derive(Debug, Clone)]
pub struct Candidate<'a> {
    /// Its uid.
    pub uid: &'a str,
    /// What a sale that it begins is called.
    pub own: &'a SaleId,
    /// The sale that its status speaks of.
    pub noted: Option<&'a str>,
    /// The sale that it is to go on with.
    pub adopt: Option<&'a str>,
    /// The sale that it is to replace.
    pub start_over: Option<&'a str>,
}

/// What a resource may do under its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tenure {
    /// Sell, as this says.
    Ours(Deed),
    /// The same, once this is written in place of what was found.
    Take(Deed),
    /// Stand for a sale that is over and whose stock is gone.
    Over(Deed),
    /// Nothing.
    Refused(Refused),
}

impl Candidate<'_> {
    /// The deed of a sale that it begins.
    #[must_use]
    pub fn first(&self) -> Deed {
        let (owner, uid) = (self.uid.to_owned(), self.uid.to_owned());
        Deed { owner, sale: self.own.clone(), uid, base: Generation(0), ended: None }
    }

    fn wants(asked: Option<&str>, sale: &SaleId) -> bool {
        asked == Some(sale.as_str())
    }
}

/// Compares a resource with the deed of its name.
#[must_use]
pub fn tenure(resource: &Candidate<'_>, found: Option<&Deed>) -> Tenure {
    let Some(deed) = found else { return unclaimed(resource) };
    let ours = deed.owner == resource.uid;
    // A sale is never begun twice under one id: the ledger has orders under it.
    let can_begin = deed.sale != *resource.own;
    let starts_over = can_begin && Candidate::wants(resource.start_over, &deed.sale);
    let adopts = Candidate::wants(resource.adopt, &deed.sale);
    match &deed.ended {
        None if ours => Tenure::Ours(deed.clone()),
        None if adopts => Tenure::Take(Deed { owner: resource.uid.to_owned(), ..deed.clone() }),
        None => refused(format!(
            "sale {0} of an earlier resource of this name still has its stock: annotate {ADOPT}={0} to go on with it",
            deed.sale
        )),
        Some(_) if starts_over => Tenure::Take(resource.first()),
        Some(ended) if can_begin && ended.is_untouched() => Tenure::Take(resource.first()),
        Some(_) if ours => Tenure::Over(deed.clone()),
        Some(_) if adopts => Tenure::Take(Deed { owner: resource.uid.to_owned(), ..deed.clone() }),
        Some(ended) => refused(format!(
            "sale {0} was sold under this name and deleted at {1:.0}: annotate {START_OVER}={0} to sell new stock, or \
             {ADOPT}={0} to show what became of it",
            deed.sale, ended.at
        )),
    }
}

/// Nothing was ever sold under the name, unless the status remembers that something was.
fn unclaimed(resource: &Candidate<'_>) -> Tenure {
    match resource.noted.filter(|noted| *noted != resource.own.as_str()) {
        Some(noted) if resource.start_over != Some(noted) => refused(format!(
            "its status speaks of sale {noted} of an earlier resource, of which nothing is left here: annotate \
             {START_OVER}={noted} to sell new stock"
        )),
        _ => Tenure::Take(resource.first()),
    }
}

/// What is said of a resource whose generation is older than what is in force, although the API server has no newer one.
#[must_use]
pub fn gone_back(deed: &Deed, newer: Generation) -> Refused {
    Refused::new(
        "metadata.generation",
        format!(
            "generation {newer} was in force already, so this resource was restored from a backup: annotate \
             {ADOPT}={} to let it count from now on",
            deed.sale
        ),
    )
}

/// Whether the resource is to count although it is older than what is in force.
#[must_use]
pub fn may_go_back(resource: &Candidate<'_>, deed: &Deed) -> bool {
    Candidate::wants(resource.adopt, &deed.sale)
}

fn refused(why: String) -> Tenure {
    Tenure::Refused(Refused::new("metadata.name", why))
}

#[cfg(test)]
mod tests;
