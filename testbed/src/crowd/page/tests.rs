//! What the page must say, of runs that are made up.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::books::COLUMNS;
use crate::crowd::{Attempt, End, Story};
use crate::window::Shown;

const SKU: &str = "AUR-42-BLK";

fn crowd() -> Crowd {
    Crowd {
        edges: vec!["http://127.0.0.1:1".to_owned()],
        sale: "aurora-0941c1b0".to_owned(),
        sku: SKU.to_owned(),
        quantity: 2,
        sends: 1,
        connections: 512,
        arrival: Arrival::Burst,
        patience: Duration::from_secs(60),
    }
}

/// One who bought, and so many whom it came to otherwise, a tenth of a second after each other.
fn history(others: usize, end: &End, answer: &str) -> History {
    let story = |shopper: usize, answer: &str, end: &End| {
        let at = Duration::from_millis(100 * u64::try_from(shopper).unwrap() + 50);
        let attempts = vec![Attempt { due: Duration::ZERO, answered: at, answer: answer.to_owned() }];
        Story { shopper, key: String::new(), attempts, end: end.clone() }
    };
    let mut stories = vec![story(0, "201", &End::Order("one".to_owned()))];
    stories.extend((1..=others).map(|shopper| story(shopper, answer, end)));
    History { took: Duration::from_secs(1), stories }
}

fn sold_out(others: usize) -> History {
    history(others, &End::Refused("sold-out".to_owned()), "sold-out")
}

fn books(balanced: bool, stream: [i64; 5], ledger: [i64; 5]) -> Compared {
    let side = |counts: [i64; 5]| -> Value {
        COLUMNS.into_iter().zip(counts).map(|(c, n)| (c.to_owned(), Value::from(n))).collect()
    };
    let item = json!({ "sku": SKU, "stream": side(stream), "ledger": side(ledger) });
    Compared::of(&json!({ "balanced": balanced, "shards": [{ "items": [item] }] }))
}

fn fine() -> Compared {
    books(true, [1_000, 0, 0, 1_000, 500], [1_000, 0, 0, 1_000, 500])
}

fn html(sale: &str, history: &History, glances: &[Glance], books: Result<&Compared, String>) -> String {
    let crowd = crowd();
    let asked = Asked { sale, crowd: &crowd, began: jiff::Timestamp::UNIX_EPOCH, version: "0.1.0 (unreleased build)" };
    Page { asked, history, glances, books, viewers: None }.html()
}

/// The sentences on top: the bad ones, and the good ones.
fn verdict(html: &str) -> [Vec<&str>; 2] {
    let list = html.split("<ul class=\"verdict\">").nth(1).unwrap().split("</ul>").next().unwrap();
    ["<li class=\"bad\"><strong>Wrong: </strong>", "<li class=\"good\">"]
        .map(|start| list.split(start).skip(1).map(|rest| rest.split("</li>").next().unwrap()).collect())
}

#[test]
fn a_run_that_went_well_says_so_in_words() {
    let page = html("Aurora", &sold_out(1_299), &[], Ok(&fine()));
    let [bad, good] = verdict(&page);
    assert!(bad.is_empty(), "{bad:?}");
    let expected = [
        "1,000 of 1,000 units sold, nobody oversold.",
        "The books balance: NATS and Postgres are equal to the unit and to the order.",
        "All 1,300 shoppers know how it ended, after 1,300 attempts: 1 have an order.",
    ];
    assert_eq!(good, expected);
}

