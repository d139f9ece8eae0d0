//! Where the servers' programs are. `tools/install` builds or installs them and is the only one to know where they lie.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

/// The program of this name.
///
/// # Errors
/// When it is not there: one sentence that says how to get it.
pub fn path(name: &str) -> anyhow::Result<PathBuf> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tools/install");
    let answer = Command::new(&script)
        .args(["--which", name])
        .output()
        .with_context(|| format!("{} cannot be run", script.display()))?;
    if !answer.status.success() {
        bail!("{name} is not installed: run make tools");
    }
    Ok(PathBuf::from(String::from_utf8(answer.stdout)?.trim()))
}
