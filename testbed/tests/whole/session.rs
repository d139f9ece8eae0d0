//! The documented session with one sale, `docs/session.md`, played command by command.
//!
//! **What must hold.** Whoever types what the page says sees what the page shows. Every command of the page is run as it
//! stands there, in order, by bash in one folder; a page of which anything could not be run or compared fails.
//!
//! **How the page is read.** A block `sh` is one script, and must succeed. The block `text` after it is what it prints: its
//! lines appear in the output in this order, with any number of spaces between words; `…` stands for any text, and alone on
//! a line for any lines. A script that only shows a state is repeated until it shows what the page does; any other runs
//! once. The comment `<!-- the test buys 3 units -->` is where shoppers come, each of whom buys one.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use reqwest::StatusCode;
use serde_json::{Value, json};
use testbed::books;
use testbed::eventually;
use testbed::installation::Installation;

use crate::{alone, installed, known};

/// The page.
const PAGE: &str = include_str!("../../../docs/session.md");
/// Its sale, and what is sold.
const SALE: &str = "aurora";
const SKU: &str = "AUR-42-BLK";
/// Longer than the page has `kubectl wait`.
const SCRIPT_TIMEOUT: Duration = Duration::from_secs(150);
/// How long a state may take to be shown, and an edge to sell what the resource shows.
const BOUND: Duration = Duration::from_secs(60);

/// Something that the page has done.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// Commands with what they print, and the line where they are.
    Run { line: usize, script: String, prints: Vec<String> },
    /// Shoppers who buy one unit each.
    Buy(usize),
}

/// Reads the page; what is wrong with it, with its line.
fn steps(page: &str) -> anyhow::Result<Vec<Step>> {
    let mut steps = Vec::new();
    let mut lines = page.lines().zip(1..);
    while let Some((text, line)) = lines.next() {
        if let Some(language) = text.strip_prefix("```") {
            let mut block = Vec::new();
            loop {
                match lines.next() {
                    Some(("```", _)) => break,
                    Some((text, _)) => block.push(text),
                    None => bail!("line {line}: the block has no end"),
                }
            }
            match (language, steps.last_mut()) {
                ("sh", _) => steps.push(Step::Run { line, script: block.join("\n"), prints: Vec::new() }),
                ("text", Some(Step::Run { prints, .. })) if prints.is_empty() => {
                    let told = block.iter().map(|text| words(text)).filter(|text| !matches!(text.as_str(), "" | "…"));
                    prints.extend(told);
                    ensure!(!prints.is_empty(), "line {line}: nothing is compared");
                }
                ("text", _) => bail!("line {line}: what is printed follows no commands"),
                _ => bail!("line {line}: a block is sh or text, not {language:?}"),
            }
        } else if let Some(comment) = text.trim_start().strip_prefix("<!--") {
            let units = comment.trim().strip_prefix("the test buys ").and_then(|rest| rest.split_once(" unit"));
            let units =
                units.filter(|(_, end)| matches!(*end, " -->" | "s -->")).and_then(|(units, _)| units.parse().ok());
            let units =
                units.filter(|units| *units > 0).with_context(|| format!("line {line}: {text} says nothing"))?;
            steps.push(Step::Buy(units));
        } else {
            let stray = ["```", "~~~", "kubectl ", "$ "].iter().any(|start| text.trim_start().starts_with(start));
            ensure!(!stray, "line {line}: a command stands outside of a block");
        }
    }
    let mut runs = 0;
    for step in &steps {
        if let Step::Run { line, script, prints } = step {
            ensure!(!script.trim().is_empty(), "line {line}: there is no command");
            ensure!(!prints.is_empty(), "line {line}: nobody says what these commands print");
            runs += 1;
        }
    }
    ensure!(runs > 0, "the page has no commands");
    Ok(steps)
}

