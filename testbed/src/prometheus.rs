//! Prometheus, which looks at our processes as it does in production: it scrapes their admin ports, evaluates the rules of
//! the chart, and is asked by dashboards.
//!
//! What it looks at may change while it runs ([`watch`](Prometheus::watch)). It sends alerts to nobody: they are
//! [asked for](Api::alerts).

mod api;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use crate::bed::{Bed, on_free_ports};
use crate::command::output;
use crate::http;
use crate::installation::Installation;
use crate::port::free_port;
use crate::process::{Process, Program};
use crate::tool;

pub use api::{Alert, AlertState, Api, Labels, Sample, Series};

/// How long what was scraped is kept: longer than any demo, as the folder goes with the bed anyhow.
const KEPT: &str = "15d";

/// A prometheus server.
#[derive(Debug)]
pub struct Prometheus {
    process: Process,
    api: Api,
    targets: PathBuf,
}

/// What it looks at: an admin port, and the job that it counts as.
#[derive(Debug, Clone)]
pub struct Target {
    /// The value of the label `job`.
    pub job: String,
    /// `http://<host>:<port>`, with `/metrics` below it.
    pub admin: String,
}

impl Prometheus {
    /// Whether there is one on this machine.
    #[must_use]
    pub fn is_installed() -> bool {
        tool::path("prometheus").is_ok()
    }

    /// Starts one that scrapes, and evaluates these files of rules, as often as given. It looks at nothing yet.
    ///
    /// # Errors
    /// When it is not installed or does not start, as with rules that are none: one sentence, with the end of its log.
    pub async fn start(bed: &Bed, every: Duration, rules: &[PathBuf]) -> anyhow::Result<Self> {
        let program = tool::path("prometheus")?;
        let name = bed.unique("prometheus");
        let folder = bed.folder().join(&name);
        std::fs::create_dir_all(&folder)?;
        let targets = folder.join("targets.json");
        std::fs::write(&targets, "[]")?;
        let settings = folder.join("prometheus.yml");
        // JSON is YAML.
        std::fs::write(&settings, configuration(every, rules, &targets).to_string())?;
        on_free_ports(async || {
            let (host, port) = (bed.host(), free_port()?);
            let arguments = [
                format!("--config.file={}", settings.display()),
                format!("--storage.tsdb.path={}", folder.join("data").display()),
                format!("--storage.tsdb.retention.time={KEPT}"),
                format!("--web.listen-address={host}:{port}"),
                "--log.level=warn".to_owned(),
            ];
            let process = Process::start(bed.folder(), Program::new(&name, program.clone(), arguments))?;
            let prometheus = Self { process, api: Api::at(&format!("http://{host}:{port}")), targets: targets.clone() };
            prometheus.ready().await?;
            Ok(prometheus)
        })
        .await
    }

    /// Looks at these from now on, and at nothing else.
    ///
    /// # Errors
    /// When the list cannot be written.
    pub fn watch(&self, targets: impl IntoIterator<Item = Target>) -> anyhow::Result<()> {
        let groups: Vec<Value> = targets
            .into_iter()
            .map(|target| {
                let address = target.admin.trim_start_matches("http://");
                json!({ "targets": [address], "labels": { "job": target.job } })
            })
            .collect();
        // It looks at the file whenever it changes, so it must never see a half of one.
        let whole = self.targets.with_extension("new");
        std::fs::write(&whole, Value::from(groups).to_string())?;
        std::fs::rename(&whole, &self.targets).context("the list of targets cannot be replaced")
    }

    async fn ready(&self) -> anyhow::Result<()> {
        let client = http::client(None)?;
        self.process.ready(async || http::text(client.get(format!("{}/-/ready", self.url()))).await.map(drop)).await
    }
}

impl std::ops::Deref for Prometheus {
    type Target = Api;

    fn deref(&self) -> &Api {
        &self.api
    }
}

impl fmt::Display for Prometheus {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.url())
    }
}

/// Every process of an installation, as the chart's monitors call them.
pub fn targets(installation: &Installation) -> impl Iterator<Item = Target> {
    let operators = installation.operators().map(|member| ("sluice-operator", member));
    let ledgers = installation.ledgers.iter().map(|member| ("sluice-ledger", member));
    let edges = installation.edges.iter().map(|member| ("sluice-edge", member));
    let all = operators.chain(ledgers).chain(edges);
    all.map(|(job, member)| Target { job: job.to_owned(), admin: member.admin.clone() })
}

/// The chart's files of rules, in the order of their names.
///
/// # Errors
/// When there are none.
pub fn chart_rules() -> anyhow::Result<Vec<PathBuf>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/sluice/alerts");
    let files = std::fs::read_dir(&folder).with_context(|| format!("no folder {}", folder.display()))?;
    let mut rules = files.map(|file| Ok(file?.path())).collect::<anyhow::Result<Vec<_>>>()?;
    rules.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    rules.sort();
    ensure!(!rules.is_empty(), "no rules in {}", folder.display());
    Ok(rules)
}

/// Has promtool look at files of rules.
///
/// # Errors
/// With what it complained of.
pub async fn check_rules(rules: &[PathBuf]) -> anyhow::Result<()> {
    let mut command = tokio::process::Command::new(tool::path("promtool")?);
    output(command.args(["check", "rules"]).args(rules), "promtool", None).await.map(drop)
}

fn configuration(every: Duration, rules: &[PathBuf], targets: &Path) -> Value {
    let every = format!("{}ms", every.as_millis());
    json!({
        "global": { "scrape_interval": every, "scrape_timeout": every, "evaluation_interval": every },
        "rule_files": rules,
        "scrape_configs": [{ "job_name": "sluice", "file_sd_configs": [{ "files": [targets] }] }],
    })
}
