//! What became of a crowd, as one page of HTML that can be kept, sent and opened anywhere.
//!
//! **What it is for.** Somebody who was not there sees what the crowd did, how the system took it and whether the books
//! balance, on a telephone or a wall, in the light or in the dark, with eyes or with a screen reader.
//!
//! **What must always hold.** It is a function of what it is given. It loads nothing and runs nothing, and forbids itself
//! both. Nothing of it is markup that is not written here. Each picture has its numbers in a table. What went wrong stands
//! on top, not below what went well.

mod pictures;
mod tables;
#[cfg(test)]
mod tests;
mod verdict;

use std::collections::BTreeSet;
use std::fmt::Display;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{Arrival, Crowd, History, Report};
use crate::books::Compared;
use crate::viewers;
use crate::window::Glance;

/// Colours and places, in the light and in the dark.
const STYLE: &str = include_str!("page/style.css");
/// What the page may do: show itself.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/// What was asked for.
#[derive(Debug)]
pub struct Asked<'a> {
    /// What the sale is called.
    pub sale: &'a str,
    /// The crowd.
    pub crowd: &'a Crowd,
    /// When it came.
    pub began: jiff::Timestamp,
    /// Which build sent it.
    pub version: &'a str,
}

/// Everything that is known of it.
#[derive(Debug)]
pub struct Page<'a> {
    /// What was asked for.
    pub asked: Asked<'a>,
    /// What happened.
    pub history: &'a History,
    /// What was seen of the stock meanwhile.
    pub glances: &'a [Glance],
    /// What the ledger's own command found afterwards, or why it found nothing.
    pub books: Result<&'a Compared, String>,
    /// What those saw who only looked on, if there were any.
    pub viewers: Option<&'a viewers::Report>,
}

impl Page<'_> {
    /// The text of the page.
    #[must_use]
    pub fn html(&self) -> String {
        let (report, course) = (self.history.report(), self.history.course());
        let title = format!("A crowd at {}", self.asked.sale);
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta http-equiv="Content-Security-Policy" content=(POLICY);
                    title { (title) }
                    link rel="icon" href="data:,";
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    main {
                        header {
                            p.stamp { "Sluice " (self.asked.version) " · " (format!("{:.0}", self.asked.began)) }
                            h1 { (title) }
                            (verdict::sentences(self, &report))
                            (self.figures(&report))
                        }
                        (section("Answers", pictures::answers(&course)))
                        (section("Latency", html! {
                            (pictures::latency(&course))
                            (tables::latency(&report))
                        }))
                        (section("Stock", pictures::stock(self, &course)))
                        (section("How it ended", html! {
                            div.beside {
                                (tables::counted("for the shoppers' requests", "ended with", &report.ends))
                                (tables::counted("answers to all attempts, retries included", "answer", &report.answers))
                            }
                        }))
                        (section("Books", tables::books(&self.books)))
                        (section("What was asked", self.wishes()))
                    }
                }
            }
        };
        page.into_string()
    }

    /// How many came.
    fn shoppers(&self) -> usize {
        self.history.stories.iter().map(|story| story.shopper).collect::<BTreeSet<_>>().len()
    }

    /// A few numbers in large letters.
    fn figures(&self, report: &Report) -> Markup {
        let seconds = report.took.as_secs_f64();
        let rate = grouped(format!("{:.0}", report.per_second()));
        let figures = [
            ("shoppers", grouped(self.shoppers())),
            ("attempts", grouped(report.attempts)),
            ("attempts per second", rate),
            ("seconds", format!("{seconds:.1}")),
            ("median latency, ms", tables::ms(report.latency(0.5))),
            ("99th percentile, ms", tables::ms(report.latency(0.99))),
        ];
        html! {
            dl.figures {
                @for (name, figure) in figures { div { dt { (name) } dd { (figure) } } }
            }
        }
    }

    fn wishes(&self) -> Markup {
        let crowd = self.asked.crowd;
        let sends = if crowd.sends > 1 { format!("{} times at once", crowd.sends) } else { "once".to_owned() };
        let came = match crowd.arrival {
            Arrival::Burst => "all at once, each as soon as a connection is free".to_owned(),
            Arrival::PerSecond(rate) => format!("{rate} a second, whether or not others were answered"),
        };
        let looked_on = self.viewers.map(|viewers| {
            format!("{} with an event stream open; {} saw the right end", grouped(viewers.viewers), viewers.right)
        });
        let wishes = [
            ("Sale", Some(format!("{} ({})", self.asked.sale, crowd.sale))),
            ("Item", Some(format!("{} of {} each", crowd.quantity, crowd.sku))),
            ("Shoppers", Some(grouped(self.shoppers()))),
            ("They came", Some(came)),
            ("Each asked", Some(format!("{sends}, and again for up to {} s", crowd.patience.as_secs()))),
            ("Connections", Some(format!("at most {}", grouped(crowd.connections)))),
            ("Edges", Some(crowd.edges.join(", "))),
            ("Viewers", looked_on),
            ("Began", Some(format!("{:.0}", self.asked.began))),
            ("Version", Some(self.asked.version.to_owned())),
        ];
        html! {
            dl.wishes {
                @for (name, wish) in wishes {
                    @if let Some(wish) = wish { dt { (name) } dd { (wish) } }
                }
            }
        }
    }
}

fn section(title: &str, inside: Markup) -> Markup {
    html! { section { h2 { (title) } (inside) } }
}

/// A number as people write it.
fn grouped(number: impl Display) -> String {
    crate::picture::grouped(&number.to_string())
}
