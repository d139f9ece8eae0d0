//! Which build this is.
//!
//! **What it is for.** `--version`, the first line of a log and `sluice_build_info` tell whoever is on call which commit
//! runs, without asking who built it.
//!
//! **What must always hold.** The stamp comes from whoever releases: `make release` and the Dockerfile set
//! `SLUICE_COMMIT` and `SLUICE_COMMIT_DATE` for the compiler. Any other build says that it is none, which is all that can
//! be known of a tree that somebody is changing.
//!
//! **What it costs.** Nothing while one develops: a build that asked git would link every program anew after each commit.

use std::sync::LazyLock;

/// Number of the release.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What stands for the commit in a build that is no release.
const UNRELEASED: &str = "unreleased build";

/// Number, commit and its date, as `0.1.0 (1f2a785c03d1, 2026-11-21)` or `0.1.0 (unreleased build)`.
#[must_use]
pub fn stamp() -> &'static str {
    static STAMP: LazyLock<String> =
        LazyLock::new(|| stamped(option_env!("SLUICE_COMMIT"), option_env!("SLUICE_COMMIT_DATE")));
    &STAMP
}

/// The commit, or that there is none to name.
#[must_use]
pub fn commit() -> &'static str {
    given(option_env!("SLUICE_COMMIT")).unwrap_or(UNRELEASED)
}

/// An argument of a container build that nobody gave is there and empty.
fn given(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

fn stamped(commit: Option<&str>, date: Option<&str>) -> String {
    match (given(commit), given(date)) {
        (Some(commit), Some(date)) => format!("{VERSION} ({commit}, {date})"),
        (Some(commit), None) => format!("{VERSION} ({commit})"),
        (None, _) => format!("{VERSION} ({UNRELEASED})"),
    }
}

#[cfg(test)]
mod tests;
