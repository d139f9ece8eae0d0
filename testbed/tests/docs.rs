//! The pages name only what there is: links, flags, variables, metrics, annotations, targets of make.
//!
//! A page that is read at three in the morning is typed from. Whatever can be looked up is looked up here; what only a
//! running installation can tell is in `whole/session.rs`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use testbed::reference::{self, Helps, PROGRAMS};

/// Programs of ours that the pages speak of and that are not in the reference.
const MEASURES: [&str; 3] = ["bench", "many", "viewers"];
/// Files beside the programs that read a variable or take one from whoever builds.
const OTHER_READERS: [&str; 5] =
    ["Makefile", "Dockerfile", "tools/install", "frontend/vite.config.ts", "frontend/playwright.config.ts"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn read(path: &str) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display())).unwrap()
}

/// Pages that lie elsewhere.
const OTHER_PAGES: [&str; 2] = ["README.md", "k6/README.md"];

/// The files of a folder that end so, by their paths.
fn files(folder: &str, end: &str) -> impl Iterator<Item = String> {
    let names = std::fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().file_name());
    names.map(move |name| format!("{folder}/{}", name.to_str().unwrap())).filter(move |path| path.ends_with(end))
}

/// Every page below `docs` and those that lie elsewhere, by their paths.
fn pages() -> BTreeMap<String, String> {
    let docs = files("docs", ".md").chain(files("docs/runbooks", ".md"));
    let pages: BTreeMap<_, _> =
        docs.chain(OTHER_PAGES.map(ToOwned::to_owned)).map(|path| (path.clone(), read(&path))).collect();
    assert!(pages.len() > 5, "there are more pages than {:?}", pages.keys());
    pages
}

/// A page as what is written in it and what is typed: its lines of code, and the spans between backticks.
struct Parts {
    prose: String,
    code: Vec<String>,
}

fn parts(page: &str) -> Parts {
    let (mut prose, mut code, mut fenced, mut goes_on) = (String::new(), Vec::<String>::new(), false, false);
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            (fenced, goes_on) = (!fenced, false);
        } else if fenced {
            let (text, more) = line.strip_suffix('\\').map_or((line, false), |text| (text, true));
            match code.last_mut().filter(|_| goes_on) {
                Some(last) => last.push_str(text),
                None => code.push(text.to_owned()),
            }
            goes_on = more;
        } else {
            prose.push_str(line);
            prose.push('\n');
        }
    }
    assert!(!fenced, "a block of code does not end");
    // Spans may go over the end of a line.
    code.extend(prose.split('`').skip(1).step_by(2).map(|span| span.replace('\n', " ")));
    Parts { prose, code }
}

/// Whatever one of the pages says and `find` objects to, with the page.
#[track_caller]
fn nothing_wrong(find: impl Fn(&str, &Parts) -> Vec<String>) {
    let mut wrong = Vec::new();
    for (path, page) in pages() {
        wrong.extend(find(&path, &parts(&page)).into_iter().map(|what| format!("{path}: {what}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The words of a text that begin with `start` and go on with what `inner` allows.
fn words<'a>(text: &'a str, start: &'a str, inner: fn(char) -> bool) -> impl Iterator<Item = &'a str> {
    let begins = text.match_indices(start).map(|(at, _)| at);
    let alone = move |at: &usize| {
        let before = text[..*at].chars().next_back();
        before.is_none_or(|c| !(c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '/')))
    };
    begins.filter(alone).map(move |at| {
        let end = text[at + start.len()..].find(|c| !inner(c)).map_or(text.len(), |end| at + start.len() + end);
        &text[at..end]
    })
}

#[test]
fn the_reference_of_flags_is_not_stale() {
    assert!(read("docs/flags.md") == reference::page().unwrap(), "docs/flags.md is stale; to write it: make generate");
}

/// A heading as GitHub names its place.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase().replace(' ', "-");
    kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut followed = 0;
    for (path, page) in pages() {
        for link in parts(&page).prose.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") {
                continue;
            }
            let (file, place) = link.split_once('#').map_or((link, None), |(file, place)| (file, Some(place)));
            let target = root().join(&path).parent().unwrap().join(file);
            let target = if file.is_empty() { root().join(&path) } else { target };
            assert!(target.exists(), "{path}: {link} leads nowhere");
            if let Some(place) = place {
                let text = std::fs::read_to_string(&target).unwrap();
                let mut headings = text.lines().filter_map(|line| line.strip_prefix('#'));
                let there = headings.any(|heading| anchor(heading.trim_start_matches('#')) == place);
                assert!(there, "{path}: {link}: there is no such heading");
            }
            followed += 1;
        }
    }
    assert!(followed > 20, "only {followed} links were found");
}

fn has_flag(help: &str, flag: &str) -> bool {
    words(help, flag, |c| c.is_ascii_alphanumeric() || c == '-').any(|word| word == flag)
}

/// The flags of a command line, up to where the shell begins another; without their values.
fn flags<'a>(line: impl Iterator<Item = &'a str>) -> impl Iterator<Item = &'a str> {
    let own = line.take_while(|word| !matches!(*word, "|" | ";" | "&&" | "||" | ">" | "#"));
    own.map(|word| word.trim_matches(|c: char| !c.is_alphanumeric() && c != '-'))
        .filter_map(|word| word.split('=').next())
        .filter(|word| word.starts_with("--") && word.len() > 2)
}

