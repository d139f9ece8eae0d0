//! Pages in a real browser that look on while a crowd buys: what a crowd does to them, and what they do to a crowd.
//!
//! The browser gets only the time that nobody else wants: a shopper brings a machine of their own, and here it would take turns
//! with the servers (as root it would even give itself more than its share).
//!
//! The browser is driven by a script of the page's own (`frontend/e2e/beside/onlookers.ts`), which is told on its input what
//! the pages should show and answers once they do. Dropping it ends the browser too, which hears its driver go.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, ensure};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::tool;

/// Real pages that show a sale, one per edge.
#[derive(Debug)]
pub struct Onlookers {
    driver: Child,
    asks: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Onlookers {
    /// Opens the page of a sale on every edge; returns once all are loaded.
    ///
    /// # Errors
    /// When the edges serve no page, what drives the browser is not installed, or there is no browser.
    pub async fn open(edges: &[String], sale: &str) -> anyhow::Result<Self> {
        let frontend = Path::new(env!("CARGO_MANIFEST_DIR")).join("../frontend");
        let node = frontend.join("node_modules/.bin/node");
        ensure!(node.exists(), "what drives the browser is not installed: run make page");
        let mut command = Command::new("chrt");
        command
            .args(["--idle", "0"])
            .arg(node)
            .arg("e2e/beside/onlookers.ts")
            .args(edges.iter().map(|edge| format!("{edge}/sales/{sale}")));
        command.current_dir(frontend).env("SLUICE_CHROMIUM", tool::path("chromium")?);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut driver = command.spawn().context("what drives the browser cannot be started")?;
        let asks = driver.stdin.take().context("it has no input")?;
        let answers = BufReader::new(driver.stdout.take().context("it has no output")?).lines();
        let mut onlookers = Self { driver, asks, answers };
        onlookers.hear("looking").await?;
        Ok(onlookers)
    }

    /// Waits until every page shows that so many units are left, within the script's bound.
    ///
    /// # Errors
    /// When one does not, or anything went wrong on one.
    pub async fn see(&mut self, free: u64) -> anyhow::Result<()> {
        self.asks.write_all(format!("{free}\n").as_bytes()).await.context("the browser has ended")?;
        self.hear("seen").await.with_context(|| format!("not every page showed {free} units"))
    }

    /// Closes the pages.
    ///
    /// # Errors
    /// When anything went wrong on one since it was asked last.
    pub async fn close(mut self) -> anyhow::Result<()> {
        drop(self.asks);
        let ended = self.driver.wait().await?;
        ensure!(ended.success(), "a page that looked on failed: see above");
        Ok(())
    }

    async fn hear(&mut self, word: &str) -> anyhow::Result<()> {
        let heard = self.answers.next_line().await?;
        ensure!(heard.as_deref() == Some(word), "the browser's driver ended: see above");
        Ok(())
    }
}
