//! The alerts: rules that Prometheus takes, scenarios that show each of them fire, stay silent and end, and a runbook for each.
//!
//! The files are read as the chart ships them. Whether a running product makes the series that they read is tested where it
//! runs.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use testbed::tool;

/// What every runbook tells, in this order.
const SECTIONS: [&str; 4] = ["Meaning", "Impact", "Diagnosis", "Mitigation"];
/// What commands of runbooks leave open; `docs/runbooks/README.md` says what each stands for.
const PLACEHOLDERS: [&str; 3] = ["SALE", "PROMETHEUS", "ADMIN"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn folder(path: &str) -> BTreeMap<String, PathBuf> {
    let entries = std::fs::read_dir(root().join(path)).unwrap().map(|entry| entry.unwrap().path());
    entries
        .filter(|path| path.is_file())
        .map(|path| (path.file_name().unwrap().to_str().unwrap().into(), path))
        .collect()
}

fn yaml(path: &Path) -> Value {
    serde_yaml_ng::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn array<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().unwrap_or_else(|| panic!("no {key} in {value}"))
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("no {key} in {value}"))
}

/// Every rule that alerts.
fn alerts() -> Vec<Value> {
    let files = folder("charts/sluice/alerts").into_values().map(|path| yaml(&path));
    let groups: Vec<Value> = files.flat_map(|file| array(&file, "groups").to_vec()).collect();
    let rules = groups.iter().flat_map(|group| array(group, "rules")).filter(|rule| !rule["alert"].is_null());
    let alerts: Vec<Value> = rules.cloned().collect();
    assert!(alerts.len() > 20, "only {} alerts", alerts.len());
    alerts
}

fn names() -> BTreeSet<String> {
    alerts().iter().map(|alert| text(alert, "alert").to_owned()).collect()
}

/// Runs promtool; fails with what it complained of.
#[track_caller]
fn promtool(arguments: &[&str], files: impl IntoIterator<Item = PathBuf>) {
    let told = Command::new(tool::path("promtool").unwrap()).args(arguments).args(files).output().unwrap();
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(told.status.success(), "{}{}", said(&told.stdout), said(&told.stderr));
}

#[test]
fn prometheus_takes_every_rule() {
    promtool(&["check", "rules", "--lint-fatal"], folder("charts/sluice/alerts").into_values());
}

#[test]
fn every_scenario_goes_as_it_is_written() {
    promtool(&["test", "rules"], folder("charts/sluice/alerts/tests").into_values());
}

/// Seconds of a time as scenarios write it.
fn seconds(time: &str) -> u64 {
    let (number, unit) = time.split_at(time.len() - 1);
    let number: u64 = number.parse().unwrap();
    match unit {
        "s" => number,
        "m" => number * 60,
        "h" => number * 3600,
        _ => panic!("{time} is no time of a scenario"),
    }
}

/// Whether a scenario shows a rule silent, then firing, then silent again.
fn shown(scenario: &Value, rule: &Value) -> bool {
    let of_it = array(scenario, "alert_rule_test").iter().filter(|check| check["alertname"] == rule["alert"]);
    let mut checks: Vec<_> =
        of_it.map(|check| (seconds(text(check, "eval_time")), array(check, "exp_alerts"))).collect();
    checks.sort_by_key(|(at, _)| *at);
    let labels = rule["labels"].as_object().unwrap();
    let is_it = |alert: &Value| labels.iter().all(|(label, value)| &alert["exp_labels"][label] == value);
    let fires = checks.iter().position(|(_, alerts)| alerts.iter().any(is_it));
    fires.is_some_and(|at| {
        checks[..at].iter().any(|(_, a)| a.is_empty()) && checks[at..].iter().any(|(_, a)| a.is_empty())
    })
}

#[test]
fn every_alert_is_shown_to_stay_silent_to_fire_and_to_end() {
    let files = folder("charts/sluice/alerts/tests").into_values().map(|path| yaml(&path));
    let scenarios: Vec<Value> = files.flat_map(|file| array(&file, "tests").to_vec()).collect();
    let shown = |rule: &Value| scenarios.iter().any(|scenario| shown(scenario, rule));
    let missing: Vec<_> = alerts()
        .iter()
        .filter(|rule| !shown(rule))
        .map(|rule| format!("{} {}", rule["alert"], rule["labels"]))
        .collect();
    assert!(missing.is_empty(), "no scenario shows these silent, firing and silent again:\n{}", missing.join("\n"));
}

#[test]
fn a_scenario_that_shows_too_little_does_not_count() {
    let rule = serde_json::json!({ "alert": "A", "labels": { "severity": "page" } });
    let check = |at: &str, severity: Option<&str>| {
        let alerts: Vec<_> = severity.iter().map(|s| serde_json::json!({ "exp_labels": { "severity": s } })).collect();
        serde_json::json!({ "eval_time": at, "alertname": "A", "exp_alerts": alerts })
    };
    let shows = |checks: Vec<Value>| shown(&serde_json::json!({ "alert_rule_test": checks }), &rule);
    assert!(shows(vec![check("90s", None), check("5m", Some("page")), check("1h", None)]));
    assert!(!shows(vec![check("5m", Some("page")), check("1h", None)]), "never silent before");
    assert!(!shows(vec![check("90s", None), check("5m", Some("page"))]), "never ends");
    assert!(!shows(vec![check("90s", None), check("5m", Some("ticket")), check("1h", None)]), "another rule");
    assert!(!shows(vec![check("5m", Some("page")), check("90s", None), check("60s", None)]), "both before");
}

