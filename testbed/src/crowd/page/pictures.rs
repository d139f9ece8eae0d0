//! The pictures of the page, each with its numbers.

use std::time::Duration;

use maud::{Markup, PreEscaped, html};

use super::{Page, grouped, tables};
use crate::crowd::{Course, Latency};
use crate::picture::{Axis, Chart, Colour, Mark, Series, Shape, Size};
use crate::window::{Glance, Shown};

/// What is told of kinds that are known; others are stacked above them.
const KINDS: [(&str, Colour); 7] = [
    ("201", Colour::Green),
    ("202", Colour::Teal),
    ("sold-out", Colour::Grey),
    ("busy", Colour::Amber),
    ("timed out", Colour::Rose),
    ("connection lost", Colour::Red),
    ("no connection", Colour::Violet),
];

/// Whatever has no place in [`KINDS`], in turns.
const OTHERS: [Colour; 3] = [Colour::Blue, Colour::Violet, Colour::Rose];

pub(super) fn answers(course: &Course) -> Markup {
    let place = |kind: &str| KINDS.iter().position(|(known, _)| *known == kind).unwrap_or(KINDS.len());
    let mut kinds: Vec<_> = course.answers.iter().collect();
    kinds.sort_by_key(|(kind, _)| place(kind));
    let seconds = course.interval.as_secs_f64();
    let series = kinds.iter().enumerate().map(|(index, (kind, counts))| {
        let other = OTHERS.get(index % OTHERS.len()).copied().unwrap_or(Colour::Blue);
        let colour = KINDS.get(place(kind)).map_or(other, |(_, colour)| *colour);
        // The last interval is drawn to its end.
        let rates = counts.iter().chain(counts.last()).map(|count| real(*count) / seconds);
        let points = rates.enumerate().map(|(index, rate)| (course.begins(index).as_secs_f64(), rate)).collect();
        Series { name: (*kind).clone(), colour, shape: Shape::StackedSteps, points }
    });
    let first = |kind: &str, label: &str| {
        let at = course.first.get(kind)?.as_secs_f64();
        Some(Mark { at, label: label.to_owned() })
    };
    let chart = Chart {
        title: format!("Answers by kind, every {} ms", course.interval.as_millis()),
        x: Axis::linear("time since the crowd came", "s"),
        y: Axis::linear("answers", "/s"),
        series: series.collect(),
        marks: first("sold-out", "first told sold out").into_iter().collect(),
    };
    let head = kinds.iter().map(|(kind, _)| (*kind).clone());
    let row = |index: usize| kinds.iter().map(move |(_, counts)| counts.get(index).map(grouped));
    figure(&chart, head, (0..course.latency.len()).map(|index| (course.begins(index), row(index).collect())))
}

pub(super) fn latency(course: &Course) -> Markup {
    let line = |name: &str, colour, of: fn(&Latency) -> Duration| {
        let middle = |index| (course.begins(index) + course.interval / 2).as_secs_f64();
        let value = |latency: &Option<Latency>| {
            latency.as_ref().map_or(f64::NAN, |latency| of(latency).as_secs_f64() * 1_000.0)
        };
        let points = course.latency.iter().enumerate().map(|(index, latency)| (middle(index), value(latency)));
        Series { name: name.to_owned(), colour, shape: Shape::Line, points: points.collect() }
    };
    let chart = Chart {
        title: "Latency of what was answered then".to_owned(),
        x: Axis::linear("time since the crowd came", "s"),
        y: Axis::logarithmic("latency", "ms"),
        series: vec![
            line("max", Colour::Grey, |latency| latency.max),
            line("p99", Colour::Violet, |latency| latency.p99),
            line("p50", Colour::Blue, |latency| latency.p50),
        ],
        marks: Vec::new(),
    };
    let row = |latency: &Option<Latency>| {
        let figures = latency.map(|latency| [latency.p50, latency.p99, latency.max]);
        (0..3).map(|index| Some(tables::ms(*figures.as_ref()?.get(index)?))).collect()
    };
    let rows = course.latency.iter().enumerate().map(|(index, latency)| (course.begins(index), row(latency)));
    figure(&chart, ["p50 (ms)", "p99 (ms)", "max (ms)"].map(ToOwned::to_owned).into_iter(), rows)
}

