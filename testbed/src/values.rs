//! The table of the chart's values, made from the comments beside them.
//!
//! **What it is for.** Whoever installs reads `docs/values.md`, whoever changes a value reads `values.yaml`, and both read the
//! same sentences. `make generate` writes the page, a test finds it stale.
//!
//! **What is deliberately absent.** YAML at large: the file is ours, written one key a line, with its comment above.

use std::fmt::Write as _;

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Where it is, as `edge.replicas`.
    pub path: String,
    /// What it is without being set; empty for what only has values below it.
    pub default: String,
    /// What it is for.
    pub why: String,
}

/// Every value that has no others below it, and whatever else has a comment.
#[must_use]
pub fn rows(values: &str) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut above: Vec<(usize, String)> = Vec::new();
    let mut why = String::new();
    for line in values.lines() {
        let (depth, text) = (line.len() - line.trim_start().len(), line.trim());
        if let Some(comment) = text.strip_prefix('#') {
            let space = if why.is_empty() { "" } else { " " };
            why = format!("{why}{space}{}", comment.trim());
            continue;
        }
        if text.is_empty() {
            why.clear();
            continue;
        }
        above.retain(|(at, _)| *at < depth);
        let Some((key, default)) = text.split_once(':').filter(|_| !text.starts_with('-')) else {
            continued(&mut rows, text);
            continue;
        };
        above.push((depth, key.to_owned()));
        let path = above.iter().map(|(_, key)| key.as_str()).collect::<Vec<_>>().join(".");
        let row = Row { path, default: default.trim().to_owned(), why: std::mem::take(&mut why) };
        // What a pod asks for is one value with two parts, and is told of once.
        let part = rows.last().is_some_and(|last| {
            let parent = row.path.rsplit_once('.').map(|(parent, _)| parent);
            row.why.is_empty() && (parent == Some(&last.path) || key == "limits")
        });
        if part {
            continued(&mut rows, text);
        } else if !(row.default.is_empty() && row.why.is_empty()) {
            rows.push(row);
        }
    }
    rows
}

/// The last value goes on.
fn continued(rows: &mut [Row], text: &str) {
    if let Some(last) = rows.last_mut() {
        let space = if last.default.is_empty() { "" } else { " " };
        last.default = format!("{}{space}{text}", last.default);
    }
}

/// The page: a table for each first key.
#[must_use]
pub fn page(values: &str) -> String {
    let mut page = "# Values of the chart\n\nGenerated from charts/sluice/values.yaml: make generate\n".to_owned();
    let intro: Vec<_> = values.lines().map_while(|line| line.strip_prefix("# ")).collect();
    let _ = write!(page, "\n{}\n", intro.join("\n"));
    let mut section = String::new();
    for row in rows(values) {
        let first = row.path.split('.').next().unwrap_or_default().to_owned();
        if first != section {
            let _ = write!(page, "\n## {first}\n\n");
            section.clone_from(&first);
            if row.path == first && row.default.is_empty() {
                let _ = write!(page, "{}\n\n", row.why);
            }
            page.push_str("| value | default | what it is |\n| --- | --- | --- |\n");
        }
        if row.path == first && row.default.is_empty() {
            continue;
        }
        let code = |text: &str| if text.is_empty() { String::new() } else { format!("`{}`", text.replace('|', "\\|")) };
        let _ = writeln!(page, "| {} | {} | {} |", code(&row.path), code(&row.default), row.why.replace('|', "\\|"));
    }
    page
}

#[cfg(test)]
mod tests;