#[test]
fn every_alert_says_whom_it_calls_and_what_it_saw() {
    for alert in alerts() {
        let (name, annotations) = (text(&alert, "alert"), &alert["annotations"]);
        assert!(["page", "ticket"].contains(&text(&alert["labels"], "severity")), "{name}");
        assert_eq!(text(annotations, "runbook_url"), format!("docs/runbooks/{name}.md"));
        assert!(!text(annotations, "summary").ends_with('.'), "{name}: a summary is a title");
        let description = text(annotations, "description");
        assert!(description.contains("{{ $value"), "{name}: the description has no number");
        assert!(description.ends_with('.') && !description.contains(". "), "{name}: the description is one sentence");
    }
}

/// The runbooks, by the alert that they are for.
fn runbooks() -> BTreeMap<String, String> {
    let pages = folder("docs/runbooks").into_iter().filter(|(name, _)| name != "README.md");
    pages.map(|(name, path)| (name.replace(".md", ""), std::fs::read_to_string(path).unwrap())).collect()
}

#[test]
fn every_alert_has_a_runbook_and_every_runbook_an_alert() {
    let told: BTreeSet<String> = runbooks().into_keys().collect();
    assert_eq!(told, names());
    let overview = std::fs::read_to_string(root().join("docs/runbooks/README.md")).unwrap();
    let unlisted: Vec<_> = told.iter().filter(|name| !overview.contains(&format!("[{name}]({name}.md)"))).collect();
    assert!(unlisted.is_empty(), "the overview does not name {unlisted:?}");
}

#[test]
fn every_runbook_has_the_four_sections_and_something_in_them() {
    for (name, page) in runbooks() {
        assert!(page.starts_with(&format!("# {name}\n")), "{name} does not begin with its name");
        let sections: Vec<_> = page.split("\n## ").skip(1).map(|part| part.split_once('\n').unwrap()).collect();
        let titles: Vec<_> = sections.iter().map(|(title, _)| *title).collect();
        assert_eq!(titles, SECTIONS, "{name}");
        for (title, body) in sections {
            assert!(body.split_whitespace().count() >= 10, "{name}: {title} says too little");
        }
    }
}

/// The commands of a runbook: lines of blocks of the console that begin with a dollar, with those that they go on in.
fn commands(page: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for block in page.split("```console\n").skip(1) {
        let mut goes_on = false;
        for line in block.split("```").next().unwrap().lines() {
            if let Some(command) = line.strip_prefix("$ ") {
                found.push(command.to_owned());
            } else if goes_on {
                found.last_mut().unwrap().push_str(line.trim());
            }
            goes_on = found.last().is_some_and(|command| command.ends_with('\\')) && line.ends_with('\\');
            if goes_on {
                found.last_mut().unwrap().pop();
            }
        }
    }
    found
}

#[test]
fn every_runbook_has_commands_that_leave_open_only_what_is_documented() {
    let overview = std::fs::read_to_string(root().join("docs/runbooks/README.md")).unwrap();
    for placeholder in PLACEHOLDERS {
        assert!(overview.contains(&format!("`${placeholder}`")), "the overview does not say what {placeholder} is");
    }
    for (name, page) in runbooks() {
        let commands = commands(&page);
        assert!(commands.len() >= 2, "{name} has {} commands", commands.len());
        for command in commands {
            for open in command.split('$').skip(1) {
                let open: String = open.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                let known = PLACEHOLDERS.contains(&open.as_str()) || open.starts_with("SLUICE_");
                assert!(known, "{name} leaves open {open}: {command}");
            }
            assert!(!command.contains('<'), "{name}: {command} has a placeholder of its own");
        }
    }
}

#[test]
fn every_question_to_prometheus_in_a_runbook_is_one() {
    let mut rules = String::from("groups:\n  - name: questions\n    rules:\n");
    let mut count = 0;
    for (name, page) in runbooks() {
        for command in commands(&page) {
            let Some((_, rest)) = command.split_once("promtool query instant") else { continue };
            let question = rest.split('\'').nth(1).unwrap_or_else(|| panic!("{name}: no question in {command}"));
            let question = serde_json::to_string(question).unwrap();
            rules.push_str(&format!(
                "      - record: question:{}:{count}\n        expr: {question}\n",
                name.to_lowercase()
            ));
            count += 1;
        }
    }
    assert!(count > 15, "only {count} questions");
    let file = std::env::temp_dir().join(format!("sluice-questions-{}.yaml", std::process::id()));
    std::fs::write(&file, rules).unwrap();
    promtool(&["check", "rules"], [file.clone()]);
    std::fs::remove_file(file).unwrap();
}
