//! The laws of the layout. Each is a search, so each is a test; the message says where to look.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Rust files of a crate's own code: no tests, no benches, no examples.
fn sources(krate: &str) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    let mut folders = vec![root().join(krate).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("tests.rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                files.push((path, text));
            }
        }
    }
    assert!(!files.is_empty(), "{krate} has no sources");
    files
}

const PRODUCT: [&str; 5] = ["protocol", "runtime", "operator", "edge", "ledger"];

/// Lines of the crates outside of files called `home` (or below a folder of that name) that contain one of the words.
/// Comments may speak of anything.
fn outside(crates: &[&str], home: &str, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for krate in crates {
        for (path, text) in sources(krate) {
            let at_home = path.iter().any(|part| part == home) || path.ends_with(format!("{home}.rs"));
            let lines = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
            for (number, line) in lines.filter(|_| !at_home) {
                if words.iter().any(|word| line.contains(word)) {
                    found.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
                }
            }
        }
    }
    found
}

#[track_caller]
fn nowhere(law: &str, found: &[String]) {
    assert!(found.is_empty(), "{law}:\n{}", found.join("\n"));
}

#[test]
fn stages_never_import_one_another_and_everything_flows_one_way() {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let allowed = |name: &str| -> &[&str] {
        match name {
            "protocol" => &[],
            "runtime" => &["protocol"],
            "operator" | "edge" | "ledger" => &["protocol", "runtime"],
            _ => &PRODUCT,
        }
    };
    let mut seen = 0;
    for package in metadata["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        seen += usize::from(PRODUCT.contains(&name));
        for dependency in package["dependencies"].as_array().unwrap() {
            let (on, kind) = (dependency["name"].as_str().unwrap(), &dependency["kind"]);
            let ours = PRODUCT.contains(&on) && kind.is_null();
            assert!(!ours || allowed(name).contains(&on), "{name} must not depend on {on}");
        }
    }
    assert_eq!(seen, PRODUCT.len());
}

#[test]
fn the_protocol_is_pure() {
    let words = ["tokio::", "kube::", "async_nats", "sqlx::", "rand::", "::now()", "std::fs", "std::net", "std::env"];
    nowhere("the protocol decides, others act", &outside(&["protocol"], "nowhere", &words));
}

#[test]
fn only_args_reads_the_environment() {
    let words = ["env::var", "env::vars", "env::args"];
    nowhere("--help must tell everything that can be set", &outside(&PRODUCT, "args", &words));
}

#[test]
fn only_the_clock_asks_the_time() {
    let words = ["SystemTime::now", "Instant::now", "Timestamp::now", "Zoned::now", "OffsetDateTime::now"];
    nowhere("a test must be able to move the time", &outside(&PRODUCT, "clock", &words));
}

#[test]
fn only_key_spells_a_key() {
    let words = ["\"$KV.", "\"bucket.", "\"order.", "\"supply.", "\"KV_{sale"];
    let found = outside(&PRODUCT, "key", &words);
    // The typed tables spell the subjects of plain KV buckets, which is the client's convention and not ours.
    let found: Vec<_> = found.into_iter().filter(|line| !line.contains("/registry.rs:")).collect();
    nowhere("keys are spelled in one place", &found);
}

#[test]
fn only_repo_holds_sql() {
    let words = ["sqlx::query", "query_as!", "query!(", "query_scalar!"];
    nowhere("SQL is written in one place", &outside(&PRODUCT, "repo", &words));
}

#[test]
fn only_problem_knows_status_codes() {
    nowhere("names become codes in one place", &outside(&["edge"], "problem", &["StatusCode::"]));
}

#[test]
fn only_metrics_spells_a_metric() {
    nowhere("metrics are named in one place", &outside(&PRODUCT, "metrics", &["\"sluice_"]));
}

#[test]
fn only_the_adapter_reads_the_servers_error_codes() {
    nowhere("the answer table is in one place", &outside(&PRODUCT, "answer", &["10071", "10_071", "10164", "10_164"]));
}

#[test]
fn every_main_is_short_and_no_file_is_a_book() {
    for krate in PRODUCT {
        for (path, text) in sources(krate) {
            let lines = text.lines().count();
            let most = if path.ends_with("main.rs") { 25 } else { 400 };
            assert!(lines <= most, "{} has {lines} lines: which idea wants to leave?", path.display());
        }
    }
}
