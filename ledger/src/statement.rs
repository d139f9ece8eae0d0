//! What a sale came to: the settlement, from Postgres alone. `sluice-ledger statement` prints it, and edges
//! [ask](asked) for it.
//!
//! **What must always hold.** Totals and orders are of one snapshot. `orders_sha256` is the hash of exactly the bytes
//! that `--orders --format csv` prints, so anybody can check a list of orders against a statement with `sha256sum`.
//!
//! **What it costs.** Every order of the sale is read. Orders are printed as they are read; as JSON with orders they are
//! held in memory.

pub mod asked;
pub mod csv;

use std::fmt::Write as _;

use anyhow::Context as _;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::args::{StatementArgs, StatementFormat};
use crate::repo::lists::PaymentPlace;
use crate::repo::money::PaymentLine;
use crate::repo::statement::{OrderLine, Settlement};
use crate::repo::{Error, Repo};
use protocol::SaleId;

/// A settlement, and the hash of its orders.
#[derive(Debug, Serialize)]
pub struct Settled {
    /// What the sale came to.
    #[serde(flatten)]
    pub settlement: Settlement,
    /// Of every order as a line, and the names of the columns before them.
    pub orders_sha256: String,
}

/// What is printed as JSON.
#[derive(Debug, Serialize)]
struct Statement {
    #[serde(flatten)]
    settled: Settled,
    #[serde(skip_serializing_if = "Option::is_none")]
    orders: Option<Vec<OrderLine>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_list: Option<Vec<PaymentLine>>,
}

/// Settles a sale at one moment; each of its orders goes to `each` with its line, by customer and number. Nothing when
/// the ledger never heard of the sale.
///
/// # Errors
/// When Postgres does not answer.
pub async fn settled(
    repo: &Repo,
    sale: &SaleId,
    mut each: impl FnMut(OrderLine, &str),
) -> Result<Option<Settled>, Error> {
    let mut hash = Sha256::new();
    hash.update(csv::ORDERS);
    let settlement = repo.settlement(sale, |order| {
        let line = csv::order(&order);
        hash.update(&line);
        each(order, &line);
        Ok(())
    });
    let Some(settlement) = settlement.await? else { return Ok(None) };
    let orders_sha256 = hash.finalize().iter().fold(String::new(), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    Ok(Some(Settled { settlement, orders_sha256 }))
}

/// Every payment of a sale, by order and time.
///
/// # Errors
/// When Postgres does not answer.
async fn payments(repo: &Repo, sale: &SaleId) -> Result<Vec<PaymentLine>, Error> {
    let page = repo.payment_page(sale, PaymentPlace::start(), i64::MAX).await?;
    Ok(page.into_iter().map(|(_, line)| line).collect())
}

/// The settlement as it was asked for, piece by piece.
///
/// # Errors
/// When the sale is unknown, Postgres does not answer, or `out` takes nothing.
pub async fn statement(repo: &Repo, args: &StatementArgs, out: &mut (dyn std::io::Write + Send)) -> anyhow::Result<()> {
    let StatementArgs { sale, format, orders: with_orders, payments: with_payments, .. } = args;
    let (format, with_orders) = (*format, *with_orders);
    let payment_list = if *with_payments { Some(payments(repo, sale).await?) } else { None };
    let lines = with_orders && format == StatementFormat::Csv;
    let mut kept = (with_orders && !lines).then(Vec::new);
    let mut unwritten = if lines { out.write_all(csv::ORDERS.as_bytes()).err() } else { None };
    let settled = settled(repo, sale, |order, line| {
        if lines && unwritten.is_none() {
            unwritten = out.write_all(line.as_bytes()).err();
        }
        if let Some(kept) = &mut kept {
            kept.push(order);
        }
    });
    let settled = settled.await?.with_context(|| format!("the ledger has never followed a sale {sale}"))?;
    if let Some(error) = unwritten {
        return Err(error).context("the statement cannot be written");
    }
    let text = match (format, lines) {
        (_, true) => String::new(),
        (StatementFormat::Csv, false) => match &payment_list {
            Some(list) => list.iter().map(csv::payment).fold(csv::PAYMENTS.to_owned(), |list, line| list + &line),
            None => csv::totals(&settled.settlement),
        },
        (StatementFormat::Json, false) => {
            serde_json::to_string_pretty(&Statement { settled, orders: kept, payment_list })? + "\n"
        }
    };
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).context("the statement cannot be written")
}
