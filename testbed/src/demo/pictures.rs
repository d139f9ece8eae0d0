//! Panels of the overview as pictures for the documentation, drawn from what the demo's Prometheus has seen.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use testbed::dashboard::{Dashboard, Panel, Query};
use testbed::picture::{Axis, Chart, Colour, Series, Shape};
use testbed::prometheus::{self, Api, Labels};

use super::state::State;
use super::up::SCRAPED_EVERY;

/// The dashboard, and which of its panels are drawn: those that tell a day from the other.
const DASHBOARD: &str = "overview";
const PANELS: [&str; 6] = ["Claims by answer", "Time to an answer", "Units", "Holds", "Payments", "Looks at sales"];
/// The span of rates: what Grafana chooses for the pause between two scrapes.
const RATE_OVER: &str = "20s";
/// One after the other; whoever comes later begins again.
const COLOURS: [Colour; 8] =
    [Colour::Blue, Colour::Amber, Colour::Green, Colour::Violet, Colour::Teal, Colour::Rose, Colour::Red, Colour::Grey];

pub(crate) async fn run(wish: super::Pictures) -> anyhow::Result<()> {
    let state = State::read()?;
    let url = state.prometheus().context("the running demo has no Prometheus: make tools installs it")?;
    let api = Api::at(url);
    let dashboards = Dashboard::of_chart(RATE_OVER)?;
    let dashboard = dashboards.iter().find(|one| one.name == DASHBOARD).context("the chart has no overview")?;
    std::fs::create_dir_all(&wish.folder).with_context(|| format!("no folder {}", wish.folder.display()))?;
    for title in PANELS {
        let panel = dashboard.panels.iter().find(|panel| panel.title == title);
        let panel = panel.with_context(|| format!("the overview has no panel {title:?}"))?;
        let chart = drawn(&api, panel, Duration::from_secs(wish.minutes * 60)).await?;
        let file = wish.folder.join(format!("{}.svg", title.to_lowercase().replace(' ', "-")));
        std::fs::write(&file, chart.svg()).with_context(|| format!("cannot write {}", file.display()))?;
        println!("{}: {} lines", file.display(), chart.series.len());
    }
    Ok(())
}

/// What a panel showed during the last `back`.
async fn drawn(api: &Api, panel: &Panel, back: Duration) -> anyhow::Result<Chart> {
    let mut found = Vec::new();
    for Query { expression, legend } in &panel.queries {
        let all = api.query_range(expression, back, SCRAPED_EVERY).await?;
        found.extend(all.into_iter().map(|series| (called(legend, &series.labels), series)));
    }
    // A line that lies on the floor all the time is one more name in the legend and nothing else.
    let moves = |series: &prometheus::Series| series.points.iter().any(|(_, value)| value.is_finite() && *value != 0.0);
    found.retain(|(_, series)| moves(series));
    ensure!(!found.is_empty(), "{:?} shows nothing yet: send a crowd first", panel.title);
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    let begin = found.iter().filter_map(|(_, series)| Some(series.points.first()?.0)).fold(f64::INFINITY, f64::min);
    let series = found.into_iter().zip(COLOURS.into_iter().cycle()).map(|((name, series), colour)| {
        let points = series.points.into_iter().map(|(at, value)| (at - begin, value)).collect();
        Series { name, colour, shape: Shape::Line, points }
    });
    let y = match panel.unit.as_str() {
        // Microseconds and minutes are in one picture.
        "s" => Axis::logarithmic("", "s"),
        "reqps" => Axis::linear("", "/s"),
        _ => Axis::linear("", ""),
    };
    Ok(Chart {
        title: panel.title.clone(),
        x: Axis::linear("time", "s"),
        y,
        series: series.collect(),
        marks: Vec::new(),
    })
}

/// The name of a line: the legend with its labels put in, or all of its labels.
fn called(legend: &str, labels: &Labels) -> String {
    if legend.is_empty() {
        let all: BTreeMap<_, _> = labels.iter().filter(|(name, _)| *name != "__name__").collect();
        return all.values().map(|value| value.as_str()).collect::<Vec<_>>().join(" ");
    }
    let put_in = |name: String, (label, value): (&String, &String)| name.replace(&format!("{{{{{label}}}}}"), value);
    labels.iter().fold(legend.to_owned(), put_in).trim().to_owned()
}