#[test]
fn what_went_wrong_is_said_before_what_went_well() {
    let broken = books(false, [1_000, 0, 0, 1_001, 500], [1_000, 0, 0, 1_000, 500]);
    let [bad, good] =
        verdict(&html("Aurora", &history(2, &End::GaveUp, "timed out"), &[], Ok(&broken))).map(|list| list.len());
    assert_eq!((bad, good), (3, 0), "too many sold by one side, books that differ, shoppers who do not know");
    let page = html("Aurora", &sold_out(2), &[], Err("NATS <is> gone".to_owned()));
    let [bad, good] = verdict(&page);
    assert_eq!(bad, ["Nobody knows how many units are sold.", "The books could not be compared: NATS &lt;is&gt; gone"]);
    assert_eq!(good.len(), 1);
    assert!(page.find("class=\"bad\"") < page.find("class=\"good\""), "{page}");
}

#[test]
fn two_answers_that_contradict_each_other_are_told() {
    let mut told = sold_out(1);
    told.stories[1].shopper = 0;
    let [bad, _] = verdict(&html("Aurora", &told, &[], Ok(&fine()))).map(|list| list.concat());
    assert!(bad.starts_with("Two answers contradict each other: shopper 0 was told two things"), "{bad}");
}

#[test]
fn the_name_of_a_sale_is_never_markup() {
    let name = "<script>alert(\"aurora\")</script>";
    let page = html(name, &history(1, &End::Refused(name.to_owned()), name), &[], Ok(&fine()));
    assert!(!page.contains("<script"), "{page}");
    // In the title, the heading, what was asked, and as a kind of answer in tables and in both pictures.
    assert!(page.matches("&lt;script&gt;alert(&quot;aurora&quot;)&lt;/script&gt;").count() > 6, "{page}");
}

#[test]
fn nothing_is_fetched_and_nothing_runs() {
    let page = html("Aurora", &sold_out(3), &[], Ok(&fine()));
    assert!(page.contains("default-src 'none'"), "{page}");
    let elsewhere = page.match_indices("http").map(|(at, _)| &page[at..page.len().min(at + 26)]);
    let known = |text: &&str| {
        text.starts_with("http-equiv")
            || text.starts_with("http://www.w3.org/2000/svg")
            || text.starts_with("http://127.0.0.1:1")
    };
    assert_eq!(elsewhere.filter(|text| !known(text)).collect::<Vec<_>>(), Vec::<&str>::new());
}

#[test]
fn every_picture_has_its_numbers_in_a_table() {
    let glance = |ms, shown| Glance { at: Duration::from_millis(ms), shown };
    let shown = |free, held| Some(Shown { quantity: 1_000, free, held, holds: true });
    let glances =
        [glance(10, shown(998, None)), glance(60, shown(997, None)), glance(110, None), glance(220, shown(0, Some(7)))];
    let page = html("Aurora", &sold_out(2), &glances, Ok(&fine()));
    let tables: Vec<&str> =
        page.split("<details>").skip(1).map(|rest| rest.split("</details>").next().unwrap()).collect();
    let row = |cells: &[&str]| {
        let (first, rest) = cells.split_first().unwrap();
        let rest: String = rest.iter().map(|cell| format!("<td>{cell}</td>")).collect();
        format!("<tr><th scope=\"row\">{first}</th>{rest}</tr>")
    };
    let has = |table: usize, cells: &[&str]| assert!(tables[table].contains(&row(cells)), "{}", tables[table]);
    assert_eq!(tables.len(), 3);
    has(0, &["0.00", "1", "0"]);
    has(0, &["0.10", "0", "1"]);
    has(1, &["0.20", "250.0", "250.0", "250.0"]);
    assert!(!tables[2].contains("998"), "of an interval the last glance counts: {}", tables[2]);
    has(2, &["0.06", "997", "3", "–"]);
    has(2, &["0.11", "–", "–", "–"]);
    has(2, &["0.22", "0", "1,000", "7"]);
}

#[test]
fn a_crowd_of_nobody_is_a_page_too() {
    let nobody = History { stories: Vec::new(), took: Duration::ZERO };
    let page = html("Aurora", &nobody, &[], Ok(&fine()));
    assert!(page.contains("All 0 shoppers know how it ended") && !page.contains("NaN"), "{page}");
}
