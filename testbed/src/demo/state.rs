//! Where a second terminal finds the running demo.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use testbed::installation::Access;

/// A file that lives as long as the demo does.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct State {
    access: Access,
    prometheus: Option<String>,
}

/// Removes the file.
#[derive(Debug)]
pub(crate) struct Written(PathBuf);

impl Drop for Written {
    fn drop(&mut self) {
        // Gone already is as good; a file left behind names ports that nobody listens on, and says so when used.
        drop(std::fs::remove_file(&self.0));
    }
}

fn file() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    Ok(own.parent().context("this program lies in no folder")?.join("demo.json"))
}

impl State {
    /// Writes down how to reach this installation, and the Prometheus that watches it.
    pub(crate) fn write(access: &Access, prometheus: Option<String>) -> anyhow::Result<Written> {
        let state = Self { access: access.clone(), prometheus };
        let file = file()?;
        std::fs::write(&file, serde_json::to_vec_pretty(&state)?)
            .with_context(|| format!("cannot write {}", Path::new(&file).display()))?;
        Ok(Written(file))
    }

    /// Finds the running demo.
    pub(crate) fn read() -> anyhow::Result<Self> {
        let text = std::fs::read(file()?).context("no demo is running: start it with make demo in another terminal")?;
        serde_json::from_slice(&text).context("the running demo was started by another version: start it again")
    }

    pub(crate) fn prometheus(&self) -> Option<&str> {
        self.prometheus.as_deref()
    }

    pub(crate) fn installation(&self) -> &Access {
        &self.access
    }
}
