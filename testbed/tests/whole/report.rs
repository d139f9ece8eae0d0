//! The page that a crowd leaves to be looked at, in a real browser.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use anyhow::{Context as _, ensure};
use serde_json::json;
use testbed::installation::Installation;
use testbed::{binary, books, tool};
use tokio::process::Command;

use crate::{alone, installed, opened, sale};

const UNITS: u32 = 500;
const SHOPPERS: u32 = 2_000;
/// Somebody's idea of a name; it is shown as it is.
const NAME: &str = "<script>alert('aurora')</script> & Sons";

/// The demo's program as if it were built elsewhere, with what it runs, and with an installation that it takes for its own.
fn demo(folder: &Path, at: &Installation) -> anyhow::Result<PathBuf> {
    for name in ["demo", "sluice-edge", "sluice-ledger"] {
        std::fs::hard_link(binary(name)?, folder.join(name)).with_context(|| format!("cannot link {name}"))?;
    }
    std::fs::write(folder.join("demo.json"), json!({ "access": at.access() }).to_string())?;
    Ok(folder.join("demo"))
}

/// What is to be read on a page, after it was looked at in the light and in the dark, on a telephone and on a screen.
async fn read(page: &Path) -> anyhow::Result<String> {
    let frontend = Path::new(env!("CARGO_MANIFEST_DIR")).join("../frontend");
    let node = frontend.join("node_modules/.bin/node");
    ensure!(node.exists(), "what drives the browser is not installed: run make page");
    let mut command = Command::new(node);
    command.arg("e2e/beside/report.ts").arg(page).current_dir(frontend);
    let text = said(command.env("SLUICE_CHROMIUM", tool::path("chromium")?)).await?;
    Ok(serde_json::from_str(&text)?)
}

async fn said(command: &mut Command) -> anyhow::Result<String> {
    let Output { status, stdout, stderr } = command.stdin(Stdio::null()).kill_on_drop(true).output().await?;
    ensure!(status.success(), "{}{}", String::from_utf8_lossy(&stderr), String::from_utf8_lossy(&stdout));
    Ok(String::from_utf8(stdout)?)
}

/// The words of each line, without what only makes numbers easier to read.
fn lines(text: &str) -> Vec<String> {
    text.lines().map(|line| line.replace(',', "").split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_a_crowd_says_what_the_terminal_says_and_asks_for_nothing() {
    let (_alone, bed) = alone().await;
    let at = installed(bed).await;
    let mut resource = sale("looked-at", UNITS);
    resource["spec"]["displayName"] = json!(NAME);
    let id = opened(&at, &resource).await.unwrap();
    // Links need the same file system.
    let folder = tempfile::tempdir_in(binary("demo").unwrap().parent().unwrap()).unwrap();
    let page = folder.path().join("kept/crowd.html");
    let mut command = Command::new(demo(folder.path(), &at).unwrap());
    command.args(["crowd", "--sale", "looked-at", "--shoppers", &SHOPPERS.to_string(), "--connections", "128"]);
    let printed = said(command.arg("--report").arg(&page)).await.unwrap();
    books::reconciled(&at, &id).await.unwrap();
    at.stop().await.unwrap();

    assert!(printed.contains(page.to_str().unwrap()), "it says where the page is: {printed}");
    let text = read(&page).await.unwrap();
    let shown = lines(&text);
    let rows = printed.lines().filter(|line| line.starts_with("  "));
    let rows = lines(&rows.collect::<Vec<_>>().join("\n"));
    assert!(rows.len() >= 11, "answers, ends, latencies and both sides of the books are printed: {printed}");
    for row in rows {
        assert!(shown.iter().any(|line| line.starts_with(&row)), "{row:?} is printed and not shown:\n{text}");
    }
    for sentence in [
        format!("A crowd at {NAME}"),
        format!("{UNITS} of {UNITS} units sold, nobody oversold."),
        format!("{UNITS} have an order."),
    ] {
        assert!(text.contains(&sentence), "{sentence:?} is not shown:\n{text}");
    }
    assert!(!text.contains("Wrong"), "{text}");
    let sold_out = shown.iter().any(|line| line.ends_with(&format!(" 0 {UNITS}")) && line.split(' ').count() == 3);
    assert!(sold_out, "the curve of the stock ends with nothing free and all sold:\n{text}");
}
