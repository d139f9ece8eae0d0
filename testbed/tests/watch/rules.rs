//! The chart's rules: what they say, and the same rules in a hurry.
//!
//! Rules for production wait for minutes and look back over hours. A test has neither, so it divides every time in them by one
//! number: how long a condition must hold (`for`), how often it is looked at, and how far back a rate goes. What a value is
//! compared with stays, be it seconds or not: a hold that is ten seconds too late is so at any speed.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use serde_yaml_ng::Value;
use testbed::prometheus;

use crate::expression::{shortened, shorter};

/// Keys of a rule, and of a group, that are times.
const TIMES: [&str; 4] = ["for", "keep_firing_for", "interval", "query_offset"];

/// One rule.
#[derive(Debug)]
pub(crate) struct Rule {
    /// The alert, or the name under which its value is kept.
    pub(crate) name: String,
    /// What it asks.
    pub(crate) expression: String,
}

/// Every rule of the chart.
pub(crate) fn of_chart() -> anyhow::Result<Vec<Rule>> {
    let mut found = Vec::new();
    for file in prometheus::chart_rules()? {
        let whole = read(&file)?;
        for rule in groups(&whole).flat_map(|group| list(group, "rules")) {
            let text = |key: &str| rule.get(key).and_then(Value::as_str);
            let name = text("alert").or_else(|| text("record")).context("a rule has a name")?.to_owned();
            found.push(Rule { name, expression: text("expr").context("a rule asks something")?.to_owned() });
        }
    }
    ensure!(!found.is_empty(), "the chart has no rules");
    Ok(found)
}

/// Writes the chart's rules into a folder, all times divided; the files, which promtool has looked at.
pub(crate) async fn in_a_hurry(folder: &Path, by: u64) -> anyhow::Result<Vec<PathBuf>> {
    std::fs::create_dir_all(folder)?;
    let mut written = Vec::new();
    for file in prometheus::chart_rules()? {
        let mut whole = read(&file)?;
        hurry(&mut whole, by).with_context(|| format!("{}", file.display()))?;
        let copy = folder.join(file.file_name().context("a file has a name")?);
        std::fs::write(&copy, serde_yaml_ng::to_string(&whole)?)?;
        written.push(copy);
    }
    prometheus::check_rules(&written).await?;
    Ok(written)
}

/// Divides every time in a file of rules.
fn hurry(value: &mut Value, by: u64) -> anyhow::Result<()> {
    match value {
        Value::Sequence(all) => all.iter_mut().try_for_each(|one| hurry(one, by)),
        Value::Mapping(entries) => entries.iter_mut().try_for_each(|(key, value)| match (key.as_str(), value) {
            (Some("expr"), Value::String(expression)) => {
                *expression = shortened(expression, by)?;
                Ok(())
            }
            (Some(key), Value::String(time)) if TIMES.contains(&key) => {
                *time = shorter(time, by)?;
                Ok(())
            }
            (_, value) => hurry(value, by),
        }),
        _ => Ok(()),
    }
}

fn read(file: &Path) -> anyhow::Result<Value> {
    let text = std::fs::read_to_string(file)?;
    serde_yaml_ng::from_str(&text).with_context(|| format!("{}", file.display()))
}

fn groups(whole: &Value) -> impl Iterator<Item = &Value> {
    list(whole, "groups")
}

fn list<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> + use<'v> {
    value.get(key).and_then(Value::as_sequence).into_iter().flatten()
}

#[test]
fn rules_in_a_hurry_differ_in_their_times_only() {
    let calm = "groups: [{name: g, interval: 30s, rules: [
        {alert: A, expr: 'rate(a[5m]) > 300', for: 2m, labels: {severity: page}, annotations: {summary: 'for 5m'}},
        {record: 'a:rate5m', expr: 'rate(a[5m])'}]}]";
    let hurried = "groups: [{name: g, interval: 1000ms, rules: [
        {alert: A, expr: 'rate(a[10000ms]) > 300', for: 4000ms, labels: {severity: page}, annotations: {summary: 'for 5m'}},
        {record: 'a:rate5m', expr: 'rate(a[10000ms])'}]}]";
    let [mut calm, hurried]: [Value; 2] = [calm, hurried].map(|text| serde_yaml_ng::from_str(text).unwrap());
    hurry(&mut calm, 30).unwrap();
    assert_eq!(calm, hurried);
}
