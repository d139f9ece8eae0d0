//! The dashboards, as files: whole panels, questions that Prometheus understands, links that lead somewhere.
//!
//! Grafana itself is not there to draw them, so what it needs is looked for here; that the questions have answers is tested where
//! the product runs.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use testbed::tool;

const DASHBOARDS: [&str; 2] = ["overview", "internals"];
/// What the first row of the overview shows.
const INVARIANTS: [&str; 6] = [
    "sluice_ledger_oversold_units",
    "sluice_ledger_gap_units",
    "sluice_ledger_breaches",
    "sluice_ledger_unaudited_seconds",
    "sluice_operator_storage_lost",
    "condition=\"Durable\",status=\"false\"",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn dashboard(name: &str) -> Value {
    let path = root().join(format!("charts/sluice/dashboards/{name}.json"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn array<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().unwrap_or_else(|| panic!("no {key} in {value}"))
}

fn panels(dashboard: &Value) -> impl Iterator<Item = &Value> {
    array(dashboard, "panels").iter().filter(|panel| panel["type"] != "row")
}

fn questions(panel: &Value) -> Vec<&str> {
    array(panel, "targets").iter().map(|target| target["expr"].as_str().unwrap()).collect()
}

#[test]
fn every_panel_says_what_it_shows_in_which_unit() {
    for name in DASHBOARDS {
        let dashboard = dashboard(name);
        let mut titles = BTreeSet::new();
        for panel in panels(&dashboard) {
            let title = panel["title"].as_str().unwrap();
            assert!(titles.insert(title), "{name}: two panels are called {title}");
            let kind = panel["type"].as_str().unwrap();
            assert!(["stat", "timeseries", "heatmap", "table"].contains(&kind), "{name}: {title} is a {kind}");
            assert!(panel["description"].as_str().unwrap().ends_with(['.', 'd']), "{name}: {title} has no description");
            assert!(!panel["fieldConfig"]["defaults"]["unit"].as_str().unwrap().is_empty(), "{name}: {title}");
            assert_eq!(panel["datasource"]["uid"], "${datasource}", "{name}: {title}");
            assert!(
                array(panel, "targets").iter().all(|target| target["datasource"]["uid"] == "${datasource}"),
                "{title}"
            );
        }
        assert!(titles.len() > 20, "{name} has {} panels", titles.len());
    }
}

#[test]
fn no_two_panels_lie_on_one_another_and_none_beyond_the_edge() {
    for name in DASHBOARDS {
        let dashboard = dashboard(name);
        let mut taken = BTreeSet::new();
        let mut ids = BTreeSet::new();
        for panel in array(&dashboard, "panels") {
            assert!(ids.insert(panel["id"].as_u64().unwrap()), "{name}: {} has another's id", panel["title"]);
            let [x, y, w, h] = ["x", "y", "w", "h"].map(|key| panel["gridPos"][key].as_u64().unwrap());
            assert!(x + w <= 24, "{name}: {} ends at {}", panel["title"], x + w);
            for place in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
                assert!(taken.insert(place), "{name}: {} lies on another panel at {place:?}", panel["title"]);
            }
        }
    }
}

#[test]
fn the_overview_begins_with_the_invariants() {
    let dashboard = dashboard("overview");
    let rows: Vec<_> = array(&dashboard, "panels").split(|panel| panel["type"] == "row").collect();
    let first: Vec<_> = rows[1].iter().take(INVARIANTS.len()).collect();
    for (panel, invariant) in first.iter().zip(INVARIANTS) {
        assert_eq!(panel["type"], "stat");
        assert!(questions(panel)[0].contains(invariant), "{} does not show {invariant}", panel["title"]);
        assert_eq!(panel["gridPos"]["y"], first[0]["gridPos"]["y"], "{} is in another row", panel["title"]);
        assert_eq!(panel["fieldConfig"]["defaults"]["noValue"], "not known", "silence must not look like zero");
    }
}

#[test]
fn dashboards_lead_to_one_another_and_to_the_runbooks() {
    for (name, other) in [("overview", "internals"), ("internals", "overview")] {
        let dashboard = dashboard(name);
        assert_eq!(dashboard["uid"], format!("sluice-{name}"));
        assert_eq!(dashboard["schemaVersion"], 41);
        let urls: Vec<_> = array(&dashboard, "links").iter().map(|link| link["url"].as_str().unwrap()).collect();
        assert_eq!(urls, [&format!("/d/sluice-{other}"), "docs/runbooks/README.md"]);
        let names: Vec<_> = array(&dashboard["templating"], "list").iter().map(|v| v["name"].clone()).collect();
        assert_eq!(names, ["datasource", "namespace"]);
        let text = dashboard.to_string();
        for link in text.split("docs/runbooks/").skip(1).filter_map(|rest| rest.split_once(".md")).map(|(page, _)| page)
        {
            let there = link == "${__value.raw}" || root().join(format!("docs/runbooks/{link}.md")).exists();
            assert!(there, "{name}: there is no runbook {link}");
        }
    }
}

#[test]
fn every_question_is_one_and_asks_for_no_label_that_a_plain_prometheus_lacks() {
    let mut rules = String::from("groups:\n  - name: questions\n    rules:\n");
    let mut count = 0;
    for name in DASHBOARDS {
        for panel in panels(&dashboard(name)) {
            for question in questions(panel) {
                for label in ["pod", "container", "service", "endpoint"] {
                    for operator in ["=", "!", ",", ")"] {
                        let asked = question.contains(&format!("{label}{operator}"));
                        assert!(!asked, "{name}: {} asks for {label}", panel["title"]);
                    }
                }
                let plain = question.replace("$namespace", ".*").replace("$__rate_interval", "1m");
                assert!(!plain.contains('$'), "{name}: {} has a variable of its own: {question}", panel["title"]);
                let plain = serde_json::to_string(&plain).unwrap();
                writeln!(rules, "      - record: question:{name}:{count}\n        expr: {plain}").unwrap();
                count += 1;
            }
        }
    }
    assert!(count > 80, "only {count} questions");
    let file = std::env::temp_dir().join(format!("sluice-dashboards-{}.yaml", std::process::id()));
    std::fs::write(&file, rules).unwrap();
    let told = Command::new(tool::path("promtool").unwrap()).args(["check", "rules"]).arg(&file).output().unwrap();
    std::fs::remove_file(&file).unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
}
