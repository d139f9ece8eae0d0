//! What I have, and what became of it.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::Response;
use jiff::Timestamp;
use protocol::OrderId;
use protocol::ask::money::{ENTRIES_MAX, Entries, EntriesPage, Wallet, WalletEntry, Wallets};
use protocol::sale::Money;
use serde::{Deserialize, Serialize};

use crate::app::Edge;
use crate::auth::session::Session;
use crate::problem::{self, Problem};
use crate::routes::query;

#[derive(Serialize)]
struct WalletsBody {
    wallets: Vec<WalletBody>,
}

#[derive(Serialize)]
struct WalletBody {
    /// What can be spent.
    balance: Money,
    /// What payments under way have taken.
    pending: Money,
}

#[derive(Serialize)]
struct EntriesBody {
    entries: Vec<EntryBody>,
    /// What to send as `before` for those that come next.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EntryBody {
    id: i64,
    at: Timestamp,
    amount: Money,
    cause: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<OrderId>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    #[serde(default)]
    before: Option<i64>,
    #[serde(default)]
    limit: Option<u16>,
}

/// `GET /v1/me/wallets`
///
/// # Errors
/// When the ledger is away.
pub async fn all(State(edge): State<Arc<Edge>>, session: Session) -> Result<Response, Problem> {
    let wallets = edge.ledger.ask(&Wallets { customer: session.customer }).await?;
    let wallets = wallets.into_iter().map(|Wallet { balance, pending }| WalletBody { balance, pending });
    Ok(problem::found(&WalletsBody { wallets: wallets.collect() }))
}

/// `GET /v1/me/wallets/{currency}/entries`
///
/// # Errors
/// When there is no such currency, or the ledger is away.
pub async fn entries(
    State(edge): State<Arc<Edge>>,
    Path(currency): Path<String>,
    session: Session,
    uri: Uri,
) -> Result<Response, Problem> {
    if currency.len() != 3 || !currency.bytes().all(|letter| letter.is_ascii_uppercase()) {
        return Err(Problem::not_found("This is no currency."));
    }
    let Page { before, limit } = query::read(&uri, "only before and limit are taken, each a number")?;
    let limit = query::limit(limit, ENTRIES_MAX)?;
    let question = Entries { customer: session.customer, currency: currency.clone(), before, limit };
    let EntriesPage { entries, before } = edge.ledger.ask(&question).await?;
    let entries = entries.into_iter().map(|WalletEntry { id, at, amount_minor, cause, order }| EntryBody {
        id,
        at,
        amount: Money { amount_minor, currency: currency.clone() },
        cause,
        order,
    });
    Ok(problem::found(&EntriesBody { entries: entries.collect(), before }))
}
