//! What a customer has, and what moved.
//!
//! **What it is for.** Balances and statements are read here; money moves in [`repo::purses`](crate::repo::purses), and
//! nowhere else.

use protocol::ask::No;
use protocol::ask::money::{ENTRIES_MAX, Entries, EntriesPage, Wallet, Wallets};

use crate::answer::{Answer, invalid};
use crate::repo::Repo;

/// A customer's wallets; somebody without any has an empty list.
///
/// # Errors
/// When Postgres is away.
pub async fn wallets(repo: &Repo, question: Wallets) -> Answer<Vec<Wallet>> {
    Ok(repo.wallets(&question.customer).await?)
}

/// A page of what moved in a wallet.
///
/// # Errors
/// When there is no such wallet, the question breaks a rule, or Postgres is away.
pub async fn entries(repo: &Repo, question: Entries) -> Answer<EntriesPage> {
    if !is_currency(&question.currency) {
        return Err(invalid("currency", "three capital letters, as ISO 4217 has them").into());
    }
    if question.limit == 0 || question.limit > ENTRIES_MAX {
        return Err(invalid("limit", format!("1 to {ENTRIES_MAX}")).into());
    }
    let page = repo.entries(&question.customer, &question.currency, question.before, question.limit).await?;
    Ok(page.ok_or(No::NotFound)?)
}

/// Whether a text is spelled like a currency.
#[must_use]
pub fn is_currency(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|letter| letter.is_ascii_uppercase())
}