/// The same text with one space between words.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether a script may be run again: each of its commands shows something and nothing else is done with it.
fn only_shows(script: &str) -> bool {
    let shows = |line: &str| ["kubectl get ", "kubectl describe "].iter().any(|start| line.starts_with(start));
    script.lines().all(|line| shows(line) && !line.contains(['|', '>', '<', ';', '&', '`', '$', '\\']))
}

/// The first line that the page shows and the output does not have after the ones before it.
fn missing<'p>(prints: &'p [String], output: &str) -> Option<&'p String> {
    let mut lines = output.lines().map(words);
    prints.iter().find(|shown| !lines.any(|line| fits(shown, &line)))
}

/// Whether a line is the one that is shown, where `…` stands for anything.
fn fits(shown: &str, line: &str) -> bool {
    let mut parts: Vec<&str> = shown.split('…').collect();
    let last = if parts.len() > 1 { parts.pop() } else { None };
    let mut parts = parts.into_iter();
    let Some(mut rest) = parts.next().and_then(|first| line.strip_prefix(first)) else { return false };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    last.map_or(rest.is_empty(), |last| rest.ends_with(last))
}

/// Runs a script to its end; what it printed.
async fn run(script: &str, folder: &Path, kubeconfig: &Path) -> anyhow::Result<String> {
    let mut bash = tokio::process::Command::new("bash");
    bash.args(["-euo", "pipefail", "-c", script]).current_dir(folder).env("KUBECONFIG", kubeconfig);
    bash.stdin(Stdio::null()).kill_on_drop(true);
    let ended = tokio::time::timeout(SCRIPT_TIMEOUT, bash.output());
    let ended = ended.await.with_context(|| format!("it took longer than {SCRIPT_TIMEOUT:?}"))??;
    let (told, complained) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    ensure!(ended.status.success(), "{}: {complained}{told}", ended.status);
    Ok(told.into_owned())
}

/// Runs a script and compares what it prints.
async fn shown(script: &str, prints: &[String], folder: &Path, kubeconfig: &Path) -> anyhow::Result<()> {
    let look = async || {
        let output = run(script, folder, kubeconfig).await?;
        let missing = missing(prints, &output);
        ensure!(missing.is_none(), "{:?} is missing in\n{output}", missing.map(String::as_str).unwrap_or_default());
        Ok(())
    };
    if only_shows(script) { eventually(BOUND, "what the page shows", look).await } else { look().await }
}

