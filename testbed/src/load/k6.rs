//! k6 itself: what it is told, and what it says.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::process::Command;

use super::{Load, Needs, Outcome, Promise, Stage, folder};
use crate::tool;

/// How k6 ends when a threshold was crossed.
const THRESHOLDS_CROSSED: i32 = 99;
/// How much of what it said an error shows.
const TAIL_LINES: usize = 40;
/// By how many percent k6's memory grows before its garbage is looked for. With Go's own 100 that happens just when a crowd
/// comes: for a third of a second nobody was asked, and shoppers seemed to wait for the edges.
const GARBAGE_PERCENT: &str = "800";

/// k6 with a command, told how large the load is, and kept from asking anybody for anything but the edges.
fn k6(load: &Load, command: &str) -> anyhow::Result<Command> {
    let mut k6 = Command::new(tool::path("k6")?);
    k6.arg(command);
    let mut tell = |name: &str, value: String| {
        k6.args(["--env", &format!("{name}={value}")]);
    };
    tell("SCALE", load.scale.to_string());
    tell("SLOWNESS", load.slowness.to_string());
    if let Some(seconds) = load.duration {
        tell("DURATION", seconds.to_string());
    }
    k6.env("K6_AUTO_EXTENSION_RESOLUTION", "false").env("K6_NO_USAGE_REPORT", "true");
    k6.env("GOGC", GARBAGE_PERCENT);
    k6.stdin(Stdio::null()).kill_on_drop(true);
    Ok(k6)
}

fn script(load: &Load) -> PathBuf {
    folder().join(format!("{}.js", load.scenario))
}

/// What the script of a load says that it needs.
pub(super) async fn inspect(load: &Load) -> anyhow::Result<Needs> {
    let said = k6(load, "inspect")?.arg(script(load)).output().await.context("cannot start k6")?;
    ensure!(said.status.success(), "k6 cannot read {}: {}", load.scenario, tail(&said.stderr));
    let options: Value = serde_json::from_slice(&said.stdout).context("k6 inspect prints no JSON")?;
    let needs = options.pointer("/ext/sluice").cloned().context("the script does not say what it needs")?;
    serde_json::from_value(needs).with_context(|| format!("what {} needs cannot be read", load.scenario))
}

/// Runs a load; what became of its promises.
pub(super) async fn run(load: &Load, stage: &Stage) -> anyhow::Result<Outcome> {
    std::fs::create_dir_all(&load.folder).with_context(|| format!("cannot make {}", load.folder.display()))?;
    let reports = load.folder.canonicalize()?;
    let (summary, series) = (reports.join("summary.json"), reports.join("series.html"));
    for left in [&summary, &series, &reports.join("report.html")] {
        // What an earlier run left must not be taken for what this one came to.
        drop(std::fs::remove_file(left));
    }
    let private = tempfile::tempdir()?;
    let told = tell(private.path(), &reports, stage)?;
    let mut k6 = k6(load, "run")?;
    k6.args(["--address=", "--env", &format!("RUN={}", told.display())]);
    k6.env("K6_WEB_DASHBOARD", "true").env("K6_WEB_DASHBOARD_PORT", "-1").env("K6_WEB_DASHBOARD_PERIOD", "1s");
    k6.env("K6_WEB_DASHBOARD_EXPORT", &series);
    if !load.shown {
        k6.arg("--quiet").stdout(Stdio::piped()).stderr(Stdio::piped());
    }
    k6.arg(script(load));
    let ended = k6.spawn().context("cannot start k6")?.wait_with_output().await?;
    let said = || [&ended.stdout[..], &ended.stderr[..]].concat();
    match ended.status.code() {
        Some(0 | THRESHOLDS_CROSSED) => {}
        _ => bail!("k6 failed, {}:\n{}", ended.status, tail(&said())),
    }
    let summary = std::fs::read(&summary).with_context(|| format!("k6 wrote no summary:\n{}", tail(&said())))?;
    let Summary { promises } = serde_json::from_slice(&summary)?;
    let outcome = Outcome { promises };
    ensure!(!outcome.promises.is_empty(), "{} promises nothing", load.scenario);
    let crossed = ended.status.code() == Some(THRESHOLDS_CROSSED);
    ensure!(!crossed || outcome.broken().next().is_some(), "k6 found a threshold crossed that is no promise");
    Ok(outcome)
}

#[derive(Deserialize)]
struct Summary {
    promises: Vec<Promise>,
}

/// Writes down what the script has to know; the sessions apart, as all virtual users share one copy of them.
fn tell(folder: &Path, reports: &Path, stage: &Stage) -> anyhow::Result<PathBuf> {
    let Stage { edges, sale, sku, units, merchant, sessions } = stage;
    let told = json!({
        "edges": edges,
        "sale": sale,
        "sku": sku,
        "units": units,
        "merchant": merchant,
        "folder": reports,
    });
    let file = folder.join("run.json");
    std::fs::write(&file, told.to_string())?;
    let mut list = std::fs::File::create(folder.join("run.json.sessions"))?;
    list.write_all(json!(sessions).to_string().as_bytes())?;
    Ok(file)
}

fn tail(said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said);
    let lines: Vec<_> = said.lines().collect();
    lines.iter().skip(lines.len().saturating_sub(TAIL_LINES)).copied().collect::<Vec<_>>().join("\n")
}
