//! The run in a few sentences, each of which is good news or bad.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::{Page, grouped};
use crate::crowd::{End, Report};

/// Good news, or bad.
type Sentence = (bool, String);

pub(super) fn sentences(page: &Page<'_>, report: &Report) -> Markup {
    let mut told = vec![stock(page), books(page), shoppers(page, report)];
    told.extend(page.viewers.map(|seen| {
        let (right, all) = (grouped(seen.right), grouped(seen.viewers));
        (seen.right == seen.viewers, format!("{right} of {all} viewers saw the right end."))
    }));
    // A stable sort: what went wrong comes first.
    told.sort_by_key(|(good, _)| *good);
    html! {
        ul.verdict {
            @for (good, sentence) in told {
                @if good { li.good { (sentence) } } @else { li.bad { strong { "Wrong: " } (sentence) } }
            }
        }
    }
}

fn stock(page: &Page<'_>) -> Sentence {
    let sku = &page.asked.crowd.sku;
    let Ok(books) = &page.books else { return (false, "Nobody knows how many units are sold.".to_owned()) };
    let [supply, _, held, sold, _] = books.sums(sku, true);
    let also_held = if held == 0 { String::new() } else { format!(" and {} on hold", grouped(held)) };
    let sold_of = format!("{} of {} units sold{also_held}", grouped(sold), grouped(supply));
    // Either side alone may be the one that knows of too many.
    let over = [false, true].map(|ledger| {
        let [supply, _, held, sold, _] = books.sums(sku, ledger);
        held + sold - supply
    });
    match over.into_iter().max() {
        Some(over) if over > 0 => (false, format!("{sold_of}: {} more than there are.", grouped(over))),
        _ => (true, format!("{sold_of}, nobody oversold.")),
    }
}

fn books(page: &Page<'_>) -> Sentence {
    match &page.books {
        Ok(books) if books.balanced => {
            (true, "The books balance: NATS and Postgres are equal to the unit and to the order.".to_owned())
        }
        Ok(_) => (false, "The books do not balance: see below.".to_owned()),
        Err(why) => (false, format!("The books could not be compared: {why}")),
    }
}

fn shoppers(page: &Page<'_>, report: &Report) -> Sentence {
    let count = |list: BTreeSet<usize>| grouped(list.len());
    let unsure = page.history.stories.iter().filter(|story| story.end == End::GaveUp).map(|story| story.shopper);
    let unsure: BTreeSet<usize> = unsure.collect();
    let (shoppers, attempts) = (grouped(page.shoppers()), grouped(report.attempts));
    if !unsure.is_empty() {
        return (
            false,
            format!("{} of {shoppers} shoppers never learned how a request of theirs ended.", count(unsure)),
        );
    }
    match page.history.orders() {
        Err(why) => (false, format!("Two answers contradict each other: {why}")),
        Ok(orders) => {
            let orders = grouped(orders.len());
            (
                true,
                format!(
                    "All {shoppers} shoppers know how it ended, after {attempts} attempts: {orders} have an order."
                ),
            )
        }
    }
}