/// Shoppers buy one unit each, each at the next edge.
async fn bought(at: &Installation, prefix: &str, units: usize) -> anyhow::Result<()> {
    let sale = at.sale_id(SALE).await?;
    known(at, &sale).await?;
    let client = reqwest::Client::new();
    for (session, edge) in at.sessions(prefix, units).await?.iter().zip(at.access().edges.iter().cycle()) {
        // An edge may learn of a change after the resource shows it; the same key is the same order.
        eventually(BOUND, "an order", async || {
            let order = client.post(format!("{edge}/v1/sales/{sale}/orders")).bearer_auth(session);
            let order = order.header("idempotency-key", "wish").json(&json!({ "sku": SKU, "quantity": 1 }));
            let answer = order.send().await?;
            let status = answer.status();
            ensure!(status == StatusCode::CREATED, "{status} {}", answer.text().await?);
            Ok(())
        })
        .await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_types_the_session_of_the_documentation_sees_what_it_shows() {
    let steps = steps(PAGE).unwrap();
    let (_alone, bed) = alone().await;
    let at = installed(bed).await;
    let folder = tempfile::tempdir_in(bed.folder()).unwrap();
    let mut config: Value = serde_json::from_slice(&std::fs::read(&at.access().kubeconfig).unwrap()).unwrap();
    config["contexts"][0]["context"]["namespace"] = json!(at.access().namespace);
    let kubeconfig = folder.path().join("kubeconfig");
    std::fs::write(&kubeconfig, config.to_string()).unwrap();
    for (number, step) in steps.iter().enumerate() {
        let done = match step {
            Step::Run { line, script, prints } => shown(script, prints, folder.path(), &kubeconfig)
                .await
                .with_context(|| format!("docs/session.md, line {line}:\n{script}")),
            Step::Buy(units) => bought(&at, &format!("buyer-{number}"), *units).await,
        };
        done.unwrap();
    }
    books::reconciled(&at, &at.sale_id(SALE).await.unwrap()).await.unwrap();
    at.stop().await.unwrap();
}

#[test]
fn a_page_of_which_anything_would_be_skipped_is_refused() {
    let run = "```sh\nkubectl get fs\n```\n";
    let prints = "```text\nNAME\n```\n";
    for (page, because) in [
        ("Nothing is done.\n".to_owned(), "the page has no commands"),
        ("<!-- the test buys 3 units -->\n".to_owned(), "the page has no commands"),
        (format!("{run}{prints}```sh\nkubectl get fs\n"), "line 7: the block has no end"),
        (format!("{run}{prints}```console\n$ kubectl get fs\n```\n"), "line 7: a block is sh or text"),
        (format!("{run}{prints}    kubectl get fs\n"), "line 7: a command stands outside of a block"),
        (format!("{run}{prints}  ```sh\n"), "line 7: a command stands outside of a block"),
        (format!("{run}{prints}~~~sh\n"), "line 7: a command stands outside of a block"),
        (format!("{run}{run}{prints}"), "line 1: nobody says what these commands print"),
        (format!("{prints}{run}"), "line 1: what is printed follows no commands"),
        (format!("{run}{prints}{prints}"), "line 7: what is printed follows no commands"),
        (format!("{run}```text\n…\n\n```\n"), "line 4: nothing is compared"),
        (format!("```sh\n\n```\n{prints}"), "line 1: there is no command"),
        (format!("{run}{prints}<!-- the test sells 3 units -->\n"), "line 7: <!-- the test sells 3 units --> says"),
        (format!("{run}{prints}<!-- the test buys 0 units -->\n"), "line 7: <!-- the test buys 0 units --> says"),
    ] {
        let refused = steps(&page).expect_err(&page).to_string();
        assert!(refused.contains(because), "{refused}\n{page}");
    }
    let whole = format!("Text.\n{run}{prints}<!-- the test buys 1 unit -->\n");
    let step = Step::Run { line: 2, script: "kubectl get fs".to_owned(), prints: vec!["NAME".to_owned()] };
    assert_eq!(steps(&whole).unwrap(), [step, Step::Buy(1)]);
}

#[test]
fn output_that_is_not_what_the_page_shows_is_noticed() {
    let shown = ["NAME STATE".to_owned(), "aurora Open … 20".to_owned(), "sale aurora-…: …".to_owned()];
    assert_eq!(missing(&shown, "NAME    STATE\nmore\naurora Open  3s 20\nsale aurora-1f: it was sold\n"), None);
    for (output, lacks) in [
        ("", 0),
        ("NAME STATE AGE\naurora Open 3s 20\nsale aurora-1f: sold", 0),
        ("NAME STATE\naurora Paused 3s 20\nsale aurora-1f: sold", 1),
        ("NAME STATE\naurora Open 3s 21\nsale aurora-1f: sold", 1),
        ("NAME STATE\nsale aurora-1f: sold\naurora Open 3s 20\n", 2),
    ] {
        assert_eq!(missing(&shown, output), Some(&shown[lacks]), "{output}");
    }
    assert!(!fits("ab…b", "ab"), "one letter is not two");
}

#[test]
fn only_a_script_that_changes_nothing_is_repeated() {
    assert!(only_shows("kubectl get fs\nkubectl describe fs aurora"));
    for script in [
        "kubectl patch fs aurora",
        "kubectl get fs | tee file",
        "kubectl get fs\nkubectl delete fs aurora",
        "kubectl get $(x)",
    ] {
        assert!(!only_shows(script), "{script}");
    }
}
