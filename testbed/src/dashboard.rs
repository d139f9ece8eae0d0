//! The chart's dashboards as whoever shows them reads them: panels, and what each asks Prometheus.
//!
//! Variables are put in as Grafana would with everything chosen. A dashboard that this cannot read, because of a variable that
//! nobody declares for example, is refused rather than read in part.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, ensure};
use serde_json::Value;

/// One dashboard.
#[derive(Debug, Clone)]
pub struct Dashboard {
    /// Its file, without the ending.
    pub name: String,
    /// What stands above it.
    pub title: String,
    /// Everything that asks something, from top to bottom.
    pub panels: Vec<Panel>,
}

/// One panel.
#[derive(Debug, Clone)]
pub struct Panel {
    /// What stands above it.
    pub title: String,
    /// `timeseries`, `stat`, `heatmap`, …
    pub kind: String,
    /// What its numbers are, as Grafana calls units.
    pub unit: String,
    /// What it says when there is nothing to show, if it says anything.
    pub when_empty: Option<String>,
    /// What it asks.
    pub queries: Vec<Query>,
}

/// What a panel asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// In the language of Prometheus, without variables.
    pub expression: String,
    /// What each line is called, with labels in double braces; empty for whatever tells it from the others.
    pub legend: String,
}

impl Dashboard {
    /// The chart's dashboards, in the order of their names. `rate_over` is the span of rates, `15s` for example.
    ///
    /// # Errors
    /// When there are none, or one cannot be read.
    pub fn of_chart(rate_over: &str) -> anyhow::Result<Vec<Self>> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/sluice/dashboards");
        let files = std::fs::read_dir(&folder).with_context(|| format!("no folder {}", folder.display()))?;
        let mut files = files.map(|file| Ok(file?.path())).collect::<anyhow::Result<Vec<_>>>()?;
        files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        files.sort();
        ensure!(!files.is_empty(), "no dashboards in {}", folder.display());
        files
            .iter()
            .map(|file| {
                let name = file.file_stem().unwrap_or_default().to_string_lossy();
                let text = std::fs::read_to_string(file)?;
                Self::read(&name, &text, rate_over).with_context(|| format!("{}", file.display()))
            })
            .collect()
    }

    /// Reads one.
    ///
    /// # Errors
    /// When it is none, or asks for a variable that it does not declare.
    pub fn read(name: &str, text: &str, rate_over: &str) -> anyhow::Result<Self> {
        let whole: Value = serde_json::from_str(text)?;
        let variables = variables(&whole, rate_over);
        let mut panels = Vec::new();
        collect(&whole, &variables, &mut panels)?;
        ensure!(!panels.is_empty(), "it has no panels");
        Ok(Self { name: name.to_owned(), title: string(&whole, "/title").to_owned(), panels })
    }
}

/// What each variable stands for while everything is chosen.
fn variables(whole: &Value, rate_over: &str) -> BTreeMap<String, String> {
    let built_in = ["__rate_interval", "__interval", "__range"].map(|name| (name.to_owned(), rate_over.to_owned()));
    let declared = whole.pointer("/templating/list").and_then(Value::as_array).into_iter().flatten();
    let declared = declared.filter(|variable| string(variable, "/type") != "datasource").map(|variable| {
        let all = match string(variable, "/allValue") {
            "" if variable["includeAll"] == true => ".*",
            "" => string(variable, "/current/value"),
            all => all,
        };
        (string(variable, "/name").to_owned(), all.to_owned())
    });
    built_in.into_iter().chain(declared).collect()
}

/// Panels in the order in which they stand, those of rows that are folded as well.
fn collect(holder: &Value, variables: &BTreeMap<String, String>, into: &mut Vec<Panel>) -> anyhow::Result<()> {
    for panel in holder["panels"].as_array().into_iter().flatten() {
        let title = string(panel, "/title").to_owned();
        let queries = panel["targets"].as_array().into_iter().flatten().map(|target| {
            let expression = put_in(string(target, "/expr"), variables)?;
            ensure!(!expression.is_empty(), "it asks nothing");
            Ok(Query { expression, legend: string(target, "/legendFormat").to_owned() })
        });
        let queries = queries.collect::<anyhow::Result<Vec<_>>>().with_context(|| format!("panel {title:?}"))?;
        if !queries.is_empty() {
            let kind = string(panel, "/type").to_owned();
            let unit = string(panel, "/fieldConfig/defaults/unit").to_owned();
            let when_empty = panel.pointer("/fieldConfig/defaults/noValue").and_then(Value::as_str);
            into.push(Panel { title, kind, unit, when_empty: when_empty.map(ToOwned::to_owned), queries });
        }
        collect(panel, variables, into)?;
    }
    Ok(())
}

/// The expression with `$name`, `${name}` and `${name:format}` replaced.
fn put_in(expression: &str, variables: &BTreeMap<String, String>) -> anyhow::Result<String> {
    let mut out = String::new();
    let mut rest = expression;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let (name, end) = if let Some(inner) = after.strip_prefix('{') {
            let (inner, _) = inner.split_once('}').context("a variable does not end")?;
            (inner.split(':').next().unwrap_or_default(), inner.len() + 2)
        } else {
            let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
            (after.get(..end).unwrap_or_default(), end)
        };
        // The end of a pattern is no variable.
        if name.is_empty() {
            out.push('$');
        } else {
            out.push_str(variables.get(name).with_context(|| format!("nobody declares the variable ${name}"))?);
        }
        rest = after.get(end..).unwrap_or_default();
    }
    out.push_str(rest);
    Ok(out)
}

fn string<'value>(value: &'value Value, place: &str) -> &'value str {
    value.pointer(place).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests;
