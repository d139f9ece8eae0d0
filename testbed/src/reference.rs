//! Every flag of every program, as a page.
//!
//! **What it is for.** `--help` is the one description of a flag. `docs/flags.md` is the same text for those who read
//! before they install, and what the other pages say of flags is compared with it.
//!
//! **What must always hold.** The page depends on the programs alone: not on how wide a terminal is, and not on what the
//! environment says, which clap shows beside a variable's name.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};

use crate::service::binary;

/// The programs of the page, in the order in which somebody meets them.
pub const PROGRAMS: [&str; 4] = ["sluice-operator", "sluice-edge", "sluice-ledger", "demo"];

/// Columns of the text: what a page shows without a scroll bar.
const COLUMNS: &str = "100";
/// Deepest that a command may lie, so that a program that names itself ends all the same.
const DEPTH_MAX: usize = 4;

const HEAD: &str = "\
# Every flag of every program

Made from `--help` by `make generate`; a test tells when it is stale. Where a variable is named, it does the same as the
flag, and the flag wins.
";

/// A program or a command of it, as `sluice-ledger account create`, and what its `--help` says.
pub type Helps = BTreeMap<String, String>;

/// What a program says of itself and of each of its commands.
///
/// # Errors
/// When it is not built, or does not answer.
pub fn helps(program: &str) -> anyhow::Result<Helps> {
    let mut helps = Helps::new();
    let mut unread = vec![vec![program.to_owned()]];
    while let Some(words) = unread.pop() {
        let help = said(&words, "--help")?;
        ensure!(words.len() <= DEPTH_MAX, "{} lies too deep", words.join(" "));
        unread.extend(commands(&help).into_iter().map(|command| [&words[..], &[command]].concat()));
        helps.insert(words.join(" "), help);
    }
    Ok(helps)
}

/// What a program prints when it is given one flag after these words.
///
/// # Errors
/// When it is not built, or does not take the flag.
pub fn said(words: &[String], flag: &str) -> anyhow::Result<String> {
    let (program, commands) = words.split_first().context("no program is named")?;
    let output = Command::new(binary(program)?)
        .args(commands)
        .arg(flag)
        .env_clear()
        .env("COLUMNS", COLUMNS)
        .stdin(Stdio::null())
        .output()?;
    let name = words.join(" ");
    ensure!(output.status.success(), "{name} {flag}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).with_context(|| format!("{name} {flag}"))?;
    Ok(text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim().to_owned())
}

/// The names in the list of commands; `help` only repeats the others.
fn commands(help: &str) -> Vec<String> {
    let list = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = list.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    names.filter(|name| !name.is_empty() && *name != "help").map(ToOwned::to_owned).collect()
}

/// The page.
///
/// # Errors
/// When a program is not built, or does not answer.
pub fn page() -> anyhow::Result<String> {
    let mut page = HEAD.to_owned();
    for program in PROGRAMS {
        for (name, help) in helps(program)? {
            let heading = if name == program { "##" } else { "###" };
            page.push_str(&format!("\n{heading} {name}\n\n```text\n{help}\n```\n"));
        }
    }
    Ok(page)
}
