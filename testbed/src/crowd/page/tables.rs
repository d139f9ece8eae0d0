//! Numbers in rows.

use std::collections::BTreeMap;
use std::time::Duration;

use maud::{Markup, html};

use super::grouped;
use crate::books::{COLUMNS, Compared};
use crate::crowd::Report;
use crate::crowd::report::QUANTILES;

/// Milliseconds, to a tenth.
pub(super) fn ms(time: Duration) -> String {
    grouped(format!("{:.1}", time.as_secs_f64() * 1_000.0))
}

/// A table that may be wider than a telephone: it is scrolled by itself, by hand and by key.
pub(super) fn table(name: &str, head: &[String], rows: &[Vec<String>]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(name) {
            table {
                thead { tr { @for title in head { th scope="col" { (title) } } } }
                tbody {
                    @for row in rows {
                        tr {
                            @for (index, cell) in row.iter().enumerate() {
                                @if index == 0 { th scope="row" { (cell) } } @else { td { (cell) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// How many there were of each kind, and of a hundred.
pub(super) fn counted(name: &str, kind: &str, counts: &BTreeMap<String, usize>) -> Markup {
    let total = counts.values().sum::<usize>();
    let mut counts: Vec<_> = counts.iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let row = |(kind, count): (&String, &usize)| {
        let tenths = count * 1_000 / total.max(1);
        vec![kind.clone(), grouped(count), format!("{}.{} %", tenths / 10, tenths % 10)]
    };
    let rows: Vec<Vec<String>> = counts.into_iter().map(row).collect();
    let head = [kind, "how many", "share"].map(ToOwned::to_owned);
    html! { div { h3 { (name) } (table(name, &head, &rows)) } }
}

pub(super) fn latency(report: &Report) -> Markup {
    let name = "Over the whole run, from when an attempt was meant to be sent";
    let rows: Vec<Vec<String>> = QUANTILES
        .into_iter()
        .map(|(label, quantile)| vec![label.to_owned(), format!("{} ms", ms(report.latency(quantile)))])
        .collect();
    html! {
        h3 { (name) }
        (table(name, &["of all attempts", "took at most"].map(ToOwned::to_owned), &rows))
    }
}

pub(super) fn books(books: &Result<&Compared, String>) -> Markup {
    let books = match books {
        Ok(books) => books,
        Err(why) => return html! { p { "They could not be compared:" } pre { (why) } },
    };
    let head: Vec<String> = std::iter::once("units").chain(COLUMNS).map(ToOwned::to_owned).collect();
    let row = |side: &crate::books::Side| {
        let name = std::iter::once(format!("{} {}", side.sku, side.place()));
        name.chain(side.counts.map(grouped)).collect()
    };
    let rows: Vec<Vec<String>> = books.sides.iter().map(row).collect();
    html! {
        p {
            "Compared by the ledger's own command, which reads the log in NATS and the rows in Postgres afresh, at the same "
            "position of the log. On each side supply = free + held + sold."
        }
        (table("Both sides of the books", &head, &rows))
        @if books.balanced {
            p.good { "Balanced: equal on both sides." }
        } @else {
            p.bad { strong { "Not balanced." } }
        }
        @if !books.wrong.is_empty() {
            ul { @for sentence in &books.wrong { li { (sentence) } } }
        }
    }
}
