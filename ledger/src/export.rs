//! `sluice-ledger export`: the orders of a sale with whom they are for, for whoever fulfils them by hand or by file.
//!
//! **What must always hold.** Everything is of one snapshot. What people chose to be called is text in whatever opens the
//! file: a cell that a spreadsheet would take for a formula begins with an apostrophe. An export that breaks off ends with
//! an error and, as JSON, without its last bracket.
//!
//! **What it costs.** Orders are printed as they are read: the same memory for ten and for ten million.

use std::io::Write;

use anyhow::Context as _;
use protocol::sale::Money;

use crate::args::export::{ExportArgs, ExportFormat};
use crate::repo::Repo;
use crate::repo::fulfilment::{Filter, Line};
use crate::spreadsheet::harmless;

/// What an export cannot be written to.
const UNWRITTEN: &str = "the export cannot be written";
/// Columns of an order.
const HEADER: [&str; 16] = [
    "id",
    "sale",
    "number",
    "sku",
    "item_name",
    "quantity",
    "price_minor",
    "total_minor",
    "currency",
    "state",
    "reason",
    "placed_at",
    "changed_at",
    "customer",
    "email",
    "name",
];

/// Prints the orders that were asked for.
///
/// # Errors
/// When the sale is unknown, Postgres does not answer, or `out` takes nothing.
pub async fn export(args: &ExportArgs, repo: &Repo, out: &mut (dyn Write + Send)) -> anyhow::Result<()> {
    let filter = Filter { state: args.state.name(), since: args.since };
    let found = match args.format {
        ExportFormat::Csv => {
            let mut csv = csv::Writer::from_writer(&mut *out);
            csv.write_record(HEADER).context(UNWRITTEN)?;
            let each = |line: Line| csv.write_record(cells(&line)).context(UNWRITTEN);
            let found = repo.lines(&args.sale, filter, each).await?;
            csv.flush().context(UNWRITTEN)?;
            found
        }
        ExportFormat::Json => {
            let mut before = "[\n";
            let each = |line: Line| {
                let text = serde_json::to_string(&line)?;
                write!(out, "{}{text}", std::mem::replace(&mut before, ",\n")).context(UNWRITTEN)
            };
            let found = repo.lines(&args.sale, filter, each).await?;
            let end = if before == "[\n" { "[]\n" } else { "\n]\n" };
            if found.is_some() {
                out.write_all(end.as_bytes()).context(UNWRITTEN)?;
            }
            found
        }
    };
    found.with_context(|| format!("the ledger has never followed a sale {}", args.sale))?;
    out.flush().context(UNWRITTEN)
}

fn cells(line: &Line) -> [String; 16] {
    let Line { sale, order, customer } = line;
    let minor = |money: &Option<Money>| money.as_ref().map(|money| money.amount_minor.to_string()).unwrap_or_default();
    let optional = |text: &Option<String>| text.as_deref().map(harmless).unwrap_or_default();
    [
        order.id.to_string(),
        harmless(sale),
        order.number.to_string(),
        harmless(&order.sku),
        optional(&order.item_name),
        order.quantity.to_string(),
        minor(&order.price),
        minor(&order.total),
        order.price.as_ref().map(|price| price.currency.clone()).unwrap_or_default(),
        order.state.clone(),
        order.reason.clone().unwrap_or_default(),
        order.placed_at.to_string(),
        order.changed_at.to_string(),
        harmless(&customer.id),
        optional(&customer.email),
        optional(&customer.name),
    ]
}
