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
use utoipa::{IntoParams, ToSchema};

use crate::app::Edge;
use crate::auth::session::Session;
use crate::openapi::parameters::OfCurrency;
use crate::problem::{self, Problem};
use crate::routes::query;

/// All wallets of a customer.
#[derive(Serialize, ToSchema)]
#[schema(as = Wallets)]
struct WalletsBody {
    /// One per currency.
    wallets: Vec<WalletBody>,
}

/// One currency of a customer.
#[derive(Serialize, ToSchema)]
#[schema(as = Wallet)]
struct WalletBody {
    /// What can be spent.
    balance: Money,
    /// What payments under way have taken.
    pending: Money,
}

/// A page of a statement.
#[derive(Serialize, ToSchema)]
#[schema(as = WalletEntries)]
struct EntriesBody {
    /// The newest first.
    entries: Vec<EntryBody>,
    /// What to send as `before` for those that come next.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<i64>,
}

/// One movement of a wallet.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WalletEntry)]
struct EntryBody {
    /// Its place in the book.
    id: i64,
    /// When.
    at: Timestamp,
    /// What came in (positive) or went out (negative).
    amount: Money,
    /// Why: `fund`, `pay`, `return` or `refund`; more may come.
    cause: String,
    /// The order that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<OrderId>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Page {
    /// Where an earlier page ended.
    #[serde(default)]
    before: Option<i64>,
    /// Most entries to answer with; 20 when it is not given.
    #[param(minimum = 1, maximum = 100)]
    #[serde(default)]
    limit: Option<u16>,
}

/// Shows what I can spend.
///
/// # Errors
/// When the ledger is away.
#[utoipa::path(
    get,
    path = "/v1/me/wallets",
    operation_id = "listWallets",
    tag = "Wallets",
    responses((status = OK, body = WalletsBody, description = "My wallets")),
    extensions(("x-problems" = json!(["busy"]))),
)]
pub async fn all(State(edge): State<Arc<Edge>>, session: Session) -> Result<Response, Problem> {
    let wallets = edge.ledger.ask(&Wallets { customer: session.customer }).await?;
    let wallets = wallets.into_iter().map(|Wallet { balance, pending }| WalletBody { balance, pending });
    Ok(problem::found(&WalletsBody { wallets: wallets.collect() }))
}

/// Shows what came into a wallet and what went out of it, the newest first.
///
/// # Errors
/// When there is no such currency, or the ledger is away.
#[utoipa::path(
    get,
    path = "/v1/me/wallets/{currency}/entries",
    operation_id = "listWalletEntries",
    tag = "Wallets",
    params(OfCurrency, Page),
    responses((status = OK, body = EntriesBody, description = "A page of the statement")),
    extensions(("x-problems" = json!(["busy", "not-found"]))),
)]
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