/// What is wrong with the commands of ours in a line, and how many flags were compared.
fn compared(helps: &Helps, line: &str) -> (Vec<String>, usize) {
    let (mut wrong, mut count) = (Vec::new(), 0);
    let words: Vec<_> = line.split_whitespace().collect();
    for (at, word) in words.iter().enumerate() {
        let program = word.trim_start_matches("target/debug/").trim_start_matches('/');
        if !helps.contains_key(program) || !PROGRAMS.contains(&program) {
            continue;
        }
        let (mut command, mut rest) = (program.to_owned(), words.get(at + 1..).unwrap_or_default());
        while let Some((next, after)) = rest.split_first()
            && helps.contains_key(&format!("{command} {next}"))
        {
            command = format!("{command} {next}");
            rest = after;
        }
        // In a sentence a program is named without saying what it does; then any of its flags may follow.
        let family =
            |(name, _): &(&String, &String)| **name == command || (command == program && name.starts_with(program));
        for flag in flags(rest.iter().copied()) {
            count += 1;
            if !helps.iter().filter(family).any(|(_, help)| has_flag(help, flag)) {
                wrong.push(format!("{command} has no {flag}"));
            }
        }
    }
    (wrong, count)
}

#[test]
fn every_flag_that_a_page_names_exists() {
    let all = || PROGRAMS.into_iter().chain(MEASURES);
    let helps: Helps = all().flat_map(|program| reference::helps(program).unwrap()).collect();
    let total = std::cell::Cell::new(0);
    nothing_wrong(|path, parts| {
        // The reference is the help itself.
        let code = parts.code.iter().filter(|_| path != "docs/flags.md");
        let mut wrong = Vec::new();
        for line in code {
            let (found, count) = compared(&helps, line);
            let alone = if line.starts_with("--") { line.split_whitespace().next() } else { None };
            let alone: Vec<_> = flags(alone.into_iter()).collect();
            total.set(total.get() + count + alone.len());
            let missing = |flag: &&&str| !helps.values().any(|help| has_flag(help, flag));
            wrong.extend(found);
            wrong.extend(alone.iter().filter(missing).map(|flag| format!("no program has {flag}")));
        }
        wrong
    });
    assert!(total.get() > 40, "only {} flags were found", total.get());
}

#[test]
fn a_flag_that_does_not_exist_is_found() {
    let help = "Usage: sluice-edge run\n      --listen <ADDRESS>\n          as in `--page-dir`".to_owned();
    let helps = Helps::from([("sluice-edge".to_owned(), String::new()), ("sluice-edge run".to_owned(), help)]);
    assert_eq!(compared(&helps, "/sluice-edge run --listen 0.0.0.0:80 | tee --append log"), (Vec::new(), 1));
    let (wrong, _) = compared(&helps, "kubectl exec x -- sluice-edge run --listens=1");
    assert_eq!(wrong, ["sluice-edge run has no --listens"]);
    assert_eq!(compared(&helps, "sluice-edge --page-di").0, ["sluice-edge has no --page-di"]);
}

