//! `sluice-ledger statement`: the settlement of a sale, from Postgres alone.
//!
//! **What must always hold.** Everything is of one snapshot. `orders_sha256` is the hash of exactly the bytes that
//! `--orders --format csv` prints, so anybody can check a list of orders against a statement with `sha256sum`.
//!
//! **What it costs.** Orders are printed as they are read; as JSON with orders they are held in memory.

use std::fmt::Write as _;

use anyhow::Context as _;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::args::{StatementArgs, StatementFormat};
use crate::repo::Repo;
use crate::repo::money::PaymentLine;
use crate::repo::statement::{OrderLine, Settlement};

/// What is printed as JSON.
#[derive(Debug, Serialize)]
struct Statement {
    #[serde(flatten)]
    settlement: Settlement,
    orders_sha256: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    orders: Option<Vec<OrderLine>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_list: Option<Vec<PaymentLine>>,
}

/// Columns of an order.
const HEADER: &str = "customer,number,id,sku,quantity,state,reason,payment,seen_at,changed_at\n";

/// The settlement as it was asked for, piece by piece.
///
/// # Errors
/// When the sale is unknown, Postgres does not answer, or `out` takes nothing.
pub async fn statement(repo: &Repo, args: &StatementArgs, out: &mut (dyn std::io::Write + Send)) -> anyhow::Result<()> {
    let StatementArgs { sale, format, orders: with_orders, payments: with_payments, .. } = args;
    let (format, with_orders) = (*format, *with_orders);
    let payment_list = if *with_payments { Some(repo.payments(sale).await?) } else { None };
    let mut hash = Sha256::new();
    hash.update(HEADER);
    let lines = with_orders && format == StatementFormat::Csv;
    let mut kept = (with_orders && !lines).then(Vec::new);
    let mut unwritten = if lines { out.write_all(HEADER.as_bytes()).err() } else { None };
    let settlement = repo.settlement(sale, |order| {
        let line = line(&order);
        hash.update(&line);
        if lines && unwritten.is_none() {
            unwritten = out.write_all(line.as_bytes()).err();
        }
        if let Some(kept) = &mut kept {
            kept.push(order);
        }
        Ok(())
    });
    let settlement = settlement.await?.with_context(|| format!("the ledger has never followed a sale {sale}"))?;
    if let Some(error) = unwritten {
        return Err(error).context("the statement cannot be written");
    }
    let text = match (format, lines) {
        (_, true) => String::new(),
        (StatementFormat::Csv, false) => match &payment_list {
            Some(list) => payments(list),
            None => totals(&settlement),
        },
        (StatementFormat::Json, false) => {
            let orders_sha256 = hash.finalize().iter().fold(String::new(), |mut hex, byte| {
                // Writing to a string cannot fail.
                let _ = write!(hex, "{byte:02x}");
                hex
            });
            serde_json::to_string_pretty(&Statement { settlement, orders_sha256, orders: kept, payment_list })? + "\n"
        }
    };
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).context("the statement cannot be written")
}

/// One order; none of its fields can contain a comma or a quote.
fn line(order: &OrderLine) -> String {
    let OrderLine { customer, number, id, sku, quantity, state, reason, payment, seen_at, changed_at } = order;
    let reason = reason.as_deref().unwrap_or_default();
    let payment = payment.map(|payment| payment.to_string()).unwrap_or_default();
    format!("{customer},{number},{id},{sku},{quantity},{state},{reason},{payment},{seen_at},{changed_at}\n")
}

/// Payments; of their fields only a provider's reference can be anything, and is quoted.
fn payments(list: &[PaymentLine]) -> String {
    let mut out = "id,order,customer,mode,amount_minor,currency,state,reference\n".to_owned();
    for PaymentLine { id, order, customer, mode, amount_minor, currency, state, reference } in list {
        let reference =
            reference.as_deref().map(|text| format!("\"{}\"", text.replace('"', "\"\""))).unwrap_or_default();
        out.push_str(&format!("{id},{order},{customer},{mode},{amount_minor},{currency},{state},{reference}\n"));
    }
    out
}

fn totals(settlement: &Settlement) -> String {
    let mut out = "sku,quantity,withheld,price_minor,currency,supply,free,held,sold,released,orders\n".to_owned();
    for item in &settlement.items {
        let price = item.price_minor.map(|price| price.to_string()).unwrap_or_default();
        let currency = item.currency.as_deref().unwrap_or_default();
        let stock = format!("{},{},{},{}", item.sums.supply, item.sums.free, item.sums.held, item.sums.sold);
        let (sku, quantity, withheld, orders) = (&item.sku, item.quantity, item.withheld, item.sums.orders);
        out.push_str(&format!("{sku},{quantity},{withheld},{price},{currency},{stock},{},{orders}\n", item.released));
    }
    out
}
