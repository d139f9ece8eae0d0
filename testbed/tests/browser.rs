//! The shoppers' page in the distribution's Chromium, served by two edges of a whole installation.
//!
//! What happens in the browser is written where the page is, in `frontend/e2e`; here is what it happens to. Each of those
//! tests applies sales of its own with kubectl, so they share one installation and run beside each other.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use anyhow::Context as _;
use serde_json::json;
use testbed::installation::{self, Installation, Plan};
use testbed::{Bed, people, tool};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

/// How many people have an account with a wallet; each test takes some for itself.
const PEOPLE: usize = 2_000;
/// What is in it: 500 euros.
const BALANCE_MINOR: i64 = 50_000;
/// Who of them is a merchant.
const MERCHANT: &str = "0";
/// How the report of the first test that failed begins.
const FIRST_REPORT: &str = "  1) ";

#[tokio::test]
async fn everything_a_shopper_does_works_in_a_real_browser() {
    let bed = Bed::shared().await.unwrap();
    let mut plan = Plan::on(bed).await.unwrap();
    plan.page = Some(installation::built_page().context("the page is not built: run make page").unwrap());
    plan.issuer = true;
    let installation = Installation::start(bed, plan).await.unwrap();
    installation.load_people(bed.folder(), PEOPLE, BALANCE_MINOR).await.unwrap();
    installation.account(&["role", "--email", &people::email(MERCHANT), "--merchant", "true"]).await.unwrap();
    let stack = bed.folder().join("stack.json");
    std::fs::write(&stack, json!({ "access": installation.access() }).to_string()).unwrap();
    let shown = browse(&stack).await;
    installation.stop().await.unwrap();
    if let Err(reports) = shown {
        panic!("{reports}");
    }
}

/// Runs the tests of the page. What they do is told as it happens, past the test runner, which keeps output to itself; the
/// reports of those that failed come last, and are what this fails with, because that is where people and machines look.
async fn browse(stack: &Path) -> Result<(), String> {
    let frontend = Path::new(env!("CARGO_MANIFEST_DIR")).join("../frontend");
    let mut npm = Command::new("npm");
    npm.args(["run", "--silent", "browser"]).current_dir(frontend);
    npm.env("SLUICE_STACK", stack).env("SLUICE_CHROMIUM", tool::path("chromium").unwrap());
    npm.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut running = npm.spawn().unwrap();
    let mut lines = BufReader::new(running.stdout.take().unwrap()).lines();
    let mut reports = String::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        if reports.is_empty() && !line.starts_with(FIRST_REPORT) {
            drop(writeln!(std::io::stderr(), "{line}"));
        } else {
            reports.extend([line.as_str(), "\n"]);
        }
    }
    if running.wait().await.unwrap().success() {
        drop(write!(std::io::stderr(), "{reports}"));
        return Ok(());
    }
    Err(format!("tests of the page failed; what they saw is in frontend/test-results\n{reports}"))
}