pub(super) fn stock(page: &Page<'_>, course: &Course) -> Markup {
    let glances = thinned(page.glances, course.interval);
    let holds = glances.iter().any(|glance| glance.shown.is_some_and(|shown| shown.holds));
    let taken = if holds { "held or sold" } else { "sold" };
    let curve = |name: &str, colour, of: fn(&Shown) -> u64| {
        let value = |glance: &&Glance| glance.shown.as_ref().map_or(f64::NAN, |shown| real(of(shown)));
        let points = glances.iter().map(|glance| (glance.at.as_secs_f64(), value(glance)));
        Series { name: name.to_owned(), colour, shape: Shape::StackedSteps, points: points.collect() }
    };
    let each = u64::from(page.asked.crowd.quantity);
    let told = course.orders.iter().enumerate().scan(0, |told, (index, orders)| {
        *told += orders * each;
        Some((course.begins(index + 1).as_secs_f64(), real(*told)))
    });
    let told = std::iter::once((0.0, 0.0)).chain(told).collect();
    let chart = Chart {
        title: "Stock as an edge showed it to everybody".to_owned(),
        x: Axis::linear("time since the crowd came", "s"),
        y: Axis::linear("stock", "units"),
        series: vec![
            curve(taken, Colour::Grey, |shown| shown.quantity.saturating_sub(shown.free)),
            curve("free", Colour::Blue, |shown| shown.free),
            Series {
                name: "that this crowd was told it has".to_owned(),
                colour: Colour::Green,
                shape: Shape::Line,
                points: told,
            },
        ],
        marks: Vec::new(),
    };
    let row = |shown: &Option<Shown>| {
        let figures = |of: fn(&Shown) -> Option<u64>| shown.as_ref().and_then(of).map(grouped);
        let mut row =
            vec![figures(|shown| Some(shown.free)), figures(|shown| Some(shown.quantity.saturating_sub(shown.free)))];
        row.extend(holds.then(|| figures(|shown| shown.held)));
        row
    };
    let head = ["free", taken].into_iter().chain(holds.then_some("held, where none is free")).map(ToOwned::to_owned);
    figure(&chart, head, glances.iter().map(|glance| (glance.at, row(&glance.shown))))
}

/// The last glance of each interval.
fn thinned(glances: &[Glance], interval: Duration) -> Vec<&Glance> {
    let interval_of = |glance: &Glance| glance.at.as_nanos() / interval.as_nanos().max(1);
    let mut kept: Vec<&Glance> = Vec::new();
    for glance in glances {
        match kept.last_mut() {
            Some(last) if interval_of(last) == interval_of(glance) => *last = glance,
            _ => kept.push(glance),
        }
    }
    kept
}

/// A picture for a screen and one for a telephone, of which one is shown, and its numbers by time.
fn figure(
    chart: &Chart,
    head: impl Iterator<Item = String>,
    rows: impl Iterator<Item = (Duration, Vec<Option<String>>)>,
) -> Markup {
    let head: Vec<String> = std::iter::once("s".to_owned()).chain(head).collect();
    let row = |(at, cells): (Duration, Vec<Option<String>>)| {
        let at = std::iter::once(format!("{:.2}", at.as_secs_f64()));
        at.chain(cells.into_iter().map(|cell| cell.unwrap_or_else(|| "–".to_owned()))).collect()
    };
    let rows: Vec<Vec<String>> = rows.map(row).collect();
    html! {
        figure {
            div.wide { (PreEscaped(chart.svg())) }
            div.narrow { (PreEscaped(chart.svg_of(Size::NARROW))) }
            details {
                summary { "The same as numbers" }
                (tables::table(&chart.title, &head, &rows))
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn real(count: u64) -> f64 {
    count as f64
}