#[test]
fn every_variable_that_a_page_names_is_read_by_something() {
    let helps = PROGRAMS.into_iter().flat_map(|program| reference::helps(program).unwrap().into_values());
    let texts: Vec<String> = helps.chain(OTHER_READERS.map(read)).collect();
    let inner = |c: char| c.is_ascii_uppercase() || c == '_';
    let read_by: BTreeSet<&str> = texts.iter().flat_map(|text| text.split(|c| !inner(c))).collect();
    nothing_wrong(|_, parts| {
        let named = parts.code.iter().flat_map(|line| words(line, "SLUICE_", inner));
        let unread = named.filter(|name| !read_by.contains(name));
        unread.map(|name| format!("nothing reads {name}")).collect()
    });
}

/// Every file of the product's crates of which the path ends so.
fn sources(end: &str) -> String {
    let mut text = String::new();
    let mut folders: Vec<_> =
        ["runtime", "operator", "edge", "ledger"].map(|krate| root().join(krate).join("src")).into();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_str().unwrap().ends_with(end) {
                text.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    text
}

/// The metrics that a text names and that nothing counts. What rules record has colons in its name and is no metric of ours.
fn uncounted<'a>(counted: &str, text: &'a str) -> Vec<&'a str> {
    let named = words(text, "sluice_", |c| c.is_ascii_lowercase() || c == '_');
    let recorded = |name: &&str| {
        let at = name.as_ptr() as usize - text.as_ptr() as usize;
        text[..at].ends_with(':')
    };
    let base = |name: &str| {
        let parts = ["_bucket", "_sum", "_count"];
        parts.into_iter().find_map(|part| name.strip_suffix(part)).unwrap_or(name).to_owned()
    };
    let is_there =
        |name: &&str| counted.contains(&format!("\"{name}\"")) || counted.contains(&format!("\"{}\"", base(name)));
    named.filter(|name| !recorded(name) && !is_there(name)).collect()
}

#[test]
fn every_metric_that_a_page_names_is_counted() {
    let counted = sources("/metrics.rs");
    nothing_wrong(|_, parts| {
        let missing = parts.code.iter().flat_map(|line| uncounted(&counted, line));
        missing.map(|name| format!("nothing counts {name}")).collect()
    });
}

#[test]
fn every_metric_that_an_alert_or_a_dashboard_reads_is_counted() {
    let counted = sources("/metrics.rs");
    let read_by = |path: String| (read(&path), path);
    let all = files("charts/sluice/alerts", ".yaml").chain(files("charts/sluice/dashboards", ".json")).map(read_by);
    let missing = |(text, path): (String, String)| -> Vec<_> {
        uncounted(&counted, &text).into_iter().map(|name| format!("{path}: nothing counts {name}")).collect()
    };
    let missing: Vec<_> = all.flat_map(missing).collect();
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn every_annotation_that_a_page_names_is_heeded() {
    let heeded = read("operator/src/resource.rs");
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    nothing_wrong(|_, parts| {
        let named = parts.code.iter().flat_map(|line| words(line, "sluice.dev/", inner));
        let of_ours = named.filter(|name| *name != "sluice.dev/v1alpha1");
        let unheeded = of_ours.filter(|name| !heeded.contains(&format!("\"{name}\"")));
        unheeded.map(|name| format!("nobody heeds {name}")).collect()
    });
}

#[test]
fn every_target_of_make_that_a_page_names_can_be_made() {
    let makefile = read("Makefile");
    nothing_wrong(|_, parts| {
        let mut wrong = Vec::new();
        for line in &parts.code {
            let Some(rest) = line.trim_start_matches("$ ").strip_prefix("make ") else { continue };
            let target = rest.split_whitespace().find(|word| !word.starts_with('-') && !word.contains('='));
            let target = target.unwrap_or("help");
            if !makefile.lines().any(|line| line.starts_with(&format!("{target}:"))) {
                wrong.push(format!("there is no make {target}"));
            }
        }
        wrong
    });
}

#[test]
fn every_program_says_which_build_it_is() {
    let expected = |name: &str| format!("{name} {}", runtime::release::stamp());
    for program in PROGRAMS.into_iter().chain(MEASURES).chain(["postgres-row", "bed"]) {
        assert_eq!(reference::said(&[program.to_owned()], "--version").unwrap(), expected(program));
    }
    for (name, _) in PROGRAMS.into_iter().flat_map(|program| reference::helps(program).unwrap()) {
        let words: Vec<_> = name.split(' ').map(ToOwned::to_owned).collect();
        if words[0].starts_with("sluice-") {
            let told = reference::said(&words, "--version").unwrap();
            assert!(told.ends_with(runtime::release::stamp()), "{name}: {told}");
        }
    }
}
